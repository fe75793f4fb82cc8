# ruff: noqa: S603, S607 - our own programs, and mount of the system
"""A disk that is full to the last byte: people read, and it heals; the operator's commands change nothing."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.attacks.raw import RunningServer
from tests.e2e.commands import run_here
from tests.e2e.processes import DEADLINE
from tests.server.capabilities.certificate_import.test_commands import key_of
from tests.server.host.setup.chains import TestCa

from parlour_lab.wire import request
from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.operator_record import DONE, OperatorRecord


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
            " (tests/server/host/setup/test_disk_reserve.py runs it with injected failures)"
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


@pytest.mark.parametrize(
    "words",
    [
        ("user", "create", "ben"),
        ("address", "ban", "203.0.113.7"),
        ("backup", "create", "{elsewhere}/backup.tar"),
        ("cert", "import", "--chain", "{elsewhere}/chain.pem"),
        ("disk", "prune"),
        ("disk", "vacuum"),
        ("migrate",),
        ("new-incarnation",),
    ],
    ids=" ".join,
)
def test_a_command_on_a_full_disk_changes_nothing(
    tmp_path: Path, small_disk: Path, words: tuple[str, ...]
) -> None:
    """M7: what could not be recorded is not done, and says so; with room again it is done, and recorded."""
    folder, elsewhere = CHAT.folder(small_disk / "server"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    data = ("--data", str(folder.path))
    assert run_here("parlour_server", "init", *data, "--name", "chat.example.org").returncode == 0
    chain = TestCa().chain(key_of(folder).public_key(), ("chat.example.org",))
    (elsewhere / "chain.pem").write_bytes(chain)
    command = [word.format(elsewhere=elsewhere) for word in words]
    before = _content(folder, elsewhere)
    filler = fill(small_disk)
    done = run_here("parlour_server", *command, *data)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the audit log can't be written" in done.stderr
    assert "No space left on device; nothing was changed: make room" in done.stderr
    filler.unlink()
    assert _content(folder, elsewhere) == before
    again = run_here("parlour_server", *command, *data)
    assert again.returncode == 0, again.stderr
    _, record = OperatorRecord(folder.operator_record).waiting()
    assert (record["action"], record["outcome"]) == (" ".join(words[: 2 if words[1:] else 1]), DONE)


def test_a_server_whose_audit_log_is_full_loses_no_command(tmp_path: Path, small_disk: Path) -> None:
    """M7: the record waits where the command left it, until the chain has it; others count as missing."""
    server = RunningServer(tmp_path)
    server.begin()
    server.session("ada", invite=server.code())
    server.stop()
    (server.data / "audit").rename(server.data / "audit-before")
    (server.data / "audit").symlink_to(small_disk)
    server.start()
    try:
        filler, log = fill(small_disk), OperatorRecord(server.data / "operator")
        count = 0
        while not any(line["event"] == "audit_unwritable" for line in server.logged()):
            server.command("user", "disable", "ada")  # until the last page of the file is full
            count += 1
            assert count < 100
        deadline = time.monotonic() + DEADLINE
        server.command("user", "disable", "ada")
        count += 1
        assert {(one["action"], one["outcome"]) for one in log.waiting()} == {("user disable", DONE)}
        filler.unlink()
        while log.waiting():
            assert time.monotonic() < deadline
            time.sleep(0.05)  # another process reads it: there is no event to wait for
        records = [json.loads(line) for line in server.command("audit", "export").splitlines()]
        done = [one for one in records if one.get("action") == "user disable"]
        assert [one["outcome"] for one in done] == [DONE] * count
        assert len({one["run"] for one in done}) == count
    finally:
        server.stop()


def _content(folder: DataFolder, elsewhere: Path) -> dict[str, bytes]:
    """Return what a command could change: files, and what is in the database."""
    files = [*folder.files, *elsewhere.iterdir()]
    found = {str(file): file.read_bytes() for file in files if file.exists()}
    with closing(sqlite3.connect(folder.database)) as db:
        found["database"] = "\n".join(db.iterdump()).encode()
    return found


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
