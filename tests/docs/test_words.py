"""One word for one thing: these are not written where another one is ours, on screens, in help and in docs.

Only words that nothing else needs are here, so a machine can look for them; the heads of the catalogues have
the glossary of each language.
"""

import re

import pytest
from tests.docs.pages import ROOT, pages
from tools.translations import LANGUAGES, read, sentences

ENGLISH = re.compile(
    r"""(?ix)\b(?:
    sign(?:ed|s|ing)?[ ](?:in|out)[ ](?:to|of|on|again) # log in, log out
    | server's[ ]owner | owner[ ]of[ ]the[ ]server      # operator
    | (?:in|of|read)[ ]open[ ]rooms                     # unencrypted rooms
    | this[ ]conversation                               # direct room, room
    | security[ ](?:code|number) | safety[ ]code        # safety number
    | two-factor | 2FA                                  # second factor
    | participants? | sysadmin | administrators?        # people, members; operator
    )\b"""
)
OTHER = {
    "de": re.compile(
        r"(?i)\b(?:Kanal|Kanäle|Chatraum|Eigentümer|Inhaber|Kennwort|Teilnehmer|Fingerabdruck|Sicherheitscode"
        r"|Unterhaltung|rauswerfen|einloggen|ausloggen|Administrator)\b"
    ),
    "he": re.compile("בעל השרת|ערוץ"),
}
"""Raum, Besitzer, Passwort, Person, Sicherheitsnummer, Direktraum, entfernen, anmelden; מפעיל, חדר."""
PAGES_MAY = {"docs/patterns/sessions-that-end.md": {"administrator"}}
"""Of other programs."""


@pytest.mark.parametrize(
    "text", ["Ask the server's owner.", "Sign in again", "files in open rooms", "a 2FA code"]
)
def test_other_words_are_found(text: str) -> None:
    """As other programs, or earlier sentences, have them."""
    assert ENGLISH.search(text)


@pytest.mark.parametrize(
    "text", ["reload the open room", "an owner of the room", "what they sign in a statement"]
)
def test_ours_are_not(text: str) -> None:
    """Nor the same words where they mean something else."""
    assert not ENGLISH.search(text)


def test_every_sentence_has_our_words() -> None:
    """Of the screens, the line mode and the command line, in every language."""
    assert {one.text for one in sentences() if ENGLISH.search(one.text)} == set()
    for language in LANGUAGES:
        told = [
            text
            for message in read(language)
            for text in ([message.string] if isinstance(message.string, str) else message.string or ())
        ]
        assert [text for text in told if OTHER[language].search(text)] == []


def test_every_page_has() -> None:
    """In the README and in docs."""
    found = {}
    for page in pages():
        if page.path.name != "CHANGELOG.md":
            text = (ROOT / page.path).read_text("utf-8")
            words = {word[0].lower() for word in ENGLISH.finditer(text)}
            if words := words - PAGES_MAY.get(page.path.as_posix(), set()):
                found[page.path.as_posix()] = words
    assert found == {}
