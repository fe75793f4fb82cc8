"""The interface of an inspector: a function of a part of what someone sends, and of its context.

An inspector is pure: the same part in the same context gives the same verdict. It sees one part at a time: a
text with its place (`send.text`), a file, or that something encrypted of some size was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from parlour_protocol.kit.inspect.file_texts import first_text
from parlour_protocol.kit.inspect.folding import Folded
from parlour_protocol.kit.inspect.verdict import Action, Finding, Verdict, verdict
from parlour_protocol.kit.inspect.words import NO_WORDS, WordList

FILE: Final = "file"
"""The place of the text of a file."""


@dataclass(frozen=True)
class Text:
    """A text as it was written."""

    place: str
    """The kind of request and its field, such as `send.text` or `set_topic.topic`."""
    text: str

    @property
    def folded(self) -> str:
        """The text for comparing (`folding.py`)."""
        return self.read.text

    @cached_property
    def read(self) -> Folded:
        """The text for comparing, and where each of its characters was written."""
        return Folded(self.text)


@dataclass(frozen=True)
class File:
    """A file. Its name and type are those that its sender claims; empty while it is uploaded.

    Inspectors get the rest of a text file as ``Text`` parts of the place ``FILE`` after it (`file_texts.py`).
    """

    size: int
    head: bytes
    """The first ``HEAD_BYTES`` at most."""
    name: str = ""
    media_type: str = ""

    @cached_property
    def text(self) -> Text | None:
        """The beginning as text, None if it is not text."""
        text = first_text(self.head, self.size)
        return None if text is None else Text(FILE, text)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something without text that can be read, of this many bytes: an encrypted message, for one."""

    size: int


Part = Text | File | Sealed
"""What an inspector looks at, one at a time."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that was sent: when (by a clock that is never set), its size, whether it looks encoded."""

    at: float
    size: int
    encoded: bool
    file: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """The operator's settings for the shipped inspectors."""

    words: WordList = NO_WORDS
    text_bytes: int = 8192
    file_bytes: int = 25 * 1024 * 1024
    refused_files: frozenset[str] = frozenset({"program"})
    """Kinds of files (`file_types.py`)."""


@dataclass(frozen=True, slots=True)
class Context:
    """The sender and the room, the operator's policy, and what the sender sent just before."""

    sender: str
    room: str = ""
    action: Action = Action.BLOCK
    """The operator's action for this inspector, which may decide otherwise."""
    options: Options = Options()
    recent: tuple[Sent, ...] = field(default=())
    """The sender's last parts, oldest first, this one included."""

    def verdict(self, *findings: Finding) -> Verdict:
        """Return the verdict that the operator wants for these findings."""
        return verdict(self.action, findings)


Inspector = Callable[[Part, Context], Verdict]
"""`inspect(part, context) -> Allow | Flag | Redact | Block`"""
