"""What the clients of a cluster did and saw, and what its log holds in the end: the material of ``checker``.

One process writes it, by one clock (seconds). Nothing here is known from the servers' side but the final log.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import Epoch, GroupId, RoomId
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


class Act(enum.Enum):
    """A request that changes a room."""

    SEND = "send"
    EDIT = "edit"
    DELETE = "delete"
    KICK = "kick"
    JOIN = "join"
    WHISPER = "whisper"
    """Send an encrypted message; the client tries again, with other keys if need be, until it is stored."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one account, with all its attempts. The same id is the same request."""

    request: str
    act: Act
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
    seqs: tuple[int, ...] = ()
    """Each number that was in an ``ok``: the answers to the attempts that have one."""
    text: str = ""
    """Of a message or an edit: no other request has this text."""
    target: int = 0
    """The message that an edit or a deletion is about."""
    whom: User = ""
    """Who was kicked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event that came over a connection without being asked for."""

    connection: int
    at: float
    event: LogEvent


@dataclass(frozen=True, slots=True)
class Read:
    """A page of a room's newest events, as it was answered."""

    user: User
    session: str
    node: str
    room: Room
    began: float
    ended: float
    events: Sequence[LogEvent]


@dataclass(frozen=True, slots=True)
class Connection:
    """A WebSocket that was opened."""

    number: int
    user: User
    session: str
    node: str
    opened: float


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A handshake with a ticket that was answered with 101."""

    ticket: int
    session: str
    node: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A session whose end was acknowledged."""

    session: str
    at: float


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
class Lag:
    """A time in which the process that writes all this was late by itself: the machine was too busy."""

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
    seen: list[Seen] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    connections: dict[int, Connection] = field(default_factory=dict)
    redeemed: list[Redeemed] = field(default_factory=list)
    session_ends: list[SessionEnd] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    lags: list[Lag] = field(default_factory=list)
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
    stuck: list[str] = field(default_factory=list)
    """What did not go on after everything was healed, in words."""
