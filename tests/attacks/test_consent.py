"""What people do to each other by names and invitations, and what the server keeps them from."""

import json

from tests.attacks.raw import PASSWORD, House, request


def test_a_private_name_is_no_oracle(house: House, session: str) -> None:
    """L15: making a room of a private room's name, or of one that nobody has, gets the same answer."""
    secrets = ("merger-with-acme", "layoffs-in-may")
    tries = [(secrets[0], "private"), ("nobody-has-this", "private"), ("layoffs-ln-may", "public")]
    with house.chatting(house.session("keeper", invite=house.code())) as (wire, _):
        for number, name in enumerate(secrets, 1):
            wire.send(request("create_room", number, name=name, kind="private"))
            assert wire.told(f"probe-{number:010}")["type"] == "ok"
    answers = []
    with house.chatting(session) as (wire, _):
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


def test_a_name_that_folds_to_another(house: House, session: str) -> None:
    """L16: `straße` cannot be made beside `strasse`, neither as an account nor as a room."""
    house.session("strasse", invite=house.code())
    body = {"invite": house.code(), "username": "stra\u00dfe", "password": PASSWORD}
    answer = house.api("POST", "/v1/accounts", body)
    assert (answer.status, json.loads(answer.body)["error"]) == (409, "name_taken")
    with house.chatting(session) as (wire, _):
        made = []
        for number, name in enumerate(("gr\u00fcsse", "gr\u00fc\u00dfe", "GR\u00dcSSE"), 1):
            wire.send(request("create_room", number, name=name, kind="public"))
            made.append(wire.told(f"probe-{number:010}"))
    assert [answer.get("code", "ok") for answer in made] == ["ok", "name_taken", "name_taken"]
