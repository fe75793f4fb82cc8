"""The language is chosen before anything is shown: by the settings of the home that is named, or LANG."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parlour_client.cli.language_choice import choose_language
from parlour_client.cli.root import guarded
from parlour_client.kit.account import home
from parlour_client.kit.language import language

HEBREW = {"LANG": "he_IL.UTF-8"}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let the accounts be in a folder of the test, and go back to English."""
    monkeypatch.setattr(home, "default_folder", lambda _: tmp_path)
    (tmp_path / "accounts" / "work").mkdir(parents=True, mode=0o700)
    yield tmp_path
    language.use([])


def wanting(folder: Path, value: str) -> Path:
    """Write the setting."""
    (folder / "settings.toml").write_text(f'language = "{value}"\n')
    (folder / "settings.toml").chmod(0o600)
    return folder


def chosen(*arguments: str) -> str:
    """Return the language for a command line of someone whose terminal is Hebrew."""
    choose_language(arguments, HEBREW)
    return language.code


def test_the_environment_decides_without_a_setting(data: Path) -> None:
    """Without the file, without the setting, with `system`, and with one that is none."""
    assert chosen("--help") == "he"
    assert chosen("--home", str(data / "nowhere")) == "he"
    wanting(data, "system")
    assert chosen() == "he"
    wanting(data, "klingon")
    assert chosen() == "he"


def test_the_setting_of_the_home_that_is_named_comes_first(data: Path, tmp_path: Path) -> None:
    """That of the default account, of `--account` and of `--home`, however they are written."""
    wanting(data, "de")
    wanting(data / "accounts" / "work", "en")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    wanting(elsewhere, "he")

    assert chosen("rooms") == "de"
    assert chosen("--plain", "--account", "work", "rooms") == "en"
    assert chosen("--account=work") == "en"
    assert chosen(f"--home={elsewhere}", "rooms") == "he"
    assert chosen("rooms", "--home", str(elsewhere)) == "de"  # not an option of the root
    assert chosen("--account", "../work", "rooms") == "he"  # refused afterwards
    assert chosen("--home") == "de"


def test_help_and_errors_are_in_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The root's help, the table's, a group's, a wrong option, and a name that the protocol refuses."""
    wanting(data, "de")
    for arguments, words in (
        (["--help"], ("Aufruf: parlour", "Befehle:", "Die Version anzeigen.")),
        (["send", "--help"], ("Beispiel:", "parlour send lobby")),
        (["room", "kick", "--help"], ("Beispiel:", "--reason", "Für", "Moderatoren", "Der Grund;")),
        (["room", "--help"], ("Räume erstellen", "Jemanden aus")),
        (["chat", "--plane"], ("Fehler:", "--plane")),
        (["login", "localhost", "--username", "a b"], ("Fehler:", "unerlaubtes Zeichen")),
    ):
        guarded(arguments)
        out, err = capsys.readouterr()
        assert all(one in out + err for one in words), out + err
