"""Pins by the commands, over a real server: in an open room, and encrypted in an encrypted one."""

from tests.e2e.processes import Person, json_lines


def said(person: Person, room: str, text: str) -> str:
    """Say something and return its number."""
    return str(json_lines(person.run("send", room, "--json", text).stdout)[0]["seq"])


def pinned(person: Person, room: str) -> list[object]:
    """Return the texts of what is pinned."""
    return [one["text"] for one in json_lines(person.run("room", "pins", room, "--json").stdout)]


def test_what_is_pinned_is_found_by_everyone(ada: Person, ben: Person) -> None:
    """Newest first, by anyone who may; in an encrypted room each client tells it from what it read."""
    ada.run("room", "create", "garden")
    ben.run("room", "join", "garden")
    ada.run("room", "create", "vault", "--private", "--encrypted")
    ada.run("room", "invite", "vault", "ben")
    ben.run("room", "accept", "vault")
    ada.run("send", "vault", "welcome")
    ben.run("export", "vault")  # a device of his is there, and its Welcome used
    for room in ("garden", "vault"):
        one, two = said(ada, room, "SECRETRULES one"), said(ada, room, "two")
        ada.run("room", "pin", room, one)
        ada.run("room", "pin", room, two)
        assert pinned(ben, room) == ["two", "SECRETRULES one"] == pinned(ada, room)
        refused = ben.run("room", "pin", room, one, "--off", check=False)
        assert refused.returncode == 1
        assert "Only moderators and owners" in refused.stderr
        ada.run("room", "pin", room, two, "--off")
        assert pinned(ben, room) == ["SECRETRULES one"]
    events = json_lines(ben.run("export", "vault", "--json").stdout)
    assert [(one["kind"], one["on"]) for one in events if one["kind"] == "pinned"] == [
        ("pinned", True),
        ("pinned", True),
        ("pinned", False),
    ]
    again = ada.run("room", "pin", "garden", "1", check=False)
    assert again.returncode == 1
    assert "not a message" in again.stderr
    assert not json_lines(ada.run("room", "pins", "lobby", "--json").stdout)
