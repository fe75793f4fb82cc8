"""The scene of the mock-ups: ada's client on 1 December 2026, on a ``FakeClient``.

It shows what the mock-ups show, also where no real client could: how many replies a message has, and what is
in a thread, is said rather than counted.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from tests.client.ui.ui_fake import FakeClient, a_file, raw_text

from parlour_client.core.e2ee.values import RoomEncryption, RoomState, Trust
from parlour_client.core.model import Entry, Invitation, MemberView, ReactionCount, Thread
from parlour_protocol.frames import bodies
from parlour_protocol.frames.fields import Reaction, TopicText
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind, Status

ADA, BEN, CORA, GUEST, MALLORY = map(parse_user_name, ("ada", "ben", "cora", "guest", "mallory"))
GARDEN, DEN, LOBBY = (RoomId(letter * 22) for letter in "GDL")
GUEST_NOT_VERIFIED: Final = "Encrypted · guest, mallory not verified"
TAP: Final = "The tap is done. Who does the watering from Friday on, while I am away?"
LAST_NOVEMBER: Final = "No more watering after seven, the wall stays wet."
LAST_OF_YEAR: Final = (
    "It rained all night, so I only did the pots, and that was the last watering of the year."
)


def at(time: str, day: str = "2026-12-01") -> Millis:
    """Return a time of that day, in UTC."""
    return Millis(int(datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC).timestamp() * 1000))


NOW: Final = at("08:23")


class Scene(FakeClient):
    """Ada's client. ``short`` leaves out messages, for 80x24 and less; ``late`` adds some, for 160x45."""

    def __init__(self, *, short: bool = False, late: bool = False) -> None:
        super().__init__(ADA)
        self._rooms_and_people()
        self._talk(short=short)
        if late:
            self._later()
        self.last_room = GARDEN

    def _rooms_and_people(self) -> None:
        public, private = RoomKind.PUBLIC, RoomKind.PRIVATE
        self._room("garden", private, number=1, favourite=True, encrypted=True, known_as=GARDEN, topic=_TOPIC)
        self._room("ben", RoomKind.DIRECT, number=2, favourite=True, encrypted=True, unread=2)
        self._room("cora", RoomKind.DIRECT, number=3, encrypted=True)
        cora = RoomId(("cora" * 22)[:22])
        self.happen(cora, CORA, _message(LAST_OF_YEAR), at=at("09:40", "2026-11-12"))
        self._rooms[cora] = replace(self._rooms[cora], unread=0)
        self._room("mallory", RoomKind.DIRECT, encrypted=True)
        self._room("kitchen", public, number=4, unread=12, mentions=1)
        self._room("lobby", public, number=5, known_as=LOBBY)
        self._room("accounts", private, number=6, muted=True)
        self._room("library", public, unread=3)
        self._room("market-2025", public, archived=True)
        self.waiting = [Invitation(RoomId("C" * 22), private, CORA, NOW, parse_room_name("cellar"))]
        self.encryption.rooms[GARDEN] = RoomEncryption(
            RoomState.ACTIVE, GUEST_NOT_VERIFIED, short="Encrypted · 2 not verified"
        )
        self.encryption.trusted |= {ADA: Trust.VERIFIED, BEN: Trust.VERIFIED, CORA: Trust.VERIFIED}

    def _room(
        self, name: str, kind: RoomKind, *, known_as: RoomId | None = None, topic: str = "", **facts: object
    ) -> None:
        room = known_as or RoomId((name * 22)[:22].replace("-", "_"))
        peer = parse_user_name(name) if kind is RoomKind.DIRECT else None
        made = self.add_room(room, None if peer else parse_room_name(name), peer=peer, kind=kind)
        people = _PEOPLE if peer is None else [one for one in _PEOPLE if one.user in {ADA, peer}]
        self.people_in[room] = people
        known = replace(made, head=self.logs[room][-1].seq, members=len(people), number=None, unread=0)
        self._rooms[room] = replace(known, topic=TopicText(topic), **facts)  # type: ignore[arg-type]

    def _say(self, time: str, author: UserName, text: str, **facts: object) -> Entry:
        """Store a message; ``facts`` are the entry's."""
        reply_to = facts.get("reply_to")
        assert reply_to is None or isinstance(reply_to, int)
        body = bodies.Message(raw_text(text), Seq(reply_to) if reply_to is not None else None)
        entry = replace(self.happen(GARDEN, author, body, at=at(time)), sealed=True, **facts)  # type: ignore[arg-type]
        self.change(entry)
        return entry

    def _show_file(self, time: str, author: UserName, text: str, file: bodies.FileRef) -> None:
        body = bodies.Message(raw_text(text), file=file)
        self.change(replace(self.happen(GARDEN, author, body, at=at(time)), sealed=True))

    def _talk(self, *, short: bool) -> None:
        room, joined = GARDEN, bodies.Joined()
        self.happen(room, CORA, _message(LAST_NOVEMBER), at=at("18:05", "2026-11-28"))
        self.happen(room, CORA, _message("Is someone there?"), at=at("15:00", "2026-11-30"))
        before = self.logs[room][-1].seq or 0
        day = "2026-11-30"
        self.happen(
            room, CORA, _message("The shed key hangs behind the door now."), at=at("16:02", day), skip=12
        )
        self.missing[room] = [(Seq(before), Seq(before + 13), False)]
        self.happen(
            room, CORA, _message("And the hose leaks at the tap, not at the joint."), at=at("16:02", day)
        )
        self.happen(room, BEN, _message("I have tape. Tomorrow?"), at=at("16:05", day))
        nine = self.happen(room, ADA, _message("Tomorrow at nine."), at=at("16:06", day))
        self.change(replace(nine, edited=True, replies=1))
        self.happen(room, GUEST, joined, at=at("16:20", day))
        more = "" if short else " It is the two beds at the wall and the pots: ten minutes."
        tap = self._say("07:31", BEN, TAP + more)
        liked = (_reaction("👍", BEN, ADA), _reaction("🎉", GUEST))
        self._say("07:33", CORA, "I can do Friday and Saturday.", reply_to=tap.seq, reactions=liked)
        if not short:
            self._say("07:33", CORA, "On Sunday I am at the market.")
        self._say("07:34", BEN, "Then only Sunday is open.")
        self._say("07:35", ADA, "Mine.")
        self._say("07:40", MALLORY, "your invoice: \u202egpj.exe\u202c")
        self._say("07:41", BEN, "Nobody open that, please.")
        beds = a_file("beds.pdf", 18_200, "application/pdf")
        self._show_file("07:44", ADA, beds.name if short else "The plan for the beds:", beds)
        wall = a_file("wall-in-june.png", 310_000, "image/png")
        self._show_file("07:52", CORA, wall.name, wall)
        if not short:
            table = "\n    tomatoes  12\n    beans     20"
            self._say("07:53", CORA, f"The same wall, last June. We had about{table}")
            self._say("07:55", ADA, "Lovely. See https://example.org/beds for the spacing.")
            self.happen(room, ADA, bodies.RoleSet(BEN, Role.MODERATOR), at=at("07:58"))
            self._say("08:01", BEN, "I put the can under the bench, and the gloves into the box.")
        self.mark_read_up_to_here()
        self._say("08:12", GUEST, "hello everyone")
        self._say("08:14", BEN, "@ada can you bring the long can? The short one drips all over the path.")
        self._say("08:15", CORA, "I bring bread.")
        self._say("08:15", CORA, "And the kettle, if the stove works.")
        self._say("08:16", ADA, "Yes, and the cart.")

    def mark_read_up_to_here(self) -> None:
        """Count only later messages of the garden as unread."""
        room = self._rooms[GARDEN]
        self._rooms[GARDEN] = replace(room, read=room.head, unread=0, mentions=0)

    def _later(self) -> None:
        log = self.logs[GARDEN]
        first = next(entry for entry in log if (entry.text or "").startswith(TAP))
        self.change(replace(first, replies=3))
        self._say("08:20", GUEST, "What is the meeting point?")
        self._say("08:21", CORA, "The gate.")
        self._say("08:22", BEN, "I am off then. Back on Monday the seventh.")
        self._say("08:22", ADA, "Safe travels!")
        head = self._rooms[GARDEN].head
        self.readers[GARDEN] = {BEN: head, CORA: head}
        self._rooms[GARDEN] = replace(self._rooms[GARDEN], unread=4)  # were there when it was opened

    async def thread_here(self, room: RoomId, seq: Seq) -> Thread:
        """Return the four messages about the watering."""
        wanted = ("The tap is done", "I can do", "Then only", "Mine")
        return Thread(seq, tuple(e for e in self.logs[room] if (e.text or "").startswith(wanted)))

    async def search(self, words: str, *, room: RoomId | None = None, limit: int = 50) -> Sequence[Entry]:
        """Find messages with the first word."""
        self._called("search", words, room)
        word = words.split(maxsplit=1)[0]
        found = [entry for log in self.logs.values() for entry in log if word in (entry.text or "")]
        return sorted(found, key=lambda entry: -entry.at)[:limit]

    def enter_den(self) -> None:
        """Be in the den, too."""
        self._room("den", RoomKind.PRIVATE, known_as=DEN, encrypted=True)
        self.happen(DEN, BEN, _message("Who brings the cake?"), at=at("14:01"))

    def leave_den(self) -> None:
        """Let ben remove ada from the den."""
        self.happen(DEN, BEN, bodies.Kicked(ADA, ReasonText("off topic")), at=at("14:02"))
        self.remove_room(DEN)


_TOPIC: Final = "Beds, pots, and who waters when. Meeting on the first Saturday of the month."
_PEOPLE: Final = [
    MemberView(ADA, Role.OWNER, Status.ONLINE),
    MemberView(BEN, Role.MODERATOR, Status.ONLINE),
    MemberView(CORA, Role.MEMBER, Status.ONLINE),
    MemberView(GUEST, Role.MEMBER, Status.OFFLINE),
    MemberView(MALLORY, Role.MEMBER, Status.OFFLINE),
]


def _message(text: str) -> bodies.Message:
    return bodies.Message(raw_text(text))


def _reaction(sign: str, *users: UserName) -> ReactionCount:
    return ReactionCount(Reaction.parse(sign), users)
