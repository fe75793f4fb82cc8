"""`user delete` and `user export`: what they ask, print and write, and who is said to have run them."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.server.chat.cli.test_commands import Capture, fail, run
from tests.server.chat.cli.test_people_commands import acts

from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.program import ChatApp
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.store.table_facts import AccountRows
from parlour_server.host.cli.command_line import CommandLine


def test_an_account_is_deleted_only_when_asked_twice(folder: DataFolder, capsys: Capture) -> None:
    """What stays is said before and after; without a terminal `--yes` is needed; again, it goes on."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    status, sentence = fail(capsys, "user", "delete", *data, "anna")
    assert (status, "add --yes" in sentence, "What stays:" in sentence) == (2, True, True)
    done = json.loads(run(capsys, "user", "delete", *data, "anna", "--messages", "remove", "--yes", "--json"))
    assert (done["user"], done["rooms_left"], done["still_listed_in"]) == ("anna", 1, [])
    assert any("name stays taken" in one for one in done["stays"])
    assert json.loads(run(capsys, "user", "list", *data, "--json")) == []
    listed = json.loads(run(capsys, "user", "list", *data, "--deleted", "--json"))
    assert ([one["user"] for one in listed], done["author"]) == (["anna"], "anna"), "they wrote nothing"
    assert any("within a minute" in one for one in done["stays"])
    for command in (("enable",), ("reset-password",), ("limits",)):
        assert "was deleted" in fail(capsys, "user", *command, *data, "anna")[1]
    assert "taken" in fail(capsys, "user", "create", *data, "anna")[1]
    assert "reserved" in fail(capsys, "user", "create", *data, "deleted-anna")[1]
    assert "anna is deleted" in run(capsys, "user", "delete", *data, "anna", "--yes")
    assert "no such account" in fail(capsys, "user", "delete", *data, "house", "--yes")[1]
    [first, _] = (one for one in acts(folder) if one["action"] == "user delete")
    assert (first["user"], first["messages"], bool(first["by"])) == ("anna", "remove", True)


def test_an_export_is_private_and_replaces_nothing(
    folder: DataFolder, capsys: Capture, tmp_path: Path
) -> None:
    """It is recorded; what fails leaves no file."""
    data, output = ("--data", str(folder.path)), tmp_path / "anna.tar"
    assert fail(capsys, "user", "export", *data, "anna", "--output", str(output))[0] == 1
    assert list(tmp_path.glob("*anna*")) == []
    run(capsys, "user", "create", *data, "anna")
    done = json.loads(run(capsys, "user", "export", *data, "anna", "--output", str(output), "--json"))
    assert (done["bytes"], output.stat().st_mode & 0o777) == (output.stat().st_size, 0o600)
    nowhere = tmp_path / "link.tar"
    nowhere.symlink_to(tmp_path / "not there")
    for taken in (output, nowhere):
        sentence = fail(capsys, "user", "export", *data, "anna", "--output", str(taken))[1]
        assert f"{taken} exists; choose another name" in sentence
    assert [one["file"] for one in acts(folder) if one["action"] == "user export"] == ["anna.tar"]


def test_an_export_replaces_no_file_that_appeared_meanwhile(
    folder: DataFolder, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the command has looked, and before it is done."""
    data, output, exists = ("--data", str(folder.path)), tmp_path / "anna.tar", Path.exists
    run(capsys, "user", "create", *data, "anna")
    output.write_bytes(b"of someone else")
    monkeypatch.setattr(Path, "exists", lambda path, **given: path != output and exists(path, **given))
    assert fail(capsys, "user", "export", *data, "anna", "--output", str(output))[0] == 1
    assert output.read_bytes() == b"of someone else"


def test_a_deletion_that_is_interrupted_is_recorded(
    folder: DataFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M7: the account may be closed by then, for good."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    inner = Accounts.close

    async def interrupted(
        self: Accounts, by: ByOperator, password_hash: str, others: Iterable[AccountRows]
    ) -> int:
        await inner(self, by, password_hash, others)
        raise KeyboardInterrupt

    monkeypatch.setattr(Accounts, "close", interrupted)
    assert fail(capsys, "user", "delete", *data, "anna", "--yes")[0] == 130
    [done] = (one for one in acts(folder) if one["action"] == "user delete")
    assert (done["user"], done["outcome"]) == ("anna", "interrupted, and perhaps done")


def test_without_what_knows_the_programs_part_nothing_is_deleted_or_exported(
    folder: DataFolder, tmp_path: Path, capsys: Capture
) -> None:
    """Half of a deletion would look like one. The account stays, and the sentence says what closes it."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    bare = ChatApp(own=())
    line = CommandLine(bare.name, lambda: bare, about="", example="", capabilities=CAPABILITIES)
    for words in (
        ("delete", *data, "anna", "--yes"),
        ("export", *data, "anna", "--output", str(tmp_path / "a")),
    ):
        assert line.run(["user", *words]) == 1
        assert "`parlour-server user disable` closes an account" in capsys.readouterr().err
    (account,) = json.loads(run(capsys, "user", "list", *data, "--json"))
    assert (account["user"], account["disabled"], account["role"]) == ("anna", False, "member")
    assert not (tmp_path / "a").exists()
