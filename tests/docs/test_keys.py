"""Keys are written one way, as they stand on the keyboard: `Ctrl+Q`, `Alt+Up`, `Esc`, `F1`."""

import re

import pytest
from tests.docs.pages import ROOT, pages
from tools.translations import LANGUAGES, read, sentences

WRONG = re.compile(
    r"""(?x)
    (?<![\w^`\\/\[(|])\^[A-Z](?![\w^])                    # ^Q
    | (?<![\w-])[Cc]trl[- ](?=[A-Za-z])                   # ctrl-q
    | (?<![\w-])(?:CTRL|ALT|SHIFT|ctrl|alt|shift)\+(?=\w)  # CTRL+Q
    | (?<![\w-])[CM]-[a-z](?![\w-])                       # C-q
    | (?<![\w-])(?:enter|esc|escape|tab|f\d{1,2}):[ ]     # enter: send
    """
)
NAMES = re.compile(r"`[a-z0-9_+, ]+`|\"[a-z0-9_+,]+\"|ctrl\+f, f6, alt\+up")
"""In the settings file a key has its own name, and a sentence says how they are written there."""


def wrong(text: str) -> list[str]:
    """Return the keys that are written in another way."""
    return [found[0] for found in WRONG.finditer(NAMES.sub("", text))]


@pytest.mark.parametrize(
    "text",
    ["^Q quits", "press ctrl-q", "CTRL+Q", "ctrl+k: go to", "C-q", "enter: send · esc: close", "f1: help"],
)
def test_other_ways_are_found(text: str) -> None:
    """As other programs write them."""
    assert wrong(text)


@pytest.mark.parametrize("text", ["Ctrl+Q quits", "Enter: send", "F1: help", '"chat.search" = "ctrl+f"'])
def test_the_one_way_is_not(text: str) -> None:
    """Nor the names of the settings file."""
    assert not wrong(text)


def test_every_sentence_writes_keys_as_on_the_keyboard() -> None:
    """Of the screens, the line mode and the command line, in every language."""
    english = {one.text: one.path for one in sentences()}
    assert {text: path for text, path in english.items() if wrong(text)} == {}
    for language in LANGUAGES:
        told = [
            text
            for message in read(language)
            for text in ((message.string,) if isinstance(message.string, str) else message.string or ())
        ]
        assert [text for text in told if wrong(text)] == []


def test_every_page_does() -> None:
    """In the README and in docs."""
    found = {}
    for page in pages():
        text = (ROOT / page.path).read_text("utf-8")
        if page.path.name != "CHANGELOG.md" and (keys := wrong(text)):
            found[str(page.path)] = keys
    assert found == {}
