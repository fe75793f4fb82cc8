# ruff: noqa: S603 - our own programs
"""The shipped systemd unit runs the server: nothing that it calls is refused, and a refusal ends nothing."""

import json
import re
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.attacks.raw import RunningServer
from tests.deploy import confined

from parlour_lab.wire import request

UNIT = confined.UNIT.read_text("utf-8")
needs_libseccomp = pytest.mark.skipif(
    not sys.platform.startswith("linux") or confined.library() is None,
    reason="NOT TESTED: the system call filter of the systemd unit, because libseccomp is missing"
    " (Debian: apt install libseccomp2)",
)


def launcher(how: str) -> list[str]:
    """Return what runs a program under the unit's filter."""
    return [sys.executable, confined.__file__, how]


def upload(server: RunningServer, session: str, room: str, data: bytes) -> int:
    """Upload a file and return the status."""
    with server.wire() as wire:
        wire.send(
            f"POST /v1/rooms/{room}/files HTTP/1.1\r\nhost: localhost:{server.port}\r\n"
            f"authorization: Bearer {session}\r\ncontent-type: application/octet-stream\r\n"
            f"content-length: {len(data)}\r\n\r\n".encode()
            + data
        )
        return wire.answer().status


def niceness(pid: int) -> set[int]:
    """Return the nice values of the process's threads."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return {int(stat.rpartition(")")[2].split()[16]) for stat in stats}


@pytest.mark.long
@needs_libseccomp
@pytest.mark.parametrize("loop", ["auto", "asyncio"])
def test_no_call_that_the_server_makes_is_refused(tmp_path: Path, loop: str) -> None:
    """Login, chat, upload, backup, reload and stop, under a filter whose every refusal ends the process."""
    server = RunningServer(tmp_path)
    server.launcher = confining = launcher("deadly")
    server.arguments = ["--loop", loop]
    server.begin()
    session = server.session("ada", invite=server.code())
    with server.chatting(session) as (wire, room):
        wire.send(request("send", 1, room=room, text="hello"))
        assert wire.told("probe-0000000001")["type"] == "ok"
        assert upload(server, session, room, secrets.token_bytes(100_000)) == 201
        backup = [sys.executable, "-m", "parlour_server", "backup", "create", str(tmp_path / "all.tar")]
        subprocess.run([*confining, *backup, "--data", str(server.data)], check=True, timeout=60)
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        wire.send(request("send", 2, room=room, text="still here"))
        assert wire.told("probe-0000000002")["type"] == "ok"
    assert niceness(server.pid) == {0, 10}  # setpriority is allowed: hashing goes behind the event loop
    server.stop()
    assert server.process.returncode == 0
    events = [json.loads(line)["event"] for line in server.log.read_text().splitlines()]
    assert {"ready", "reloaded", "server_stopped"} <= set(events)
    assert not {"fault", "reload_refused"} & set(events)


@needs_libseccomp
def test_a_refused_call_is_an_error_and_ends_nothing() -> None:
    """A call that the filter does not know must not kill a server in the middle of a chat."""
    probe = (
        "import os, socket\n"
        "for call in (lambda: os.sched_setaffinity(0, {0}), lambda: socket.socket(socket.AF_UNIX)):\n"
        "    try:\n        call()\n        print('allowed')\n"
        "    except OSError as error:\n        print(error.strerror)\n"
    )
    done = subprocess.run(
        [*launcher("as-written"), sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    refused = ["Operation not permitted", "Address family not supported by protocol"]
    assert done.stdout.splitlines() == refused
    dead = subprocess.run(
        [*launcher("deadly"), sys.executable, "-c", probe], capture_output=True, check=False
    )
    assert dead.returncode == -signal.SIGSYS


def test_the_unit_never_gives_up() -> None:
    """A disk that is full for an hour must not leave the unit dead when there is room again."""
    assert confined.directives(UNIT, "Restart") == ["on-failure"]
    assert confined.directives(UNIT, "StartLimitIntervalSec") == ["0"]
    assert confined.directives(UNIT, "RestartSec") == ["5"]
    unit, _, service = UNIT.partition("[Service]")
    assert "StartLimitIntervalSec" in unit  # systemd reads it in this section alone
    assert "RestartSec" in service


def systemd(program: str) -> str:
    """Return a program of systemd, or skip the test."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"NOT TESTED: {program}, which is not installed")
    return path


@pytest.mark.parametrize(
    "name", ["parlour-server.service", "cluster/parlour-server@.service", "parlour-backup.service"]
)
def test_systemd_understands_the_unit_and_finds_it_confined(tmp_path: Path, name: str) -> None:
    """No directive is misspelt, and what `systemd-analyze security` counts stays below 2 of 10."""
    analyze, unit = systemd("systemd-analyze"), tmp_path / Path(name).name
    text = (confined.UNIT.parent / name).read_text("utf-8")
    unit.write_text(text.replace("/usr/local/bin/parlour-server", "/bin/true"))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert unit.name not in done.stderr
    security = [analyze, "security", "--offline=true", "--threshold=20", unit]
    subprocess.run(security, check=True, capture_output=True)


def test_systemd_makes_the_user_and_its_folder(tmp_path: Path) -> None:
    """As the README of deploy/ installs them; `init` then finds a folder of its own."""
    folder = confined.UNIT.parent
    for kind in ("sysusers", "tmpfiles"):
        installed = tmp_path / f"etc/{kind}.d/parlour.conf"
        installed.parent.mkdir(parents=True)
        shutil.copy(folder / f"{kind}.conf", installed)
        assert f"/{installed.relative_to(tmp_path)}" in (folder / f"{kind}.conf").read_text("utf-8")
    subprocess.run([systemd("systemd-sysusers"), f"--root={tmp_path}"], check=True, capture_output=True)
    tmpfiles = [systemd("systemd-tmpfiles"), f"--root={tmp_path}", "--create", "parlour.conf"]
    subprocess.run(tmpfiles, check=True, capture_output=True)
    found = re.search(
        r"^parlour:x:(\d+):(\d+):[^:]*:(/[^:]*):", (tmp_path / "etc/passwd").read_text(), re.MULTILINE
    )
    assert found is not None
    status = (tmp_path / found[3][1:]).stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (int(found[1]), int(found[2]), 0o700)
    assert confined.directives(UNIT, "User") == ["parlour"]
    assert f"--data {found[3]} " in confined.directives(UNIT, "ExecStart")[0]
