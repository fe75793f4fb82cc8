"""The commands of `parlour-server`, each in this process: what they print, and how they fail."""

import asyncio
import ctypes
import hashlib
import io
import json
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from tests.e2e import commands
from tests.server.core.store.world import KitWorld
from tests.server.fakes import StoppedClock, by_login

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.ids import new_file_id
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.reports import ReportReason
from parlour_server.app.short_ids import new_short_id
from parlour_server.capabilities.audit_chain.files import AuditFile
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.capabilities.message_reports.queue import Reports
from parlour_server.chat.capabilities.message_reports.records import NewReport
from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.chat.program import CHAT
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.types import AppendEvent
from parlour_server.chat.system_account import lobby, system_device
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.signatures import SigningKey
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.open_store import opened
from parlour_server.host.setup.operator_record import DONE, OperatorRecord

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str) -> str:
    """Run a command that must succeed; return what it printed."""
    status = COMMAND_LINE.run(arguments)
    out, err = capsys.readouterr()
    assert status == 0, err
    return out


def fail(capsys: Capture, *arguments: str) -> tuple[int, str]:
    """Run a command that must fail, in one sentence without a traceback."""
    status = COMMAND_LINE.run(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert status != 0
    return status, err


def acts(folder: DataFolder) -> list[str]:
    """Return the operator's actions that were done, oldest first."""
    return [
        one["action"] for one in OperatorRecord(folder.operator_record).waiting() if one["outcome"] == DONE
    ]


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


@pytest.mark.parametrize("words", [(), *every_command(COMMAND_LINE.group)], ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...], capsys: Capture) -> None:
    """`--help` says what it does; every command that is no group gives an example."""
    text = run(capsys, *words, "--help")
    assert "Usage: parlour-server" in text
    if "COMMAND" not in text or not words:
        assert "Example" in text
        assert "parlour-server" in text.partition("Example")[2]


def test_help_loads_nothing_heavy() -> None:
    """`parlour-server --help` is quick because the libraries are loaded by the commands that need them."""
    code = (
        "import sys; from parlour_server.chat.cli.command_line import COMMAND_LINE;"
        "COMMAND_LINE.run(['--help']);"
        "print([m for m in ('sqlalchemy','alembic','starlette','h11','cryptography','argon2',"
        "'websockets',"
        "'msgspec') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    assert done.stderr.strip() == "[]"


def test_init_is_idempotent_and_private(tmp_path: Path, capsys: Capture) -> None:
    """O2: a new folder is 0700, and a second run changes nothing."""
    data = tmp_path / "data"
    first = json.loads(run(capsys, "init", "--data", str(data), "--json"))
    second = json.loads(run(capsys, "init", "--data", str(data), "--json"))
    assert data.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in data.iterdir() if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in data.iterdir() if path.is_dir()} == {0o700}
    assert first["names"] == ["localhost", "127.0.0.1", "::1"]
    assert second["new"] == []
    assert second["pin"] == first["pin"]


def test_the_next_command_can_be_pasted(tmp_path: Path, capsys: Capture) -> None:
    """Also where the folder's name has a space in it."""
    data = tmp_path / "a chat"
    printed = run(capsys, "init", "--data", str(data))
    assert printed.splitlines()[-1] == f"next:  parlour-server run --data '{data}'"


def test_init_refuses_a_folder_that_others_can_read(tmp_path: Path, capsys: Capture) -> None:
    """O2: the sentence has the command that mends it."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    status, sentence = fail(capsys, "init", "--data", str(data))
    assert status == 1
    assert f"chmod 700 {data}" in sentence


def test_a_public_key_file_is_refused_by_run(folder: DataFolder, capsys: Capture) -> None:
    """O2: `chmod 644 server.key` keeps the server from starting."""
    folder.key.chmod(0o644)
    status, sentence = fail(capsys, "run", "--data", str(folder.path), "--listen", "127.0.0.1:0")
    assert status == 1
    assert f"chmod 600 {folder.key}" in sentence


def test_an_invite_link_is_complete(folder: DataFolder, capsys: Capture) -> None:
    """Address, code and pin; only the digest of the code is stored."""
    arguments = (
        "--data",
        str(folder.path),
        "--uses",
        "3",
        "--days",
        "1",
        "--address",
        "chat.example.org:9",
        "--json",
    )
    found = json.loads(run(capsys, "invite", "create", *arguments))
    link = ChatInviteLink.parse(found["link"])
    assert link.link.address.authority == "chat.example.org:9"
    assert link.link.pin == json.loads(run(capsys, "init", "--data", str(folder.path), "--json"))["pin"]
    listed = json.loads(run(capsys, "invite", "list", "--data", str(folder.path), "--json"))
    assert [one["uses"] for one in listed] == [3]
    data = b"".join(path.read_bytes() for path in folder.path.glob("parlour.db*"))
    assert link.link.code.reveal().encode() not in data


def test_an_invite_link_names_who_invites(folder: DataFolder, capsys: Capture) -> None:
    """K20: only if the operator says so; what is damaged makes no invite."""
    data, by = ("--data", str(folder.path)), f"ada.{PublicKey(bytes(32)).text}"
    assert ChatInviteLink.parse(run(capsys, "invite", "create", *data)).by is None
    assert str(ChatInviteLink.parse(run(capsys, "invite", "create", *data, "--by", by)).by) == by
    status, sentence = fail(capsys, "invite", "create", *data, "--by", by[:-1])
    assert (status, "part of the link is damaged" in sentence) == (1, True)
    assert len(json.loads(run(capsys, "invite", "list", *data, "--json"))) == 2


@pytest.mark.parametrize("by", ["id", "link"])
def test_an_invite_is_revoked(folder: DataFolder, capsys: Capture, by: str) -> None:
    """By the id of the list or by the link itself."""
    data = ("--data", str(folder.path))
    link = json.loads(run(capsys, "invite", "create", *data, "--json"))["link"]
    which = link if by == "link" else json.loads(run(capsys, "invite", "list", *data, "--json"))[0]["id"]
    run(capsys, "invite", "revoke", *data, which)
    assert json.loads(run(capsys, "invite", "list", *data, "--json")) == []
    assert fail(capsys, "invite", "revoke", *data, which)[0] == 1


def test_default_accounts_do_not_exist(folder: DataFolder, capsys: Capture) -> None:
    """P8: a fresh server has no account."""
    assert json.loads(run(capsys, "user", "list", "--data", str(folder.path), "--json")) == []


def test_an_account_by_the_operator(
    folder: DataFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: made on the machine itself, its random password is printed once; then disabled, enabled, reset."""
    data = ("--data", str(folder.path))
    password = run(capsys, "user", "create", *data, "anna").strip()
    assert len(password) == 43
    assert run(capsys, "user", "reset-password", *data, "anna").strip() != password
    assert "disabled" in run(capsys, "user", "disable", *data, "anna")
    assert json.loads(run(capsys, "user", "list", *data, "--json"))[0]["disabled"] is True
    assert "enabled" in run(capsys, "user", "enable", *data, "anna")
    assert json.loads(run(capsys, "user", "sessions", *data, "anna", "--json")) == []
    assert "lobby  2 members  " in run(capsys, "room", "list", *data)
    run(capsys, "room", "appoint", *data, "lobby", "anna", "--role", "moderator")
    assert "no such account" in fail(capsys, "session", "list", *data, "bert")[1]
    assert "no such account" in fail(capsys, "user", "enable", *data, "house")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert "too short" in fail(capsys, "user", "create", *data, "bert", "--password-stdin")[1]


def test_a_second_factor_by_the_operator(folder: DataFolder, capsys: Capture) -> None:
    """P27, P29: required of an account, shown, reset; each change is recorded with its account."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    assert "not required" in run(capsys, "user", "second-factor", "show", *data, "anna")
    assert "anna must have" in run(capsys, "user", "second-factor", "require", *data, "anna")
    [shown] = json.loads(run(capsys, "user", "second-factor", "show", *data, "anna", "--json"))
    assert shown == {"required": True, "recovery_codes": 0, "factors": []}
    assert "need not" in run(capsys, "user", "second-factor", "require", *data, "anna", "--undo")
    assert "0 removed" in run(capsys, "user", "second-factor", "reset", *data, "anna")
    assert "no such account" in fail(capsys, "user", "second-factor", "reset", *data, "bert")[1]
    recorded = acts(folder)
    assert "user second-factor require" in recorded
    assert "user second-factor reset" in recorded


def test_a_room_by_the_operator(folder: DataFolder, capsys: Capture) -> None:
    """It is listed; a second one that looks like it is refused."""
    data = ("--data", str(folder.path))
    run(capsys, "room", "create", *data, "kitchen", "--topic", "What is for dinner")
    rooms = json.loads(run(capsys, "room", "list", *data, "--json"))
    assert [(one["name"], one["topic"]) for one in rooms] == [
        ("kitchen", "What is for dinner"),
        ("lobby", ""),
    ]
    assert fail(capsys, "room", "create", *data, "k1tchen")[0] == 1
    run(capsys, "user", "create", *data, "anna")
    assert "not a member" in fail(capsys, "room", "appoint", *data, "kitchen", "anna")[1]


def test_rooms_are_changed_by_the_operator(folder: DataFolder, capsys: Capture) -> None:
    """Renamed, archived, deleted, by name or id; each is an action in the audit log."""
    data = ("--data", str(folder.path))
    run(capsys, "room", "create", *data, "kitchen")
    run(capsys, "room", "create", *data, "garden")
    shown = json.loads(run(capsys, "room", "show", *data, "kitchen", "--json"))
    assert (shown["kind"], shown["archived"], shown["owners"]) == ("public", False, ["server"])
    assert "of whom owners: server\n" in run(capsys, "room", "show", *data, "kitchen")
    assert "taken" in fail(capsys, "room", "rename", *data, "kitchen", "garden")[1]
    assert "is now called dining" in run(capsys, "room", "rename", *data, "kitchen", "dining")
    assert "no such room" in fail(capsys, "room", "show", *data, "kitchen")[1]
    assert "archived" in run(capsys, "room", "archive", *data, "dining")
    assert "already archived" in fail(capsys, "room", "archive", *data, "dining")[1]
    assert "archived" in run(capsys, "room", "list", *data)
    assert json.loads(run(capsys, "room", "unarchive", *data, "dining", "--json"))["archived"] is False
    status, sentence = fail(capsys, "room", "delete", *data, "dining")
    assert (status, "--yes" in sentence) == (2, True)
    assert (
        json.loads(run(capsys, "room", "delete", *data, "dining", "--yes", "--json"))["room"] == shown["room"]
    )
    for word in ("show", "archive", "rename"):
        more = ("other",) if word == "rename" else ()
        assert "no such room" in fail(capsys, "room", word, *data, "dining", *more)[1]
    assert json.loads(run(capsys, "room", "list", *data, "--private", "--json")) == []
    did = {f'"{act}"' for act in acts(folder) if act.startswith("room")}
    assert {'"room rename"', '"room archive"', '"room unarchive"', '"room delete"'} <= did
    assert json.loads(run(capsys, "doctor", *data, "--json"))["ok"] is True


def test_a_server_without_a_lobby_says_so(folder: DataFolder, capsys: Capture) -> None:
    """New accounts would join nothing, and an invite's role would be lost without a word."""
    data = ("--data", str(folder.path))
    assert COMMAND_LINE.run(["room", "rename", *data, "lobby", "foyer"]) == 0
    assert "new accounts join no room" in capsys.readouterr().err
    assert "there is none" in fail(capsys, "invite", "create", *data, "--role", "owner")[1]
    advice = [
        one
        for one in json.loads(run(capsys, "doctor", *data, "--json"))["findings"]
        if one["about"] == "lobby"
    ]
    assert [one["level"] for one in advice] == ["advice"]
    run(capsys, "room", "create", *data, "lobby")
    assert COMMAND_LINE.run(["room", "rename", *data, "foyer", "hall"]) == 0
    assert capsys.readouterr().err == ""
    run(capsys, "invite", "create", *data, "--role", "owner")


def test_notices_by_the_operator(folder: DataFolder, capsys: Capture) -> None:
    """Sent, listed as text that commands no terminal, withdrawn; each is an action in the audit log."""
    data = ("--data", str(folder.path))
    sent = json.loads(run(capsys, "notice", "send", *data, "down \x1b[2Jat 8", "--hours", "2", "--json"))
    assert sent["expires"] - sent["at"] == 2 * 3_600_000
    assert json.loads(run(capsys, "notice", "list", *data, "--json")) == [sent]
    assert "down ⟦ESC⟧[2Jat 8" in run(capsys, "notice", "list", *data)
    for wrong in ("x" * 2000, "\n" * 20, " "):
        assert (
            "can't be a notice, which has at most 10 lines" in fail(capsys, "notice", "send", *data, wrong)[1]
        )
    topic = ("room", "create", *data, "kitchen", "--topic", "what\nis for dinner")
    assert "can't be a topic, which has at most one line" in fail(capsys, *topic)[1]
    assert "withdrawn" in run(capsys, "notice", "withdraw", *data, sent["notice"])
    assert "no such notice" in fail(capsys, "notice", "withdraw", *data, sent["notice"])[1]
    assert {"notice send", "notice withdraw"} <= {*acts(folder)}


def test_reports_by_the_operator(folder: DataFolder, capsys: Capture) -> None:
    """Listed, shown as text that commands no terminal, and closed once, by an action in the audit log."""
    data = ("--data", str(folder.path))
    for name in ("anna", "bert"):
        run(capsys, "user", "create", *data, name)
    assert run(capsys, "report", "list", *data) == ""
    report = asyncio.run(reported(folder))
    assert f"{report}  " in run(capsys, "report", "list", *data)
    shown = run(capsys, "report", "show", *data, report)
    assert "bert in lobby" in shown
    assert not set("\x1b\x9b\x85\r\u202e\u2028") & set(shown)
    assert "  > ⟦ESC⟧[2Jgo away" in shown
    assert [line for line in shown.splitlines() if "The log had" in line] == [
        "  > The log had the same text.",  # what the reporter wrote looks like no line of the command's own
        "The log had another text, because it was edited or because the quote is wrong:",
    ]
    in_json = run(capsys, "report", "list", *data, "--json")
    assert in_json.isascii()
    (listed,) = json.loads(in_json)
    assert listed == json.loads(run(capsys, "report", "show", *data, report, "--json"))
    assert (listed["reason"], listed["quote"], listed["logged"]) == ("threat", HOSTILE_QUOTE, "hello")
    assert "closed" in run(capsys, "report", "close", *data, report, "--note", "banned")
    assert "report close" in acts(folder)
    assert "closed before" in fail(capsys, "report", "close", *data, report)[1]
    assert "no such report" in fail(capsys, "report", "show", *data, "x")[1]
    long = fail(capsys, "report", "close", *data, report, "--note", "x" * 300)[1]
    assert "can't be a note, which has at most one line and 256 bytes" in long
    assert json.loads(run(capsys, "report", "list", *data, "--json")) == []
    (kept,) = json.loads(run(capsys, "report", "list", *data, "--all", "--json"))
    assert kept["resolution"] == "banned"


HOSTILE_QUOTE = "\x1b[2Jgo away\x9b31m\u202eevil\u2028\x85x\r\nThe log had the same text."
"""Escapes, C1 controls, a right-to-left override, other line ends, and a sentence of the command's own."""


async def reported(folder: DataFolder) -> str:
    """Let anna report what bert wrote in the lobby; return the report's id."""
    anna, bert = parse_user_name("anna"), parse_user_name("bert")
    async with opened(CHAT, folder, SystemClock()) as store:
        room = await store.rooms.find_public(lobby())
        assert room is not None
        body = Message(text=MessageText.parse("hello"))
        event = AppendEvent(room, bert, system_device(), new_request_id(), SystemClock().now(), body, None)
        sent = await store.log.append(event, decide)
        quote = MessageText.parse(HOSTILE_QUOTE)
        new = NewReport(
            new_short_id(), SystemClock().now(), anna, room, sent.entry.seq, ReportReason.THREAT, quote
        )
        clock: Any = StoppedClock(SystemClock().now())
        by = await KitWorld(store, clock).by(anna)
        return (await Reports(store, clock).add(by, new)).id


def test_how_long_a_room_keeps_messages_by_the_operator(folder: DataFolder, capsys: Capture) -> None:
    """It is shown, announced and undone; a change is recorded, and a room that is not there is no room."""
    data = ("--data", str(folder.path))
    assert "kept for ever" in run(capsys, "room", "retention", *data, "lobby")
    assert acts(folder) == []
    asked = fail(capsys, "room", "retention", *data, "lobby", "--days", "30")
    assert "add --yes if you mean it" in asked[1]
    assert acts(folder) == []
    changed = run(capsys, "room", "retention", *data, "lobby", "--days", "30", "--yes")
    assert re.search(r"kept for ever\nfrom \S+ \S+ UTC on: for 30 days", changed)
    shown = json.loads(run(capsys, "room", "retention", *data, "lobby", "--json"))
    assert (shown["days"], shown["next_days"]) == (None, 30)
    assert "room retention" in acts(folder)
    same = fail(capsys, "room", "retention", *data, "lobby", "--days", "30", "--yes")
    assert "messages here are already kept for that long" in same[1]
    assert "from" not in run(capsys, "room", "retention", *data, "lobby", "--clear")
    assert "no such room" in fail(capsys, "room", "retention", *data, "nowhere")[1]
    assert fail(capsys, "room", "retention", *data, "lobby", "--days", "0")[0] == 2
    assert (
        "can't be used together"
        in fail(capsys, "room", "retention", *data, "lobby", "--days", "3", "--clear")[1]
    )


def test_the_disk_by_the_operator(folder: DataFolder, capsys: Capture) -> None:
    """What grows is listed with its bound; pruning and vacuuming are recorded."""
    data = ("--data", str(folder.path))
    assert re.search(r"MiB  table entries: messages.keep_days", run(capsys, "disk", "show", *data))
    shown = json.loads(run(capsys, "disk", "show", *data, "--json"))
    assert {"table accounts", "parlour.db-wal", "audit/", "uploads"} <= {
        one["what"] for one in shown["parts"]
    }
    assert shown["total"] > shown["free"] > 0
    assert "removed 0 expired rows, and messages of 0 rooms" in run(capsys, "disk", "prune", *data)
    assert json.loads(run(capsys, "disk", "prune", *data, "--json")) == {"rows": 0, "program": 0}
    assert "gave back 0.0 MiB" in run(capsys, "disk", "vacuum", *data)
    recorded = acts(folder)
    assert "disk prune" in recorded
    assert "disk vacuum" in recorded


def test_backup_and_restore(folder: DataFolder, tmp_path: Path, capsys: Capture) -> None:
    """What was there is there again, and doctor finds nothing dangerous."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    run(capsys, "backup", "create", *data, str(tmp_path / "all.tar"))
    again = ("--data", str(tmp_path / "again"))
    assert "another incarnation" in run(capsys, "backup", "restore", *again, str(tmp_path / "all.tar"))
    assert [one["user"] for one in json.loads(run(capsys, "user", "list", *again, "--json"))] == ["anna"]
    assert "nothing to change" in run(capsys, "migrate", *again)
    assert json.loads(run(capsys, "doctor", *again, "--json"))["ok"] is True


def test_backups_are_verified_and_damage_is_reported(
    folder: DataFolder, tmp_path: Path, capsys: Capture
) -> None:
    """By `verify`, by `restore`, and by the status of `backup` itself."""
    data, file = ("--data", str(folder.path)), tmp_path / "all.tar"
    run(capsys, "backup", "create", *data, str(file))
    assert re.search(
        r"is intact: 7 files .*; incarnation \S{22} of the logs", run(capsys, "backup", "verify", str(file))
    )
    whole = bytearray(file.read_bytes())
    whole[whole.index(b"SQLite format 3") + 5000] ^= 1
    file.write_bytes(whole)
    for command in (("verify",), ("restore", "--data", str(tmp_path / "again"))):
        assert "parlour.db is damaged (its SHA-256" in fail(capsys, "backup", *command, str(file))[1]
    with closing(sqlite3.connect(folder.database)) as database:
        database.execute("UPDATE entries SET body = x'00'")
        database.commit()
    status, sentence = fail(capsys, "backup", "create", *data, str(tmp_path / "damaged.tar"))
    assert status == 1
    assert "cannot be read" in sentence
    assert "keep earlier backups" in sentence
    again = ("--data", str(tmp_path / "again"), str(tmp_path / "damaged.tar"))
    assert "--accept-damage" in fail(capsys, "backup", "restore", *again)[1]
    run(capsys, "backup", "restore", "--accept-damage", *again)


def test_a_folder_of_backups(folder: DataFolder, tmp_path: Path, capsys: Capture) -> None:
    """Made, listed, checked by a restore that leaves nothing, pruned and restored, in words and as JSON."""
    data, place = ("--data", str(folder.path)), str(tmp_path / "backups")
    assert "(the whole database), 0 uploaded files" in run(capsys, "backup", "create", *data, place)
    run(capsys, "user", "create", *data, "anna")
    second = json.loads(run(capsys, "backup", "create", *data, place, "--json"))
    run(capsys, "user", "create", *data, "ben")
    third = json.loads(run(capsys, "backup", "create", *data, place, "--json"))
    listed = json.loads(run(capsys, "backup", "list", place, "--json"))
    assert [one["since"] for one in listed] == [None, listed[0]["name"], second["name"]]
    assert third["name"] in run(capsys, "backup", "list", place)
    assert "the 2 earlier ones" in run(capsys, "backup", "verify", place)
    before = sorted(tmp_path.iterdir())
    said = run(capsys, "backup", "verify", "--restore", place, "--name", second["name"])
    assert "its database is intact" in said
    assert sorted(tmp_path.iterdir()) == before
    again = ("--data", str(tmp_path / "again"))
    run(capsys, "backup", "restore", *again, place, "--name", second["name"])
    assert [one["user"] for one in json.loads(run(capsys, "user", "list", *again, "--json"))] == ["anna"]
    assert "removed 0 backups" in run(capsys, "backup", "prune", *data, "--keep", "2", "--yes", place)
    assert "add --yes" in fail(capsys, "backup", "prune", *data, "--keep", "1", place)[1]
    assert "only a folder of backups" in fail(
        capsys, "backup", "verify", str(folder.settings), "--name", third["name"]
    )[1]  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="there is no folder where no one can write")
def test_a_drill_says_where_it_could_not_restore(
    folder: DataFolder, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup itself can be read: /backup may be root's, and /backup/parlour the server's user's."""
    run(capsys, "backup", "create", "--data", str(folder.path), str(tmp_path / "backups"))
    monkeypatch.chdir(tmp_path / "backups")
    said = fail(capsys, "backup", "verify", "--restore", "/proc/self/cwd")[1]
    assert "cannot restore into a temporary folder in /proc/self: " in said
    assert "is intact" in run(capsys, "backup", "verify", "/proc/self/cwd")


def test_a_database_that_another_tool_restored(folder: DataFolder, capsys: Capture) -> None:
    """R20: its logs get another name by a command, but not under a server that runs."""
    data = ("--data", str(folder.path))
    before = SqliteEngine(folder.database).incarnation()
    with locked(folder):
        assert "already running" in fail(capsys, "new-incarnation", *data)[1]
    assert SqliteEngine(folder.database).incarnation() == before
    assert "Tell people" in run(capsys, "new-incarnation", *data)
    assert SqliteEngine(folder.database).incarnation() != before


def dangers(capsys: Capture, folder: DataFolder) -> str:
    """Return what `doctor` finds dangerous."""
    status = COMMAND_LINE.run(["doctor", "--data", str(folder.path), "--json"])
    found = json.loads(capsys.readouterr().out)
    texts = [one["text"] for one in found["findings"] if one["level"] == "danger"]
    assert (status == 1) is bool(texts) is (not found["ok"])
    return " | ".join(texts)


def test_doctor_finds_damage(folder: DataFolder, capsys: Capture) -> None:
    """A row that cannot be read, a changed file, a missing one; SQLite's own check sees none of it."""
    assert dangers(capsys, folder) == ""
    files_of(folder).mkdir(mode=0o700)
    digest, files = hashlib.sha256(b"whole").digest(), [new_file_id() for _ in range(4)]
    with closing(sqlite3.connect(folder.database)) as database:
        room = database.execute("SELECT room FROM rooms").fetchone()[0]
        database.executemany(
            "INSERT INTO files (file, room, owner, size, sha256, created) VALUES (?, ?, 'house', 5, ?, 0)",
            [(file, room, digest) for file in files],
        )
        database.commit()
    for file, data in zip(files, (b"whole", b"whale", b"who"), strict=False):
        (files_of(folder) / file).write_bytes(data)
        (files_of(folder) / file).chmod(0o600)
    found = dangers(capsys, folder)
    assert f"{files[0]}" not in found
    assert f"{files[1]} is not what was uploaded" in found
    assert f"{files[2]} has a different size" in found
    assert f"{files[3]} is missing" in found
    with closing(sqlite3.connect(folder.database)) as database:
        database.execute("UPDATE entries SET body = x'00'")
        database.commit()
    found = dangers(capsys, folder)
    assert re.search(r"event 1 of room \S+ cannot be read", found)
    assert "restore a backup" in found


@pytest.mark.parametrize("command", ["migrate", "run", "init", "doctor"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("empty", "is empty: its data is gone; restore a backup"),
        ("foreign", "is not a Parlour database; restore a backup"),
        ("newer", "a newer version made it, or one from before the first release"),
        ("no database", "file is not a database"),
    ],
)
def test_another_database_is_refused_with_a_sentence(
    folder: DataFolder, capsys: Capture, command: str, damage: str, words: str
) -> None:
    """It is never filled with an empty server, and never changed."""
    if damage in {"empty", "foreign"}:
        folder.database.write_bytes(b"")
    if damage == "no database":
        folder.database.write_bytes(b"nothing" * 1000)
    with closing(sqlite3.connect(folder.database)) as database:
        if damage == "foreign":
            database.execute("CREATE TABLE things (thing TEXT)")
        if damage == "newer":
            database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    before = folder.database.read_bytes()
    if command == "doctor":
        assert words in dangers(capsys, folder)
    else:
        assert words in fail(capsys, command, "--data", str(folder.path))[1]
    assert folder.database.read_bytes() == before


def _obey_rights() -> None:
    """Drop root's capability to ignore file permissions, permanently: a test may run as root."""
    drop_from_bounding_set, override, read_search = 24, 1, 2
    libc = ctypes.CDLL(None)
    for capability in (override, read_search):
        libc.prctl(drop_from_bounding_set, capability, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="root is made to obey the rights of files by Linux alone")
@pytest.mark.parametrize(
    "command", [("run",), ("migrate",), ("backup", "create", "all.tar"), ("user", "list")]
)
def test_an_unwritable_folder_is_reported_with_a_sentence(
    folder: DataFolder, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """What is wrong and what to do, not just the name of an SQLite error."""
    with closing(sqlite3.connect(folder.database)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    folder.database.chmod(0o400)
    folder.path.chmod(0o500)
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "parlour_server", *command, "--data", str(folder.path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=tmp_path,
            preexec_fn=_obey_rights,
        )
    finally:
        folder.path.chmod(0o700)
    assert done.returncode == 1, done.stdout
    assert str(folder.path) in done.stderr
    assert (
        "can't be written" in done.stderr or "cannot write" in done.stderr or "right to write" in done.stderr
    )
    assert "fault in Parlour" not in done.stderr


def test_doctor_names_every_danger(folder: DataFolder, capsys: Capture) -> None:
    """O2, O3: all of them at once, each with what to do, and status 1."""
    folder.key.chmod(0o644)
    folder.database.chmod(0o640)
    folder.settings.write_text("[listn]\n")
    status = COMMAND_LINE.run(["doctor", "--data", str(folder.path), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert status == 1
    assert found["ok"] is False
    dangers = " ".join(one["text"] for one in found["findings"] if one["level"] == "danger")
    for part in ("server.key", "parlour.db", "did you mean listen?"):
        assert part in dangers


def test_doctor_prints_what_is_in_force(folder: DataFolder, capsys: Capture) -> None:
    """O4: every setting with its value and unit, and the state of TLS; unasked only what is no default."""
    text = run(capsys, "doctor", "--settings", "--data", str(folder.path))
    assert "logins.ticket_seconds = 30  seconds" in text
    assert "TLS 1.3" in text
    assert "DANGER" not in text
    changed = folder.settings.read_text("utf-8").replace("# ticket_seconds = 30", "ticket_seconds = 29")
    folder.settings.write_text(changed, encoding="utf-8")
    found, _, shown = run(capsys, "doctor", "--data", str(folder.path)).partition("\nIn force, and not")
    assert "TLS 1.3" in found
    assert shown.splitlines()[1] == "  logins.ticket_seconds = 29  seconds"
    assert re.search(r"^\d+ settings have their defaults; --settings shows them$", shown, re.MULTILINE)
    assert len(shown.splitlines()) < 8


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["run"], 2),
        (["nothing"], 2),
        (["init", "--data"], 2),
        (["run", "--data", "{none}", "--loop", "slow"], 2),
        (["invite", "create", "--data", "{none}", "--uses", "0"], 2),
        (["run", "--data", "{none}"], 1),
        (["user", "list", "--data", "{none}"], 1),
        (["user", "create", "--data", "{data}", "admin"], 1),
        (["invite", "create", "--data", "{data}", "--address", "not an address"], 1),
        (["backup", "create", "--data", "{data}", "/proc/x/y"], 1),
        (["backup", "restore", "--data", "{data}", "/nowhere/x/y"], 1),
    ],
)
def test_wrong_flags_are_a_sentence(
    arguments: list[str], status: int, folder: DataFolder, tmp_path: Path, capsys: Capture
) -> None:
    """2 for what is not understood, 1 for what cannot be done; never a traceback."""
    found, sentence = fail(
        capsys, *(one.format(none=tmp_path / "none", data=folder.path) for one in arguments)
    )
    assert found == status
    assert 1 <= len(sentence.splitlines()) <= 4


@pytest.mark.parametrize(
    "flags",
    [
        ["--listen", "127.0.0.1"],
        ["--listen", "127.0.0.1:99999"],
        ["--listen", "127.0.0.1:0", "--metrics", "0.0.0.0:1"],
        ["--listen", "127.0.0.1:0", "--ready-file", "/nowhere/x/y"],
    ],
)
def test_a_server_that_cannot_start_says_why(flags: list[str], folder: DataFolder) -> None:
    """A sentence and status 1, without a traceback, and nothing stays behind that runs."""
    done = serve(folder, *flags)
    sentence = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert done.returncode == 1
    assert len(sentence) == 1, done.stderr
    assert not folder.running.exists()


def serve(folder: DataFolder, *flags: str) -> commands.Done:
    """Run a server that is expected to end by itself."""
    return commands.run_here("parlour_server", "run", "--data", str(folder.path), *flags)


def test_a_used_port_is_a_sentence(folder: DataFolder) -> None:
    """It names the address and the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = serve(folder, "--listen", listen)
    assert done.returncode == 1
    assert re.search(rf"cannot listen on {listen}: .*in use", done.stderr)


def test_a_fault_is_no_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture) -> None:
    """What no one expected is one sentence, and the way to see more."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("CANARY")

    monkeypatch.delenv("PARLOUR_DEBUG", raising=False)
    monkeypatch.setattr(DataFolder, "create", broken)
    status, sentence = fail(capsys, "init", "--data", str(tmp_path / "data"))
    assert status == 1
    assert "ZeroDivisionError" in sentence
    assert "CANARY" not in sentence


def test_audit_reads_a_log_without_showing_control_characters(tmp_path: Path, capsys: Capture) -> None:
    """M5, M7: only audit lines, filtered, whatever someone wrote into the log."""
    lines = [
        json.dumps(
            {"event": "login_failed", "audit": True, "time": "t\x1b[31m", "user": "anna", "x": "\x1b]0;P\x07"}
        ),
        json.dumps({"event": "login_ok", "audit": True, "time": "t", "user": "anna"}),
        json.dumps({"event": "login_failed", "audit": True, "time": "t", "user": "bert"}),
        json.dumps({"event": "ready"}),
        "no json",
        "[" * 100_000,
        "5",
    ]
    (tmp_path / "log").write_text("\n".join(lines))
    out = run(capsys, "audit", "--user", "anna", "--event", "login_failed", str(tmp_path / "log"))
    assert out.count("\n") == 1
    assert out[:-1].isprintable()
    assert "anna" in out


def test_audit_verify(folder: DataFolder, capsys: Capture, tmp_path: Path) -> None:
    """M30: a changed record is named with file, line and number, and the status is 1; heads can be kept."""
    data = ("--data", str(folder.path))
    assert "no audit log" in fail(capsys, "audit", "head", *data)[1]
    assert run(capsys, "audit", "verify", *data) == ""
    key = SigningKey.load(folder.signing_key)
    file = AuditFile(folder.path / "audit", key, {}, file_bytes=10**6, most_files=2)
    for user in ("anna", "bert", "cora"):
        Audit(keepers=[file]).record(AuditEvent.LOGIN_OK, user=user)
    pinned = tmp_path / "head.json"
    pinned.write_text(run(capsys, "audit", "head", *data))
    file.close()
    assert run(capsys, "audit", "verify", *data, "--head", str(pinned)).startswith("OK ")
    assert json.loads(run(capsys, "audit", "verify", *data, "--json"))["ok"]
    exported = run(capsys, "audit", "export", *data)
    [path] = (folder.path / "audit").glob("*.jsonl")
    assert exported == path.read_text()
    assert run(capsys, "audit", "export", *data, "--after", "4").count("\n") == 1
    assert run(capsys, "audit", "export", *data, "--format", "syslog").startswith("<110>1 ")
    assert json.loads(run(capsys, "audit", "export", *data, "--format", "otel").splitlines()[0])
    path.write_text(exported.replace("bert", "rita"))
    assert COMMAND_LINE.run(["audit", "verify", *data]) == 1
    assert f"WRONG  {path.name}:3: record 3: was changed" in capsys.readouterr().out
    pinned.write_text("{}")
    assert "has no heads" in fail(capsys, "audit", "verify", *data, "--head", str(pinned))[1]


def test_sessions_are_listed_and_ended(folder: DataFolder, capsys: Capture) -> None:
    """S6: by id, or all."""
    from nacl.signing import SigningKey  # noqa: PLC0415

    from parlour_protocol.kit.names import parse_device_name  # noqa: PLC0415
    from parlour_server.core.accounts.session_activity import SessionActivity  # noqa: PLC0415
    from parlour_server.core.accounts.sessions import Sessions  # noqa: PLC0415
    from parlour_server.core.bus.local_bus import LocalBus  # noqa: PLC0415
    from parlour_server.core.config.server_settings import Logins  # noqa: PLC0415

    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")

    async def log_in() -> None:
        async with opened(CHAT, folder, SystemClock()) as store:
            clock = SystemClock()
            sessions = Sessions(
                store.sessions, LocalBus(), clock, Audit(), Logins(), SessionActivity(clock), AccountLimits()
            )
            for key in (None, None, bytes(SigningKey.generate().verify_key)):
                by = await by_login(store, parse_user_name("anna"))
                await sessions.begin(by, parse_device_name("laptop"), key)

    asyncio.run(log_in())
    listed = json.loads(run(capsys, "session", "list", *data, "anna", "--json"))
    assert [one["keyed"] for one in listed].count(True) == 1
    assert run(capsys, "session", "list", *data, "anna").count("  not bound to a key\n") == 2
    assert "2 of 3 are not bound to a key; `logins.session_keys" in run(capsys, "doctor", *data)
    assert run(capsys, "session", "end", *data, "anna", listed[0]["id"]) == "1 ended\n"
    assert fail(capsys, "session", "end", *data, "anna", listed[0]["id"])[0] == 1
    assert fail(capsys, "session", "end", *data, "anna")[0] == 2
    assert run(capsys, "session", "end", *data, "anna", "--all") == "2 ended\n"
