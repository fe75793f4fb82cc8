"""The chat's entries of the journal; ``SessionEnded`` is the kit's."""

from dataclasses import dataclass

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class RoomAdvanced:
    """Another process appended event ``seq`` to this room."""

    room: RoomId
    seq: Seq


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """This account's key or devices changed, or it was disabled or enabled.

    Its encrypted rooms need removals or additions, and the key log may have grown.
    """

    user: UserName
