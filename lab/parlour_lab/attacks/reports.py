"""Reports of messages to the operator: who can make them, how many, and what they do to a terminal."""

import json
import secrets
from typing import Any

from parlour_lab.attack import Evidence, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import Wire, request
from parlour_protocol.limits import REPORTS_OF_REPORTER

_MANY = """
[rates]
messages_per_minute = 100000
message_burst = 10000
reports_per_hour = 1000
"""
"""Rates that are no limit here."""
_HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b31m"


@attack(
    "Reporting a message of a private room that the reporter is not in",
    expects="It is answered as if there were no such room.",
    settings=_MANY,
)
def report_of_stranger(server: LabServer, seen: Evidence) -> bool:
    with server.chatting(server.session("ada")) as (wire, _):
        made = _ask(wire, "create_room", name=f"team-{secrets.token_hex(4)}", kind="private")
        room = made["result"]["room"]["room"]
        seq = _ask(wire, "send", room=room, text="a secret")["result"]["seq"]
    with server.chatting(server.session()) as (wire, _):
        seen.sent("mallory, who is not in the room, reports ada's message")
        answer = _report(wire, room, seq)
        seen.received(json.dumps(answer))
    return answer.get("code") == "not_found"


@attack(
    "One account that reports more messages than the operator can read",
    expects="After some open reports of one account, more are refused.",
    settings=_MANY,
)
def report_flood(server: LabServer, seen: Evidence) -> bool:
    most, answers = REPORTS_OF_REPORTER.value, list[dict[str, Any]]()
    with (
        server.chatting(server.session("ada")) as (ada, _),
        server.chatting(server.session()) as (mallory, room),
    ):
        for _number in range(most + 1):
            seq = _ask(ada, "send", room=room, text="hello")["result"]["seq"]
            answers.append(_report(mallory, room, seq))
    taken = [answer["type"] for answer in answers].count("ok")
    seen.sent(f"{most + 1} reports")
    seen.received(f"{taken} were taken; the last answer: {json.dumps(answers[-1])}")
    return taken <= most


@attack(
    "A report with sequences that control a terminal, which the operator reads",
    expects="They are printed as text that shows what they are; none of their bytes reaches the terminal.",
    settings=_MANY,
)
def report_escapes(server: LabServer, seen: Evidence) -> bool:
    with (
        server.chatting(server.session("ada")) as (ada, _),
        server.chatting(server.session("ben")) as (ben, room),
    ):
        seq = _ask(ada, "send", room=room, text=_HOSTILE)["result"]["seq"]
        answer = _report(ben, room, seq, quote=_HOSTILE)
    assert answer["type"] == "ok", answer
    seen.sent(_HOSTILE)
    status, said = server.operate("report", "list", "--json")
    assert status == 0, said
    which = next(one["report"] for one in json.loads(said) if one["quote"] == _HOSTILE)
    status, said = server.operate("report", "show", which)
    seen.received(said)
    return status == 0 and not any(character in said for character in "\x1b\x07\x9b")


def _report(wire: Wire, room: str, seq: int, quote: str = "hello") -> dict[str, Any]:
    return _ask(wire, "report", room=room, target=seq, reason="spam", quote=quote)


def _ask(wire: Wire, kind: str, /, **fields: object) -> dict[str, Any]:
    number = secrets.randbelow(10**9)
    wire.send(request(kind, number, **fields))
    return wire.told(f"probe-{number:010}")
