"""What views and commands see of encryption, as plain values, and texts about any room.

Two facts are kept apart everywhere: a room is *encrypted* (for the devices in its group), and people are
*verified* (they are who they say). Nothing here says "secure". The texts promise what
`docs/explanation/encryption.md` does and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from parlour_client.kit.language import N_
from parlour_protocol.identity import pairing_code
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.rooms import Role, RoomSuite

if TYPE_CHECKING:
    from parlour_protocol.delivery import DeviceStatus


_NO_EPOCH: Final = Epoch(0)


class Trust(Enum):
    """How sure we are that a person's account key is theirs."""

    UNKNOWN = "unknown"
    """No key of theirs was seen yet."""
    FIRST_SEEN = "first-seen"
    """The key that was seen first, not compared."""
    VERIFIED = "verified"
    """Compared over another channel, or by SAS."""
    CHANGED = "changed"
    """Another key than the pinned one: nothing is sent until the person decides."""


class RoomState(Enum):
    """The state of an encrypted room on this device."""

    OPEN = "open"
    """Not encrypted: the server can read it."""
    ACTIVE = "active"
    """This device is in the group."""
    WAITING = "waiting"
    """Not in the group yet: a device of a member must add this one."""
    PENDING_DEVICE = "pending-device"
    """This device itself is not approved yet."""
    CONTESTED = "contested"
    """A member could not process a commit: the group may have split, and an owner must recreate it."""
    BLOCKED = "blocked"
    """Nothing is sent: the person must decide about a key, or another copy of this home is in use."""


@dataclass(frozen=True, slots=True)
class RoomEncryption:
    """A room's encryption for its window: ``label`` is permanent text, never only a colour."""

    state: RoomState
    label: str
    """`Encrypted · ben not verified`, or `Not encrypted: the server can read this`."""
    problem: str = ""
    """What prevents sending or reading, and what to do; empty if nothing does."""
    claims: Sequence[str] = ()
    """Sentences: the server's claims about the room's members that none of them has signed."""
    short: str = ""
    """The label where there is little room: `Encrypted · 2 not verified`, or `Not encrypted`."""


@dataclass(frozen=True, slots=True)
class MemberDevice:
    """One device in a room's group."""

    user: UserName
    device: DeviceId
    name: DeviceName
    trust: Trust
    certified: Millis
    own: bool = False
    """A device of this account."""
    current: bool = False
    """This device itself."""
    admitted_by: UserName | None = None
    """Who admitted its person; None if members did not decide that."""
    claimed_by_server: bool | None = None
    """The server lists its person as a member; None: it could not be asked."""


@dataclass(frozen=True, slots=True)
class RoomPerson:
    """Someone in a room, by its members' decision or by the server's claim."""

    user: UserName
    role: Role | None
    """None: they are in it only by the server's claim."""
    admitted_by: UserName | None
    """Who admitted them: themselves if they created the room, or joined a public one."""
    admitted_at: Millis | None
    claimed_by_server: bool | None
    """The server lists them as a member; None: it could not be asked."""
    devices: Sequence[DeviceId] = ()
    """Their devices that can read the room."""
    founder: bool = False
    """They created the encrypted room."""


@dataclass(frozen=True, slots=True)
class RoomReport:
    """Everything that `/encryption` shows of a room."""

    room: RoomId
    state: RoomState
    label: str
    assurance: str
    """What was tested of the encryption and what was not: `not independently audited; …`."""
    problem: str = ""
    group: GroupId | None = None
    epoch: Epoch = _NO_EPOCH
    authenticator: str = ""
    """30 digits in groups of five: equal for everyone in the same group; empty while not in it."""
    members: Sequence[MemberDevice] = ()
    without_device: Sequence[UserName] = ()
    """Members of the room without a device in the group: they cannot read it. Not known from outside."""
    last_change: Millis | None = None
    """When this device last renewed its keys here."""
    server_sees: Sequence[str] = ()
    """Sentences."""
    suite: RoomSuite | None = None
    """The cipher suite of the room's keys; not known from outside."""
    keys: str = ""
    """Its strength, in words."""
    people: Sequence[RoomPerson] = ()
    """Everyone who is in it, and everyone the server claims to be."""
    claims: Sequence[str] = ()
    """Sentences: the server's claims about its members that none of them has signed."""
    void_invitations: Sequence[str] = ()
    """Sentences: why people are not in who accepted an invitation."""


@dataclass(frozen=True, slots=True)
class PersonReport:
    """What is known of a person's key."""

    user: UserName
    trust: Trust
    safety_number: str
    """12 groups of 5 digits, the same on both sides; empty while their key is unknown."""
    first_seen: Millis | None
    devices: Sequence[MemberDevice] = ()

    @property
    def key_changed(self) -> bool:
        """Nothing is sent to them until the person decides."""
        return self.trust is Trust.CHANGED


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """A device of this account."""

    device: DeviceId
    name: DeviceName
    status: "DeviceStatus"
    created: Millis
    last_seen: Millis
    current: bool

    @property
    def code(self) -> str:
        """What this device shows while it waits for approval, to compare with: `abcd-efgh-ijkl-mnop`."""
        return pairing_code(self.device)


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The state of this device."""

    device: DeviceId
    status: "DeviceStatus"
    code: str
    """The code to type on another device to approve this one: `abcd-efgh-ijkl-mnop`."""
    has_account_key: bool
    """This device can approve and revoke others, and show the recovery words."""
    protection: str
    """How the archive is locked, in words: by ``archive.key.Protection``."""


@dataclass(frozen=True, slots=True)
class SasVerification:
    """A verification by SAS in a direct room."""

    process: RequestId
    room: RoomId
    peer: UserName
    started_by_us: bool
    words: Sequence[str] = ()
    """Five words, once both sides have revealed."""
    we_confirmed: bool = False
    they_confirmed: bool = False
    ended: str = ""
    """Why it ended: `verified`, or what went wrong."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something urgent for the person, shown in every window until it is dismissed."""

    id: int
    text: str
    """What happened and what to do, in our words."""
    at: Millis
    permanent: bool
    """It stays for ever: the server can't undo it."""
    room: RoomId | None = None
    """The room that it is about."""


OPEN: Final = N_("Not encrypted: the server can read this")
OPEN_SHORT: Final = N_("Not encrypted")
CHECKED: Final = "2026-11-25"
"""The day on which the engine last passed the vectors, and the tests with another implementation."""
ASSURANCE: Final = N_(
    "Not independently audited; passes the IETF test vectors of RFC 9420 (suite 3, "
    "{checked}) and interoperates with ts-mls 1.6.4."
)
KEYS: Final = {
    RoomSuite.X25519: (
        N_(
            "Its keys are made with X25519. Anyone who records this room now could read it later "
            "with a large quantum computer."
        )
    ),
    RoomSuite.X_WING: (
        N_(
            "Its keys are post-quantum: made with X-Wing, which is ML-KEM-768 and X25519 together. A "
            "future quantum computer can't decrypt what is recorded now, as long as ML-KEM holds; "
            "signatures are not post-quantum. Experimental: it follows a draft, and was not tested "
            "with another implementation."
        )
    ),
}
"""The strength of a room's cipher suite."""
SUITE_NAMES: Final = {
    RoomSuite.X25519: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
    RoomSuite.X_WING: "MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA256_Ed25519",
}
SERVER_SEES: Final = (
    N_("The server sees who is in this room, with which devices, and which of them are online."),
    N_(
        "It sees who sends when and from where, how long a message is (rounded up), and how "
        "often keys change."
    ),
    N_("It sees who fetches whose key packages, and so who is about to talk to whom."),
    N_(
        "It sees the name and topic of the room, roles, how far you have read, the sizes of "
        "files (rounded up)."
    ),
    N_(
        "It does not see texts, edits, reactions, pins, replies, receipts, or the names and "
        "contents of files."
    ),
    N_("It can withhold or delay messages. It can offer false keys: comparing safety numbers reveals that."),
)
SERVER_SEES_OPEN: Final = (N_("The server sees everything that is written here."),)
