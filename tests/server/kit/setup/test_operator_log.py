"""What the operator does is recorded (M7): every command that changes something, once, until it is logged."""

import json
import os
import pwd
from pathlib import Path

import click
import pytest
from tests.server.fakes import ReadableAudit

from parlour_server.cli import room_commands
from parlour_server.cli.command_line import COMMAND_LINE
from parlour_server.kit.audit import AuditEvent
from parlour_server.kit.cli import command_line
from parlour_server.kit.setup.operator_log import OperatorLog

READS = {
    ("audit", "export"), ("audit", "head"), ("audit", "show"), ("audit", "verify"),
    ("cert", "show"), ("ready",),
    ("doctor",), ("invite", "list"), ("room", "list"), ("room", "show"), ("run",), ("session", "list"),
    ("user", "list"), ("user", "second-factor", "show"), ("user", "sessions"),
    ("backup", "list"), ("backup", "verify"), ("disk", "show"), ("address", "list"), ("notice", "list"),
    ("report", "list"), ("report", "show"),
}  # fmt: skip
RECORDS = {
    ("backup", "create"), ("backup", "prune"), ("backup", "restore"),
    ("cert", "import"), ("cert", "renew"), ("cert", "request"),
    ("drill-permit",), ("import",), ("init",), ("invite", "create"), ("invite", "revoke"),
    ("migrate",), ("disk", "prune"), ("disk", "vacuum"), ("room", "retention"),
    ("address", "ban"), ("address", "unban"), ("notice", "send"), ("notice", "withdraw"), ("report", "close"),
    ("user", "delete"), ("user", "export"), ("user", "limits"),
    ("new-incarnation",),
    ("room", "appoint"), ("room", "archive"), ("room", "create"), ("room", "delete"), ("room", "rename"),
    ("room", "unarchive"), ("session", "end"), ("user", "create"), ("user", "disable"),
    ("user", "enable"), ("user", "reset-password"), ("user", "second-factor", "require"),
    ("user", "second-factor", "reset"),
}  # fmt: skip


def commands(group: click.Group, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the words of every command that is not a group."""
    found: set[tuple[str, ...]] = set()
    for name, command in group.commands.items():
        inner = (*path, name)
        found |= commands(command, inner) if isinstance(command, click.Group) else {inner}
    return found


def test_every_command_reads_or_is_recorded() -> None:
    """A new command has to say which it is; those that record name themselves in the sources."""
    assert commands(COMMAND_LINE.group) == READS | RECORDS
    folders = (Path(str(module.__file__)).parent for module in (command_line, room_commands))
    sources = "".join(file.read_text("utf-8") for folder in folders for file in folder.glob("*.py"))
    for words in RECORDS:
        assert f'"{" ".join(words)}"' in sources, words


def test_a_record_is_passed_on_once(tmp_path: Path) -> None:
    """With who, what, whom and when; then the file is empty."""
    log, audit = OperatorLog(tmp_path / "operator.audit"), ReadableAudit()
    log.record("user disable", user="anna")
    log.record("room create", room="x" * 5000)
    for _ in range(2):
        log.pass_on(audit)
    [(first, fields), (second, others)] = audit.events
    assert first is second is AuditEvent.OPERATOR_ACTION
    assert (fields["action"], fields["user"]) == ("user disable", "anna")
    assert fields["by"] == pwd.getpwuid(os.getuid()).pw_name
    assert len(str(others["room"])) == 200
    assert (tmp_path / "operator.audit").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n", b"\xff\xff\n", b"[" * 100_000 + b"\n"])
def test_a_damaged_file_is_no_fault(tmp_path: Path, content: bytes) -> None:
    """What stands behind it is passed on all the same."""
    file = tmp_path / "operator.audit"
    file.write_bytes(content)
    log, audit = OperatorLog(file), ReadableAudit()
    if content.endswith(b"\n"):
        log.record("room create", room="kitchen")
    log.pass_on(audit)
    assert not file.read_bytes()
    assert ("room create" in json.dumps([fields for _, fields in audit.events])) is content.endswith(b"\n")


def test_nothing_to_pass_on(tmp_path: Path) -> None:
    """A folder without the file is as good as one with an empty one."""
    audit = ReadableAudit()
    OperatorLog(tmp_path / "none").pass_on(audit)
    assert audit.events == []
