"""Why a name was refused, in words for the person who chose it.

The sentence is here, beside the reason; the refused name itself is never in the message. Raised by
the `parse_…` functions of this package, shown by the command line and the client.
"""

from enum import Enum

from parlour_protocol.kit.errors import ParlourProtocolError


class NameReason(Enum):
    """Why, as the sentence for the person."""

    TOO_SHORT = "The name is too short."
    TOO_LONG = "The name is too long."
    CHARACTERS = "The name has a character that is not allowed. Use letters, digits and - _ . (no spaces)."
    ENDS = "A name must start and end with a letter or a digit."
    MIXED_SCRIPTS = (
        "The name mixes alphabets or kinds of digits, so it could be mistaken for another. Use only one."
    )
    RESERVED = "The name is reserved, or looks like one that is."
    NOT_PLAIN = "The name has invisible characters, or too many marks on a letter."


class NameRefusedError(ParlourProtocolError, ValueError):
    """A refused name; `str()` is a sentence for the person."""

    def __init__(self, reason: NameReason) -> None:
        super().__init__(reason.value)
        self.reason = reason
