"""Wall three: what the terminal filter stops, and what it must let pass."""

import pytest

from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.forbidden import FORBIDDEN


def tags(text: str) -> str:
    """Spell ASCII in tag characters."""
    return "".join(chr(0xE0000 | ord(char)) for char in text)


FLAG = "\U0001f3f4"
ENGLAND = FLAG + tags("gbeng") + "\U000e007f"


@pytest.mark.parametrize(
    "points",
    [
        range(0x20),
        range(0x7F, 0xA0),
        range(0x202A, 0x202F),
        range(0x2060, 0x2070),
        range(0xD800, 0xE100),
        range(0xFDD0, 0xFDF0),
        range(0xFFF0, 0xFFFD),
        range(0xE0000, 0xE0100),
        range(0x1D173, 0x1D17B),
        range(0xF0000, 0xF0100),
        [0xAD, 0x34F, 0x115F, 0x1160, 0x2028, 0x2029, 0x3164, 0xFEFF, 0xFFA0, 0xFFFE, 0x10FFFF, 0x378],
    ],
    ids=str,
)
def test_it_stops(points: range | list[int]):
    """Controls, overrides, invisible formats, surrogates, private use, unassigned, tags, fillers."""
    assert [hex(point) for point in points if FORBIDDEN.search(f"a{chr(point)}b") is None] == []


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "日本語",
        "e\u0301",
        "\U0001f468\u200d\U0001f469",
        "\u0628\u200c\u0628",
        "\u05d0\u200e",
        "\u2764\ufe0f",
        ENGLAND * 2,
    ],
)
def test_it_lets_pass_what_the_rule_shows(text: str):
    """Joiners, direction marks, selectors and the three flags."""
    assert safe_text(text).plain == text
    assert FORBIDDEN.search(text) is None


@pytest.mark.parametrize(
    "text",
    [tags("gbeng"), ENGLAND[:-1], ENGLAND + tags("g"), "x" + ENGLAND[1:], FLAG + tags("ustx") + "\U000e007f"],
)
def test_tags_pass_only_inside_a_whole_flag(text: str):
    """A tag that is not at its place in a flag spells hidden text."""
    assert FORBIDDEN.search(text) is not None
