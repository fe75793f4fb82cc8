"""What the store's tests have in common: a clock to turn, people, rooms and events made in one line."""

import itertools
from collections.abc import Callable

from parlour_protocol.frames.bodies import AnyBody, Joined, Message
from parlour_protocol.frames.fields import MessageText, TopicText
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.kit.ids import Millis, RequestId, SessionId, new_request_id
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.kit.store.records import NewAccountRecord, SessionRecord, TicketGrant
from parlour_server.store.interface import Store
from parlour_server.store.types import Appended, AppendEvent, Facts, NewRoom

DEVICE: DeviceName = parse_device_name("laptop")
StoreMaker = Callable[["FakeClock", bool], Store]


class FakeClock:
    """A clock that only moves when a test advances it."""

    def __init__(self) -> None:
        """Begin somewhere in 2023."""
        self.wall = 1_700_000_000_000
        self.seconds = 1000.0

    def now(self) -> Millis:
        """Return the time of day."""
        return Millis(self.wall)

    def monotonic(self) -> float:
        """Return the time for deadlines."""
        return self.seconds

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += int(seconds * 1000)
        self.seconds += seconds


def allow(_event: AppendEvent, _facts: Facts) -> None:
    """Decide for everything."""


def message(text: str = "hello") -> Message:
    """Return a message."""
    return Message(MessageText.parse(text))


class World:
    """A store, its clock, and short ways to fill it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        """Work with an open store."""
        self.store = store
        self.clock = clock
        self._numbers = itertools.count(1)

    async def account(self, name: str) -> UserName:
        """Make an account."""
        user = parse_user_name(name)
        await self.store.accounts.create(self.new_account(name), None)
        return user

    def new_account(self, name: str, skeleton: str | None = None) -> NewAccountRecord:
        """Return an account to be made."""
        return NewAccountRecord(parse_user_name(name), skeleton or name, f"hash of {name}", self.clock.now())

    async def people(self, count: int) -> list[UserName]:
        """Make so many accounts."""
        return [await self.account(f"person{number}") for number in range(count)]

    def new_room(
        self, author: UserName, name: str, kind: RoomKind = RoomKind.PUBLIC, topic: str = ""
    ) -> NewRoom:
        """Return a named room to be made."""
        return NewRoom(
            room=new_room_id(),
            kind=kind,
            author=author,
            device=DEVICE,
            request=new_request_id(),
            at=self.clock.now(),
            name=parse_room_name(name),
            skeleton=name,
            topic=TopicText.parse(topic),
        )

    def new_direct(self, author: UserName, peer: UserName) -> NewRoom:
        """Return a direct room to be made."""
        return NewRoom(
            new_room_id(),
            RoomKind.DIRECT,
            author,
            DEVICE,
            new_request_id(),
            self.clock.now(),
            peer=peer,
        )

    async def room(self, owner: UserName, *others: UserName, kind: RoomKind = RoomKind.PUBLIC) -> RoomId:
        """Make a room that these people are in: event 1, and one for each of the others."""
        room, _ = await self.store.rooms.create(self.new_room(owner, f"room{next(self._numbers)}", kind))
        for other in others:
            await self.append(room, other, Joined())
        return room

    def event(
        self, room: RoomId, author: UserName, body: AnyBody, request: RequestId | None = None
    ) -> AppendEvent:
        """Return an event to be appended."""
        return AppendEvent(room, author, DEVICE, request or new_request_id(), self.clock.now(), body)

    async def append(self, room: RoomId, author: UserName, body: AnyBody) -> Appended:
        """Append an event, whatever anyone's rights are."""
        return await self.store.log.append(self.event(room, author, body), allow)

    async def facts(self, room: RoomId, author: UserName, body: AnyBody) -> Facts:
        """Return the facts that a decision about this event would get."""
        seen: list[Facts] = []
        await self.store.log.append(self.event(room, author, body), lambda _event, facts: seen.append(facts))
        return seen[0]

    async def events(self, room: RoomId) -> list[LogEvent]:
        """Return the whole log of a room."""
        found, _ = await self.store.log.page(
            room, after=None, before=None, limit=100_000, max_bytes=100_000_000
        )
        return list(found)

    def session(self, user: UserName, number: int, *, days: int = 30) -> SessionRecord:
        """Return a session to be kept, its token made of its number."""
        now = self.clock.now()
        return SessionRecord(
            id=SessionId(f"session{number:015}"),
            user=user,
            device=DEVICE,
            token=number.to_bytes(32, "big"),
            created=now,
            last_seen=now,
            expires=Millis(now + days * 86_400_000),
        )

    def grant(self, session: SessionRecord) -> TicketGrant:
        """Return what a ticket of this session opens."""
        return TicketGrant(session.id, session.user, session.device, session.expires)
