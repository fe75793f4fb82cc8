"""Where the next Enter sends, a room or a thread of it, and as what: a message, a reply, or a changed text.

A reply or an edit is for one message. The composer takes the aim with the text at the key that sends, so that
a second Enter, however soon, sends a plain message.
"""

from dataclasses import dataclass, replace

from parlour_client.commands import messages
from parlour_client.commands.front import Front
from parlour_client.commands.parse import read_line
from parlour_client.commands.table import OPENS
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


@dataclass(frozen=True, slots=True)
class Reply:
    """Enter replies to this message."""

    to: Seq


@dataclass(frozen=True, slots=True)
class Edit:
    """Enter changes the text of this message."""

    target: Seq


@dataclass(frozen=True, slots=True)
class Aim:
    """Where Enter sends, and as what."""

    room: RoomId | None = None
    mode: Reply | Edit | None = None
    thread: Seq | None = None
    """The first message of the thread that it is written in: what replies to no other one replies to it."""

    @property
    def reply_to(self) -> Seq | None:
        """The message that Enter replies to."""
        return self.mode.to if isinstance(self.mode, Reply) else self.thread

    def after(self, text: str) -> "Aim":
        """Return what the next Enter is for, once this one has sent ``text``. A command uses nothing up."""
        return replace(self, mode=None) if is_message(text) else self


def is_message(text: str) -> bool:
    """Say whether a line is sent to the room, rather than run."""
    line = read_line(text, Front.UI)
    return not line.unknown and line.command in {None, messages.me}


def opens_room(text: str) -> bool:
    """Say whether a line is a command that opens a room."""
    return read_line(text, Front.UI).command in OPENS
