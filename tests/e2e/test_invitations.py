"""Invitations by the command line: each step is a process of its own."""

import json

from tests.e2e.processes import Person, json_lines


def test_invited_asked_and_in(ada: Person, ben: Person) -> None:
    """L14: nothing of the room is there before the yes; then it is a room like any other."""
    ada.run("room", "create", "attic", "--private", "--topic", "moths")
    ada.run("send", "attic", "before")
    ada.run("room", "invite", "attic", "ben")
    (told,) = json_lines(ben.run("invitations", "--json").stdout)
    assert {key: told[key] for key in ("room", "kind", "inviter", "encrypted")} == {
        "room": "attic",
        "kind": "private",
        "inviter": "ada",
        "encrypted": False,
    }
    assert "moths" not in json.dumps(told)
    assert ben.run("invitations").stdout.startswith("attic  private, invited by ada  ")
    assert "attic" not in ben.run("room", "list", "--all").stdout
    assert ben.run("tail", "attic", "--count", "1", check=False).returncode == 1
    again = ada.run("room", "invite", "attic", "ben", check=False)
    assert (again.returncode, "not answered" in again.stderr) == (1, True)
    assert ben.run("room", "accept", "attic").stderr == "You are in attic.\n"
    assert ben.run("invitations", "--json").stdout == ""
    ben.run("send", "attic", "here I am")
    lines = json_lines(ada.run("tail", "attic", "--count", "2", "--from", "2", "--json").stdout)
    assert [line["text"] for line in lines] == ["before", "here I am"]
    assert ben.run("room", "accept", "attic", check=False).returncode == 1


def test_a_no_and_a_block_are_silent(ada: Person, ben: Person) -> None:
    """L14: who invited sees neither; what is taken back is gone; a direct room waits for an answer."""
    for room in ("cellar", "shed"):
        ada.run("room", "create", room, "--private")
        ada.run("room", "invite", room, "ben")
    ben.run("room", "decline", "cellar")
    assert [line["room"] for line in json_lines(ben.run("invitations", "--json").stdout)] == ["shed"]
    ada.run("room", "uninvite", "shed", "ben")
    assert ben.run("invitations").stdout == ""
    ada.run("dm", "ben", "--open", "are you there?")
    (told,) = json_lines(ben.run("invitations", "--json").stdout)
    assert (told["room"], told["kind"], told["inviter"]) == ("@ada", "direct", "ada")
    assert json_lines(ben.run("export", "@ada", "--json").stdout)[-1]["text"] == "are you there?"
    ben.run("block", "ada")
    assert ben.run("block").stdout == "ada\n"
    assert ben.run("invitations").stdout == ""
    assert "@ada" not in ben.run("room", "list").stdout
    ada.run("dm", "ben", "--open", "hello?")
    ben.run("block", "ada", "--off")
    assert ben.run("block").stdout == ""
    ben.run("dm", "ada", "--open", "now I am")
    said = json_lines(ben.run("export", "@ada", "--json").stdout)
    texts = [line["text"] for line in said if line.get("text")]
    assert texts == ["are you there?", "hello?", "now I am"]
    assert ben.run("invitations").stdout == ""
