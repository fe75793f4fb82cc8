"""Group K: tickets and sessions."""

import asyncio
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.kit.transport.session import SessionKeyPair
from parlour_client.kit.transport.trust import CaFile
from parlour_lab.attack import Evidence, NotTriedError, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import ALLOWED_ORIGIN, PASSWORD, Answer, ServerAddress
from parlour_protocol.kit import invite_link
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import PROOF_HEADER, Redemption

_LOGIN: Final = {"username": "mallory", "password": PASSWORD, "device": "probe"}
_CREATED: Final = 201


@attack(
    "A ticket in the URL",
    expects="It opens nothing, and is worth nothing afterwards: anyone who reads a log is too late.",
)
def ticket_in_a_url(server: LabServer, seen: Evidence) -> bool:
    ticket = server.ticket(server.session())
    with server.wire() as wire:
        head = server.head(f"GET /v1/chat?ticket={ticket} HTTP/1.1")
        seen.sent(head)
        first = wire.ask(head)
        seen.received(first)
    with server.wire() as wire:
        head = server.head(authorization=f"Bearer {ticket}")
        seen.sent(head)
        second = wire.ask(head)
        seen.received(second)
    return (first.status, second.status) == (401, 401) and ticket not in server.log_text()


@attack(
    "Twenty handshakes with one ticket that arrive together",
    expects="One of them is answered 101, the others 401.",
    remote=True,
)
def ticket_race(server: ServerAddress, seen: Evidence) -> bool:
    handshake = server.head(authorization=f"Bearer {server.ticket(server.session())}")
    with ExitStack() as stack:
        wires = [stack.enter_context(server.wire()) for _ in range(20)]
        seen.sent(handshake)
        for wire in wires:
            wire.send(handshake)
        found = sorted(wire.answer().status for wire in wires)
    seen.received(f"20 answers: {found}")
    return found == [101] + [401] * 19


@attack(
    "Looking for a used ticket in the server's memory",
    expects="The handshake that redeemed a ticket is nowhere in memory, in use or freed.",
)
def used_ticket_in_memory(server: LabServer, seen: Evidence) -> bool:
    if sys.platform != "linux":
        raise NotTriedError("the memory of a process can be read on Linux only")
    ticket = server.ticket(server.session())
    with server.wire() as wire:
        head = server.head(authorization=f"Bearer {ticket}")
        seen.sent(head)
        assert wire.ask(head).status == 101
        wire.frame()
        assert server.holds(b"parlour.v1"), "the search finds what is there"
        found = server.holds(f"Bearer {ticket}".encode())
    seen.observed(f"the memory of process {server.pid} {'holds' if found else 'does not hold'} the ticket")
    return not found


@attack(
    "Reading every file of the server, with its database, for something to log in with",
    expects="No session, ticket, invite or password is in any of them.",
)
def stolen_files(server: LabServer, seen: Evidence) -> bool:
    session = server.log_in("mallory")
    wanted = {
        "a session": session,
        "a ticket": server.ticket(session),
        "an invite": server.invite_code,
        "a password": PASSWORD,
    }
    files = [path for path in server.data.rglob("*") if path.is_file()]
    contents = [path.read_bytes() for path in files]
    found = [what for what, secret in wanted.items() if any(secret.encode() in one for one in contents)]
    size = sum(len(one) for one in contents)
    seen.observed(f"{len(files)} files of {size:,} bytes; found: {', '.join(found) or 'nothing'}")
    return not found


@attack(
    "A ticket that someone noted down is used after its time",
    expects="It is refused like one that never was.",
    settings="[logins]\nticket_seconds = 1\n",
    waits=True,
)
def late_ticket(server: LabServer, seen: Evidence) -> bool:
    head = server.head(authorization=f"Bearer {server.ticket(server.session())}")
    time.sleep(1.1)  # the deadline of the server, which is another process
    with server.wire() as wire:
        seen.sent(head)
        answer = wire.ask(head)
        seen.received(answer)
    return answer.status == 401


@attack(
    "Each secret is tried where another belongs, and a session in a cookie or another header",
    expects="Every try is answered 401.",
    remote=True,
)
def confused_deputy(server: ServerAddress, seen: Evidence) -> bool:
    session = server.session()
    statuses = []

    def tried(what: str, answer: Answer) -> None:
        seen.sent(what)
        seen.received(answer.status)
        statuses.append(answer.status)

    for what, secret in {
        "a ticket": server.ticket(session),
        "a password": PASSWORD,
        "an invite": server.invite_code,
    }.items():
        headers = {"Authorization": f"Bearer {secret}"}
        tried(f"{what}, for a ticket", server.api("POST", "/v1/tickets", headers=headers))
        tried(f"{what}, for the list of sessions", server.api("GET", "/v1/sessions", headers=headers))
    for name in ("Cookie", "Proxy-Authorization", "X-Forwarded-Authorization"):
        answer = server.api("POST", "/v1/tickets", headers={name: f"Bearer {session}"})
        tried(f"a session in {name}", answer)
    for what, secret in {"a session": session, "an invite": server.invite_code}.items():
        with server.wire() as wire:
            tried(f"{what}, at the chat", wire.ask(server.head(authorization=f"Bearer {secret}")))
    return set(statuses) == {401}


@attack(
    "Someone plants a session that they know, and waits for its victim to log in with it",
    expects="The login takes no id from outside, makes a new session and ends the planted one.",
)
def fixation(server: LabServer, seen: Evidence) -> bool:
    planted = server.log_in("mallory")
    seen.sent("a login with a member `session`")
    chosen = server.api("POST", "/v1/sessions", _LOGIN | {"session": "A" * 43})
    seen.received(chosen.status)
    seen.sent("a login that presents the planted session")
    answer = server.api("POST", "/v1/sessions", _LOGIN, {"Authorization": f"Bearer {planted}"})
    assert answer.status == _CREATED, answer
    is_new = json.loads(answer.body)["session"] != planted
    after = server.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {planted}"})
    seen.received(f"{'a new' if is_new else 'the same'} session; the planted one is answered {after.status}")
    return chosen.status != _CREATED and is_new and after.status == 401


@attack(
    "Reading the server's log for something to log in with",
    expects="No password, session, ticket, invite or message is in it, whatever went wrong.",
)
def secrets_in_the_log(server: LabServer, seen: Evidence) -> bool:
    session = server.log_in("mallory")
    ticket, typed = server.ticket(session), "CANARY-violin-marble"
    wrong = {"username": typed, "password": typed, "device": "probe"}
    server.api("POST", "/v1/sessions", wrong)
    server.api("POST", "/v1/sessions", wrong | {typed: typed})
    server.api("GET", f"/v1/{typed}?token={session}")
    with server.wire() as wire:
        wire.ask(server.head(f"GET /v1/chat?ticket={ticket} HTTP/1.1"))
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=f"Bearer {server.ticket(session)}")).status == 101
        wire.frame()
        wire.send(b"\x81\x80\0\0\0\0")
    log = server.log_text() + "".join(
        path.read_text(errors="replace") for path in (server.data / "audit").glob("*") if path.is_file()
    )
    secrets = {"password": typed, "session": session, "ticket": ticket, "invite": server.invite_code}
    found = [what for what, secret in secrets.items() if secret in log]
    seen.observed(f"{len(log.splitlines())} lines; found: {', '.join(found) or 'nothing'}")
    return not found


@attack(
    "A page of another site sends a login form, and reads the answer",
    expects="The form is refused by its type, the page by its origin, and no header allows it to read.",
    remote=True,
)
def cross_site_login(server: ServerAddress, seen: Evidence) -> bool:
    answers = []
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        seen.sent(f"a login as {kind}")
        answers.append(server.api("POST", "/v1/sessions", _LOGIN, {"Content-Type": kind}))
    seen.sent("a login as JSON from https://evil.example")
    answers.append(server.api("POST", "/v1/sessions", _LOGIN, {"Origin": "https://evil.example"}))
    for one in answers:
        seen.received(one)
    readable = any("access-control" in str(one).lower() for one in answers)
    return all(one.status in {403, 415} for one in answers) and not readable


@attack(
    "A page of a site that is allowed reads the list of sessions, and asks to change the password",
    expects="No header lets it read the one, and the preflight of the other is refused; a ticket, it may.",
)
def page_that_asks_for_more(server: LabServer, seen: Evidence) -> bool:
    sent = {"Authorization": f"Bearer {server.session()}", "Origin": ALLOWED_ORIGIN}
    asks = sent | {"Access-Control-Request-Method": "POST"}
    answers = [
        server.api(*ask)
        for ask in (
            ("POST", "/v1/tickets", None, sent),
            ("GET", "/v1/sessions", None, sent),
            ("OPTIONS", "/v1/password", None, asks),
        )
    ]
    for one in answers:
        seen.received(one)
    readable = [one.header("access-control-allow-origin") for one in answers]
    assert readable[0] == ALLOWED_ORIGIN, answers[0]
    return readable[1:] == ["", ""]


@attack(
    "Bodies that are too large or nested a thousand deep",
    expects="The large one is refused from its head, before a byte of it is read.",
    remote=True,
)
def body_bombs(server: ServerAddress, seen: Evidence) -> bool:
    close = {"upgrade": None, "connection": None, "sec-websocket-key": None}
    line = "POST /v1/sessions HTTP/1.1"
    kind = "content-type: application/json\r\n"
    with server.wire() as wire:
        head = server.head(line, f"{kind}content-length: 10000000\r\n", **close)
        seen.sent(head)
        wire.socket.settimeout(2)
        try:
            large = wire.ask(head)
        except TimeoutError:
            seen.received("nothing: the server waits for all of it")
            return False
        seen.received(large)
    with server.wire() as wire:
        deep = b"[" * 4000
        seen.sent(f"{len(deep)} opening brackets")
        nested = wire.ask(server.head(line, f"{kind}content-length: {len(deep)}\r\n", **close) + deep)
        seen.received(nested)
    return large.status == 413 and nested.status == 400


@attack(
    "Reading every file that a client leaves on its disk after a login",
    expects="Neither the password nor the session is in any of them in clear.",
)
def client_files(server: LabServer, seen: Evidence) -> bool:
    return asyncio.run(_client_files(server, seen))


async def _client_files(server: LabServer, seen: Evidence) -> bool:
    home = ChatHome(server.folder / f"home-{time.monotonic_ns()}")
    archive = await open_archive(home)
    try:
        sign_in = ChatSignIn(archive)
        address = invite_link.ServerAddress(server.host, server.port)
        user, device = parse_user_name("mallory"), parse_device_name("probe")
        seen.sent("a login by the real client")
        await sign_in.log_in(address, CaFile(server.ca), user, Secret(PASSWORD), device)
        session = (await sign_in.account.store.load()).session
        assert session is not None
        contents = _contents(home.folder)
    finally:
        await archive.close()
    wanted = {"the password": PASSWORD, "the session": session.reveal()}
    found = [what for what, secret in wanted.items() if secret.encode() in b"\n".join(contents.values())]
    seen.observed(f"{', '.join(contents)}; found: {', '.join(found) or 'nothing'}")
    return not found


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@attack(
    "A stolen session and its tickets, without the session's key",
    expects="Tickets are issued, and each handshake with one gets 401, whatever it presents as a proof.",
    remote=True,
)
def stolen_ticket(server: ServerAddress, seen: Evidence) -> bool:
    session, _ = _keyed_session(server)
    thief, _ = SessionKeyPair.generate()
    found = []
    for proof in ("", thief.prove(Redemption(bytes(32), "localhost", bytes(32), "/v1/chat")).text):
        ticket = server.ticket(session)
        extra = f"{PROOF_HEADER}: {proof}\r\n" if proof else ""
        with server.wire() as wire:
            head = server.head(extra=extra, authorization=f"Bearer {ticket}")
            seen.sent(head)
            answer = wire.ask(head)
            seen.received(answer)
        found.append(answer.status)
    return found == [401, 401]


@attack(
    "A proof that its owner made for another server",
    expects="401: the proof names the server's key and name, and is worth nothing here.",
    remote=True,
)
def proof_for_elsewhere(server: ServerAddress, seen: Evidence) -> bool:
    session, key = _keyed_session(server)
    ticket = server.ticket(session)
    elsewhere = Redemption(Secret(ticket).digest(), "evil.example:8443", bytes(32), "/v1/chat")
    extra = f"{PROOF_HEADER}: {key.prove(elsewhere).text}\r\n"
    with server.wire() as wire:
        head = server.head(extra=extra, authorization=f"Bearer {ticket}")
        seen.sent(head)
        answer = wire.ask(head)
        seen.received(answer)
    return answer.status == 401


@attack(
    "A ticket of one TLS connection, used on another",
    expects="401: it opens a WebSocket on the connection that it was issued on, and nowhere else.",
    remote=True,
)
def ticket_of_another_connection(server: ServerAddress, seen: Evidence) -> bool:
    body = '{"here":true}'
    ask = (
        f"POST /v1/tickets HTTP/1.1\r\nHost: {server.name}:{server.port}\r\n"
        f"Authorization: Bearer {server.session()}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    with server.wire() as first, server.wire() as second:
        seen.sent(ask)
        issued = first.ask(ask)
        seen.received(issued)
        head = server.head(authorization=f"Bearer {json.loads(issued.body)['ticket']}")
        seen.sent(head)
        answer = second.ask(head)
        seen.received(answer)
    return answer.status == 401


def _keyed_session(server: ServerAddress) -> tuple[str, SessionKeyPair]:
    """Log mallory in once more, with a key of the session."""
    key, _ = SessionKeyPair.generate()
    answer = server.api("POST", "/v1/sessions", {**_LOGIN, "key": key.public.text})
    assert answer.status == _CREATED, answer
    return str(json.loads(answer.body)["session"]), key
