"""What people do to each other by names and invitations, and what the server keeps them from."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import PASSWORD, Wire, frame, request

_numbers = itertools.count(1)


def ask(wire: Wire, kind: str, /, **fields: object) -> dict[str, Any]:
    """Ask something and return the answer."""
    number = next(_numbers)
    wire.send(request(kind, number, **fields))
    return wire.told(f"probe-{number:010}")


def pushed(wire: Wire) -> dict[str, Any]:
    """Return the next text frame; pings are answered, as a client does."""
    opcode, payload = wire.frame()
    while opcode != 1:
        wire.send(frame(10, payload))
        opcode, payload = wire.frame()
    told: dict[str, Any] = json.loads(payload)
    return told


def make_room(wire: Wire, name: str) -> str:
    """Make a private room."""
    room: str = ask(wire, "create_room", name=name, kind="private")["result"]["room"]["room"]
    return room


@pytest.fixture(scope="module")
def victim(server: RunningServer) -> str:
    """Return the session of someone who wants to be left alone."""
    return server.session("victim", invite=server.code())


@contextmanager
def strangers(server: RunningServer, *names: str) -> Iterator[list[Wire]]:
    """Connect people with accounts of their own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(server.chatting(server.session(name, invite=server.code())))[0]
            for name in names
        ]


@contextmanager
def greeted(server: RunningServer, session: str) -> Iterator[tuple[Wire, dict[str, Any]]]:
    """Connect and give the greeting as well."""
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=f"Bearer {server.ticket(session)}")).status == 101
        yield wire, json.loads(wire.frame()[1])


def test_membership_without_consent(server: RunningServer, victim: str) -> None:
    """L14: what strangers invite someone to reaches them as invitations, and takes none of their rooms."""
    rooms = []
    with strangers(server, "crook", "crony") as wires, greeted(server, victim) as (wire, hello):
        assert len(hello["rooms"]) == 1
        for number, stranger in enumerate(wires):
            for _ in range(25):
                room = make_room(stranger, f"trap-{next(_numbers)}")
                assert ask(stranger, "invite", room=room, user="victim")["type"] == "ok"
                assert ask(stranger, "send", room=room, text=f"spam {number}")["type"] == "ok"
                rooms.append(room)
        assert ask(wires[0], "open_direct", user="victim")["type"] == "ok"
        kinds = []
        while kinds.count("invitation") < len(rooms) or "room_entered" not in kinds:
            told = pushed(wire)
            kinds.append(told["type"])
            if told["type"] == "room_entered":
                assert told["room"]["request"] is True
        assert set(kinds) <= {"invitation", "room_entered", "status"}
        assert kinds.count("room_entered") == 1
        for kind in ("history", "members", "pins"):
            assert ask(wire, kind, room=rooms[0])["code"] == "not_found"
    with greeted(server, victim) as (wire, hello):
        assert {room["room"] for room in hello["rooms"]}.isdisjoint(rooms)
        assert (len(hello["rooms"]), hello["invitations"]) == (2, len(rooms))
        page = ask(wire, "invitations")["result"]
        listed = page["invitations"]
        assert (
            len(listed) + len(ask(wire, "invitations", after=listed[-1]["room"])["result"]["invitations"])
            == 50
        )
        assert set(listed[0]) == {"room", "kind", "name", "inviter", "at", "expires"}
        assert ask(wire, "open_direct", user="crony")["type"] == "ok"
        assert ask(wire, "accept", room=rooms[0])["type"] == "ok"


def test_invitations_cost_who_makes_them(server: RunningServer) -> None:
    """L14: fifty of one account wait at most, declined or not; one person is invited into a room once."""
    target = server.session("target", invite=server.code())
    with strangers(server, "flooder") as (wire,), server.chatting(target) as (theirs, _):
        rooms = [make_room(wire, f"flood-{number}") for number in range(51)]
        answers = [ask(wire, "invite", room=room, user="target") for room in rooms[:50]]
        assert {answer["type"] for answer in answers} == {"ok"}
        for room in rooms[:3]:
            assert ask(theirs, "decline", room=room)["type"] == "ok"
        assert ask(wire, "invite", room=rooms[50], user="target")["code"] == "limit_reached"
        assert ask(wire, "invite", room=rooms[0], user="target")["code"] == "already"
        assert ask(wire, "uninvite", room=rooms[0], user="target")["type"] == "ok"
        again = ask(wire, "invite", room=rooms[0], user="target")
        assert (again["code"], again["retry_after"] > 3_600_000) == ("rate_limited", True)
        codes = [ask(wire, "invite", room=rooms[50], user="victim").get("code") for _ in range(70)]
        assert codes[-1] == "rate_limited"


def test_a_block_is_no_oracle(server: RunningServer) -> None:
    """L14: who is blocked or declined gets, byte for byte but for numbers and times, what everyone gets."""
    with strangers(server, "stalker") as (wire,):
        answers: dict[str, list[str]] = {}
        for name in ("waits", "wants-not", "walls", "walled-before"):
            session = server.session(name, invite=server.code())
            with server.chatting(session) as (theirs, _):
                if name == "walled-before":
                    assert ask(theirs, "block", user="stalker")["type"] == "ok"
                room = make_room(wire, f"den-of-{name}")
                seen = [ask(wire, "invite", room=room, user=name)]
                if name == "wants-not":
                    assert ask(theirs, "decline", room=room)["type"] == "ok"
                if name == "walls":
                    assert ask(theirs, "block", user="stalker")["type"] == "ok"
                listed = ask(theirs, "invitations")["result"]["invitations"]
                assert bool(listed) is (name == "waits")
                seen.append(ask(wire, "invite", room=room, user=name))
                seen.append(ask(wire, "open_direct", user=name))
                direct = seen[-1]["result"]["room"]["room"]
                seen.append(ask(wire, "send", room=direct, text="hello"))
                seen.append(ask(wire, "members", room=direct))
                seen.append(ask(wire, "members", room=room))
                seen.append(ask(wire, "history", room=room))
                seen.append(ask(wire, "uninvite", room=room, user=name))
            answers[name] = [_anonymous(answer, name, (room, direct)) for answer in seen]
        assert all(each == answers["waits"] for each in answers.values()), answers


def _anonymous(answer: dict[str, Any], name: str, rooms: tuple[str, str]) -> str:
    """Return an answer without what differs between any two people: ids, names, times."""
    answer.pop("re")
    text = json.dumps(answer, sort_keys=True)
    for room in rooms:
        text = text.replace(room, "ROOM")
    return re.sub(r'"at": [0-9]+', '"at": TIME', text.replace(name, "NAME"))


@pytest.mark.parametrize("kind", ["invite", "accept"])
def test_an_admission_that_no_one_signed(server: RunningServer, session: str, kind: str) -> None:
    """L14: a statement that is none is refused, so that no one believes that something was signed."""
    with server.chatting(session) as (wire, lobby):
        fields = {"user": "victim"} if kind == "invite" else {}
        answer = ask(wire, kind, room=lobby, statement="QUJD", **fields)
    assert (answer["type"], answer["code"]) == ("error", "malformed")


def test_a_private_name_is_no_oracle(server: RunningServer, session: str) -> None:
    """L15: making a room of a private room's name, or of one that no one has, gets the same answer."""
    secrets = ("merger-with-acme", "layoffs-in-may")
    tries = [(secrets[0], "private"), ("nobody-has-this", "private"), ("layoffs-ln-may", "public")]
    with server.chatting(server.session("keeper", invite=server.code())) as (wire, _):
        for number, name in enumerate(secrets, 1):
            wire.send(request("create_room", number, name=name, kind="private"))
            assert wire.told(f"probe-{number:010}")["type"] == "ok"
    answers = []
    with server.chatting(session) as (wire, _):
        for number, (name, kind) in enumerate(tries, 11):
            wire.send(request("create_room", number, name=name, kind=kind))
            answers.append(wire.told(f"probe-{number:010}"))
        wire.send(request("rooms", 21))
        listed = wire.told("probe-0000000021")["result"]["rooms"]
    assert [answer["type"] for answer in answers] == ["ok"] * 3, answers
    made = [answer["result"]["room"] for answer in answers]
    assert [{key: room[key] for key in ("kind", "role", "head", "read", "members")} for room in made] == [
        {"kind": kind, "role": "owner", "head": 1, "read": 1, "members": 1} for _, kind in tries
    ]
    assert not {*secrets} & {room["name"] for room in listed}


def test_a_name_that_folds_to_another(server: RunningServer, session: str) -> None:
    """L16: `straße` cannot be made beside `strasse`, neither as an account nor as a room."""
    server.session("strasse", invite=server.code())
    body = {"invite": server.code(), "username": "stra\u00dfe", "password": PASSWORD}
    answer = server.api("POST", "/v1/accounts", body)
    assert (answer.status, json.loads(answer.body)["error"]) == (409, "name_taken")
    with server.chatting(session) as (wire, _):
        made = []
        for number, name in enumerate(("gr\u00fcsse", "gr\u00fc\u00dfe", "GR\u00dcSSE"), 1):
            wire.send(request("create_room", number, name=name, kind="public"))
            made.append(wire.told(f"probe-{number:010}"))
    assert [answer.get("code", "ok") for answer in made] == ["ok", "name_taken", "name_taken"]
