"""Sessions that should have ended, and those that should not have, by what the store says of them."""

import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager

import pytest
from tests.attacks.raw import PATIENCE, RunningServer
from tests.beats import Beats

from parlour_lab.wire import request

DAY = 86_400_000


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a running server that allows an account three sessions."""
    made = RunningServer(tmp_path_factory.mktemp("few"))
    made.begin("[logins]\nsessions_per_user = 3\n")
    yield made
    made.stop()


def session_id(server: RunningServer, session: str) -> str:
    """Return the public id of a session."""
    answer = server.api("GET", "/v1/sessions", headers={"Authorization": f"Bearer {session}"})
    return next(str(one["id"]) for one in json.loads(answer.body)["sessions"] if one.get("current"))


@contextmanager
def changing(server: RunningServer, session: str, column: str, ago: int) -> Iterator[None]:
    """Make a time of a session lie so many milliseconds in the past, once the block has ended."""
    at = int(time.time() * 1000) - ago
    with closing(sqlite3.connect(server.data / "parlour.db", timeout=PATIENCE)) as database, database:
        database.execute(f"UPDATE sessions SET {column} = ? WHERE session = ?", (at, session))  # noqa: S608 - ours
        yield


def change(server: RunningServer, session: str, column: str, ago: int) -> None:
    """Make a time of a session lie so many milliseconds in the past."""
    with changing(server, session, column, ago):
        pass


def stored(server: RunningServer, session: str) -> int:
    """Return how many milliseconds ago a session was seen, by the store."""
    with closing(sqlite3.connect(server.data / "parlour.db", timeout=PATIENCE)) as database:
        [(seen,)] = database.execute("SELECT last_seen FROM sessions WHERE session = ?", (session,))
    return int(time.time() * 1000) - int(seen)


def wait_until_seen(server: RunningServer, session: str) -> None:
    """Wait until the store has heard of the last use."""
    end = time.monotonic() + PATIENCE
    while stored(server, session) > DAY:
        assert time.monotonic() < end
        time.sleep(0.05)  # another process writes it: there is no event to wait for


@pytest.mark.parametrize(("column", "ago"), [("last_seen", 15 * DAY), ("expires", 1)])
def test_socket_outlives_its_limit(few: RunningServer, column: str, ago: int) -> None:
    """L17, S3: a socket that answers pings and says nothing is closed when its session is over, at once."""
    session = few.session(f"silent-{column.replace('_', '-')}", invite=few.code())
    public = session_id(few, session)
    with few.chatting(session) as (wire, _), ThreadPoolExecutor(1) as reader:
        code = reader.submit(wire.close_code)
        with Beats() as beats:
            while not code.done():
                change(few, public, column, ago)  # again: opening the socket was use, and is written later
                wait([code], 0.1)
        assert code.result() == 4002
        assert beats.seconds < 5
    assert few.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"}).status == 401


def test_session_in_use_looks_idle(few: RunningServer) -> None:
    """L17: what is said on a socket is use: the store hears of it, and the session goes on."""
    session = few.session("talker", invite=few.code())
    public = session_id(few, session)
    with few.chatting(session) as (wire, room):
        for number in range(3):
            with changing(few, public, "last_seen", 15 * DAY):  # the server can't write this use before
                wire.send(request("history", number, room=room))
                assert wire.told(f"probe-{number:010}")["type"] == "ok"
            wait_until_seen(few, public)
    assert few.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"}).status == 201


def test_cap_ends_the_session_in_use(few: RunningServer) -> None:
    """L29: of three sessions the one with a socket stays, though it is the oldest; the longest idle ends."""
    sessions = [few.session("walter", invite=few.code())]
    with few.chatting(sessions[0]) as (wire, room):
        wait_until_seen(few, session_id(few, sessions[0]))
        sessions += [few.session("walter") for _ in range(4)]
        wire.send(request("send", 1, room=room, text="still here"))
        assert wire.told("probe-0000000001")["type"] == "ok"
    answers = [
        few.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"}).status
        for session in sessions
    ]
    assert answers == [201, 401, 401, 201, 201]
