"""What a person typed, as the types of the protocol; refused with a sentence instead of a traceback.

``calls`` and ``writing`` use it before anything is queued or sent, so that the server never has to refuse
what the client could have.
"""

from typing import TypeVar

from parlour_client.core.errors import SetupError
from parlour_protocol.errors import ParlourProtocolError
from parlour_protocol.frames import MessageText, Reaction, ReasonText, TopicText, WireText

T = TypeVar("T", bound=WireText)


def message_text(text: str) -> MessageText:
    """Check a message. Raises SetupError."""
    return _checked(MessageText, text, "The message", "Make it shorter, or send a file elsewhere.")


def reaction_text(text: str) -> Reaction:
    """Check a reaction. Raises SetupError."""
    return _checked(Reaction, text, "The reaction", "Use one emoji or a short word.")


def topic_text(text: str) -> TopicText:
    """Check a topic. Raises SetupError."""
    return _checked(TopicText, text, "The topic", "Make it one short line.")


def reason_text(text: str) -> ReasonText:
    """Check a reason. Raises SetupError."""
    return _checked(ReasonText, text, "The reason", "Make it one short line.")


def _checked(kind: type[T], text: str, what: str, hint: str) -> T:
    try:
        return kind.parse(text)
    except ParlourProtocolError as error:
        raise SetupError(f"{what} cannot be sent. {error}", hint) from error
    except ValueError as error:
        raise SetupError(f"{what} cannot be sent: it is empty.", "Write something.") from error
