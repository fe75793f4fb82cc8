"""Records of abuse reports."""

from dataclasses import dataclass

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.reports import ReportReason
from parlour_protocol.room_name import RoomName


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report as someone sends it; ``quote`` is the text that they saw."""

    id: str
    at: Millis
    reporter: UserName
    room: RoomId
    seq: Seq
    reason: ReportReason
    quote: MessageText
    note: ReasonText = ReasonText()


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """A report as the operator reads it, with what the log had of the message when it was reported."""

    id: str
    at: Millis
    reporter: UserName
    room: RoomId
    room_name: RoomName | None
    """None: a direct room."""
    seq: Seq
    author: UserName
    sent: Millis
    encrypted: bool
    """The log has no text, so nothing here confirms the quote."""
    reason: str
    note: str
    quote: str
    logged: str | None
    """The text in the log; None if it is encrypted, or was deleted."""
    file: str | None
    """The name and id of the file that came with it, in an unencrypted room."""
    closed: Millis | None
    resolution: str
    """The operator's note when they closed it."""
