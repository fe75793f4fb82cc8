"""Spelling: what is checked, the program that knows the words, and what the composer shows of it."""

import os
import sys
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient

from parlour_client.extras.spell_check import program as spelling
from parlour_client.extras.spell_check.check import SpellCheck
from parlour_client.extras.spell_check.program import LONGEST_TEXT, Spelling, language_of, words_of
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.screen import ChatScreen

PROGRAM = """#!{python}
import sys
if sys.argv[-1] != "en_GB":
    sys.exit(1)
print("@(#) International Ispell Version 3.2.06", flush=True)
for line in sys.stdin:
    word = line.strip().removeprefix("^")
    with open({log!r}, "a") as log:
        log.write(line)
    {does}
    print({{"helo": "& helo 2 1: hello, help", "wrld": "# wrld 1"}}.get(word, "*"), end="\\n\\n", flush=True)
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the program a minute: other tests have the cores, too."""
    monkeypatch.setattr(spelling, "_PATIENCE", 60.0)


class Speller:
    """A program in the place of hunspell."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._log = folder, folder / "asked"

    def install(self, does: str = "pass") -> dict[str, str]:
        """Write it, and return an environment in which it is the only program."""
        program = self.folder / "hunspell"
        program.write_text(PROGRAM.format(python=sys.executable, log=str(self._log), does=does))
        program.chmod(0o700)
        return {"PATH": str(self.folder), "LANG": "en_GB.UTF-8"}

    @property
    def asked(self) -> list[str]:
        """What it was given, line by line."""
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def speller(tmp_path: Path) -> Speller:
    """Return a program that is not installed yet."""
    (tmp_path / "bin").mkdir()
    return Speller(tmp_path / "bin")


def found(text: str) -> list[str]:
    """Return the words that are checked."""
    return [word.text for word in words_of(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Helo wrld", ["Helo", "wrld"]),
        ("don't stop, naïve Straße", ["don't", "stop", "naïve", "Straße"]),
        ("see http://helo.example/wrld and helo@wrld.example", ["see", "and"]),
        ("www.helo.example @helo #wrld :helo: x86_64 2nd C:\\\\helo", []),
        ("a `helo` b ```\nwrld\n``` c", ["a", "b", "c"]),
        ("/topic helo", []),
        ("//helo", ["helo"]),
        ("NASA and I", ["and", "I"]),
        ("हिन्दी e\u0301te\u0301 ❤️ عَرَبِيّ", ["हिन्दी", "e\u0301te\u0301", "عَرَبِيّ"]),
        ("x" * (LONGEST_TEXT + 1), []),
    ],
)
def test_prose_is_checked_and_nothing_else(text: str, words: list[str]) -> None:
    """Code, addresses, names and commands have a spelling of their own."""
    assert found(text) == words


def test_a_word_is_where_it_stands() -> None:
    """By row and column, whatever was left out before it."""
    text = "`x` helo\n```\ny\n``` wrld"
    for word in words_of(text):
        assert text.split("\n")[word.row][word.start : word.end] == word.text


def test_the_language_is_that_of_the_system_unless_it_is_set() -> None:
    """A system without one gets English."""
    assert language_of("de_DE", {"LANG": "en_GB.UTF-8"}) == "de_DE"
    assert language_of("auto", {"LANG": "en_GB.UTF-8", "LC_ALL": "fr_FR@euro"}) == "fr_FR"
    assert language_of("auto", {"LANG": "C.UTF-8"}) == "en_US"
    assert language_of("auto", {}) == "en_US"


async def test_the_program_is_asked_once_about_each_word(speller: Speller) -> None:
    """What it does not know is misspelt, with suggestions or without."""
    calls: list[int] = []
    checker = Spelling("en_GB", lambda: calls.append(1), speller.install())
    for _ in range(2):
        await checker.ask(["helo", "world", "wrld"])
    assert checker.suggestions("helo") == ["hello", "help"]
    assert checker.suggestions("wrld") == ()
    assert checker.suggestions("world") is None
    assert speller.asked == ["^helo", "^world", "^wrld"]
    assert calls == [1, 1]
    assert not checker.problem
    await checker.stop()


@pytest.mark.parametrize("language", ["xx", "en_GB; rm", "../../etc/passwd"])
async def test_without_a_dictionary_it_says_so(speller: Speller, language: str) -> None:
    """Once, and nothing is asked any more."""
    checker = Spelling(language, lambda: None, speller.install())
    await checker.ask(["helo"])
    assert "no dictionary for" in checker.problem
    assert checker.unknown(words_of("helo")) == ()


async def test_without_a_program_it_says_what_to_install(tmp_path: Path) -> None:
    """Nothing is tried."""
    checker = Spelling("en_GB", lambda: None, {"PATH": str(tmp_path)})
    await checker.ask(["helo"])
    assert checker.problem == "Spelling can't be checked: install hunspell or aspell."


async def test_a_program_that_dies_is_no_fault_of_the_client(speller: Speller) -> None:
    """The words stay unknown."""
    checker = Spelling("en_GB", lambda: None, speller.install("sys.exit(3)"))
    await checker.ask(["helo"])
    assert checker.problem
    assert checker.suggestions("helo") is None
    await checker.stop()


async def test_a_program_that_is_given_up_does_not_stay(speller: Speller) -> None:
    """One that says more than it should is ended, not left to wait for ever."""
    note = f"open({str(speller.folder / 'id')!r}, 'w').write(str(__import__('os').getpid()))"
    checker = Spelling("en_GB", lambda: None, speller.install(f"{note}; print('x' * 100_000)"))
    await checker.ask(["helo"])
    assert "program failed" in checker.problem
    with pytest.raises(ProcessLookupError):
        os.kill(int((speller.folder / "id").read_text()), 0)


async def test_misspelt_words_are_underlined_and_a_key_offers_others(
    client: FakeClient, open_app: OpenApp, speller: Speller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the one that is being typed; Enter takes the highlighted spelling and sends nothing."""
    for name, value in speller.install().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("spelling", "auto")
        writing = screen.pane.composer
        await pilot.press(*"helo wrld")
        pilot.app.screen.query_one(SpellCheck)._ask()
        await settled(pilot)
        assert underlined(writing) == ["helo"]
        await pilot.press("space")
        await settled(pilot)
        assert underlined(writing) == ["helo", "wrld"]
        await pilot.press("home", "alt+s")
        await settled(pilot)
        assert "help" in screen_text(pilot)
        await pilot.press("down", "enter")
        assert writing.text == "help wrld "
        await settled(pilot)
        assert underlined(writing) == ["wrld"]
        assert not [call for call in client.calls if call[0] == "send"]
        await pilot.press("alt+z")
        assert writing.text == "helo wrld "
        pilot.app.set_setting("spelling", "off")
        await settled(pilot)
        assert underlined(writing) == []
    assert not {line for line in speller.asked if not line.startswith("^")}


def underlined(writing: Composer) -> list[str]:
    """Return what is underlined in the first row, as it is drawn."""
    row = writing.render_line(0)
    return (
        "".join(
            segment.text if segment.style is not None and segment.style.underline else "|" for segment in row
        )
        .replace("|", " ")
        .split()
    )


def test_the_environment_of_the_person_is_used_as_it_is() -> None:
    """A personal dictionary stays where it is."""
    assert Spelling("en_GB", lambda: None)._environment is os.environ
