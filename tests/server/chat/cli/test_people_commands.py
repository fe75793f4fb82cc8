"""Commands about people and addresses: what they refuse and print, and who is said to have run them."""

import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.server.chat.cli.test_commands import Capture, fail, run

from parlour_protocol.invite_link import ChatInviteLink
from parlour_server.chat.cli import COMMAND_LINE
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.operator_record import FAILED, OperatorRecord


def acts(folder: DataFolder) -> list[dict[str, str]]:
    """Return the operator's actions that are, or may be, done, and that no server has logged yet."""
    return [one for one in OperatorRecord(folder.operator_record).waiting() if one["outcome"] != FAILED]


def test_an_address_is_banned_listed_and_let_in_again(folder: DataFolder, capsys: Capture) -> None:
    """Each change says who made it; JSON is one object, of a list an array."""
    data = ("--data", str(folder.path))
    given = ("--expires", "7d", "--reason", "guesses passwords", "--json")
    made = json.loads(run(capsys, "address", "ban", *data, "::ffff:203.0.113.7", *given))
    assert (made["network"], made["expires"] - made["created"] <= 7 * 86_400_000) == ("203.0.113.7", True)
    run(capsys, "address", "ban", *data, "2001:db8:5::/64", "--expires", "2035-01-31")
    listed = json.loads(run(capsys, "address", "list", *data, "--json"))
    assert [one["network"] for one in listed] == ["2001:db8:5::/64", "203.0.113.7"]
    assert "203.0.113.7  until" in run(capsys, "address", "list", *data)
    assert "as a part of 2001:db8:5::/64" in fail(capsys, "address", "unban", *data, "2001:db8:5::1")[1]
    assert json.loads(run(capsys, "address", "unban", *data, "203.0.113.7", "--json"))["network"]
    assert "is not banned" in fail(capsys, "address", "unban", *data, "203.0.113.7")[1]
    done = [one for one in acts(folder) if one["action"].startswith("address")]
    assert [one["action"] for one in done] == ["address ban", "address ban", "address unban"]
    assert done[0]["reason"] == "guesses passwords"
    assert all(one["by"] for one in done)


@pytest.mark.parametrize(
    ("network", "status", "why"),
    [
        ("127.0.0.1", 2, "--including-loopback"),
        ("::ffff:127.0.0.1", 2, "--including-loopback"),
        ("0.0.0.0/0", 2, "--including-loopback"),
        ("::1", 2, "--including-loopback"),
        ("192.0.2.7/24", 1, "192.0.2.0/24"),
        ("fe80::1%eth0", 1, "zone"),
        ("example.org", 1, "not an address"),
        ("010.0.0.1", 1, "not an address"),
    ],
)
def test_what_is_not_banned(folder: DataFolder, capsys: Capture, network: str, status: int, why: str) -> None:
    """The operator's own machine, unless asked to; and what is no network."""
    data = ("--data", str(folder.path))
    found, sentence = fail(capsys, "address", "ban", *data, network)
    assert (found, why in sentence) == (status, True)
    assert json.loads(run(capsys, "address", "list", *data, "--json")) == []


@pytest.mark.parametrize("reason", ["two\nlines", "\x1b[2J", "\u202egnp.exe", "x" * 201])
def test_the_reason_of_a_ban_is_a_short_line(folder: DataFolder, capsys: Capture, reason: str) -> None:
    """It is shown on terminals, and is in the audit log."""
    found = fail(capsys, "address", "ban", "--data", str(folder.path), "192.0.2.7", "--reason", reason)
    assert (found[0], "must be one line" in found[1]) == (2, True)


@pytest.mark.parametrize("when", ["2020-01-01", "0m", "soon", "99999d", "-1d"])
def test_a_ban_ends_within_ten_years(folder: DataFolder, capsys: Capture, when: str) -> None:
    """Neither in the past nor at no time."""
    data = ("--data", str(folder.path))
    assert fail(capsys, "address", "ban", *data, "192.0.2.7", "--expires", when)[0] == 2


def test_a_date_is_one_of_utc(folder: DataFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the server is: the list shows it so, too."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        data = ("--data", str(folder.path))
        made = json.loads(
            run(capsys, "address", "ban", *data, "192.0.2.7", "--expires", "2035-01-31", "--json")
        )
    finally:
        monkeypatch.undo()
        time.tzset()
    assert made["expires"] == datetime(2035, 1, 31, tzinfo=UTC).timestamp() * 1000


def test_an_invite_has_a_role_and_an_end(folder: DataFolder, capsys: Capture) -> None:
    """Both are in the list, and in the audit log; two ends are one too many."""
    data = ("--data", str(folder.path))
    made = json.loads(
        run(capsys, "invite", "create", *data, "--role", "moderator", "--expires", "12h", "--json")
    )
    [listed] = json.loads(run(capsys, "invite", "list", *data, "--json"))
    assert (listed["role"], listed["expires"]) == ("moderator", made["expires"])
    assert listed["expires"] - listed["created"] <= 12 * 3_600_000
    assert "as moderator" in run(capsys, "invite", "list", *data)
    assert fail(capsys, "invite", "create", *data, "--role", "king")[0] == 2
    assert fail(capsys, "invite", "create", *data, "--days", "2", "--expires", "2d")[0] == 2
    [created] = (one for one in acts(folder) if one["action"] == "invite create")
    assert created["role"] == "moderator"


def test_what_is_interrupted_is_recorded(
    folder: DataFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M7: Ctrl+C while the database commits leaves the change, and who made it."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    inner = Accounts.set_disabled

    async def interrupted(self: Accounts, by: ByOperator, *, disabled: bool) -> None:
        await inner(self, by, disabled=disabled)
        raise KeyboardInterrupt

    monkeypatch.setattr(Accounts, "set_disabled", interrupted)
    assert fail(capsys, "user", "disable", *data, "anna")[0] == 130
    [anna] = json.loads(run(capsys, "user", "list", *data, "--json"))
    assert anna["disabled"] is True
    [done] = (one for one in acts(folder) if one["action"] == "user disable")
    assert (done["user"], done["outcome"]) == ("anna", "interrupted, and perhaps done")


def test_a_reset_that_cannot_end_the_sessions_sets_no_password(folder: DataFolder, capsys: Capture) -> None:
    """P7: no moment, and no failure, leaves a new password beside the sessions of the old one."""
    data = ("--data", str(folder.path))
    run(capsys, "user", "create", *data, "anna")
    row = ("s" * 22, "anna", "laptop", b"t" * 32, 1, 1, 4_000_000_000_000)
    with closing(sqlite3.connect(folder.database)) as database, database:
        database.execute(
            "INSERT INTO sessions (session, account, device, token, created, last_seen, expires)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        (before,) = database.execute("SELECT password_hash FROM accounts WHERE account = 'anna'").fetchone()
        database.execute(
            "CREATE TRIGGER kept BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'kept'); END"
        )
    assert COMMAND_LINE.run(("user", "reset-password", *data, "anna")) != 0
    assert capsys.readouterr().out == "", "a password that was not set is not shown"
    with closing(sqlite3.connect(folder.database)) as database, database:
        query = "SELECT password_hash, count(session) FROM accounts JOIN sessions USING (account)"
        assert database.execute(query).fetchone() == (before, 1)
        database.execute("DROP TRIGGER kept")
    run(capsys, "user", "reset-password", *data, "anna")
    assert json.loads(run(capsys, "session", "list", *data, "anna", "--json")) == []


def test_accounts_that_nobody_has_used_for_long(folder: DataFolder, capsys: Capture) -> None:
    """By when they were seen last, or created; what is no length of time is refused."""
    data = ("--data", str(folder.path))
    for name in ("old", "new", "gone"):
        run(capsys, "user", "create", *data, name)
    now, day = int(time.time() * 1000), 86_400_000
    with closing(sqlite3.connect(folder.database)) as db, db:
        db.execute("UPDATE accounts SET created = ?", (now - 100 * day,))
        for name, seen in (("old", 91 * day), ("new", 89 * day)):
            db.execute(
                "INSERT INTO sessions (session, account, device, token, created, last_seen, expires)"
                " VALUES (?, ?, 'x', ?, 0, ?, 0)",
                (name, name, name.encode(), now - seen),
            )
    for idle, names in (("90d", ["gone", "old"]), ("24h", ["gone", "new", "old"]), ("101d", [])):
        rows = json.loads(run(capsys, "user", "list", *data, "--idle", idle, "--json"))
        assert [one["user"] for one in rows] == names
    assert "seen never" in run(capsys, "user", "list", *data, "--idle", "90d")
    assert run(capsys, "user", "list", *data, "--online") == ""
    for wrong in ("90", "d", "-1d", "90 days", "9999999d"):
        assert fail(capsys, "user", "list", *data, "--idle", wrong)[0] == 2


def test_invites_for_the_lines_of_a_file(folder: DataFolder, capsys: Capture, tmp_path: Path) -> None:
    """One link each, all in one transaction and one record; a line with control characters makes none."""
    data, file = ("--data", str(folder.path)), tmp_path / "newcomers.txt"
    file.write_text("Zoë <zoe@example.org>\n\n  Max  \n", encoding="utf-8")
    lines = [
        line.split("\t") for line in run(capsys, "invite", "create", *data, "--each", str(file)).splitlines()
    ]
    assert [name for name, _ in lines] == ["Zoë <zoe@example.org>", "Max"]
    assert len({ChatInviteLink.parse(link).link.code for _, link in lines}) == 2
    made = json.loads(run(capsys, "invite", "create", *data, "--each", str(file), "--uses", "2", "--json"))
    assert [(one["for"], one["uses"]) for one in made] == [("Zoë <zoe@example.org>", 2), ("Max", 2)]
    assert len(json.loads(run(capsys, "invite", "list", *data, "--json"))) == 4
    assert [one["invite"] for one in acts(folder)] == ["2 invites", "2 invites"]
    for text in ("", "\n \n", "anna\nevil\x1b[2J\n", "x" * 201, "a\n" * 10_001):
        file.write_text(text, encoding="utf-8")
        assert fail(capsys, "invite", "create", *data, "--each", str(file))[0] == 2
    file.write_bytes(b"\xff\n")
    assert fail(capsys, "invite", "create", *data, "--each", str(file))[0] == 2
    assert len(json.loads(run(capsys, "invite", "list", *data, "--json"))) == 4
