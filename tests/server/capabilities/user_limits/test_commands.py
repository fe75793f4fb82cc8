"""`user limits`: what it changes, what it refuses, and that limits go with their account."""

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

from tests.server.chat.cli.test_commands import Capture, fail, run
from tests.server.chat.cli.test_people_commands import acts

from parlour_server.core.data_folder import DataFolder


def test_an_account_has_limits_of_its_own(folder: DataFolder, capsys: Capture) -> None:
    """What is no limit of accounts, or too small, changes nothing; the audit log says who set what."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    given = ("--set", "rates.messages_per_minute=20", "--set", "files.user_bytes=1_000")
    made = json.loads(run(capsys, "user", "limits", *data, "anna", *given, "--json"))
    assert made["limits"]["rates.messages_per_minute"] == {"limit": 20, "everyone": 600, "own": True}
    assert "20 (everyone: 600)" in run(capsys, "user", "limits", *data, "anna")
    for wrong in ("listen.address=1", "rates.message_bytes_per_minute=5", "files.user_bytes=-1", "rates"):
        assert fail(capsys, "user", "limits", *data, "anna", "--set", wrong)[0] == 2
    twice = ("--set", "files.user_bytes=1000", "--reset", "files.user_bytes")
    assert "is there twice" in fail(capsys, "user", "limits", *data, "anna", *twice)[1]
    reset = ("--reset", "files.user_bytes", "--json")
    left = json.loads(run(capsys, "user", "limits", *data, "anna", *reset))["limits"]
    assert [name for name, one in left.items() if one["own"]] == ["rates.messages_per_minute"]
    assert fail(capsys, "user", "limits", *data, "bert", *reset)[0] == 1
    first, second = (one for one in acts(folder) if one["action"] == "user limits")
    assert (first["user"], first["rates_messages_per_minute"]) == ("anna", "20")
    assert second["files_user_bytes"] == "reset"


def test_limits_are_exported_and_deleted_with_their_account(
    folder: DataFolder, capsys: Capture, tmp_path: Path
) -> None:
    """Those of others stay."""
    data, output = ("--data", str(folder.path)), tmp_path / "anna.tar"
    for name in ("anna", "bert"):
        run(capsys, "user", "create", *data, name)
        run(capsys, "user", "limits", *data, name, "--set", "connections.per_user=2")
    run(capsys, "user", "export", *data, "anna", "--output", str(output))
    with tarfile.open(output) as tar:
        about = tar.extractfile("account.json")
        assert about is not None
        assert json.load(about)["limits"] == {"connections.per_user": 2}
    run(capsys, "user", "delete", *data, "anna", "--yes")
    with closing(sqlite3.connect(folder.database)) as db:
        assert db.execute("SELECT account FROM account_limits").fetchall() == [("bert",)]
