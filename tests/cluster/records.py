"""What the clients of a cluster did and saw, and what its log holds in the end: the material of ``checker``.

One process writes it, by one clock (seconds). Nothing here is known from the servers' side but the final log.
"""

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import AnyBody, Edited, Message
from parlour_protocol.ids import Epoch, FileId, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId

Room = RoomId
User = str


class Outcome(enum.Enum):
    """What became of a request."""

    OK = "ok"
    REFUSED = "refused"
    """By an answer, and no attempt before it was left without one."""
    UNKNOWN = "unknown"
    """No answer came: it was done, or not, or will be."""


WHISPER: Final = "whisper"
"""An encrypted message; its client tries again, with other keys if need be, until it is stored."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one account about a room, with all its attempts. The same id is the same request."""

    request: str
    user: User
    session: str
    room: Room
    began: float
    """When its first attempt began."""
    ended: float
    """When its last attempt was answered or given up."""
    outcome: Outcome
    nodes: tuple[str, ...]
    """Where its attempts went."""
    body: AnyBody | None = None
    """The event that it asks for. `until` is how long, in milliseconds: its end is the server's to say."""
    seqs: tuple[int, ...] = ()
    """Each number that was in an ``ok``: the answers to the attempts that have one."""
    code: str = ""
    """Why it was refused."""
    whisper: str = ""
    """The text of an encrypted message: no other request has this text."""

    @property
    def kind(self) -> str:
        """What it asks for, in a word."""
        return WHISPER if self.body is None else kind_of(self.body)

    @property
    def text(self) -> str:
        """Of a message or an edit: no other request has this text."""
        return str(self.body.text) if isinstance(self.body, Message | Edited) else self.whisper


def told(call: Call) -> str:
    """Return a request in words."""
    numbers = f" as {list(call.seqs)}" if call.seqs else ""
    fields = () if call.body is None else call.body.__struct_fields__
    what = call.text or ", ".join(str(getattr(call.body, name)) for name in fields if name in _TOLD)
    return f"{call.kind} {what!r} of {call.user} in {call.room} at {', '.join(call.nodes)}{numbers}"


_TOLD: Final = frozenset({"target", "who", "role", "reaction", "on"})


def kind_of(body: AnyBody) -> str:
    """Return the tag of a body."""
    return str(type(body).__struct_config__.tag)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event that came over a connection without being asked for."""

    connection: int
    at: float
    event: LogEvent


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection was told that its person is in a room, whose newest event is ``head``."""

    connection: int
    at: float
    room: Room
    head: int


@dataclass(frozen=True, slots=True)
class Shut:
    """A connection was told that its person is not in a room any more."""

    connection: int
    at: float
    room: Room


@dataclass(frozen=True, slots=True)
class Read:
    """A page of a room's newest events, as it was answered; without events: it was refused."""

    user: User
    session: str
    node: str
    room: Room
    began: float
    ended: float
    events: Sequence[LogEvent] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """A WebSocket that was opened."""

    number: int
    user: User
    session: str
    node: str
    opened: float
    closed: float = math.inf
    """When its end was noticed."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A handshake with a ticket that was answered: with 101, or refused."""

    ticket: int
    session: str
    node: str
    began: float
    ended: float
    taken: bool = True


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file whose upload was acknowledged."""

    room: Room
    owner: User
    digest: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file, as it was answered; without a digest: it was refused."""

    user: User
    session: str
    node: str
    file: FileId
    began: float
    ended: float
    digest: str = ""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A session whose end was acknowledged."""

    session: str
    at: float
    until: float
    """How long its client went on listening and asking."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device with keys of its own."""

    user: User
    session: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """A device whose revocation was acknowledged."""

    device: DeviceId
    at: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a device took for the state of an encrypted room's group."""

    device: DeviceId
    room: Room
    group: GroupId
    epoch: Epoch
    authenticator: str
    """Equal on all devices with the same keys."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text that a device could decrypt, as its person sees it in the end."""

    device: DeviceId
    room: Room
    seq: int
    author: User
    text: str


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a node, or its way to the clients or to the database, was held up by the nemesis."""

    node: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class View:
    """How far a client's last connection had come in a room when everything was healed and quiet.

    ``first`` is the first number that it had to be sent: the one behind the head that it was greeted with.
    """

    user: User
    node: str
    connection: int
    room: Room
    first: int


@dataclass(slots=True)
class History:
    """Everything that happened in one run."""

    calls: list[Call] = field(default_factory=list)
    heard: list[Seen | Opened | Shut] = field(default_factory=list)
    """What came over all connections, in the order in which it came."""
    reads: list[Read] = field(default_factory=list)
    connections: dict[int, Connection] = field(default_factory=dict)
    redemptions: list[Redemption] = field(default_factory=list)
    files: dict[FileId, StoredFile] = field(default_factory=dict)
    downloads: list[Download] = field(default_factory=list)
    pairs: dict[Room, frozenset[User]] = field(default_factory=dict)
    """The direct rooms, and the two people of each."""
    session_ends: list[SessionEnd] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    without_bus: list[tuple[float, float]] = field(default_factory=list)
    """Times in which there was no bus at all, on purpose."""
    devices: dict[DeviceId, Device] = field(default_factory=dict)
    """Everyone's devices with keys, also revoked ones."""
    revocations: list[Revocation] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    screens: set[tuple[DeviceId, Room]] = field(default_factory=set)
    """The devices, and rooms, of which ``shown`` is all that they show."""
    views: list[View] = field(default_factory=list)
    """Of the members that were connected at the end."""
    log: Mapping[Room, Sequence[LogEvent]] = field(default_factory=dict)
    """What each room holds at the end, read page by page."""
    stored: str = ""
    """Every text in the tables of the database at the end; empty where it can't be read."""
    operator: User = ""
    """The author of what the operator's commands do."""
    stuck: list[str] = field(default_factory=list)
    """What did not go on after everything was healed, in words."""

    @property
    def seen(self) -> list[Seen]:
        """The events that came over all connections."""
        return [one for one in self.heard if isinstance(one, Seen)]
