# ruff: noqa: S603, S607 - our own programs, and mount of the system
"""A disk that is full to the last byte when the server starts: people read, and it heals."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.raw import RunningServer
from tests.e2e.processes import DEADLINE

from parlour_lab.wire import request


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a file system of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip(
            "NOT TESTED here: a start on a full disk, because this user may mount none"
            " (tests/server/kit/setup/test_disk_reserve.py runs it with injected failures)"
        )
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take the last byte of the disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as out:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    out.write(os.urandom(size))
            except OSError:
                continue
    assert os.statvfs(folder).f_bavail == 0
    return filler


def said(server: RunningServer, session: str, number: int) -> tuple[str, str]:
    """Try to say something; returns the type of the answer, and its code."""
    with server.chatting(session) as (wire, room):
        wire.send(request("send", number, room=room, text="tick"))
        answer = wire.told(f"probe-{number:010}")
        wire.send(request("history", number + 1, room=room))
        assert wire.told(f"probe-{number + 1:010}")["result"]["events"]
    return answer["type"], answer.get("code", "")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_start_on_a_full_disk(tmp_path: Path, small_disk: Path, end: signal.Signals) -> None:
    """Whether the server stopped well before or not; with room again it writes, without a restart."""
    server = RunningServer(tmp_path)
    server.data = small_disk / "server"
    server.begin()
    session = server.session("ada", invite=server.code())
    assert said(server, session, 1) == ("ok", "")
    server.kill(end)
    filler = fill(small_disk)
    server.start()
    try:
        number = 10
        while said(server, session, number) != ("error", "unavailable"):  # what the reserve had left over
            number += 10
            assert number < 2000
            fill(small_disk)
        listed = server.api("GET", "/v1/sessions", headers={"Authorization": f"Bearer {session}"})
        assert listed.status == 200
        filler.unlink()
        assert said(server, session, number + 10) == ("ok", "")
        events = {line["event"] for line in server.logged()}
        assert "disk_full" in events
        assert "fault" not in events
    finally:
        server.stop()
    server.start()  # and the reserve is there again for the next time
    deadline = time.monotonic() + DEADLINE
    while not (server.data / "reserve").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # another process writes it: there is no event to wait for
    server.stop()
