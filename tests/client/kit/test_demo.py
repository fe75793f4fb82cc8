"""The demo of a program: the ticker's, with a screen and without."""

from pathlib import Path

import pytest

from parlour_client.kit.demo import demo_main
from parlour_client.kit.demo_server import DemoError, DemoServer
from parlour_client.kit.errors import SetupError
from parlour_client.kit.link import Link
from parlour_protocol.kit.frames import Hello

from ticker.frames import WIRE, Price, Watch
from ticker.screen import PriceScreen

TICKER = Path(__file__).parents[3] / "examples/ticker"
MODULE = "ticker.server"


async def play(link: Link[Hello, Watch, None, Price]) -> str:
    """Do nothing."""
    return f"{link.account.user} has played"


async def fail(link: Link[Hello, Watch, None, Price]) -> None:
    """Be someone who does not understand."""
    raise SetupError(f"{link.account.user} gives up.")


def test_without_a_terminal_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """No server is started."""
    assert demo_main("Ticker", WIRE, PriceScreen, play, server="no.such", arguments=()) == 1
    assert "ARGS=--headless" in capsys.readouterr().err


def test_a_server_that_does_not_start_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The error has the end of what the server printed."""
    assert demo_main("Ticker", WIRE, PriceScreen, play, server="no.such", arguments=["--headless"]) == 1
    assert "No module named" in capsys.readouterr().err


def test_an_error_of_the_server_fails_the_demo(tmp_path: Path) -> None:
    """Otherwise only its log, which is gone with the demo, would tell."""
    server = DemoServer(tmp_path, MODULE)
    log = tmp_path / "server.log"
    log.write_text('{"event":"ready"}\n')
    server.check_log()
    log.write_text('{"event":"ready"}\n{"where":"background work move","event":"fault"}\n')
    with pytest.raises(DemoError, match="did not expect"):
        server.check_log()


@pytest.mark.long
def test_a_simulated_person_who_fails_fails_the_demo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo does not hide it behind what held before."""
    monkeypatch.setenv("PYTHONPATH", str(TICKER))
    arguments = ["--headless"]
    people = {"robot": fail}
    assert (
        demo_main("Ticker", WIRE, PriceScreen, play, server=MODULE, others=people, arguments=arguments) == 1
    )
    shown = capsys.readouterr()
    assert "guest has played" in shown.out
    assert "robot gives up" in shown.err
