"""The inspectors that come with Parlour, by the names of their settings."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

from parlour_protocol.kit.inspect.card_numbers import find_card_numbers
from parlour_protocol.kit.inspect.file_types import find_file_types
from parlour_protocol.kit.inspect.inspector import FILE, Context, File, Inspector, Part, Sealed, Text
from parlour_protocol.kit.inspect.secrets import find_secrets
from parlour_protocol.kit.inspect.traffic import find_tunnel
from parlour_protocol.kit.inspect.verdict import ALLOW, MOST_FINDINGS, Finding, Verdict

_Find = Callable[[str, Context], list[Finding]]
WORD: Final = "a word that this server does not accept"


def _in_text(part: Part, context: Context, find: _Find) -> Verdict:
    """Look at a text, or at a file's beginning if that is text; places are those in the text as written."""
    text = part.text if isinstance(part, File) else part
    if not isinstance(text, Text):
        return ALLOW
    read = text.read
    return context.verdict(
        *(
            Finding(finding.kind, *read.span(finding.start, finding.end))
            for finding in find(read.text, context)
        )
    )


def inspect_secrets(part: Part, context: Context) -> Verdict:
    """Find keys, tokens and passwords (`secrets.py`)."""
    return _in_text(part, context, lambda text, _: find_secrets(text))


def inspect_cards(part: Part, context: Context) -> Verdict:
    """Find numbers of payment cards (`card_numbers.py`)."""
    # one more than counts, so that the judge knows of the rest
    return _in_text(part, context, lambda text, _: list(islice(find_card_numbers(text), MOST_FINDINGS + 1)))


def inspect_words(part: Part, context: Context) -> Verdict:
    """Find words of the operator's list (`words.py`)."""
    return _in_text(
        part, context, lambda text, given: [Finding(WORD, *at) for at in given.options.words.find(text)]
    )


def inspect_files(part: Part, context: Context) -> Verdict:
    """Find refused kinds of files, and names that claim another (`file_types.py`)."""
    if not isinstance(part, File):
        return ALLOW
    return context.verdict(*find_file_types(part.head, part.name, context.options.refused_files))


def inspect_size(part: Part, context: Context) -> Verdict:
    """Find texts and files over the operator's size."""
    if isinstance(part, Sealed) or (isinstance(part, Text) and part.place == FILE):
        return ALLOW
    if isinstance(part, File):
        return context.verdict(*[Finding("a large file")] * (part.size > context.options.file_bytes))
    too_long = len(part.text.encode(errors="replace")) > context.options.text_bytes
    return context.verdict(*[Finding("a long text")] * too_long)


def inspect_tunnel(part: Part, context: Context) -> Verdict:
    """Find what looks like a tunnel (`traffic.py`)."""
    return context.verdict(*find_tunnel(part, context))


SHIPPED: Final[Mapping[str, Inspector]] = {
    "secrets": inspect_secrets,
    "cards": inspect_cards,
    "words": inspect_words,
    "files": inspect_files,
    "size": inspect_size,
    "tunnel": inspect_tunnel,
}
