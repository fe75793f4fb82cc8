"""The generated tables: consistent in themselves, and current when the Unicode data is at hand."""

import ast
import importlib
import os
import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from emoji import EMOJI_DATA

from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.unicode_data import Kind, kind_ranges, kinds, parse, read_tables, table

SOURCES = Path(__file__).parents[4]
CLASSES = read_tables("text/character_classes.txt")
VARIATIONS = read_tables("text/variation_sequences.txt")
SCRIPTS = read_tables("names/name_scripts.txt")
CONFUSABLES = read_tables("names/confusables.txt")


def points(ranges: str) -> set[int]:
    """Return the code points of a table."""
    return {point for first, last in parse(ranges) for point in range(first, last + 1)}


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the generator, which stands beside the packages and is not installed."""
    monkeypatch.syspath_prepend(str(SOURCES))
    return importlib.import_module("tools.unicode_tables")


def test_the_tables_are_of_the_pinned_versions(generator: ModuleType):
    """The generated files are of the Unicode versions that the generator takes."""
    assert CLASSES["UNICODE_VERSION"].strip() == generator.TEXT_VERSION
    names = {tables["UNICODE_VERSION"].strip() for tables in (SCRIPTS, CONFUSABLES)}
    assert names == {generator.NAMES_VERSION}


def test_selectors_that_are_registered_for_nothing_never_pass():
    """The kind of selectors ends where the registry does."""
    most = max(int(name.split()[1]) for name in VARIATIONS if name.startswith("IDEOGRAPHIC "))
    selectors = {p for p in range(0xE0100, 0xE01F0) if kinds()(p) == Kind.VARIATION}
    assert selectors == set(range(0xE0100, 0xE0100 + most))


def test_every_emoji_that_is_offered_can_be_shown():
    """The bundled list of emoji is not newer than the tables."""
    escaped = [emoji for emoji in EMOJI_DATA if safe_text(emoji).hidden]
    assert escaped == []


def test_ranges_ascend_without_overlap():
    """The lookup searches by bisection, so order is a matter of safety."""
    files = (CLASSES, VARIATIONS, SCRIPTS)
    for ranges in [text for tables in files for text in tables.values() if re.match(" +[0-9A-F]{4}", text)]:
        pairs = list(parse(ranges))
        assert all(first <= last for first, last in pairs)
        assert all(before[1] < after[0] for before, after in pairwise(pairs))


def test_kinds_do_not_overlap():
    """Every code point has one kind."""
    seen: set[int] = set()
    for ranges in kind_ranges().values():
        assert not seen & points(ranges)
        seen |= points(ranges)


def test_every_kind_but_hidden_and_tab_may_pass_the_guard():
    """Walls two and three agree about every code point."""
    kind_of = kinds()
    shown = {point for point in range(0x110000) if kind_of(point) not in {Kind.HIDDEN, Kind.TAB}}
    assert shown == points(table("MAY_PASS"))


def test_python_agrees_where_it_knows_the_code_point():
    """What Python calls a control, separator, private or surrogate is hidden; its letters are not."""
    kind_of = kinds()
    for point in range(0x110000):
        category = unicodedata.category(chr(point))
        if category in {"Cc", "Zl", "Zp", "Co", "Cs"} and point != 0x09:
            assert kind_of(point) == Kind.HIDDEN, hex(point)
        if category in {"Lu", "Ll", "Nd"}:
            assert kind_of(point) != Kind.HIDDEN, hex(point)


def test_the_tables_are_current_when_the_data_is_at_hand(generator: ModuleType):
    """Building from the Unicode data (`PARLOUR_UCD` names its folder) gives the files that are checked in."""
    folders = os.environ.get("PARLOUR_UCD", "")
    if not folders:
        pytest.skip("PARLOUR_UCD names no folders with ppucd.txt or moji.db")
    for folder in map(Path, folders.split(os.pathsep)):
        build = generator.build if (folder / "ppucd.txt").exists() else generator.build_variations
        for path, text in build(folder).items():
            assert path.read_text("utf-8") == text


def test_no_one_else_makes_safe_text():
    """`_made_by_rule` is called in sanitiser.py only, in all sources."""
    callers = set()
    for folder in ("protocol", "server", "client"):
        for path in (SOURCES / folder).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            if any(
                isinstance(node, ast.Attribute) and node.attr == "_made_by_rule" for node in ast.walk(tree)
            ):
                callers.add(path.name)
    assert callers == {"sanitiser.py"}
