"""Devices that number what they send, and the log of an honest server, without any encryption.

Each device has the tables of an archive of its own. What a hostile server shows to one of them, a test makes
of the log itself.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import apsw

from parlour_client.core.archive.outbox_table import give_up
from parlour_client.core.archive.schema import create
from parlour_client.core.e2ee.group.order import Links, moved_note
from parlour_client.core.model import Note
from parlour_protocol.encrypted import Link
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId, Seq
from parlour_protocol.kit.names import UserName, parse_user_name

ROOM = RoomId("room1234567890abcdefgh")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message: its bytes stand for what MLS would make of it."""

    user: UserName
    device: DeviceId
    request: RequestId
    data: bytes
    link: Link
    at: int
    """How many events its device had processed: a device that joins later cannot read it."""


@dataclass(frozen=True, slots=True)
class Event:
    """What the log holds: a message, a blank where one was deleted, or one that no one can read."""

    what: Sealed
    blank: bool = False
    garbage: bool = False


@functools.cache
def _template() -> bytes:
    connection = apsw.Connection(":memory:")
    create(connection)
    return connection.serialize("main")


@dataclass
class Device:
    """One device and its archive."""

    user: UserName
    name: DeviceId
    random: Random
    processed: int = 0
    notes: dict[int, Note] = field(default_factory=dict)
    known: set[RequestId] = field(default_factory=set)
    """What the server has said that it has."""
    made: int = 0
    joined: int = 0
    """What was encrypted by someone who had processed less cannot be read."""

    def __post_init__(self) -> None:
        self.db = apsw.Connection(":memory:")
        self.db.deserialize("main", _template())

    def seal(self, before: Sequence[RequestId] = (), again: RequestId | None = None) -> Sealed:
        """Seal something; ``again``: what was encrypted for another epoch."""
        self.made += 1
        request = again or RequestId(f"{self.name}-{self.made:04}")
        query = "SELECT number FROM mls_sealed WHERE request = ?"
        number = next((int(str(n)) for (n,) in self.db.execute(query, (request,)) if n is not None), None)
        links = Links(self.db, ROOM)
        link = links.next(number, {*self.known, *before})
        links.save()
        self.db.execute(
            "INSERT OR REPLACE INTO mls_sealed VALUES (?, ?, 'group', 0, x'00', NULL, x'00', ?)",
            (request, ROOM, link.number),
        )
        return Sealed(self.user, self.name, request, self.random.randbytes(40), link, self.processed)

    def give_up(self, request: RequestId, *, left: bool) -> None:
        """Take something back that is not known to be stored."""
        give_up(self.db, request)
        if not left:
            self.db.execute("DELETE FROM mls_sealed WHERE request = ?", (request,))

    def process(self, log: Sequence[Event]) -> None:
        """Process what is new of a log."""
        links = Links(self.db, ROOM)
        for event in log[self.processed :]:
            self.processed += 1
            self._take(links, Seq(self.processed), event)
        links.save()
        for seq, note in links.corrected.items():
            self.notes.pop(seq, None)
            if note is not None:
                self.notes[seq] = note

    def expire(self, count: int) -> None:
        """Learn that the next events of the log were removed by the room's retention."""
        links = Links(self.db, ROOM)
        self.processed += count
        links.begins(Seq(self.processed))
        links.expired(Seq(self.processed), count)
        links.save()

    def _take(self, links: Links, seq: Seq, event: Event) -> None:
        what, late = event.what, False
        own, unreadable = what.device == self.name, event.garbage or what.at < self.joined
        links.begins(seq)
        if event.blank:
            links.place(seq, None, what.user, late=False)
            return
        if own:
            self.db.execute("DELETE FROM mls_sealed WHERE request = ?", (what.request,))
        elif not unreadable:
            note, late = links.hear(seq, what.user, what.device, what.link, current=False)
            if note is not None:
                self.notes[seq] = note
        unread = what.user if unreadable else None
        if links.place(seq, what.data, unread, late=late):
            self.notes.setdefault(seq, moved_note(what.user))

    def members_joined(self, devices: Sequence[DeviceId]) -> None:
        """See devices join."""
        links = Links(self.db, ROOM)
        links.begins(Seq(1))
        links.members_joined(devices)
        links.save()


def device(number: int, random: Random, user: int | None = None) -> Device:
    """Make one; two of them may be of one person."""
    name = parse_user_name(f"user{number if user is None else user}")
    return Device(name, DeviceId(f"device{number}"), random)


def chance(seed: int | str) -> Random:
    """Return chance that repeats itself."""
    return Random(seed)  # noqa: S311 - no secret
