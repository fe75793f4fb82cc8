"""Skeletons: look-alikes collide, different names do not."""

# ruff: noqa: RUF001 - confusable letters are the matter here
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_protocol.kit.names import NameRefusedError, parse_user_name, skeleton
from parlour_protocol.kit.names.skeleton import _ASCII, _prototypes, ascii_look_alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u0440\u0430\u0443\u0440\u0430\u04cf", "paypal"),
        ("al1ce", "alice"),
        ("alIce", "alice"),
        ("rnike", "mike"),
        ("b0b", "bob"),
        ("BOB", "bob"),
        ("straße", "strasse"),
        ("STRAẞE", "strasse"),
        ("σίσυφος", "σίσυφοσ"),
        ("vvill", "will"),
        ("se\u00e1n", "sean"),
        ("ad\u0131l", "adil"),
        ("\u03bf\u03bd\u03bf", "ovo"),
        ("\u06cc\u0627\u0631", "\u0649\u0627\u0631"),
        ("a\u200cb", "ab"),
        ("a\u200db", "ab"),
        ("\u0628\u0647\u200c\u0631\u0648\u0632", "\u0628\u0647\u0631\u0648\u0632"),
        ("\u0645\u064f\u062d\u064e\u0645\u064e\u0651\u062f", "\u0645\u062d\u0645\u062f"),
        ("\u0623\u062d\u0645\u062f", "\u0627\u062d\u0645\u062f"),
        ("\u0915\u094d\u200c\u0937", "\u0915\u094d\u0937"),
    ],
)
def test_look_alikes_collide(one: str, other: str):
    """Two names that a person could confuse have one skeleton."""
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "alicia"),
        ("bob", "rob"),
        ("田中", "中田"),
        ("\u304b\u304a", "\u304c\u304a"),
        ("नीला", "नाला"),
    ],
)
def test_different_names_do_not(one: str, other: str):
    """Dakuten and vowel signs make another name."""
    assert skeleton(one) != skeleton(other)


def test_the_short_table_for_ascii_agrees_with_the_long_one():
    """An ASCII name has the skeleton that the whole table of UTS #39 gives it."""
    for char in "abcdefghijklmnopqrstuvwxyz0123456789-_.":
        mapped = _prototypes().get(char, char).lower()
        assert mapped.translate(_ASCII) == char.translate(_ASCII)


@given(st.text(st.sampled_from("abcimnrovw01lжаиקéñ田"), min_size=1, max_size=12))
def test_a_skeleton_is_its_own_skeleton(text: str):
    """So a name spelled as another's skeleton collides with it."""
    once = skeleton(text)
    assert skeleton(once) == once


@given(st.text(st.characters(categories=("L", "M", "N")), min_size=1, max_size=8))
def test_names_that_fold_to_one_are_one(text: str):
    """L16: neither upper case nor case folding makes another name of it."""
    assert skeleton(text) == skeleton(text.casefold()) == skeleton(text.upper())


@given(st.text(max_size=40))
def test_parsing_is_idempotent_and_never_crashes(text: str):
    """A canonical name is its own canonical form; anything else is refused in words."""
    try:
        name = parse_user_name(text)
    except NameRefusedError:
        return
    assert parse_user_name(name) == name


def test_ascii_names_load_no_table_and_no_precis():
    """`parlour --help` has no time for them."""
    code = (
        "import sys\n"
        "from parlour_protocol.kit.names import parse_user_name, parse_device_name, skeleton\n"
        "skeleton(parse_user_name('alice')), parse_device_name('my laptop')\n"
        "kit = 'parlour_protocol.kit.'\n"
        "heavy = {'precis_i18n', kit + 'names.scripts', kit + 'text.unicode_data'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "look_alike"),
    [("pаypal", "paypal"), ("аррӏе", "appie"), ("gıthub", "github"), ("bücher", "bucher"), ("abc", None),
     ("例え", None), ("пример", None)],
)  # fmt: skip
def test_what_a_text_can_be_taken_for(text: str, look_alike: str | None) -> None:
    """ASCII letters stay as they are, so that the answer can be shown; there is none for another script."""
    assert ascii_look_alike(text) == look_alike
