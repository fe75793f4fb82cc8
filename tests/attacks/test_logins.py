"""Group P over the wire: what one stranger's logins cost everyone else."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import PASSWORD, Wire

STRANGER, OWNER = "127.0.0.66", "127.0.0.77"
_ONE_THREAD = """
[logins]
hash_threads = 1
hash_queue_per_address = 60
failures_per_address = 1000
"""
_FEW_GUESSES = """
[logins]
failures_per_address = 5
"""


@pytest.fixture
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Return a server with the test's own settings."""
    made = RunningServer(tmp_path_factory.mktemp("logins"))
    made.cheap_passwords = False
    made.begin(request.param)
    yield made
    made.stop()


def _login(server: RunningServer, user: str, password: str) -> bytes:
    body = json.dumps({"username": user, "password": password, "device": "probe"})
    return (
        f"POST /v1/sessions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _guess(server: RunningServer, stack: ExitStack, connections: int) -> list[Wire]:
    """Send a wrong login on so many connections of one stranger, and read no answer."""
    wires = []
    for number in range(connections):
        wires.append(stack.enter_context(server.wire(source=STRANGER)))
        wires[-1].send(_login(server, f"nobody{number}", "another-violin-marble"))
    return wires


def _logins(server: RunningServer) -> list[str]:
    return [line["event"] for line in server.logged() if line["event"] in {"login_failed", "login_ok"}]


@pytest.mark.parametrize("server", [pytest.param(_ONE_THREAD, id="one-thread")], indirect=True)
def test_a_queue_of_a_strangers_logins(server: RunningServer) -> None:
    """L13: while 50 logins of one address wait, a login from elsewhere waits for the one that runs."""
    server.session("ada", invite=server.code())
    with ExitStack() as stack:
        strangers = _guess(server, stack, 50)
        assert strangers[0].answer().status == 401
        wire = stack.enter_context(server.wire(source=OWNER))
        with server.standing_still():  # or it might go on before ours is sent
            before = len(_logins(server))
            wire.send(_login(server, "ada", PASSWORD))
        assert wire.answer().status == 201
        *failed, last = _logins(server)[before:][: _logins(server)[before:].index("login_ok") + 1]
        assert before < 40  # the others still wait
        assert last == "login_ok"
        assert len(failed) <= 3  # one that ran, and what was answered before ours came


@pytest.mark.parametrize("server", [pytest.param(_FEW_GUESSES, id="few-guesses")], indirect=True)
def test_guesses_in_parallel_at_many_names(server: RunningServer) -> None:
    """P5, L13: 60 guesses at once try no more passwords than the same guesses one after another."""
    server.session("ada", invite=server.code())
    with ExitStack() as stack:
        answers = [wire.answer().status for wire in _guess(server, stack, 60)]
        assert answers.count(401) == 5
        assert answers.count(429) == 55
    with server.wire(source=OWNER) as wire:
        assert wire.ask(_login(server, "ada", PASSWORD)).status == 201
