"""What people do to each other by names and invitations, and what the server keeps them from."""

import json

from tests.attacks.raw import PASSWORD, House, request


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
