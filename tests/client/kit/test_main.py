"""A program's command, without a terminal: sentences and exit statuses."""

import stat
from pathlib import Path
from typing import Any

import click
import pytest
from tests.client.kit.test_app import TICKER, PricesScreen

from parlour_client.kit.app import LinkApp
from parlour_client.kit.main import client_main

LINK: Any = object()


def run(*arguments: str) -> int:
    """Run the program's command."""
    return client_main("Ticker", TICKER, PricesScreen, arguments=arguments)


def test_without_a_terminal_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made, and the exit status says that it did not work."""
    assert run("--home", str(tmp_path / "home")) == 1
    assert "needs a terminal" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_a_folder_that_is_not_private_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names it, and its modes stay as they are."""
    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "notes").write_text("x")
    assert run("--home", str(folder)) == 1
    assert "Others can read" in capsys.readouterr().err
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_its_own_options_reach_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, after the link; `--help` has them, too."""
    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    made: list[object] = []

    def screen(link: object, **chosen: object) -> PricesScreen:
        made.extend([link, chosen])
        raise AssertionError

    def run_app(app: LinkApp[Any, Any, Any, Any]) -> None:
        with pytest.raises(AssertionError):
            app._make_screen(LINK)

    monkeypatch.setattr(LinkApp, "run", run_app)
    symbol = click.Option(["--symbol"], multiple=True, help="What to watch.")
    arguments = ["--home", str(tmp_path / "home"), "--symbol", "ACME", "--symbol", "GLOBEX"]
    assert client_main("Ticker", TICKER, screen, options=[symbol], arguments=arguments) == 0
    assert made == [LINK, {"symbol": ("ACME", "GLOBEX")}]


@pytest.mark.parametrize(("given", "said"), [("", "Ticker (Parlour "), ("1.2", "Ticker 1.2 (Parlour ")])
def test_version(given: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The program's, if it has one, and Parlour's."""
    assert client_main("Ticker", TICKER, PricesScreen, version=given, arguments=["--version"]) == 0
    assert capsys.readouterr().out.startswith(said)


def test_help_and_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    """As for every command."""
    assert run("--help") == 0
    assert "--ca" in capsys.readouterr().out
    assert run("--colour") == 2
    assert "No such option" in capsys.readouterr().err
