"""Logging in again in the line mode: on a terminal the password is the next line, and not shown."""

import os
import pty
import termios
from collections.abc import Iterator

import pytest
from tests.client.ui.ui_fake import LOBBY, FakeClient

from parlour_client.core.errors import login_hint
from parlour_client.core.settings import Settings
from parlour_client.kit.errors import LoginRefusedError, SessionEndedError
from parlour_client.plain.line_mode import LineMode, run


@pytest.fixture
def terminal() -> Iterator[int]:
    """Return the end of a terminal that a program reads."""
    ours, theirs = pty.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


def echoes(terminal: int) -> bool:
    """Say whether the terminal shows what is typed."""
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


async def test_the_password_is_typed_unseen_and_what_waits_is_kept(client: FakeClient, terminal: int) -> None:
    """The line mode does not end; a wrong password can be tried again, and echo always comes back."""
    heard: list[str] = []
    mode = LineMode(client, heard.append, Settings(), source=terminal)
    client.subscribe(mode.on_change)
    mode.printer.current = client.room(LOBBY)
    client.lose_session()
    assert not mode.over
    assert "/login" in heard[-1]
    await mode.handle("written while logged out")
    assert ("send", LOBBY, "written while logged out", None) in client.calls
    client.login_refusal = LoginRefusedError("Wrong name or password.", "login_refused")
    await mode.handle("/login")
    assert "Password for alice on chat.example:8443" in heard[-1]
    assert not echoes(terminal)
    await mode.handle("/wrong one")
    assert echoes(terminal)
    assert "Wrong name or password." in heard[-1]
    client.login_refusal = None
    await mode.handle("/reconnect")
    await mode.handle("right")
    assert [call[1] for call in client.calls if call[0] == "log_in_again"] == ["/wrong one", "right"]
    assert echoes(terminal)
    assert not client.status.session_ended
    assert not [call for call in client.calls if call[0] == "send" and call[2] in {"right", "/wrong one"}]


async def test_an_empty_line_leaves(client: FakeClient, terminal: int) -> None:
    """No password goes out, and lines are lines again."""
    heard: list[str] = []
    mode = LineMode(client, heard.append, Settings(), source=terminal)
    client.lose_session()
    await mode.handle("/login")
    await mode.handle("")
    assert echoes(terminal)
    assert not [call for call in client.calls if call[0] == "log_in_again"]
    assert heard[-1] == "You are still logged out. Write /login to try again."


async def test_a_pipe_gets_the_command(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of a script are messages, never a password: it ends with the error, which names the command."""

    async def ready() -> None:
        if client.status.session_ended:
            raise SessionEndedError("The session has ended.", login_hint("chat.example:8443", "alice"))

    monkeypatch.setattr(client, "ready", ready)
    source, sink = os.pipe()
    heard: list[str] = []

    def say(line: str) -> None:
        heard.append(line)
        if line.startswith("You are writing in"):
            client.lose_session()
            os.close(sink)

    with pytest.raises(SessionEndedError) as ended:
        await run(client, source, say)
    os.close(source)
    assert ended.value.hint == "Log in again: parlour login chat.example:8443 --username alice"
    assert client.stopped
