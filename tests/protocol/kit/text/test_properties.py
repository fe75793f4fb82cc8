"""What holds for any text whatever: random strings, weighted towards what is dangerous."""

# ruff: noqa: RUF001 - letters of many scripts are the matter here
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.forbidden import FORBIDDEN
from parlour_protocol.kit.text.inspector import inspect_text
from parlour_protocol.kit.text.line_classifier import Verdict

CONTEXTUAL = "\u200b\u200c\u200d\u200e\u200f\u061c\u180b\u180e\ufe00\ufe0e\ufe0f\U000e0100"
DANGEROUS = (
    "\x00\x07\x1b\x7f\x85\x9b\u00ad\u034f\u115f\u2028\u202a\u202e\u2066\u2069\ufeff\ufff9\ue000\ud800"
    "\U000e0067\U000e007f"
)
BASES = (
    "a1 \t\n\r\u05d0\u0628\u0915\u0e01\u1820\u0f40\u1100\u1161\u11a8\uac00\u845b\u0600\u2764"
    "\U0001f468\U0001f3f4\U0001f1eb\U0001f3fb"
)
MARKS = "\u0301\u0316\u0489\u20e3\u094d\u093e\u0f90\u064b\u0e49\U00011128"

weighted = st.text(st.sampled_from(CONTEXTUAL + DANGEROUS + BASES + MARKS), max_size=60)
anything = st.text(st.characters(), max_size=60)  # surrogates included
texts = weighted | anything
many = settings(max_examples=400)


@many
@given(texts)
def test_nothing_forbidden_comes_out(text: str):
    """No control, override, filler, private or unassigned code point is ever shown."""
    safe = safe_text(text)
    for line in safe.lines:
        assert FORBIDDEN.search(line) is None
        # the same question asked of Python's own tables, where both know the code point
        assert not any(unicodedata.category(char) in {"Cc", "Cs", "Co", "Zl", "Zp"} for char in line)


@many
@given(texts)
def test_nothing_is_dropped(text: str):
    """Every code point is shown or counted: the verdicts cover the text exactly."""
    safe = safe_text(text)
    points = inspect_text(text)
    assert [point.code for point in points] == [f"U+{ord(char):04X}" for char in text]
    assert sum(point.verdict is Verdict.ESCAPED for point in points) == safe.hidden


@many
@given(texts)
def test_peer_spans_contain_only_the_peers_text(text: str):
    """Without the escapes, what is shown is a subsequence of the raw text, circles and spaces aside."""
    raw = iter(text)
    for line in safe_text(text.replace("\t", " ")).spans:
        for span in line:
            if not span.is_escape:
                assert all(char in raw for char in span.text if char not in "\u25cc ")


@many
@given(texts)
def test_marks_never_pile_up(text: str):
    """No base carries more than eight marks, four of them nonspacing unless it is Tibetan."""
    base, marks, nonspacing = "", 0, 0
    for char in safe_text(text).plain:
        category = unicodedata.category(char)
        if not category.startswith("M"):
            base, marks, nonspacing = (base, marks, nonspacing) if category == "Cf" else (char, 0, 0)
            continue
        tibetan = "\u0f00" <= base <= "\u0fff"
        is_selector = char in CONTEXTUAL or "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0100"
        marks += not is_selector
        nonspacing += category != "Mc" and not is_selector
        assert marks <= (8 if tibetan else 6)
        assert nonspacing <= (8 if tibetan else 4)


@many
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_is_unchanged(text: str):
    """The fast path shows what it was given."""
    assert safe_text(text).plain == text


@many
@given(st.text(st.sampled_from("añжλשקاب語かनमক\u0e01é€ 1.,!")))
def test_ordinary_letters_are_unchanged(text: str):
    """Letters, digits, punctuation and spaces of any script pass."""
    safe = safe_text(text)
    assert safe.plain == text
    assert safe.hidden == 0


CLINGING = "\u0e33\u1039\u17d2\U0001f3fb\U0001f468\u1100\u1161\u0600\u0d4e\u0915\u1000\u200d\u200d"
NASTY = st.text(
    st.sampled_from(MARKS + CONTEXTUAL + CLINGING),
    min_size=30, max_size=80,
)  # fmt: skip


@many
@given(NASTY)
def test_no_cluster_is_of_any_size(text: str):
    """By the tables of another library, every grapheme cluster that comes out is small."""
    for line in safe_text(text).lines:
        assert all(len(cluster) <= 24 for cluster in iter_graphemes(line))
