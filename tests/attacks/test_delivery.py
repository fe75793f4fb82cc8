"""The delivery service under attack, over real TLS: keys, commits, inboxes, encrypted rooms, files."""

import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from tests.attacks.raw import RunningServer
from tests.beats import Beats
from tests.e2e.processes import DEADLINE

from parlour_lab.keyed_device import Home, asked, den, send_encrypted, text
from parlour_lab.wire import Wire
from parlour_protocol.kit.limits import HTTP_BODY
from parlour_protocol.limits import FILE_BYTES, HTTP_COMMIT, HTTP_KEYS
from parlour_server.chat.settings import ChatRates


def error(answer: Any) -> tuple[int, str]:
    """Return an answer's status and code."""
    return answer.status, json.loads(answer.body or b"{}").get("error", "")


@pytest.fixture(scope="module")
def alice(server: RunningServer) -> Home:
    """Someone with a settled device."""
    return Home.of(server, "alice").settle_in(40)


@pytest.fixture(scope="module")
def bruno(server: RunningServer) -> Home:
    """Someone else with one."""
    return Home.of(server, "bruno").settle_in(40)


@contextmanager
def chat(home: Home) -> Iterator[Wire]:
    """Open a socket of this home."""
    with home.server.chatting(home.session) as (wire, _):
        yield wire


def test_a_stolen_session_cannot_register_a_device_key_that_it_does_not_hold(alice: Home) -> None:
    """P7: with the token alone an attacker has neither the device's key nor the account's."""
    thief = alice.again()
    theirs = text(bytes(alice.key.verify_key))
    wrong = text(thief.key.sign(b"something else").signature)
    for changed in (
        {"key": theirs, "certificate": None},
        {"key": theirs, "certificate": alice.certificate()},
        {"proof": wrong, "certificate": None},
    ):
        assert error(thief.register(**changed)) == (400, "statement_refused")
    listed = json.loads(alice.ask("GET", "/v1/devices").body)["devices"]
    assert [one["device"] for one in listed if one["status"] == "active"] == [alice.device]


def test_a_forged_certificate(alice: Home) -> None:
    """A certificate by the thief's own key makes the thief's device no device of the account."""
    thief = alice.again()
    mallory = SigningKey(secrets.token_bytes(32))
    assert error(thief.register(certificate=thief.certificate(by=mallory))) == (400, "statement_refused")
    assert thief.register(certificate=None).status == 201  # pending: no one adds it to anything
    body = {"certificate": thief.certificate(by=mallory)}
    path = f"/v1/devices/{thief.device}/certificate"
    assert error(thief.ask("POST", path, body)) == (400, "statement_refused")
    damaged = bytearray(thief.certificate().encode())
    damaged[10] ^= 1
    assert thief.ask("POST", path, {"certificate": damaged.decode()}).status == 400
    proof = mallory.sign(b"parlour account proof v1\0alice\0localhost\0").signature
    replaced = {"key": text(bytes(mallory.verify_key)), "proof": text(proof)}
    assert error(thief.ask("POST", "/v1/identity", replaced)) == (403, "password_needed")


def test_two_commits_for_one_epoch(alice: Home, bruno: Home) -> None:
    """Of eight at once, from two people, one wins; the others are stale and leave nothing behind."""
    with chat(alice) as wire:
        room = den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
        with ThreadPoolExecutor(8) as pool:
            homes = [alice, bruno] * 4
            answers = list(pool.map(lambda home: home.commit(room, group, 1), homes))
        assert sorted(error(answer)[0] for answer in answers) == [201] + [409] * 7
        assert {error(answer)[1] for answer in answers} == {"", "stale_epoch"}
        assert alice.state(room)["epoch"] == 2
        page = asked(wire, 1, "history", room=room)["result"]["events"]
        assert [e["body"]["epoch"] for e in page if e["body"]["kind"] == "handshake"] == [0, 1]
        assert all("welcome" not in e["body"] for e in page)


def test_a_foreign_inbox(alice: Home, bruno: Home, server: RunningServer) -> None:
    """Welcomes are given to the device alone that they are for, and dropped by it alone."""
    eve = Home.of(server, "evelyn").settle_in()
    with chat(alice) as wire:
        room = den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
    inbox = f"/v1/devices/{bruno.device}/welcomes"
    waiting = [
        one["id"] for one in json.loads(bruno.ask("GET", inbox).body)["welcomes"] if one["room"] == room
    ]
    assert len(waiting) == 1
    for thief in (eve, alice, bruno.again()):
        assert error(thief.ask("GET", inbox)) == (403, "no_device")
        assert thief.ask("DELETE", f"/v1/welcomes/{waiting[0]}").status in {403, 404}
    assert waiting[0] in bruno.ask("GET", inbox).body.decode()


def test_plaintext_into_an_encrypted_room(alice: Home, server: RunningServer) -> None:
    """Refused from everyone, however it is dressed up; not a word of it is stored or logged."""
    canary = "canary" + secrets.token_hex(8)
    with chat(alice) as wire:
        room = den(wire, alice)
        alice.found(room)
        for number, (kind, fields) in enumerate(
            (
                ("send", {"text": canary}),
                ("edit", {"target": 1, "text": canary}),
                ("react", {"target": 1, "reaction": canary[:20]}),
                ("pin", {"target": 1}),
            )
        ):
            assert asked(wire, number, kind, room=room, **fields)["code"] == "encrypted"
        page = json.dumps(asked(wire, 50, "history", room=room))
    assert canary not in page
    assert canary not in server.log.read_text()


def test_a_message_into_a_stale_epoch(alice: Home, bruno: Home) -> None:
    """Bounced, never dropped: the sender hears of it and encrypts it again."""
    with chat(alice) as wire:
        room = den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
        assert alice.commit(room, group, 1).status == 201
        assert send_encrypted(wire, room, group, 2)["type"] == "ok"
        assert send_encrypted(wire, room, group, 1)["type"] == "ok"  # just past: still taken
        for epoch in (0, 3, 2**53 - 1):
            assert send_encrypted(wire, room, group, epoch)["code"] == "stale_epoch"
        assert send_encrypted(wire, room, "g" * 43, 2)["code"] == "stale_epoch"


def test_sending_while_a_removal_is_pending(alice: Home, bruno: Home) -> None:
    """Who was removed reads nothing that is said after it: no one can say anything before the removal."""
    with chat(alice) as wire, chat(bruno) as theirs:
        room = den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
        assert send_encrypted(theirs, room, group, 1)["type"] == "ok"
        signed = alice.removal(room, bruno)
        assert asked(wire, 1, "kick", room=room, user=bruno.name, statement=signed)["type"] == "ok"
        assert send_encrypted(wire, room, group, 1)["code"] == "removal_pending"
        assert send_encrypted(theirs, room, group, 1)["code"] == "not_found"
        assert error(bruno.commit(room, group, 1)) == (404, "not_found")
        assert alice.commit(room, group, 1, removed=[bruno.device]).status == 201
        assert (
            send_encrypted(wire, room, group, 1)["code"] == "stale_epoch"
        )  # it could still be read by bruno
        assert send_encrypted(wire, room, group, 2)["type"] == "ok"
        assert asked(theirs, 2, "history", room=room)["code"] == "not_found"


def test_a_removal_that_someone_else_signed(alice: Home, bruno: Home) -> None:
    """M23: members follow signed removals only, so the server takes none that they would not follow."""
    with chat(alice) as wire, chat(bruno) as theirs:
        room, other = den(wire, alice, bruno), den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
        for number, (signed, code) in enumerate(
            {
                None: "forbidden",
                bruno.removal(room, bruno): "malformed",
                alice.removal(other, bruno): "malformed",
                alice.removal(room, alice): "malformed",
                "QUJD": "malformed",
            }.items(),
            start=10,
        ):
            fields = {} if signed is None else {"statement": signed}
            answer = asked(wire, number, "kick", room=room, user=bruno.name, **fields)
            assert answer["code"] == code, (signed, answer)
        assert asked(theirs, 20, "leave", room=room)["code"] == "forbidden"
        assert send_encrypted(theirs, room, group, 1)["type"] == "ok"


def test_a_revoked_device_is_cut_off_within_a_second(alice: Home, server: RunningServer) -> None:
    """S1: its socket closes, its session is over, and everyone in its rooms owes its removal."""
    phone = alice.again()
    assert phone.register().status == 201
    with chat(alice) as wire, chat(phone) as stolen:
        room = den(wire, alice)
        group = alice.found(room)
        assert alice.commit(room, group, 0, phone.device).status == 201
        body = {"revocation": phone.revocation()}
        with Beats() as beats:
            assert alice.ask("POST", f"/v1/devices/{phone.device}/revocation", body).status == 204
            assert stolen.close_code() == 4001
        assert beats.seconds < 1
        assert phone.ask("GET", "/v1/devices").status == 401
        assert [one["device"] for one in alice.state(room)["leaving"]] == [phone.device]
        assert send_encrypted(wire, room, group, 1)["code"] == "removal_pending"
    assert any(line.get("event") == "device_revoked" for line in server.logged())


def test_package_exhaustion(alice: Home, server: RunningServer) -> None:
    """One stranger gets some packages of a victim and no more; others still get theirs."""
    eve = Home.of(server, "exhausta").settle_in()
    with chat(eve) as wire:
        room = den(wire, eve, alice)
    claim = {"room": room, "devices": [alice.device]}
    most = ChatRates().claims_per_person_per_hour
    codes = [eve.ask("POST", "/v1/key-packages/claims", claim).status for _ in range(most + 3)]
    assert codes == [200] * most + [429] * 3
    listed = json.loads(alice.ask("GET", "/v1/devices").body)["devices"]
    assert "packages" not in listed[0]  # none left: what the last-resort one is for
    other = Home.of(server, "honesta").settle_in()
    with chat(other) as wire:
        room = den(wire, other, alice)
    answer = other.ask("POST", "/v1/key-packages/claims", {"room": room, "devices": [alice.device]})
    assert len(json.loads(answer.body)["packages"]) == 1


def test_claim_flood(server: RunningServer) -> None:
    """R1: claims count by the devices that they name, whether these exist or not."""
    eve = Home.of(server, "flooda").settle_in()
    with chat(eve) as wire:
        room = den(wire, eve)
    ids = ["".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(26)) for _ in range(64)]
    most = ChatRates().claims_per_hour // 64
    codes = [
        eve.ask("POST", "/v1/key-packages/claims", {"room": room, "devices": ids}).status
        for _ in range(most + 2)
    ]
    assert codes == [200] * most + [429] * 2


@pytest.mark.parametrize(
    ("method", "path", "cap"),
    [
        ("POST", "/v1/devices", HTTP_BODY.value),
        ("POST", "/v1/key-packages/claims", HTTP_BODY.value),
        ("POST", f"/v1/rooms/{'r' * 22}/group", HTTP_BODY.value),
        ("PUT", f"/v1/devices/{'a' * 26}/key-packages", HTTP_KEYS.value),
        ("POST", f"/v1/rooms/{'r' * 22}/commits", HTTP_COMMIT.value),
        ("POST", f"/v1/rooms/{'r' * 22}/files", FILE_BYTES.value),
        ("POST", f"/v1/rooms/{'r' * 22}/fil%65s", HTTP_BODY.value),
    ],
)
def test_oversize_bodies_are_refused_from_the_head(
    server: RunningServer, session: str, method: str, path: str, cap: int
) -> None:
    """K9: one byte over the operation's cap is refused at once, without a byte of the body."""
    for size, refused in ((cap, False), (cap + 1, True)):
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: localhost:{server.port}\r\n"
            f"content-type: application/json\r\ncontent-length: {size}\r\n"
        )
        with server.wire() as wire:
            # without a session: what is not refused for its size is refused before its body is read
            answer = wire.ask(f"{head}\r\n".encode())
            assert (answer.status == 413) is refused, answer
        with server.wire() as wire:
            wire.send(f"{head}authorization: Bearer {session}\r\n\r\n".encode())
            if refused:
                assert wire.answer().status == 413


def test_chunked_uploads_are_refused(server: RunningServer, session: str) -> None:
    """H9: a body without a length cannot be bounded before it came."""
    head = (
        f"POST /v1/rooms/{'r' * 22}/files HTTP/1.1\r\nhost: localhost:{server.port}\r\n"
        f"authorization: Bearer {session}\r\ncontent-type: application/octet-stream\r\n"
        "transfer-encoding: chunked\r\n\r\n"
    )
    with server.wire() as wire:
        assert wire.ask(f"{head}5\r\nhello\r\n0\r\n\r\n".encode()).status == 411


def begin_upload(home: Home, wire: Wire, room: str, size: int) -> None:
    """Send the head of an upload."""
    wire.send(
        f"POST /v1/rooms/{room}/files HTTP/1.1\r\nhost: localhost:{home.server.port}\r\n"
        f"authorization: Bearer {home.session}\r\ncontent-type: application/octet-stream\r\n"
        f"content-length: {size}\r\n\r\n".encode()
    )


def nothing_stays(folder: Path, before: list[Path]) -> None:
    """Wait until the folder holds what it held before: the server cleans up after it has answered."""
    deadline = time.monotonic() + DEADLINE
    while sorted(folder.iterdir()) != before:
        assert time.monotonic() < deadline, "a part of an upload stayed"
        time.sleep(0.01)


@pytest.fixture
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server with a short deadline for bodies."""
    made = RunningServer(tmp_path_factory.mktemp("hasty"))
    made.begin("[connections]\nbody_seconds = 3\nrequest_seconds = 120\n")
    yield made
    made.stop()


def test_slow_upload(hasty: RunningServer) -> None:
    """K9: uploads that stand still are cut off in total time, no more than some are open, nothing stays."""
    alice = Home.of(hasty, "alice").settle_in()
    with chat(alice) as wire:
        room = den(wire, alice)
    before = sorted((hasty.data / "files").iterdir())
    with ExitStack() as stack:
        wires = [stack.enter_context(hasty.wire()) for _ in range(5)]
        with hasty.standing_still():  # or the first may be over before the last begins
            for wire in wires:
                begin_upload(alice, wire, room, 60_000)
                wire.send(b"x" * 10)
        # the fifth is one too many at a time, and hears it without sending its body
        with Beats() as beats:
            answers = [wire.answer().status for wire in wires]
        assert sorted(answers) == [0, 0, 0, 0, 429] or sorted(answers) == [408] * 4 + [429]
    assert beats.seconds < 6  # a body has 3 s here, and 60 kB get a second more
    nothing_stays(hasty.data / "files", before)
    deadline = time.monotonic() + DEADLINE
    status = 429
    while status == 429:  # the place of one is free again after its bytes and its record are gone
        assert time.monotonic() < deadline
        with hasty.wire() as wire:
            begin_upload(alice, wire, room, 5)
            wire.send(b"hello")
            status = wire.answer().status
    assert status == 201


def test_an_upload_that_hangs_up_leaves_nothing(alice: Home, server: RunningServer) -> None:
    """A connection that ends in the middle: no file and no record, and the next one is taken."""
    with chat(alice) as wire:
        room = den(wire, alice)
    before = sorted((server.data / "files").iterdir())
    with server.wire() as wire:
        begin_upload(alice, wire, room, 1_000_000)
        wire.send(b"x" * 500_000)
    nothing_stays(server.data / "files", before)


def test_a_download_over_tls_is_what_was_uploaded(alice: Home, bruno: Home, server: RunningServer) -> None:
    """A megabyte there and back; a stranger gets 404, and no browser is told a type or a name."""
    data = secrets.token_bytes(1_000_000)
    with chat(alice) as wire:
        room = den(wire, alice, bruno)
    with server.wire() as wire:
        begin_upload(alice, wire, room, len(data))
        wire.send(data)
        stored = json.loads(wire.answer().body)
    got = bruno.ask("GET", f"/v1/files/{stored['file']}")
    assert got.body == data
    assert got.header("content-type") == "application/octet-stream"
    assert got.header("content-disposition") == "attachment"
    eve = Home.of(server, "stranga")
    assert eve.ask("GET", f"/v1/files/{stored['file']}").status == 404
    for name in ("../keylog.key", "..%2Fkeylog.key", "%2e%2e%2fparlour.db"):
        assert alice.ask("GET", f"/v1/files/{name}").status == 404
