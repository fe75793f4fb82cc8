"""Group K over the wire: each secret is for one thing, once, and is never taken from where it may leak."""

import json
import sys
from contextlib import ExitStack

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import ALLOWED_ORIGIN, PASSWORD


def test_token_in_a_url(server: RunningServer, session: str) -> None:
    """K1, K7: a ticket in the query opens nothing and is burnt, so that anyone who read a log is too late."""
    ticket = server.ticket(session)
    with server.wire() as wire:
        assert wire.ask(server.head(f"GET /v1/chat?ticket={ticket} HTTP/1.1")).status == 401
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=f"Bearer {ticket}")).status == 401
    assert ticket not in server.log.read_text()


def test_replay_race(server: RunningServer, session: str) -> None:
    """K3: of twenty handshakes with one ticket that arrive together one is answered 101, the others 401."""
    handshake = server.head(authorization=f"Bearer {server.ticket(session)}")
    with ExitStack() as stack:
        wires = [stack.enter_context(server.wire()) for _ in range(20)]
        for wire in wires:
            wire.send(handshake)
        assert sorted(wire.answer().status for wire in wires) == [101] + [401] * 19


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_a_used_ticket_in_memory(server: RunningServer, session: str) -> None:
    """L18: of the handshake that redeemed a ticket nothing is in memory, in use or freed."""
    ticket = server.ticket(session)
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=f"Bearer {ticket}")).status == 101
        assert json.loads(wire.frame()[1])["type"] == "hello"
        assert server.holds(b"parlour.v1")  # the search finds what is there
        assert not server.holds(f"Bearer {ticket}".encode())


def test_a_head_in_pieces(server: RunningServer, session: str) -> None:
    """L18: where no ticket is recognised in what was read, the handshake works all the same."""
    head = server.head(authorization=f"Bearer {server.ticket(session)}")
    with server.wire() as wire:
        for part in (head[:60], head[60:-30], head[-30:]):
            wire.send(part)
        assert wire.answer().status == 101


def test_a_head_that_is_redacted_already(server: RunningServer, session: str) -> None:
    """L18: the dots that stand for a ticket are none, alone or beside one."""
    dots = "Bearer " + "." * 43
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=dots)).status == 401
    for extra in (dots, f"Bearer {server.ticket(session)}"):
        with server.wire() as wire:
            head = server.head("GET /v1/chat HTTP/1.1", f"Authorization: {extra}\r\n", authorization=dots)
            assert wire.ask(head).status == 401


def test_confused_deputy(server: RunningServer, session: str) -> None:
    """K5: ticket, password and invite open no endpoint of the API; session, password, invite open no chat."""
    secrets = {"ticket": server.ticket(session), "password": PASSWORD, "invite": server.code()}
    for kind, secret in secrets.items():
        headers = {"Authorization": f"Bearer {secret}"}
        for method, path, body in (
            ("POST", "/v1/tickets", None),
            ("GET", "/v1/sessions", None),
            ("DELETE", "/v1/sessions/current", None),
            ("DELETE", "/v1/sessions/0000000000000000000000", None),
            ("POST", "/v1/password", {"old": PASSWORD, "new": f"another {PASSWORD}"}),
        ):
            assert server.api(method, path, body, headers).status == 401, (kind, method, path)
    for kind, secret in ({"session": session} | secrets).items():
        with server.wire() as wire:
            status = wire.ask(server.head(authorization=f"Bearer {secret}")).status
        assert status == (101 if kind == "ticket" else 401), kind


@pytest.mark.parametrize("where", ["cookie", "x-forwarded-authorization", "proxy-authorization"])
def test_a_credential_somewhere_else(server: RunningServer, session: str, where: str) -> None:
    """K5, K8: no cookie and no other header replaces `Authorization`, so no browser brings one along."""
    ticket = server.ticket(session)
    with server.wire() as wire:
        head = server.head("GET /v1/chat HTTP/1.1", f"{where}: Bearer {ticket}; session={session}\r\n")
        assert wire.ask(head).status == 401
    answer = server.api("POST", "/v1/tickets", headers={where: f"Bearer {session}"})
    assert answer.status == 401
    assert answer.header("set-cookie") == ""


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_cross_site_login(server: RunningServer, kind: str) -> None:
    """K8: a form is refused by its type, a foreign page by its Origin; no CORS header helps it."""
    body = {"username": "mallory", "password": PASSWORD, "device": "probe"}
    assert server.api("POST", "/v1/sessions", body, {"Content-Type": kind}).status == 415
    assert server.api("POST", "/v1/sessions", body, {"Origin": "https://evil.example"}).status == 403
    for origin, status, reader in (("https://evil.example", 403, ""), (ALLOWED_ORIGIN, 204, ALLOWED_ORIGIN)):
        asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = server.api("OPTIONS", "/v1/sessions", None, asks)
        assert preflight.status == status
        assert preflight.header("access-control-allow-origin") == reader
        assert preflight.header("access-control-allow-credentials") == ""


def test_body_bombs(server: RunningServer) -> None:
    """K9: nested too deeply is 400, longer than the cap is 413; either way the server goes on."""
    headers = {"Content-Type": "application/json"}
    with server.wire() as wire:
        deep = b"[" * 4000
        head = server.head("POST /v1/sessions HTTP/1.1", **dict.fromkeys(("upgrade", "connection")))
        head = head[:-2] + f"content-type: application/json\r\ncontent-length: {len(deep)}\r\n\r\n".encode()
        assert wire.ask(head + deep).status == 400
    assert server.api("POST", "/v1/sessions", {"username": "x" * 5000}, headers).status == 413


def test_fixation(server: RunningServer) -> None:
    """K6: a login takes no id from outside: extra members are refused, and each login is a new session."""
    first = server.session("trent", invite=server.code())
    body = {"username": "trent", "password": PASSWORD, "device": "probe"}
    assert server.api("POST", "/v1/sessions", body | {"session": "A" * 43}).status == 400
    answer = server.api("POST", "/v1/sessions", body, {"Authorization": f"Bearer {first}"})
    assert json.loads(answer.body)["session"] != first
    old = server.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {first}"})
    assert old.status == 401  # a login ends the session that it presents


def test_forwarding_headers_are_never_believed(server: RunningServer) -> None:
    """L6: a failed login counts for the address that it came from, whatever a header says."""
    forged = {
        "X-Forwarded-For": "203.0.113.77",
        "Forwarded": "for=203.0.113.77",
        "X-Real-IP": "203.0.113.77",
        "X-Forwarded-Proto": "http",
    }
    body = {"username": "nobody", "password": "another-violin-marble", "device": "probe"}
    assert server.api("POST", "/v1/sessions", body, forged).status == 401
    failed = [line for line in server.logged() if line["event"] == "login_failed"]
    assert failed[-1]["address"] == "127.0.0.1"
    assert "203.0.113.77" not in server.log.read_text()
