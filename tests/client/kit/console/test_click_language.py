"""A command's help, and click's own sentences, are in the language in use."""

import gettext
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from parlour_client.kit.console.click_language import OF_CLICK, click_speaks, translated
from parlour_client.kit.language import N_, language


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    """Use German until the test has ended."""
    language.use(["de"])
    yield
    language.use([])


@click.command(epilog="\b\nExample:\n  parlour chat")
@click.option("--plain", is_flag=True, help=N_("What to call it."))
def made(*, plain: bool) -> None:
    """Open the chat."""
    del plain


def test_help_is_in_the_language_in_use() -> None:
    """The docstring, an option, the head of the examples click's own words; the command is as before."""
    with click_speaks():
        shown = CliRunner().invoke(translated(made), ["--help"]).output

    assert "Chat öffnen." in shown
    assert "Beispiel:" in shown
    assert "Aufruf:" in shown
    assert "Diese Hilfe anzeigen." in shown
    assert "What to call it." not in shown
    assert made.help == "Open the chat."


def test_an_error_of_click_is_too() -> None:
    """What was wrong with the command line, and where help is."""
    with click_speaks():
        shown = CliRunner().invoke(translated(made), ["--plane"]).output
    assert "Fehler: Die Option '--plane' gibt es nicht. Meintest du '--plain'?" in shown


@pytest.mark.parametrize("before", [None, "fr"])
def test_the_environment_is_as_before(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only while click speaks, and only if it would find another language, the environment names ours."""
    monkeypatch.delenv("LANGUAGE", raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    if before is not None:
        monkeypatch.setenv("LANGUAGE", before)
    with click_speaks():
        assert os.environ["LANGUAGE"] == "de"
    assert os.environ.get("LANGUAGE") == before
    assert gettext.textdomain() == "messages"

    monkeypatch.setenv("LANGUAGE", "de:fr")
    with click_speaks():
        assert os.environ["LANGUAGE"] == "de:fr"


def test_the_sentences_of_click_are_click_s() -> None:
    """A sentence that click no longer says is not kept for translators."""
    sources = "".join(path.read_text() for path in Path(click.__file__).parent.glob("*.py"))
    assert [one for one in OF_CLICK if one not in sources] == []
