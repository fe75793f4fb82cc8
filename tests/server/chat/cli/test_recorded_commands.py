"""Every command that changes something leaves a record of who did it (M7), by walking them all.

What a command needs is prepared once; each runs on a copy of its own.
"""

import asyncio
import hashlib
import json
import re
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from tests.server.capabilities.certificate_import.test_commands import key_of
from tests.server.chat.cli.test_commands import Capture, reported, run
from tests.server.host.setup.chains import TestCa

from parlour_protocol.kit.names import parse_user_name
from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.chat.name import NAME
from parlour_server.chat.program import CHAT
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.cli.command_line import CommandLine
from parlour_server.host.cli.command_options import action, data_option, folder_of, with_store
from parlour_server.host.setup.operator_record import DONE, FAILED, UNFINISHED, OperatorRecord

Words = tuple[str, ...]
DATA, ELSEWHERE = "<data>", "<elsewhere>"
RECEIVER = "https://hooks.example.org"

READS: dict[Words, Words] = {
    ("address", "list"): (DATA,),
    ("audit", "export"): (DATA,),
    ("audit", "head"): (DATA,),
    ("audit", "show"): (f"{ELSEWHERE}/log",),
    ("audit", "verify"): (DATA,),
    ("backup", "list"): (f"{ELSEWHERE}/backups",),
    ("backup", "verify"): (f"{ELSEWHERE}/backup.tar",),
    ("cert", "show"): (DATA,),
    ("disk", "show"): (DATA,),
    ("doctor",): (DATA,),
    ("invite", "list"): (DATA,),
    ("notice", "list"): (DATA,),
    ("oidc", "list"): (DATA,),
    ("ready",): (DATA,),
    ("receiver", "failed"): (DATA,),
    ("receiver", "list"): (DATA,),
    ("report", "list"): (DATA,),
    ("report", "show"): (DATA, "<report>"),
    ("room", "list"): (DATA,),
    ("room", "show"): (DATA, "kitchen"),
    ("session", "list"): (DATA, "anna"),
    ("systemd-unit",): (),
    ("user", "list"): (DATA,),
    ("user", "second-factor", "show"): (DATA, "anna"),
    ("user", "sessions"): (DATA, "anna"),
    ("webhook", "list"): (DATA,),
}
CHANGES: dict[Words, Words] = {
    ("address", "ban"): (DATA, "203.0.113.7"),
    ("address", "unban"): (DATA, "198.51.100.0/24"),
    ("backup", "create"): (DATA, f"{ELSEWHERE}/another.tar"),
    ("backup", "prune"): (DATA, "--keep", "1", "--yes", f"{ELSEWHERE}/backups"),
    ("backup", "restore"): ("--data", f"{ELSEWHERE}/new", f"{ELSEWHERE}/backup.tar"),
    ("cert", "import"): (DATA, "--chain", f"{ELSEWHERE}/chain.pem"),
    ("cert", "renew"): (DATA,),
    ("cert", "request"): (DATA,),
    ("disk", "prune"): (DATA,),
    ("disk", "vacuum"): (DATA,),
    ("drill-permit",): (DATA, "--output", f"{ELSEWHERE}/permit"),
    ("init",): (DATA, "--name", "other.example.org"),
    ("invite", "create"): (DATA,),
    ("invite", "revoke"): (DATA, "<invite>"),
    ("migrate",): (DATA,),
    ("new-incarnation",): (DATA,),
    ("notice", "send"): (DATA, "Down on Sunday"),
    ("notice", "withdraw"): (DATA, "<notice>"),
    ("oidc", "link"): (DATA, "anna", "248289761001"),
    ("oidc", "unlink"): (DATA, "bert"),
    ("receiver", "add"): (DATA, "lobby", f"{RECEIVER}/again"),
    ("receiver", "remove"): (DATA, "<receiver>"),
    ("receiver", "retry"): (DATA, "<receiver>"),
    ("report", "close"): (DATA, "<report>"),
    ("room", "appoint"): (DATA, "lobby", "anna"),
    ("room", "archive"): (DATA, "kitchen"),
    ("room", "create"): (DATA, "cellar"),
    ("room", "delete"): (DATA, "kitchen", "--yes"),
    ("room", "rename"): (DATA, "kitchen", "dining"),
    ("room", "retention"): (DATA, "kitchen", "--days", "30", "--yes"),
    ("room", "unarchive"): (DATA, "attic"),
    ("session", "end"): (DATA, "anna", "--all"),
    ("user", "create"): (DATA, "cora"),
    ("user", "delete"): (DATA, "anna", "--yes"),
    ("user", "disable"): (DATA, "anna"),
    ("user", "enable"): (DATA, "anna"),
    ("user", "export"): (DATA, "anna", "--output", f"{ELSEWHERE}/anna.tar"),
    ("user", "limits"): (DATA, "anna", "--set", "rates.messages_per_minute=20"),
    ("user", "reset-password"): (DATA, "anna"),
    ("user", "second-factor", "require"): (DATA, "anna"),
    ("user", "second-factor", "reset"): (DATA, "anna"),
    ("webhook", "create"): (DATA, "lobby"),
    ("webhook", "delete"): (DATA, "<webhook>"),
    ("webhook", "renew"): (DATA, "<webhook>"),
}
UNREACHABLE_CA = {("cert", "renew"), ("cert", "request")}
OTHER_TESTS = {
    ("import",),  # needs PostgreSQL: tests/server/capabilities/postgres/test_import.py
    # of no server's data folder: tests/server/chat/capabilities/key_log_witnesses/test_endpoints.py
    ("witness", "init"),
    ("witness", "run"),
    ("run",),  # changes nothing but with --migrate: tests/server/capabilities/readiness_check/test_ask.py
}


def every_command(group: click.Group, path: Words = ()) -> Iterator[Words]:
    """Yield the words of every command that is no group."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name)


@dataclass(frozen=True)
class Place:
    """A prepared data folder with things beside it."""

    folder: DataFolder
    elsewhere: Path
    ids: dict[str, str]

    def run(self, words: Words, arguments: Words) -> int:
        """Run a command; returns its status."""
        written: list[str] = []
        for one in arguments:
            written += ["--data", str(self.folder.path)] if one == DATA else [self._named(one)]
        return COMMAND_LINE.run([*words, *written])

    def recorded(self, words: Words) -> OperatorRecord:
        """Return the log that the command should be in."""
        folder = CHAT.folder(self.elsewhere / "new") if words == ("backup", "restore") else self.folder
        return OperatorRecord(folder.operator_record)

    def _named(self, argument: str) -> str:
        for name, found in self.ids.items():
            argument = argument.replace(name, found)
        return argument.replace(ELSEWHERE, str(self.elsewhere))

    def state(self) -> dict[str, str]:
        """Return what is there, besides the records and SQLite's own files: digests by name."""
        found = {}
        for file in self.elsewhere.parent.rglob("*"):
            if not file.is_file() or file.name.endswith(("-wal", "-shm")) or file.parent.name == "operator":
                continue
            if file == self.folder.database:
                with closing(sqlite3.connect(file)) as db:
                    content = "\n".join(db.iterdump()).encode()
            else:
                content = file.read_bytes()
            found[str(file)] = hashlib.sha256(content).hexdigest()
        return found


@pytest.fixture(scope="module")
def prepared(initialised: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Return a folder with everything that a command needs, and the ids of things in it."""
    top = tmp_path_factory.mktemp("prepared")
    folder, ids = CHAT.folder(top / "data"), {}
    shutil.copytree(initialised, folder.path)
    elsewhere = top / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    data = ("--data", str(folder.path))
    for words in (
        ("user", "create", *data, "anna"),
        ("user", "create", *data, "bert"),
        ("room", "create", *data, "kitchen"),
        ("room", "create", *data, "attic"),
        ("room", "archive", *data, "attic"),
        ("address", "ban", *data, "198.51.100.0/24"),
        ("backup", "create", *data, str(elsewhere / "backup.tar")),
        ("backup", "create", *data, str(elsewhere / "backups")),
        ("backup", "create", *data, str(elsewhere / "backups")),
    ):
        assert COMMAND_LINE.run(words) == 0
    ids["<report>"] = asyncio.run(reported(folder))
    (elsewhere / "log").write_text("")
    folder.settings.write_text(
        '[listen]\nnames = ["localhost", "chat.example.org"]\n'
        '[acme]\ndirectory = "https://127.0.0.1:1/"\nlisten = ["127.0.0.1:0"]\n'
        '[oidc]\nissuer = "https://login.example.org"\nclient_id = "parlour"\neveryone = "yes"\n'
        f'[receivers]\nservers = ["{RECEIVER}"]\n'
    )
    assert COMMAND_LINE.run(("oidc", "link", *data, "bert", "1")) == 0
    (elsewhere / "chain.pem").write_bytes(TestCa().chain(key_of(folder).public_key(), ("chat.example.org",)))
    shutil.rmtree(folder.operator_record)
    return top, ids


@pytest.fixture
def place(prepared: tuple[Path, dict[str, str]], tmp_path: Path, capsys: Capture) -> Place:
    """Return a copy of the prepared folder."""
    top, ids = prepared
    shutil.copytree(top / "data", tmp_path / "top" / "data")
    shutil.copytree(top / "elsewhere", tmp_path / "top" / "elsewhere")
    for one in ("top", "top/data", "top/elsewhere"):
        (tmp_path / one).chmod(0o700)
    made = Place(CHAT.folder(tmp_path / "top" / "data"), tmp_path / "top" / "elsewhere", dict(ids))
    data = ("--data", str(made.folder.path))
    run(capsys, "invite", "create", *data)
    made.ids["<invite>"] = run(capsys, "invite", "list", *data).split()[0]
    run(capsys, "notice", "send", *data, "Down on Monday")
    made.ids["<notice>"] = run(capsys, "notice", "list", *data).split()[0]
    for kind, more in (("receiver", [RECEIVER]), ("webhook", ["--name", "builds"])):
        run(capsys, kind, "add" if kind == "receiver" else "create", *data, "lobby", *more)
        made.ids[f"<{kind}>"] = run(capsys, kind, "list", *data).split()[0]
    shutil.rmtree(made.folder.operator_record)
    return made


def test_every_command_is_here() -> None:
    """A new command has to say what it is, and what it needs to run."""
    assert set(every_command(COMMAND_LINE.group)) == {*READS, *CHANGES, *OTHER_TESTS}


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_a_command_without_a_record_changes_nothing(words: Words, place: Place) -> None:
    """Whatever its status is."""
    before = place.state()
    place.run(words, READS[words])
    assert place.state() == before
    assert place.recorded(words).waiting() == []


@pytest.mark.parametrize("words", CHANGES, ids=" ".join)
def test_a_command_that_changes_something_is_recorded(words: Words, place: Place, capsys: Capture) -> None:
    """Once, with how it ended; with --json it prints one line of JSON."""
    as_json = () if words == ("drill-permit",) else ("--json",)
    status = place.run(words, (*CHANGES[words], *as_json))
    if as_json:
        [line] = capsys.readouterr().out.splitlines()
        assert isinstance(json.loads(line), dict)
    [record] = place.recorded(words).waiting()
    assert record["action"] == " ".join(words)
    assert (record["outcome"], status) == ((FAILED, 1) if words in UNREACHABLE_CA else (DONE, 0)), record
    assert record["by"]
    assert record["host"]


@pytest.mark.parametrize("words", sorted({*CHANGES} - {("backup", "restore")}), ids=" ".join)
def test_a_command_that_cannot_be_recorded_changes_nothing(
    words: Words, place: Place, capsys: Capture
) -> None:
    """The place of the records is taken; a full disk is in tests/e2e/test_full_disk.py."""
    place.folder.operator_record.write_text("")
    before = place.state()
    assert place.run(words, CHANGES[words]) == 1
    assert place.state() == before
    assert re.search(r"the audit log can't be written: .*; nothing was changed", capsys.readouterr().err)


def test_a_command_without_a_record_cannot_write_to_the_store(place: Place, capsys: Capture) -> None:
    """A new one that forgets to say what it does is refused by the database itself."""

    @click.command()
    @data_option
    def quiet(data: Path) -> None:
        name = parse_user_name("anna")
        with_store(data, lambda store: store.accounts.set_disabled(ByOperator(name), disabled=True), did=None)

    before = place.state()
    line = CommandLine(NAME, lambda: CHAT, about="", example="", commands=(quiet,))
    assert line.run(["quiet", "--data", str(place.folder.path)]) == 1
    assert "readonly" in capsys.readouterr().err
    assert place.state() == before


def test_an_end_that_is_not_recorded_has_a_status_of_its_own(place: Place, capsys: Capture) -> None:
    """The sentence says how it ended."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    @click.command()
    @data_option
    def last(data: Path) -> None:
        with action(folder_of(data), "last"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))

    line = CommandLine(NAME, lambda: CHAT, about="", example="", commands=(last,))
    try:
        status = line.run(["last", "--data", str(place.folder.path)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert status == 3
    sentence = "last: done, but the audit log will say that it did not finish"
    assert sentence in capsys.readouterr().err
    assert [one["outcome"] for one in place.recorded(("last",)).waiting()] == [UNFINISHED]
