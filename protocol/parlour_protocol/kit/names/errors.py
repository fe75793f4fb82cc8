"""Why a name was refused, in words for the person who chose it.

The sentence is here, beside the reason; the refused name itself is never in the message. Raised by
the `parse_…` functions of this package, shown by the command line and the client.
"""

from enum import Enum

from parlour_protocol.kit.errors import ParlourProtocolError


class NameReason(Enum):
    """The short code of a refusal, with the sentence for the person."""

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence

    TOO_SHORT = ("too_short", "The name is too short.")
    TOO_LONG = ("too_long", "The name is too long.")
    CHARACTERS = (
        "characters",
        "The name has a character that is not allowed. Use letters, digits and - _ . (no spaces).",
    )
    ENDS = ("ends", "A name must start and end with a letter or a digit.")
    MIXED_SCRIPTS = (
        "mixed_scripts",
        "The name mixes alphabets or kinds of digits, so it could be mistaken for another. Use only one.",
    )
    RESERVED = ("reserved", "The name is reserved, or looks like one that is. Choose another.")
    NOT_PLAIN = (
        "not_plain",
        "The name has invisible characters, or too many marks on a letter.",
    )


class NameRefusedError(ParlourProtocolError, ValueError):
    """A refused name; `str()` is a sentence for the person."""

    def __init__(self, reason: NameReason) -> None:
        super().__init__(reason.sentence)
        self.reason = reason
