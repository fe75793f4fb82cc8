"""A crash shows a sentence of ours; secrets and strangers' words stay off the screen and out of the log."""

import json
import stat
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, settled
from tests.client.ui.pseudo_terminal import Terminal
from tests.client.ui.ui_fake import SECRET, FakeClient
from textual.app import App

from parlour_client.kit.terminal.crash import crash_sentence, places, write_log

HERE = Path(__file__).parents[2] / "ui"


def test_textual_still_has_the_methods_that_are_replaced() -> None:
    """They are private: a new Textual that renames them must fail here, not in front of a person."""
    for name in ("_handle_exception", "_fatal_error", "_print_error_renderables", "_close_messages_no_wait"):
        assert callable(getattr(App, name))
    app = App[None]()
    assert app._exit_renderables == []
    assert app._exception is None


def test_a_crash_in_a_terminal_shows_one_sentence(tmp_path: Path) -> None:
    """No local, no source line, no raw escape, no text of the error; the log is private."""
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(["hello"]))
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    terminal = Terminal(HERE / "in_terminal.py", str(texts), "crash", columns=100, rows=30, env=env)
    terminal.read_until(b"END OF ALL")
    terminal.press(b"private words\r")
    assert terminal.finish(keys=b"") == 1
    after = terminal.output[terminal.output.rindex(b"\x1b[?1049l") :].decode()
    assert "Parlour crashed (RuntimeError)." in after
    for never in (SECRET, "PWNED", "private words", "Traceback", "session_token"):
        assert never not in after
    log = tmp_path / "state" / "parlour" / "crash.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    written = log.read_text()
    assert "RuntimeError" in written
    assert "in_terminal.py" in written
    for never in (SECRET, "PWNED", "private words"):
        assert never not in written


def test_an_error_with_a_look_of_its_own_is_not_asked_for_it(tmp_path: Path) -> None:
    """Errors with ``__rich__`` (markup errors) are told like all others."""

    class RichError(Exception):
        def __rich__(self) -> str:
            raise AssertionError("not to be drawn")

    log = write_log(RichError("words"), tmp_path / "log")
    assert "RichError" in crash_sentence(RichError("\x1b[2J"), log, "Parlour", "")
    assert "words" not in (tmp_path / "log").read_text()


def test_the_log_follows_no_link(tmp_path: Path) -> None:
    """A planted symbolic link is not written through."""
    (tmp_path / "target").write_text("")
    (tmp_path / "log").symlink_to(tmp_path / "target")
    assert write_log(ValueError("x"), tmp_path / "log") is None
    assert not (tmp_path / "target").read_text()


def test_places_are_code_and_types() -> None:
    """The chain of errors is told without a word of theirs."""
    try:
        try:
            raise ValueError("quoted text")
        except ValueError as inner:
            raise KeyError("more quoted text") from inner
    except KeyError as error:
        report = "\n".join(places(error))
    assert "builtins.KeyError" in report
    assert "builtins.ValueError" in report
    assert "quoted" not in report


async def test_the_app_ends_with_an_exit_code(client: FakeClient, open_app: OpenApp) -> None:
    """A crash is a failure for anyone who started the program."""
    codes = []

    async def crash() -> None:
        async with open_app(client) as pilot:
            pilot.app._handle_exception(ZeroDivisionError())
            codes.append(pilot.app.return_code)
            await settled(pilot)

    with pytest.raises(ZeroDivisionError):
        await crash()
    assert codes == [1]
