"""Names of people and rooms: what they must not betray, and who must not look like whom."""

import json
import secrets
from typing import Any

from parlour_lab.attack import Evidence, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import PASSWORD, Wire, request


def _ask(wire: Wire, kind: str, /, **fields: object) -> dict[str, Any]:
    number = secrets.randbelow(10**9)
    wire.send(request(kind, number, **fields))
    return wire.told(f"probe-{number:010}")


@attack(
    "Creating rooms with names that might be those of private rooms",
    expects="A name that a private room has gets the same answer as one that no room has.",
)
def private_names(server: LabServer, seen: Evidence) -> bool:
    secret = f"merger-{secrets.token_hex(4)}"
    with server.chatting(server.session("ada")) as (wire, _):
        assert _ask(wire, "create_room", name=secret, kind="private")["type"] == "ok"
    answers = {}
    with server.chatting(server.session()) as (wire, _):
        for name in (secret, f"nobody-{secrets.token_hex(4)}"):
            seen.sent(f"mallory creates a private room {name!r}")
            answers[name] = _ask(wire, "create_room", name=name, kind="private")
            seen.received(json.dumps(answers[name]))
    return {answer["type"] for answer in answers.values()} == {"ok"}


@attack(
    "An account whose name is another's under case folding",
    expects="It is refused as taken: 409.",
)
def folded_names(server: LabServer, seen: Evidence) -> bool:
    taken = {"invite": server.invite_code, "username": "strasse", "password": PASSWORD}
    assert server.api("POST", "/v1/accounts", taken).status in {201, 409}  # it may be there already
    seen.sent("there is a strasse; someone registers as stra\u00dfe")
    answer = server.api("POST", "/v1/accounts", taken | {"username": "stra\u00dfe"})
    seen.received(answer)
    return answer.status == 409
