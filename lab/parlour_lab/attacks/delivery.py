"""Group D: devices, groups and files, whose contents the server can't read."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from nacl.signing import SigningKey

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.keyed_device import Home, asked, den, send_encrypted, text
from parlour_lab.target import LabServer
from parlour_lab.wire import Wire
from parlour_protocol.identity import AccountEntry, Head
from parlour_protocol.identity.key_log import encode_entry
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import parse_user_name
from parlour_server.chat.delivery.https.operations import DELIVERY_OPERATIONS
from parlour_server.core.https.operations import Operations
from parlour_server.core.net.gate import Head as RequestHead
from parlour_server.core.net.gate import Refuse, Rules, judge


@contextmanager
def _chat(home: Home) -> Iterator[Wire]:
    with home.server.chatting(home.session) as (wire, _):
        yield wire


def _home(server: LabServer, name: str) -> Home:
    return Home.of(server, f"{name}{secrets.randbelow(10**9)}").settle_in()


@attack(
    "Looking for anything in the server that could open a message",
    expects="No part of it loads the group protocol, or the format of what is inside a message.",
    stage=Stage.UNIT,
)
def opening_code(folder: Path, seen: Evidence) -> bool:
    script = (
        "import sys, parlour_server.chat.program, parlour_server.chat.start\n"
        "import parlour_server.chat.store.chat_store\n"
        "for name in sorted(sys.modules):\n"
        "    if name.startswith(('parlour_mls', 'parlour_protocol.encrypted')): print(name)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=folder
    )
    seen.observed(f"loaded by the server: {' '.join(done.stdout.split()) or 'none of it'}")
    return not done.stdout.strip()


@attack(
    "Someone who stole a session adds a device of their own to the account",
    expects="It is refused: it needs the device's key, and a certificate by the account's key.",
)
def stolen_session_adds_device(server: LabServer, seen: Evidence) -> bool:
    alice = _home(server, "alice")
    thief = alice.again()
    mallory = SigningKey(secrets.token_bytes(32))
    for what, changed in {
        "a certificate by the thief's own key": {"certificate": thief.certificate(by=mallory)},
        "the key of alice's device, without a proof": {
            "key": text(bytes(alice.key.verify_key)),
            "certificate": alice.certificate(),
        },
    }.items():
        answer = thief.register(**changed)
        seen.sent(f"a device with {what}")
        seen.received(answer)
        if answer.status == 201:
            return False
    return True


@attack(
    "One statement in another spelling: base64 with padding, with another last letter, with spaces",
    expects="Only the one canonical form is read.",
)
def second_spelling(server: LabServer, seen: Evidence) -> bool:
    alice = _home(server, "alice")
    phone = alice.again()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    key = text(bytes(phone.key.verify_key))
    spare = key[:-1] + letters[letters.index(key[-1]) + 1]  # its last bits are left over
    for spelling in (key + "=", spare, f" {key}"):
        answer = phone.register(key=spelling, certificate=None)
        seen.sent(f"a key written as {spelling[-8:]!r}")
        seen.received(answer)
        if answer.status == 201:
            return False
    return phone.register(certificate=None).status == 201


@attack(
    "Eight commits for one epoch of a group, at once, from two people",
    expects="One wins; the others are told that they came late, and leave nothing behind.",
)
def forked_group(server: LabServer, seen: Evidence) -> bool:
    alice, bruno = _home(server, "alice"), _home(server, "bruno")
    with _chat(alice) as wire:
        room = den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda home: home.commit(room, group, 1), [alice, bruno] * 4))
        page = asked(wire, 1, "history", room=room)["result"]["events"]
    epochs = [one["body"]["epoch"] for one in page if one["body"]["kind"] == "handshake"]
    seen.sent("8 commits for epoch 1")
    seen.received(f"{sorted(one.status for one in answers)}; in the log: commits of the epochs {epochs}")
    return epochs == [0, 1]


@attack(
    "A commit adds a device of someone who is not in the room",
    expects="It is refused: devices enter and leave only with the room's members.",
)
def ghost_device(server: LabServer, seen: Evidence) -> bool:
    alice, eve = _home(server, "alice"), _home(server, "eve")
    with _chat(alice) as wire:
        room = den(wire, alice)
        group = alice.found(room)
        answer = alice.commit(room, group, 0, eve.device)
    seen.sent("a commit that adds a device of eve, who was not invited")
    seen.received(answer)
    return answer.status != 201


@attack(
    "Someone says something right after a member was kicked out, before the group has removed their devices",
    expects="It is refused until the removal is committed: what was removed could still read it.",
)
def sending_before_removal(server: LabServer, seen: Evidence) -> bool:
    alice, bruno = _home(server, "alice"), _home(server, "bruno")
    with _chat(alice) as wire:
        room = den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
        signed = alice.removal(room, bruno)
        assert asked(wire, 1, "kick", room=room, user=bruno.name, statement=signed)["type"] == "ok"
        answer = send_encrypted(wire, room, group, 1)
    seen.sent("an encrypted message for an epoch that bruno's device can read")
    seen.received(answer)
    return bool(answer["type"] == "error")


@attack(
    "A client falls back to readable messages in an encrypted room",
    expects="Each is refused, and no word of it is stored or logged.",
)
def plaintext_fallback(server: LabServer, seen: Evidence) -> bool:
    canary = f"canary{secrets.token_hex(8)}"
    alice = _home(server, "alice")
    with _chat(alice) as wire:
        room = den(wire, alice)
        alice.found(room)
        answers = [
            asked(wire, 1, "send", room=room, text=canary),
            asked(wire, 2, "edit", room=room, target=1, text=canary),
        ]
    for answer in answers:
        seen.received(answer)
    return all(answer["type"] == "error" for answer in answers) and canary not in server.log_text()


@attack(
    "A stranger takes all key packages of someone, so that no new device could be added",
    expects="They get a few, and are refused then.",
)
def package_exhaustion(server: LabServer, seen: Evidence) -> bool:
    alice = Home.of(server, f"alice{secrets.randbelow(10**9)}").settle_in(40)
    eve = _home(server, "eve")
    with _chat(eve) as wire:
        room = den(wire, eve, alice)
    claim = {"room": room, "devices": [alice.device]}
    statuses = [eve.ask("POST", "/v1/key-packages/claims", claim).status for _ in range(64)]
    seen.sent("64 claims")
    seen.received(f"{statuses.count(200)} packages, {statuses.count(429)} refusals")
    return statuses.count(200) <= 60


@attack(
    "Someone fetches the Welcome that was left for another device",
    expects="Only the device that it is for gets it, or can delete it.",
)
def foreign_inbox(server: LabServer, seen: Evidence) -> bool:
    alice, bruno, eve = _home(server, "alice"), _home(server, "bruno"), _home(server, "eve")
    with _chat(alice) as wire:
        room = den(wire, alice, bruno)
        group = alice.found(room)
        assert alice.commit(room, group, 0, bruno.device).status == 201
    inbox = f"/v1/devices/{bruno.device}/welcomes"
    seen.sent(f"GET {inbox}, as eve and as alice")
    answers = [thief.ask("GET", inbox) for thief in (eve, alice)]
    for answer in answers:
        seen.received(answer.status)
    assert bruno.ask("GET", inbox).status == 200
    return all(answer.status == 403 for answer in answers)


@attack(
    "A file of a web page is uploaded, and opened in a browser",
    expects="It is an attachment without a type, which no browser displays.",
)
def stored_script(server: LabServer, seen: Evidence) -> bool:
    alice = _home(server, "alice")
    with _chat(alice) as wire:
        made = asked(wire, 1, "create_room", name=f"den-{secrets.randbelow(10**9)}", kind="private")
        room = made["result"]["room"]["room"]
    page = b"<script>alert(1)</script>"
    with server.wire() as upload:
        upload.send(
            server.head(
                f"POST /v1/rooms/{room}/files HTTP/1.1",
                f"authorization: Bearer {alice.session}\r\ncontent-type: application/octet-stream\r\n"
                f"content-length: {len(page)}\r\n",
                upgrade=None,
                connection=None,
            )
            + page
        )
        stored = upload.answer()
    assert stored.status == 201, stored
    file = stored.body.decode().split('"file":"')[1].split('"')[0]
    got = alice.ask("GET", f"/v1/files/{file}")
    seen.sent("an HTML page as a file")
    seen.received(got)
    return got.header("content-type") == "application/octet-stream" and bool(
        got.header("content-disposition")
    )


@attack(
    "Requests promise bodies of a gigabyte, or one byte too many",
    expects="Each is refused by its head, before a byte of its body is read.",
    stage=Stage.UNIT,
)
def promised_body(_folder: Path, seen: Evidence) -> bool:
    rules = Rules(frozenset({b"localhost"}), frozenset(), Operations(DELIVERY_OPERATIONS).body_cap)
    taken = 0
    for path, size in ((b"/v1/sessions", 4097), (b"/v1/sessions", 2**30), (b"/nothing", 2**30)):
        headers = [(b"host", b"localhost"), (b"content-length", str(size).encode())]
        answer = judge(RequestHead(b"POST", path, b"1.1", headers), rules)
        seen.sent(f"POST {path.decode()}, content-length: {size:,}")
        seen.received(repr(answer))
        taken += not isinstance(answer, Refuse)
    return taken == 0


@attack(
    "A server shows two people different keys of a third, and the same entries after it",
    expects="Their heads of the key log differ, and they compare them in their messages.",
    stage=Stage.UNIT,
)
def two_key_logs(_folder: Path, seen: Evidence) -> bool:
    ada, ben = parse_user_name("ada"), parse_user_name("ben")
    last = encode_entry(AccountEntry(Millis(2), ben, secrets.token_bytes(32)))
    heads = []
    for whose in ("ada's own key", "a key of the server"):
        first = encode_entry(AccountEntry(Millis(1), ada, secrets.token_bytes(32)))
        head = Head.of(Tree().after(first).after(last))
        seen.sent(f"a log with {whose}, whose root is {head.root.hex()[:16]}")
        heads.append(head)
    return heads[0] != heads[1]
