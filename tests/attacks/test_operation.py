"""What goes wrong on the server's own machine: it keeps its identity and its folder."""

import json
import os
import pwd
import signal
import socket
import ssl
import time
from datetime import datetime

import pytest
from tests.attacks.raw import PATIENCE, RunningServer
from tests.e2e import commands


def run(server: RunningServer, *flags: str) -> commands.Done:
    """Start a server on this folder that is expected to end by itself."""
    return commands.run_here("parlour_server", "run", "--data", str(server.data), *flags)


def reload(server: RunningServer) -> dict[str, object]:
    """Send SIGHUP; return what the log says of it."""
    before = len(server.logged())
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + PATIENCE
    while True:
        for line in server.logged()[before:]:
            if line["event"] in {"reloaded", "reload_refused"}:
                return line
        assert time.monotonic() < end
        time.sleep(0.02)  # another process writes the log: there is no event to wait for


def certificate(server: RunningServer) -> bytes:
    """Return the certificate that is served."""
    with server.wire() as wire:
        return wire.socket.getpeercert(binary_form=True) or b""


def test_reload_without_a_key(own: RunningServer) -> None:
    """L21: SIGHUP without `server.key` changes nothing, says so, and makes no other key."""
    before = certificate(own)
    away = (own.data / "server.key").rename(own.data / "away")
    line = reload(own)
    assert line["event"] == "reload_refused"
    assert "server.key is missing" in str(line["why"])
    assert not (own.data / "server.key").exists()
    assert certificate(own) == before
    away.rename(own.data / "server.key")
    assert reload(own)["event"] == "reloaded"
    assert certificate(own) == before


BROKEN = {
    "5,000 digits": "[connections]\ntotal = " + "9" * 5000,
    "deep nesting": "[listen]\nnames = " + "[" * 5000,
    "a name with a newline": '[listen]\nnames = ["localhost", "evil\\nexample"]',
    "a wrong type": "[connections]\ntotal = 'many'",
    "no TOML": "[connections]\ntotal =",
}


def test_configuration_that_ends_in_an_error(own: RunningServer) -> None:
    """L23: a reload keeps what was in force, a start is refused; both name the file and the line."""
    file = own.data / "parlour.toml"
    for how, text in BROKEN.items():
        file.write_text(text)
        line = reload(own)
        assert line["event"] == "reload_refused", how
        assert str(file) in str(line["why"]), how
        assert "line 2" in str(line["why"]), how
        assert certificate(own), how
        done = run(own, "--listen", "127.0.0.1:0")
        assert done.returncode == 1, how
        [said] = done.stderr.splitlines()
        assert said.startswith(f"parlour-server: {file}"), how
        assert "line 2" in said, how
    own.kill(signal.SIGTERM)
    assert "Traceback" not in own.log.read_text()


@pytest.mark.parametrize("key", ["server.key", "keylog.key"])
def test_start_without_a_key(own: RunningServer, key: str) -> None:
    """L21: a server whose key was lost does not start as another one."""
    own.kill()
    (own.data / key).unlink()
    done = run(own, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert f"{key} is missing" in done.stderr
    assert "backup" in done.stderr
    assert not (own.data / key).exists()


def test_operator_without_a_trace(own: RunningServer) -> None:
    """M7: what commands do is in the server's audit log, with who, what, whom and when; also later."""
    assert own.process is not None
    own.session("mallory", invite=own.code())
    own.command("user", "disable", "mallory")
    own.command("user", "enable", "mallory")
    own.command("user", "reset-password", "mallory")
    own.command("session", "end", "mallory", "--all")
    own.command("room", "create", "kitchen")
    own.command("backup", "create", str(own.data.parent / "backup.tar"))
    own.command("user", "list")  # reads, and is no action
    own.kill(signal.SIGTERM)
    own.command("room", "appoint", "lobby", "mallory")  # no one is there to log it
    own.start()
    end = time.monotonic() + PATIENCE
    while len(lines := [line for line in own.logged() if line.get("outcome") == "done"]) < 9:
        assert time.monotonic() < end, lines
        time.sleep(0.05)  # another process writes the log: there is no event to wait for
    assert [line["action"] for line in lines] == [
        "init",
        "invite create",
        "user disable",
        "user enable",
        "user reset-password",
        "session end",
        "room create",
        "backup create",
        "room appoint",
    ]
    assert {line["by"] for line in lines} == {pwd.getpwuid(os.getuid()).pw_name}
    assert {line.get("user") for line in lines[2:6]} == {"mallory"}
    assert all(line["audit"] and datetime.fromisoformat(line["at"]) for line in lines)
    assert "Traceback" not in own.log.read_text()


def test_second_server_on_one_folder(own: RunningServer) -> None:
    """L22: it is refused, and what commands are told of the first one stays true."""
    # a process of its own: two servers are, and the lock is between them
    done = commands.run_alone("parlour_server", "run", "--data", str(own.data), "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert f":{own.port}" in own.invite()
    own.command("doctor")
    own.command("backup", "create", str(own.data.parent / "backup.tar"))


def test_second_server_after_the_first_was_killed(own: RunningServer) -> None:
    """L22: SIGKILL leaves no lock behind, and no address that no one answers at."""
    own.kill()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        own.port = 0
        own.start()
    link = json.loads(own.command("invite", "create", "--json"))["link"]
    assert f":{own.port}" in link
    with own.wire(context=ssl.create_default_context(cafile=str(own.data / "ca.pem"))):
        pass
