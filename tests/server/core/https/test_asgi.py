"""The HTTPS API from the outside, one test for each attack: K5-K9, P4, P7, H9, H10, R1."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from tests.server.chat.delivery.https.conftest import OPERATIONS, Api
from tests.server.fakes import PASSWORD, MakeAccount, ReadableAudit, StoppedClock

from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors.store import FactorStore
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.audit import AuditEvent
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import UnavailableError
from parlour_server.core.https.health_endpoints import Readiness
from parlour_server.core.live_nodes import Alone
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine

JSON = {"Content-Type": "application/json"}


async def test_a_login_and_a_ticket(api: Api, make_account: MakeAccount, store: ChatStore) -> None:
    """The way in: 201 with a session, then 201 with a ticket that lives 30 seconds at most."""
    await make_account("anna")
    made = await api.log_in()
    assert made.status_code == 201
    assert made.json().keys() == {"session", "expires_in", "user"}
    ticket = await api.as_(Secret(made.json()["session"]), "POST", "/v1/tickets")
    assert ticket.status_code == 201
    assert ticket.json().keys() == {"ticket", "expires_in"}
    assert ticket.json()["expires_in"] <= 30
    assert await store.tickets.take(Secret(ticket.json()["ticket"]).digest()) is not None


async def test_an_account_is_made_with_an_invite(api: Api, invite: Secret) -> None:
    """201, and the new account logs in."""
    body = {"invite": invite.reveal(), "username": "Anna", "password": PASSWORD}
    made = await api.http.post("/v1/accounts", json=body)
    assert (made.status_code, made.json()) == (201, {"user": "anna"})
    assert (await api.log_in()).status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"invite": "x" * 43}, 403, "invite_refused"),
        ({"username": "admin"}, 400, "name_refused"),
        ({"username": "\u0430nna"}, 400, "name_refused"),
        ({"username": "house"}, 400, "name_refused"),
        ({"username": "bert"}, 409, "name_taken"),
        ({"password": "anna12345678901"}, 400, "password_refused"),
        ({"role": "owner"}, 400, "malformed"),
    ],
)
async def test_a_refused_account_says_why(
    api: Api, invite: Secret, make_account: MakeAccount, change: dict[str, str], status: int, error: str
) -> None:
    """Each refusal has its code, and a sentence for the person (P3, M4, S5: mass assignment)."""
    await make_account("bert")
    body = {"invite": invite.reveal(), "username": "anna", "password": PASSWORD} | change
    refused = await api.http.post("/v1/accounts", json=body)
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert len(refused.json()["message"]) > 20


async def test_user_enumeration_sees_one_answer(
    api: Api, make_account: MakeAccount, store: ChatStore
) -> None:
    """P4: status, headers and body are equal for unknown, wrong and disabled."""
    await make_account("anna")
    disabled = await make_account("bert")
    await store.accounts.set_disabled(ByOperator(disabled), disabled=True)
    answers = [
        await api.log_in("nobody"),
        await api.log_in("no such name at all"),
        await api.log_in("anna", "another-violin-marble"),
        await api.log_in("bert"),
    ]
    assert len({(a.status_code, a.content, tuple(a.headers.multi_items())) for a in answers}) == 1
    assert answers[0].status_code == 401


async def test_guessing_is_answered_with_429_and_when_to_come_back(
    api: Api, make_account: MakeAccount
) -> None:
    """P5: after ten failures the right password must wait as well, and the answer says how long."""
    await make_account("anna")
    for _ in range(10):
        assert (await api.log_in("anna", "another-violin-marble")).status_code == 401
    refused = await api.log_in()
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == refused.json()["retry_after"] > 0


async def test_argon2_as_denial_of_service_is_answered_with_503(
    api: Api, passwords: HashingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: a full queue says so, and when to try again."""

    async def full(_encoded: str | None, _password: Secret, *, address: str) -> str | None:
        del address
        raise UnavailableError

    monkeypatch.setattr(passwords, "verify", full)
    refused = await api.log_in()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize(
    ("method", "path"),
    [(row.method, row.path.replace("{id}", "x")) for row in OPERATIONS.rows if row.session],
)
async def test_a_confused_deputy_takes_no_ticket_for_a_session(
    api: Api, make_account: MakeAccount, method: str, path: str
) -> None:
    """K5: a ticket, a password, nothing, twice a session: each is one 401 everywhere."""
    await make_account("anna")
    token = await api.session()
    ticket = (await api.as_(token, "POST", "/v1/tickets")).json()["ticket"]
    headers = [
        [("Authorization", f"Bearer {ticket}")],
        [("Authorization", f"Basic {token.reveal()}")],
        [("Authorization", f"Bearer {PASSWORD}")],
        [("Authorization", f"Bearer {token.reveal()}")] * 2,
        [],
    ]
    answers = [await api.http.request(method, path, headers=one) for one in headers]
    assert len({(a.status_code, a.content) for a in answers}) == 1
    assert answers[0].status_code == 401


async def test_fixation_by_a_chosen_session_is_refused(api: Api, make_account: MakeAccount) -> None:
    """K6: a client cannot name its session, and the one that it presents ends."""
    await make_account("anna")
    body = {"username": "anna", "password": PASSWORD, "device": "laptop"}
    chosen = await api.http.post("/v1/sessions", json=body | {"session": "x" * 43})
    assert chosen.status_code == 400
    old = await api.session()
    new = await api.log_in(Authorization=f"Bearer {old.reveal()}")
    assert new.json()["session"] != old.reveal()
    assert (await api.as_(old, "POST", "/v1/tickets")).status_code == 401


async def test_secrets_stay_out_of_logs(
    api: Api, make_account: MakeAccount, caplog: pytest.LogCaptureFixture, audit: ReadableAudit
) -> None:
    """K7: at DEBUG, with failures and refusals, no password, session or ticket is written."""
    caplog.set_level(logging.DEBUG)
    await make_account("anna")
    token = await api.session()
    ticket = (await api.as_(token, "POST", "/v1/tickets")).json()["ticket"]
    await api.log_in("anna", "CANARY-wrong-password")
    await api.http.post("/v1/sessions", content=b'{"password": "CANARY', headers=JSON)
    written = caplog.text + repr(audit.events)
    assert not any(secret in written for secret in (token.reveal(), ticket, PASSWORD, "CANARY"))


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "application/jsonp", ""],
)
async def test_cross_site_login_by_a_form_is_refused(api: Api, kind: str) -> None:
    """K8: only JSON that says so is read: what a form of a foreign page can send is 415."""
    body = json.dumps({"username": "anna", "password": PASSWORD, "device": "laptop"}).encode()
    refused = await api.http.post("/v1/sessions", content=body, headers={"Content-Type": kind})
    assert refused.status_code == 415


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/tickets", "/healthz", "/nothing"])
async def test_cross_site_reading_is_never_allowed(api: Api, path: str) -> None:
    """K8: a preflight gets no CORS header, and no answer may be cached."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET", "POST"):
        answer = await api.http.request(method, path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_body_bomb_is_refused_before_it_is_read(api: Api) -> None:
    """K9: a declared length of ten gigabytes is 413 at once."""

    async def never() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    headers = JSON | {"Content-Length": str(10 * 1024**3)}
    refused = await api.http.post("/v1/sessions", content=never(), headers=headers)
    assert refused.status_code == 413


async def test_a_body_bomb_in_pieces_is_cut_off(api: Api) -> None:
    """K9: without a length, reading stops at the limit."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):  # an end, so that the test fails where the limit is missing
            sent += 1024
            yield b" " * 1024

    refused = await api.http.post("/v1/sessions", content=endless(), headers=JSON)
    assert refused.status_code == 413
    assert sent <= 6 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 4000,
        b'{"username":"anna"}',
        b'{"username":"anna","password":"x","device":"d","device":"e"}',
        b'{"username":"\\ud800","password":"x","device":"d"} x',
        b"\xff\xfe",
        b'{"username":"anna","password":NaN,"device":"d"}',
        b'{"username":["anna"],"password":"x","device":"d"}',
    ],
)
async def test_a_malformed_body_is_400(api: Api, body: bytes) -> None:
    """M1: one answer, whatever is wrong, without a word of what was sent."""
    refused = await api.http.post("/v1/sessions", content=body, headers=JSON)
    assert (refused.status_code, refused.json()["error"]) == (400, "malformed")
    assert "anna" not in refused.text


async def test_a_stolen_session_cannot_change_the_password(api: Api, make_account: MakeAccount) -> None:
    """P7: 403 for a wrong old password; the right one ends only the other sessions."""
    await make_account("anna")
    stolen, mine = await api.session(), await api.session()
    body = {"old": "a-wrong-guess-of-it", "new": "another-quiet-otter-sings"}
    assert (await api.as_(stolen, "POST", "/v1/password", json=body)).status_code == 403
    body["old"] = PASSWORD
    assert (await api.as_(mine, "POST", "/v1/password", json=body)).status_code == 204
    assert (await api.as_(stolen, "GET", "/v1/sessions")).status_code == 401
    assert (await api.as_(mine, "GET", "/v1/sessions")).status_code == 200
    assert (await api.log_in("anna", body["new"])).status_code == 201


async def test_sessions_are_listed_and_ended_by_their_owner(api: Api, make_account: MakeAccount) -> None:
    """S6: the list marks the asking one; one that ends is 401, an unknown one 404."""
    await make_account("anna")
    other, mine = await api.session(), await api.session()
    listed = (await api.as_(mine, "GET", "/v1/sessions")).json()["sessions"]
    assert [one.get("current", False) for one in listed].count(True) == 1
    victim = next(one["id"] for one in listed if not one.get("current"))
    assert (await api.as_(mine, "DELETE", f"/v1/sessions/{victim}")).status_code == 204
    assert (await api.as_(other, "GET", "/v1/sessions")).status_code == 401
    assert (await api.as_(mine, "DELETE", f"/v1/sessions/{victim}")).status_code == 404
    assert (await api.as_(mine, "DELETE", "/v1/sessions/current")).status_code == 204
    assert (await api.as_(mine, "GET", "/v1/sessions")).status_code == 401


async def test_ending_a_session_of_someone_else_is_404(api: Api, make_account: MakeAccount) -> None:
    """S6: the id of another account's session is as good as none."""
    await make_account("anna")
    await make_account("bert")
    anna, bert = await api.session("anna"), await api.session("bert")
    victim = (await api.as_(anna, "GET", "/v1/sessions")).json()["sessions"][0]["id"]
    assert (await api.as_(bert, "DELETE", f"/v1/sessions/{victim}")).status_code == 404
    assert (await api.as_(anna, "GET", "/v1/sessions")).status_code == 200


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "TRACE", "DELETE"])
async def test_method_confusion_is_405_with_what_is_allowed(api: Api, method: str) -> None:
    """H9: all methods of the path are named, and nothing is done."""
    refused = await api.http.request(method, "/v1/sessions")
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "GET, HEAD, POST"
    assert refused.json()["error"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/sessions/", "/v1/openapi.json/x", "/%2e%2e/etc", "/docs"])
async def test_fingerprinting_finds_no_framework(api: Api, path: str) -> None:
    """H10: 404 of ours for every path, no redirect, no library's words."""
    refused = await api.http.get(path)
    assert refused.status_code == 404
    assert refused.json() == {"error": "not_found", "message": "Not found."}
    assert "server" not in refused.headers


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
async def test_a_fault_tells_nothing_and_is_one_line(
    api: Api,
    store: ChatStore,
    monkeypatch: pytest.MonkeyPatch,
    own_logs: list[dict[str, object]],
    kind: type[BaseException],
) -> None:
    """H10, R6: 500 in our words; the log has its kind and place, without what it choked on.

    R4: one that would end a process ends one request.
    """

    async def broken(_digest: bytes, _now: int) -> None:
        raise kind("CANARY")

    monkeypatch.setattr(type(store.sessions), "find", lambda _self, digest, now: broken(digest, now))
    answer = await api.as_(Secret("x" * 43), "GET", "/v1/sessions")
    assert (answer.status_code, answer.json()["error"]) == (500, "fault")
    [line] = [line for line in own_logs if line["event"] == "fault"]
    assert line["kind"] == kind.__name__
    assert "CANARY" not in str(own_logs)
    assert "Traceback" not in str(own_logs)
    assert kind.__name__ not in answer.text


async def test_a_flood_from_one_address_is_slowed_down(
    api: Api, audit: ReadableAudit, clock: StoppedClock
) -> None:
    """P6, R1: over the rate every path is 429, until tokens are there again."""
    for _ in range(100):
        assert (await api.http.get("/healthz")).status_code == 204
    refused = await api.http.get("/healthz")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert audit.kinds() == [AuditEvent.LIMIT_HIT]
    clock.pass_seconds(1)
    assert (await api.http.get("/healthz")).status_code == 204


async def test_readiness_follows_the_store(
    api: Api, store: ChatStore, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """204 while a write would succeed, 503 when not; strangers cause one write in five seconds at most."""
    tries = 0
    check = type(store).check

    async def counted(self: ChatStore) -> None:
        nonlocal tries
        tries += 1
        await check(self)

    async def full(_self: object) -> None:
        nonlocal tries
        tries += 1
        raise UnavailableError("disk full")

    monkeypatch.setattr(type(store), "check", counted)
    answers = await asyncio.gather(*(api.http.get("/readyz") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {204}
    assert tries == 1
    monkeypatch.setattr(type(store), "check", full)
    clock.pass_seconds(5)
    answers = await asyncio.gather(*(api.http.get("/readyz") for _ in range(20)))
    assert tries == 2
    answer = answers[0]
    assert answer.status_code == 503
    assert "disk" not in answer.text


async def test_a_server_whose_database_is_damaged_is_not_ready(
    api: Api, store: ChatStore, folder: DataFolder, make_account: MakeAccount
) -> None:
    """An index that logins need is damaged, the row that readiness writes is not: 503 once it was met."""
    await make_account("anna")
    assert (await api.http.get("/readyz")).status_code == 204
    await store.close()
    with closing(sqlite3.connect(folder.database)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [size] = db.execute("PRAGMA page_size").fetchone()
        query = "SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'second_factors' AND type = 'index'"
        pages = [page for (page,) in db.execute(query) if page]
    with folder.database.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)
    opened = CHAT.make_store(SqliteEngine(folder.database), StoppedClock())
    await opened.open()
    readiness = Readiness(opened, StoppedClock(), Alone())
    await readiness.require()
    with pytest.raises(UnavailableError):
        await FactorStore(opened, StoppedClock()).of(parse_user_name("anna"))
    await opened.check()  # what is written there is intact
    with pytest.raises(UnavailableError, match="damaged"):
        await readiness.require()
    await opened.close()
    await store.open()
