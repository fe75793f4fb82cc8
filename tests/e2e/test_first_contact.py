"""An invite link that names who invites: the newcomer's first conversation is verified, by the commands."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.ui.pseudo_terminal import QUIT, Terminal
from tests.e2e.processes import Person, Server, password

from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.invite_link import ChatInviteLink, Inviter
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.secret import Secret


def join(server: Server, folder: Path, name: str, link: str, *, check: bool = True) -> tuple[Person, str]:
    """Join with a link; returns the person and what was said."""
    person = Person(folder / name, server)
    arguments = ["join", link, "--username", name, "--password-stdin"]
    done = person.run(*arguments, stdin=f"{password(name)}\n", check=check)
    assert (done.returncode == 0) == check
    return person, done.stderr


def state(person: Person, user: str) -> str:
    """Return how a person's key stands."""
    return str(json.loads(person.run("verify", user, "--json").stdout)["state"])


def test_the_first_conversation_is_verified(server: Server, ada: Person, tmp_path: Path) -> None:
    """K20: a member puts their key into a link, or the operator does; who joins sends to that very key."""
    by = ada.run("invite-link").stdout.strip()
    links = [
        ada.run("invite-link", server.invite()).stdout.strip(),
        ada.run("invite-link", "-", stdin=server.invite() + "\n").stdout.strip(),
        json.loads(server.command("invite", "create", "--by", by, "--json"))["link"],
    ]
    for number, link in enumerate(links):
        assert str(ChatInviteLink.parse(link).by) == by
        person, said = join(server, tmp_path, f"new{number}", link)
        assert "ada, who invited you, is verified by the key in the link." in said
        assert state(person, "ada") == "verified"
    person = Person(tmp_path / f"new{len(links) - 1}", server)
    person.run("dm", "ada", "you are you")
    (member,) = [
        one
        for one in json.loads(person.run("encryption", "@ada", "--json").stdout)["members"]
        if one["user"] == "ada"
    ]
    assert member["state"] == "verified"
    assert state(ada, "new2") == "first-seen"


def test_another_key_than_the_servers_stops_the_first_message(
    server: Server, ada: Person, tmp_path: Path
) -> None:
    """K20: whether the server lies or the link is old: said at once, and nothing goes out undecided."""
    assert str(Inviter.parse(ada.run("invite-link").stdout.strip()).user) == "ada"
    false = Inviter(parse_user_name("ada"), PublicKey(b"k" * 32))
    person, said = join(server, tmp_path, "zed", f"{server.invite()}&by={false}")
    assert "ALARM: the server shows a different key for ada than the invite link does." in said
    assert state(person, "ada") == "changed"
    refused = person.run("dm", "ada", "is it you?", check=False)
    assert refused.returncode == 1
    assert "ALARM: The server shows a different key for ada than the invite link" in refused.stderr
    assert "ada" in refused.stderr


def test_a_login_after_a_join_that_was_not_answered_knows_who_invited(
    server: Server, ada: Person, tmp_path: Path
) -> None:
    """K20: a server that swallows its answer does not get rid of the key in the link."""
    invite = ChatInviteLink.parse(ada.run("invite-link", server.invite()).stdout)
    person, said = join(
        server,
        tmp_path / "a",
        "yan",
        str(replace(invite, link=replace(invite.link, code=Secret.random()))),
        check=False,
    )
    assert "verified" not in said
    join(server, tmp_path / "b", "yan", server.invite())  # what the server did without a word
    address, pin = invite.link.address.authority, str(invite.link.pin)
    login = ["login", address, "--pin", pin, "--username", "yan", "--password-stdin"]
    person.run(*login, stdin=f"{password('yan')}\n")
    assert state(person, "ada") == "verified"


def test_a_link_logs_in_where_the_account_exists(server: Server, ada: Person, tmp_path: Path) -> None:
    """With its password; someone else who chose the same name hears that it is taken."""
    invite = server.invite()
    _, said = join(server, tmp_path / "second", "ada", invite)
    assert "Logged in as ada" in said
    other = Person(tmp_path / "other", server)
    arguments = ["join", invite, "--username", "ada", "--password-stdin"]
    refused = other.run(*arguments, stdin="quite another password\n", check=False)
    assert refused.returncode == 1
    assert "The name ada is taken." in refused.stderr
    assert "choose another name" in refused.stderr
    _, said = join(server, tmp_path / "new", "wim", invite)  # neither has used it up
    assert "Logged in as wim" in said
    link = ada.run("device", "add").stdout.strip()
    assert "code" not in link
    third = Person(tmp_path / "third", server)
    done = third.run("login", link, "--password-stdin", stdin=f"{password('ada')}\n")
    assert "Logged in as ada" in done.stderr
    fourth = Person(tmp_path / "fourth", server)
    arguments = ["login", f"127.0.0.1:{server.port}", "--ca", str(server.data / "ca.pem")]
    fourth.run(*arguments, "--username", "ada", "--password-stdin", stdin=f"{password('ada')}\n")
    assert fourth.run("device", "add").stdout.strip() == link  # it has the pin, though this device has none


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("&by=ada", "the inviter's part of the link is damaged"),
        ("&by=ada.AAAA", "the inviter's part of the link is damaged"),
    ],
)
def test_a_damaged_inviter_joins_nothing(server: Server, tmp_path: Path, link: str, words: str) -> None:
    """One sentence, no account and no home."""
    person, said = join(server, tmp_path, "xeno", server.invite() + link, check=False)
    assert words in said.lower()
    assert not (person.home / "archive.db").exists()


def test_a_link_from_oneself_or_of_another_server(server: Server, ada: Person, tmp_path: Path) -> None:
    """One's own link logs another device in, and a name on another server is someone else."""
    link = ada.run("invite-link", server.invite()).stdout.strip()
    _, said = join(server, tmp_path, "ada", link)
    assert "Logged in as ada" in said
    refused = ada.run("invite-link", "parlour://chat.example.org:8443/join#code=" + "c" * 22, check=False)
    assert refused.returncode == 1
    assert "is for chat.example.org:8443" in refused.stderr


def join_in_terminal(home: Path, *arguments: str) -> Terminal:
    """Join with the password of the person whom the home is named after, and without a passphrase."""
    program = Path(sys.executable).with_name("parlour")
    terminal = Terminal(program, "--home", str(home), "join", *arguments, columns=80, rows=24)
    if "--username" not in arguments:
        terminal.read_until(b"Your name, as others will see it: ")
        terminal.press(f"{home.name}\n".encode())
    for prompt in (b"New password", b"Repeat for confirmation"):
        terminal.read_until(prompt)
        terminal.press(f"{password(home.name)}\n".encode())
    terminal.read_until(b"Passphrase for this computer: ")
    terminal.press(b"\n")
    terminal.read_until(f"Logged in as {home.name}".encode())
    return terminal


def test_joining_in_a_terminal_ends_in_the_chat(server: Server, tmp_path: Path) -> None:
    """With the link alone: the name is asked for, and the chat opens where one has joined."""
    terminal = join_in_terminal(tmp_path / "vera", server.invite())
    terminal.read_until(b"\x1b[?1049h")
    terminal.read_until(b"lobby")
    assert terminal.finish(QUIT) == 0
    assert terminal.is_given_back


def test_no_chat_opens_for_a_script_or_over_an_alarm(server: Server, ada: Person, tmp_path: Path) -> None:
    """`--no-open` ends after the login; K20: the alarm about the inviter's key is read first."""
    terminal = join_in_terminal(tmp_path / "uwe", server.invite(), "--username", "uwe", "--no-open")
    assert terminal.finish(b"") == 0
    assert b"\x1b[?1049h" not in terminal.output
    false = Inviter(parse_user_name("ada"), PublicKey(b"k" * 32))
    assert ada.home.exists()
    terminal = join_in_terminal(tmp_path / "tom", f"{server.invite()}&by={false}", "--username", "tom")
    assert terminal.finish(b"") == 0
    assert b"ALARM: the server shows a different key" in terminal.output
    assert b"\x1b[?1049h" not in terminal.output
