"""Finds what looks like a tunnel: encoded data, again and again, or at a pace that no person has.

A text looks encoded if its letters are as even as those of base64 or base85, or if it is long and has no
spaces. A tunnel that writes slowly, or in words of a dictionary, is not found.
"""

from itertools import pairwise
from typing import Final

from parlour_protocol.kit.inspect.inspector import Context, File, Part, Sent, Text
from parlour_protocol.kit.inspect.secrets import entropy
from parlour_protocol.kit.inspect.verdict import Finding

WINDOW_SECONDS: Final = 60.0
SENT_KEPT: Final = 64
"""Parts of each sender that are remembered."""
_LONG_TEXT: Final = 200
_EVEN_BITS: Final = 5.2
"""Bits a character: base64 of this length has 5.4 and more, prose 4.1 to 4.6, code up to 5.1."""
_EVEN_BITS_OF_FILE: Final = 7.9
_FEW_SPACES: Final = 40
"""One space in so many characters is few: words are shorter."""
_ENCODED_TEXTS: Final = 6
_LARGE: Final = 2048
_MANY: Final = 30
_STEADY: Final = 0.35
"""The standard deviation of the gaps, by their mean: people are above 1."""
_STEADY_TEXTS: Final = 20
_RANDOM_FILES: Final = 12

TUNNEL: Final = "encoded data in many messages"
STEADY: Final = "messages at the pace of a machine, large or encoded"
FILES: Final = "many files of random bytes"


def size_of(part: Part) -> int:
    """Return the characters of a text, the bytes of anything else."""
    return len(part.text) if isinstance(part, Text) else part.size


def sent_of(part: Part, at: float) -> Sent:
    """Return what is remembered of a part."""
    if isinstance(part, Text):
        return Sent(at, size_of(part), looks_encoded(part.folded))
    if isinstance(part, File):
        return Sent(at, size_of(part), _is_even(part.head), file=True)
    return Sent(at, size_of(part), encoded=False)


def looks_encoded(text: str) -> bool:
    """Return whether a folded text looks like encoded bytes."""
    if len(text) < _LONG_TEXT:
        return False
    spaces = text.count(" ") + text.count("\n") + text.count("\t")
    ascii_only = text.isascii()
    return (ascii_only and spaces * _FEW_SPACES < len(text)) or (ascii_only and entropy(text) >= _EVEN_BITS)


def find_tunnel(_part: Part, context: Context) -> list[Finding]:
    """Return what the sender's last parts, this one included, look like."""
    recent = context.recent
    if not recent or not (recent[-1].encoded or recent[-1].size >= _LARGE):
        return []  # this part adds nothing to a tunnel
    since = recent[-1].at - WINDOW_SECONDS
    window = [seen for seen in recent if seen.at >= since]
    texts = [seen for seen in window if not seen.file and (seen.encoded or seen.size >= _LARGE)]
    if recent[-1].file:
        random = sum(seen.file and seen.encoded for seen in recent)
        return [Finding(FILES)] if random >= _RANDOM_FILES else []
    if sum(text.encoded for text in texts) >= _ENCODED_TEXTS:
        return [Finding(TUNNEL)]
    if len(texts) >= _MANY or (len(texts) >= _STEADY_TEXTS and _is_steady(texts)):
        return [Finding(STEADY)]
    return []


def _is_steady(sent: list[Sent]) -> bool:
    gaps = [after.at - before.at for before, after in pairwise(sent)]
    mean = sum(gaps) / len(gaps)
    if mean == 0:
        return True
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    return variance <= (_STEADY * mean) ** 2


def _is_even(data: bytes) -> bool:
    """Return whether bytes are as even as random ones; pictures and archives nearly are, from 4 KiB on."""
    return len(data) >= 4096 and entropy(data.decode("latin-1")) >= _EVEN_BITS_OF_FILE  # noqa: PLR2004
