"""Checks typed text against the protocol's types; raises an error with a sentence instead of a traceback.

``Rooms`` and ``Messages`` use it before anything is queued or sent, so that the server never has to refuse
what the client could have.
"""

from typing import Final, TypeVar

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_protocol.frames import MessageText, Reaction, TopicText
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.fields import ReasonText, WireText
from parlour_protocol.kit.text import WireTextError, WireTextReason

T = TypeVar("T", bound=WireText)

_BAD_CHARACTER: Final = N_("It contains a character that isn't text; remove it.")


def message_text(text: str) -> MessageText:
    """Check a message. Raises SetupError."""
    return _checked(MessageText, text, _("The message"), _("Make it shorter, or send it as a file."))


def reaction_text(text: str) -> Reaction:
    """Check a reaction. Raises SetupError."""
    return _checked(Reaction, text, _("The reaction"), _("Use one emoji or a short word."))


def topic_text(text: str) -> TopicText:
    """Check a topic. Raises SetupError."""
    return _checked(TopicText, text, _("The topic"), _("Make it one short line."))


def reason_text(text: str) -> ReasonText:
    """Check a reason. Raises SetupError."""
    return _checked(ReasonText, text, _("The reason"), _("Make it one short line."))


def report_note_text(text: str) -> ReasonText:
    """Check the note of a report. Raises SetupError."""
    return _checked(ReasonText, text, _("The note"), _("Make it one short line."))


def _checked(kind: type[T], text: str, what: str, hint: str) -> T:
    try:
        return kind.parse(text)
    except WireTextError as error:
        too_much = error.reason in {WireTextReason.TOO_MANY_BYTES, WireTextReason.TOO_MANY_LINES}
        raise SetupError(
            _("{what} cannot be sent. {error}").format(what=what, error=protocol_sentence(error)),
            hint if too_much else _BAD_CHARACTER,
        ) from error
    except ParlourProtocolError as error:
        raise SetupError(
            _("{what} cannot be sent. {error}").format(what=what, error=protocol_sentence(error)), hint
        ) from error
    except ValueError as error:
        raise SetupError(
            _("{what} cannot be sent: it is empty.").format(what=what), _("Write something.")
        ) from error
