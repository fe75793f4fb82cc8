"""Group S: sessions that should have ended, and rights that should be gone."""

import json
import select
import sqlite3
import time
from contextlib import closing, suppress
from typing import Any

from parlour_lab.attack import Evidence, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import PATIENCE, Wire, request

_DAY = 86_400_000


def _code_within(wire: Wire, seconds: float, seen: Evidence) -> int:
    """Read until the close frame; return its code, 0 if none comes in time."""
    wire.socket.settimeout(seconds)
    start = time.monotonic()
    try:
        code = wire.close_code()
    except TimeoutError:
        code = 0
    seen.received(f"close code {code} after {time.monotonic() - start:.2f} s" if code else "no close frame")
    return code


@attack(
    "Someone chats on after the operator ended their session by a command",
    expects="The socket closes within a second.",
)
def socket_outlives_session(server: LabServer, seen: Evidence) -> bool:
    session = server.newcomer("sybil")
    with server.chatting(session) as (wire, _):
        seen.sent("parlour-server session end sybil --all")
        status, said = server.operate("session", "end", "sybil", "--all")
        assert status == 0, said
        return _code_within(wire, 3, seen) != 0


@attack(
    "A client that was told that its session ended neither answers nor hangs up",
    expects="Its socket is closed by force, two seconds later.",
    waits=True,
)
def silent_at_the_end(server: LabServer, seen: Evidence) -> bool:
    session, other = server.newcomer("silas"), server.log_in("silas")
    listed = server.api("GET", "/v1/sessions", headers={"Authorization": f"Bearer {session}"})
    public = next(one["id"] for one in json.loads(listed.body)["sessions"] if one.get("current"))
    with server.chatting(session) as (wire, _):
        ended = server.api("DELETE", f"/v1/sessions/{public}", headers={"Authorization": f"Bearer {other}"})
        assert ended.status == 204, ended
        _code_within(wire, PATIENCE, seen)
        wire.socket.settimeout(5)
        start = time.monotonic()
        try:
            wire.rest()
        except TimeoutError:
            seen.received("5 s later the socket is still open")
            return False
    seen.received(f"the socket was closed after {time.monotonic() - start:.1f} s")
    return True


@attack(
    "A socket that stays open, past the end of its session",
    expects="It is closed within a second of the limit, whether it is in use or not.",
)
def endless_session(server: LabServer, seen: Evidence) -> bool:
    session = server.newcomer("endre")
    with server.chatting(session) as (wire, _):
        with closing(sqlite3.connect(server.data / "parlour.db", timeout=PATIENCE)) as database, database:
            past = int(time.time() * 1000) - 1
            changed = database.execute("UPDATE sessions SET expires = ? WHERE account = 'endre'", (past,))
            assert changed.rowcount == 1
        seen.observed("by the database the session ended a millisecond ago")
        return _code_within(wire, 4, seen) != 0


@attack(
    "Someone who was kicked out of a room keeps listening on the connection that they have",
    expects="Nothing that is said afterwards reaches them, and they can say nothing.",
)
def stale_rights(server: LabServer, seen: Evidence) -> bool:
    with (
        server.chatting(server.session("ada")) as (ada, _),
        server.chatting(server.session()) as (mallory, _),
    ):
        made = _asked(ada, 1, "create_room", name=f"den-{time.monotonic_ns()}", kind="private")
        room = made["result"]["room"]["room"]
        _asked(ada, 2, "invite", room=room, user="mallory")
        _asked(mallory, 3, "accept", room=room)
        _asked(mallory, 4, "send", room=room, text="Hello.")
        _asked(ada, 5, "kick", room=room, user="mallory")
        _asked(ada, 6, "send", room=room, text="Now that we are alone.")
        seen.sent("ada kicked mallory, and said something else")
        mallory.send(request("send", 7, room=room, text="Not quite."))
        pushed: list[dict[str, Any]] = [json.loads(mallory.frame()[1])]
        while pushed[-1].get("re") != "probe-0000000007":
            pushed.append(json.loads(mallory.frame()[1]))
        refused = pushed.pop()
        seen.received(refused)
        mallory.socket.settimeout(0.5)
        with suppress(TimeoutError, EOFError):
            while True:  # what is delivered in batches may come after the answer
                pushed.append(json.loads(mallory.frame()[1]))
        overheard = [one for one in pushed if "alone" in json.dumps(one)]
    seen.received(f"mallory heard {len(overheard)} of what was said afterwards")
    return bool(refused["type"] == "error" and not overheard)


def _asked(wire: Wire, number: int, what: str, /, **fields: object) -> dict[str, Any]:
    wire.send(request(what, number, **fields))
    answer = wire.told(f"probe-{number:010}")
    assert answer["type"] == "ok", answer
    return answer


@attack(
    "Logging in again and again, to have sessions that nobody remembers",
    expects="Above the cap the session that has been idle longest ends.",
    settings="[logins]\nsessions_per_user = 3\n",
)
def unlimited_sessions(server: LabServer, seen: Evidence) -> bool:
    sessions = [server.newcomer("many"), *(server.log_in("many") for _ in range(5))]
    alive = 0
    for session in sessions:
        answer = server.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"})
        alive += answer.status == 201
    seen.sent(f"{len(sessions)} logins")
    seen.observed(f"{alive} sessions work")
    return alive <= 3


@attack(
    "A socket that stays open and says nothing, past the limit for idle sessions",
    expects="It is closed within a second of the limit: only what someone says on it is use.",
    waits=True,
)
def idle_session(server: LabServer, seen: Evidence) -> bool:
    session = server.newcomer("ines")
    with server.chatting(session) as (wire, _):
        end = time.monotonic() + 8
        while time.monotonic() < end:
            with closing(sqlite3.connect(server.data / "parlour.db", timeout=PATIENCE)) as database, database:
                ago = int(time.time() * 1000) - 15 * _DAY
                # again if need be: that the socket was opened is use, and is written within a second
                changed = database.execute("UPDATE sessions SET last_seen = ? WHERE account = 'ines'", (ago,))
                assert changed.rowcount == 1
            if select.select([wire.socket], [], [], 1.2)[0]:
                try:
                    opcode, payload = wire.frame()
                except EOFError:
                    opcode, payload = 8, b""
                if opcode == 8:
                    seen.received(f"close code {int.from_bytes(payload[:2], 'big')}")
                    return True
    seen.observed("by the database it was last used 15 days ago, and it is still open")
    return False


@attack(
    "Logging in as someone again and again, to push out the session that they are using",
    expects="Above the cap a session with an open socket ends after those without one.",
    settings="[logins]\nsessions_per_user = 3\n",
)
def session_in_use_pushed_out(server: LabServer, seen: Evidence) -> bool:
    session = server.newcomer("walter")
    with server.chatting(session):
        for _ in range(3):
            server.log_in("walter")
        seen.sent("three more logins, where three sessions are allowed")
        answer = server.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"})
        seen.received(f"the session that chats is answered {answer.status}")
    return answer.status == 201
