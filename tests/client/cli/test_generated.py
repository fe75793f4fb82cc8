"""Commands of the shell from the table: what is written becomes values; what can't be meant ends with 2."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from parlour_client.cli import root, run_command
from parlour_client.commands.command import Command

DEN: dict[str, Any] = {"name": "den", "topic": ""}
DEN |= dict.fromkeys(("public_room", "private", "encrypted", "post_quantum"), False)
WRITTEN: list[tuple[str, dict[str, Any]]] = [
    ("room kick garden @mallory", {"room": "garden", "user": "mallory", "reason": ""}),
    ("room kick garden mallory --reason spam", {"room": "garden", "user": "mallory", "reason": "spam"}),
    (
        "room ban garden mallory --for 60 --reason spam",
        {"room": "garden", "user": "mallory", "seconds": 60, "reason": "spam"},
    ),
    ("room mute garden mallory", {"room": "garden", "user": "mallory", "seconds": None}),
    ("room role garden ben owner", {"room": "garden", "user": "ben", "role": "owner"}),
    ("room topic garden", {"room": "garden", "text": None, "clear": False}),
    ("room topic garden bees", {"room": "garden", "text": "bees", "clear": False}),
    ("room topic garden --clear", {"room": "garden", "text": None, "clear": True}),
    ("room members @ben --json", {"room": "@ben", "as_json": True}),
    ("room list --all", {"everything": True}),
    ("room join #garden", {"room": "garden"}),
    ("room create den --private --topic tea", DEN | {"private": True, "topic": "tea"}),
    ("room create den --encrypted --post-quantum", DEN | {"encrypted": True, "post_quantum": True}),
    ("room create den --public --encrypted", DEN | {"public_room": True, "encrypted": True}),
    ("room pin lobby 42 --off", {"room": "lobby", "message": 42, "on": False}),
    ("room pin lobby 42", {"room": "lobby", "message": 42, "on": None}),
    ("room retention garden 2000", {"room": "garden", "days": 2000, "clear": False}),
    ("room retention garden --clear", {"room": "garden", "days": None, "clear": True}),
    ("room leave garden --yes", {"room": "garden", "yes": True}),
    ("room accept @ben", {"invitation": "@ben"}),
    ("dm ben hello --open", {"user": "ben", "text": "hello", "is_open": True, "post_quantum": False}),
    ("block", {"user": None, "on": None}),
    ("block mallory --off", {"user": "mallory", "on": False}),
    ("save lobby 17", {"room": "lobby", "message": 17, "to": None}),
    ("search in the garden", {"words": "in the garden", "room": None, "limit": 50}),
    ("search --in garden --limit 3 bees", {"words": "bees", "room": "garden", "limit": 3}),
    ("sessions --end x", {"end": "x"}),
    ("verify", {"who": "", "confirm": None, "accept": False}),
    ("verify PARLOUR1:ABC", {"who": "PARLOUR1:ABC", "confirm": None, "accept": False}),
    ("verify ben --confirm 12345", {"who": "ben", "confirm": "12345", "accept": False}),
    ("device revoke abc", {"device": "abc"}),
]


@pytest.mark.parametrize(("written", "values"), WRITTEN, ids=[written for written, _ in WRITTEN])
def test_what_is_written_becomes_values(
    monkeypatch: pytest.MonkeyPatch, written: str, values: dict[str, Any]
) -> None:
    """By name, as the handler takes them."""
    ran: list[dict[str, Any]] = []

    def run(
        _: click.Context, _command: Command[..., Any], found: dict[str, Any], *, as_json: bool, yes: bool
    ) -> None:
        given = {"as_json": as_json, "yes": yes}
        ran.append(found | {name: True for name, on in given.items() if on})

    monkeypatch.setattr(run_command, "run_command", run)
    done = CliRunner().invoke(root.cli, written.split(" "))
    assert done.exit_code == 0, done.output
    assert ran == [values]


WRONG = [
    ["room", "topic", "garden", "bees", "--clear"],
    ["room", "topic", "garden", " "],
    ["room", "create", "den", "--post-quantum"],
    ["room", "create", "den", "--public", "--private"],
    ["room", "role", "garden", "ben", "king"],
    ["room", "kick", "garden", ".."],
    ["room", "kick", "garden"],
    ["room", "ban", "garden", "mallory", "--for", "0"],
    ["room", "pin", "lobby", "0"],
    ["room", "pin", "lobby", "9" * 20],
    ["report", "lobby", "9" * 20, "spam", "--yes"],
    ["tail", "lobby", "--from", "9" * 20],
    ["room", "retention", "garden", "0"],
    ["room", "retention", "garden", "36501"],
    ["room", "retention", "garden", "30", "--clear"],
    ["dm", "ben", "--open", "--post-quantum"],
    ["verify", "ben", "--confirm", "1", "--accept"],
    ["verify", "--accept"],
    ["verify", "PARLOUR1:ABC", "--confirm", "1"],
    ["verify", "..", "--json"],
    ["search"],
    ["search", "bees", "--limit", "0"],
    ["save", "lobby", "x"],
    ["room", "nothing"],
]


@pytest.mark.parametrize("written", WRONG, ids=" ".join)
def test_what_cannot_be_meant_ends_before_anything_is_connected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], written: list[str]
) -> None:
    """With status 2 and a sentence."""

    def run(*_: object, **__: object) -> None:
        pytest.fail("it ran")

    monkeypatch.setattr(run_command, "run_command", run)
    assert root.guarded(written) == 2
    assert "Error: " in capsys.readouterr().err
