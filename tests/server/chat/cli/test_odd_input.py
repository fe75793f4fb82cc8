"""What operators type by mistake: a sentence that says what to do, also as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.server.chat.cli.test_commands import Capture, fail, run

from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.operator_record import DONE, OperatorRecord

BAN = ("address", "ban", "203.0.113.7")
LIMITS = ("user", "limits", "anna", "--set")


@pytest.fixture
def data(folder: DataFolder, capsys: Capture) -> tuple[str, str]:
    """Return the option for a folder with an account and a room."""
    option = ("--data", str(folder.path))
    run(capsys, "user", "create", *option, "anna")
    run(capsys, "room", "create", *option, "kitchen")
    return option


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ((*BAN, "--expires", "2020-01-01"), 2, "is in the past"),
        ((*BAN, "--expires", "0d"), 2, "is in the past"),
        ((*BAN, "--expires", "0001-01-01T00:00+14:00"), 2, "is in the past"),
        ((*BAN, "--expires", "9999-12-31"), 2, "more than ten years away"),
        ((*BAN, "--expires", "2030-02-30"), 2, "is not a time; write 12h"),
        ((*BAN, "--expires", "\uff19d"), 2, "is not a time; write 12h"),
        ((*BAN, "--reason", "\u202eabc"), 2, "all of them visible"),
        (("address", "ban", "::ffff:10.0.0.0/100"), 1, "write 0.0.0.0/4 for the whole network"),
        (("address", "ban", "10.0.0.0/0"), 1, "write 0.0.0.0/0 for the whole network"),
        (("address", "unban", "203.0.113.9"), 1, "address list` shows all"),
        ((*LIMITS, "rates.messages_per_minute=9999999999999999"), 2, "at most 999,999,999,999,999"),
        ((*LIMITS, f"rates.messages_per_minute={'9' * 5000}"), 2, "is not LIMIT=NUMBER"),
        ((*LIMITS, "rates.messages_per_minute=2,0"), 2, "is not LIMIT=NUMBER"),
        ((*LIMITS, "rates.messages_per_minute=\u0663"), 2, "is not LIMIT=NUMBER"),
        ((*LIMITS, "rates.messages_per_minute=0"), 2, "must be at least 1"),
        (("user", "limits", "\u0430nna"), 1, "mixes alphabets"),
        (("invite", "revoke", ""), 1, "no such invite; `parlour-server invite list` shows all"),
        (("invite", "revoke", "0"), 1, "no such invite"),
        (("invite", "create", "--uses", "99999999999999999999"), 2, "--uses"),
        (("notice", "withdraw", "\uff21\uff22"), 1, "no such notice; `parlour-server notice list` shows all"),
        (("notice", "withdraw", "\udcff"), 1, "a word of this command is not UTF-8"),
        (("report", "close", "\udcff"), 1, "a word of this command is not UTF-8"),
        (("report", "close", "x"), 1, "no such report; `parlour-server report list --all` shows all"),
        (("room", "rename", "kitchen", "KITCHEN"), 1, "is already called kitchen"),
        (("room", "rename", "kitchen", "lobby"), 1, "is taken"),
        (("room", "show", "\ud800"), 1, "no such room"),
        (("room", "delete", "kitchen"), 2, "add --yes if you mean it"),
        (("disk", "show", "x"), 2, "unexpected extra argument"),
        (("user", "create", "anna"), 1, "is taken"),
    ],
    ids=lambda one: " ".join(map(ascii, one))[:60] if isinstance(one, tuple) else "",
)
def test_a_mistake_is_explained_also_as_json(
    data: tuple[str, str], capsys: Capture, words: tuple[str, ...], status: int, why: str
) -> None:
    """The sentence is on standard error; with --json it is an object on standard output, too."""
    found, sentence = (
        fail(capsys, *words[:2], *data, "--", *words[2:])
        if words[2:3] == ("",)
        else fail(capsys, *words, *data)
    )
    assert (found, why in sentence) == (status, True), sentence
    assert "{" not in sentence  # no line of the server's log
    assert COMMAND_LINE.run([*words[:2], *data, "--json", *words[2:]]) == status
    out, _ = capsys.readouterr()
    assert why in json.loads(out)["error"]


def test_a_word_after_two_dashes_is_no_option(data: tuple[str, str], capsys: Capture) -> None:
    """`-- --json` is the name of a room that isn't there."""
    assert COMMAND_LINE.run(["room", "show", *data, "--", "--json"]) == 1
    out, sentence = capsys.readouterr()
    assert (out, "no such room" in sentence) == ("", True)


@pytest.mark.parametrize(
    ("network", "shown"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
    ],
)
def test_one_network_is_one_ban_however_it_is_written(
    data: tuple[str, str], capsys: Capture, network: str, shown: str
) -> None:
    """Twice the same replaces the ban."""
    for one in (network, shown):
        assert f"{shown} is banned" in run(capsys, "address", "ban", *data, one)
    assert [one["network"] for one in json.loads(run(capsys, "address", "list", *data, "--json"))] == [shown]
    assert json.loads(run(capsys, "address", "unban", *data, network, "--json")) == {"network": shown}


def test_a_time_is_in_its_zone_or_in_utc(data: tuple[str, str], capsys: Capture) -> None:
    """The list has UTC."""
    for when in ("2035-01-31T12:00+02:00", "2035-01-31T10:00", "2035-01-31 10:00:00Z"):
        assert "until 2035-01-31 10:00 UTC" in run(capsys, *BAN[:2], *data, BAN[2], "--expires", when)


def test_an_invite_is_revoked_by_its_whole_id(data: tuple[str, str], capsys: Capture) -> None:
    """A part could be another invite's; large letters are the same ones."""
    run(capsys, "invite", "create", *data)
    [one] = json.loads(run(capsys, "invite", "list", *data, "--json"))
    assert "no such invite" in fail(capsys, "invite", "revoke", *data, one["id"][:-1])[1]
    done = json.loads(run(capsys, "invite", "revoke", *data, one["id"].upper(), "--json"))
    assert done == {"id": one["id"], "revoked": True}
    assert json.loads(run(capsys, "invite", "list", *data, "--json")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_output_that_cannot_be_written_is_not_blamed_on_the_command(folder: DataFolder) -> None:
    """What was done is done, and recorded; a reader that is gone is no error to speak of."""
    command = [
        sys.executable,
        "-m",
        "parlour_server",
        "address",
        "ban",
        "203.0.113.7",
        "--data",
        str(folder.path),
    ]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr == (
        "parlour-server: the output can't be written: No space left on device;"
        " what was done is in the audit log\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    assert [one["outcome"] for one in OperatorRecord(folder.operator_record).waiting()] == [DONE, DONE]
