"""The chat's entries of the journal; ``SessionEnded`` is the kit's."""

from dataclasses import dataclass

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class RoomAdvanced:
    """Event ``seq`` was appended to this room: by another process, or with ``who`` by any server."""

    room: RoomId
    seq: Seq
    who: UserName | None = None
    """Whose membership or invitation it changed; None: anyone's, or nobody's."""


@dataclass(frozen=True, slots=True)
class ConsentRecorded:
    """This account accepted or declined a room, or blocked someone who is in it."""

    user: UserName
    room: RoomId


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """This account's key or devices changed, or it was disabled or enabled.

    Its encrypted rooms need removals or additions, and the key log may have grown.
    """

    user: UserName
