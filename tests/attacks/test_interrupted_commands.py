"""A command that is ended in the middle, as by a lost connection, is in the audit log (M7)."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.attacks.raw import RunningServer
from tests.e2e.processes import DEADLINE

from parlour_server.host.setup.operator_record import INTERRUPTED, RUNNING, UNFINISHED, OperatorRecord

ENDS = [
    (signal.SIGTERM, 128 + signal.SIGTERM, INTERRUPTED),
    (signal.SIGHUP, 128 + signal.SIGHUP, INTERRUPTED),
    (signal.SIGINT, 130, INTERRUPTED),
    (signal.SIGKILL, -signal.SIGKILL, UNFINISHED),
]


def ended(server: RunningServer, number: signal.Signals, *words: str) -> int:
    """Start a command while something holds the database, end it once it has begun; returns its status."""
    with closing(sqlite3.connect(server.data / "parlour.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        command = [sys.executable, "-m", "parlour_server", *words, "--data", str(server.data)]
        # A child inherits what is ignored here, as where the tests run with `nohup` or in the background.
        handlers = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGHUP, signal.SIGINT)}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        for one, handler in handlers.items():
            signal.signal(one, handler)
        wait_for_beginning(OperatorRecord(server.data / "operator"), process)
        process.send_signal(number)
        status = process.wait(DEADLINE)
        db.execute("ROLLBACK")
    return status


def wait_for_beginning(log: OperatorRecord, process: "subprocess.Popen[bytes]") -> None:
    """Wait until an action that runs is on the disk."""
    deadline = time.monotonic() + DEADLINE
    while all(one["outcome"] != RUNNING for one in log.waiting()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)  # another process writes it: there is no event to wait for


def wait_for_an_empty_folder(folder: Path) -> None:
    """Wait until nothing is left to move: a file is removed once its record is on the disk."""
    deadline = time.monotonic() + DEADLINE
    while left := list(folder.iterdir()):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)  # the server removes it, and tells no one


def recorded(server: RunningServer, action: str) -> dict[str, str]:
    """Wait for the action's record in the chain."""
    deadline = time.monotonic() + DEADLINE
    while True:
        lines = map(json.loads, server.command("audit", "export").splitlines())
        found = [one for one in lines if one.get("action") == action and one["outcome"] != RUNNING]
        if found:
            [record] = found
            return dict(record)
        assert time.monotonic() < deadline
        time.sleep(0.05)  # another process writes it: there is no event to wait for


@pytest.mark.parametrize(("number", "status", "outcome"), ENDS)
def test_a_command_that_is_ended_is_in_the_audit_log(
    own: RunningServer, number: signal.Signals, status: int, outcome: str
) -> None:
    """With who ran it and on what; nothing was changed, because another process had the database."""
    own.session("mallory", invite=own.code())
    assert ended(own, number, "user", "disable", "mallory") == status
    record = recorded(own, "user disable")
    assert (record["outcome"], record["user"]) == (outcome, "mallory")
    assert record["by"]
    assert record["host"]
    assert json.loads(own.command("user", "list", "--json"))[0]["disabled"] is False
    wait_for_an_empty_folder(own.data / "operator")


@pytest.mark.parametrize(
    "words",
    [
        ("disk", "vacuum"),
        ("migrate",),
        ("new-incarnation",),
        ("address", "ban", "203.0.113.7"),
        ("room", "create", "kitchen"),
    ],
    ids=" ".join,
)
def test_without_a_server_doctor_says_what_did_not_finish(own: RunningServer, words: tuple[str, ...]) -> None:
    """Until the server starts and takes it into its audit log."""
    own.kill()
    assert ended(own, signal.SIGKILL, *words) == -signal.SIGKILL
    action = " ".join(words[:2])
    found = json.loads(own.command("doctor", "--json"))["findings"]
    [advice] = [one for one in found if one["about"] == "commands"]
    assert f"`parlour-server {action}` by" in advice["text"]
    assert "did not finish" in advice["text"]
    own.start()
    assert recorded(own, action)["outcome"] == UNFINISHED
