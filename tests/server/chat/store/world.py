"""What the store's tests have in common: a clock to turn, people, rooms and events made in one line."""

import itertools
from collections.abc import Callable

from tests.server.core.store.world import DEVICE, FakeClock, KitWorld

from parlour_protocol.frames.bodies import AnyBody, Joined, Message
from parlour_protocol.frames.fields import MessageText, TopicText
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.kit.ids import RequestId, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent, AppendEvent, NewRoom, RoomFacts

StoreMaker = Callable[["FakeClock", bool], ChatStore]


def allow(_event: AppendEvent, _facts: RoomFacts) -> None:
    """Decide for everything."""


def message(text: str = "hello") -> Message:
    """Return a message."""
    return Message(MessageText.parse(text))


class World(KitWorld):
    """The chat's store, its clock, and short ways to fill it."""

    store: ChatStore

    def __init__(self, store: ChatStore, clock: FakeClock) -> None:
        """Work with an open store."""
        super().__init__(store, clock)
        self._numbers = itertools.count(1)

    def new_room(
        self, author: UserName, name: str, kind: RoomKind = RoomKind.PUBLIC, topic: str = ""
    ) -> NewRoom:
        """Return a named room to be made."""
        return NewRoom(
            room=new_room_id(),
            kind=kind,
            author=author,
            session=None,
            device=DEVICE,
            request=new_request_id(),
            at=self.clock.now(),
            name=parse_room_name(name),
            topic=TopicText.parse(topic),
        )

    def new_direct(self, author: UserName, peer: UserName) -> NewRoom:
        """Return a direct room to be made."""
        return NewRoom(
            new_room_id(),
            RoomKind.DIRECT,
            author,
            None,
            DEVICE,
            new_request_id(),
            self.clock.now(),
            peer=peer,
        )

    async def room(self, owner: UserName, *others: UserName, kind: RoomKind = RoomKind.PUBLIC) -> RoomId:
        """Make a room that these people are in: event 1, and one for each of the others."""
        made = await self.store.rooms.create(self.new_room(owner, f"room{next(self._numbers)}", kind))
        room = made.room
        for other in others:
            await self.append(room, other, Joined())
        return room

    def event(
        self, room: RoomId, author: UserName, body: AnyBody, request: RequestId | None = None
    ) -> AppendEvent:
        """Return an event to be appended."""
        return AppendEvent(room, author, DEVICE, request or new_request_id(), self.clock.now(), body, None)

    async def append(self, room: RoomId, author: UserName, body: AnyBody) -> AppendedEvent:
        """Append an event, whatever anyone's rights are."""
        return await self.store.log.append(self.event(room, author, body), allow)

    async def facts(self, room: RoomId, author: UserName, body: AnyBody) -> RoomFacts:
        """Return the facts that a decision about this event would get."""
        seen: list[RoomFacts] = []
        await self.store.log.append(self.event(room, author, body), lambda _event, facts: seen.append(facts))
        return seen[0]

    async def events(self, room: RoomId) -> list[LogEvent]:
        """Return the whole log of a room."""
        found, *_ = await self.store.log.page(
            room, after=None, before=None, limit=100_000, max_bytes=100_000_000
        )
        return list(found)
