"""What the lines of docs/patterns cost, one by one: `python -m bench.patterns`.

CPU time of the calls themselves, without a server around them. What a defence costs a whole server (a ticket,
a proof, a commit) is in `reconnects`, `logins` and `durability`.
"""

import asyncio
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from nacl.signing import SigningKey

from bench import servers
from bench.programs import CHAT
from parlour_lab.impostor import make
from parlour_protocol.frames.requests import AnyRequest
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.codec import strict_decoder
from parlour_protocol.kit.fields import decode_field
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.text.sanitiser import safe_text
from parlour_protocol.kit.token_buckets import MINUTE, TokenBucket
from parlour_server.chat.program import CHAT as CHAT_APP
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.clock import SystemClock
from parlour_server.core.net.gate import Head, Rules, check_request, host_values, judge
from parlour_server.core.net.websocket_handshake import Handshake
from parlour_server.core.signatures import holds
from parlour_server.host.journal_follower import POLL_SECONDS, JournalFollower

ROUNDS = 7
FRAME = b'{"type":"send","id":"bench-0000000001","room":"7aIjqyNU91bU0nn15F3Thw","text":"%s"}' % (b"x" * 100)
HEADERS = (
    (b"host", b"localhost:8443"),
    (b"origin", b"https://app.example"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-protocol", b"parlour.v1"),
    (b"authorization", b"Bearer " + b"t" * 43),
)


def cost(call: Callable[[], object], times: int = 2000) -> float:
    """Return the microseconds of CPU that a call takes: the best of some rounds."""
    call()
    best = float("inf")
    for _ in range(ROUNDS):
        before = time.process_time_ns()
        for _ in range(times):
            call()
        best = min(best, (time.process_time_ns() - before) / times / 1000)
    return best


def gate() -> None:
    """Judge the head of a handshake."""
    head = Head(b"GET", b"/v1/chat", b"1.1", HEADERS)
    hosts, origins = host_values(["localhost"], 8443), frozenset({b"https://app.example"})
    rules = Rules(hosts, origins, lambda *_: 4096, Handshake(WIRE))
    print(
        f"gate: {cost(lambda: check_request(head, rules)):.1f} us for form, Host, Origin and length;", end=""
    )
    print(f" {cost(lambda: judge(head, rules)):.1f} us with the handshake and the ticket's form")


def proof() -> None:
    """Sign a ticket, and verify it."""
    key, message = SigningKey.generate(), b"m" * 120
    key_bytes, signature = bytes(key.verify_key), bytes(key.sign(message).signature)
    print(f"proof: {cost(lambda: key.sign(message)):.0f} us to sign, ", end="")
    print(f"{cost(lambda: holds(key_bytes, message, signature)):.0f} us to verify")


def password() -> None:
    """Check one guess."""
    pool, secret = HashingPool(threads=1), Secret.random()
    encoded = pool._hasher.hash(secret.reveal())  # noqa: SLF001 - without the threads
    right = cost(lambda: pool._verify(encoded, secret.reveal()), 3)  # noqa: SLF001 - the same
    pool.close()
    print(f"password: {right / 1000:.0f} ms of CPU and 64 MiB for a guess, whether the account exists or not")


async def session_ends(data: Path) -> None:
    """Look for ended sessions while there are none."""
    store = CHAT_APP.make_store(data / "parlour.db", SystemClock())
    await store.open()
    try:
        follower = JournalFollower(store.journal, lambda _: None)
        await follower.begin()
        before, times = time.process_time_ns(), 2000
        for _ in range(times):
            await follower.poll()
        each = (time.process_time_ns() - before) / times / 1000
    finally:
        await store.close()
    print(f"sessions: {each:.0f} us a poll, {each / POLL_SECONDS / 10_000:.2f} % of a core")


def budget() -> None:
    """Count a request that is within its limits."""
    bucket, now = TokenBucket(1e9, per=MINUTE, burst=1e9, now=0.0), time.monotonic
    print(f"budget: {cost(lambda: bucket.take(now()), 20_000):.2f} us to take from a bucket")


def frames() -> None:
    """Decode a message of 100 characters, with and without the search for repeated keys."""
    strict = strict_decoder(AnyRequest)  # type: ignore[arg-type]  # a union of frames
    loose = msgspec.json.Decoder(AnyRequest, dec_hook=decode_field)
    print(f"frames: {cost(lambda: strict(FRAME)):.1f} us, ", end="")
    print(f"{cost(lambda: loose.decode(FRAME)):.1f} us without the search for repeated keys")


def text() -> None:
    """Make a line of 80 characters safe."""
    for name, line in {"ASCII": "x" * 80, "German": "Grüße " * 13, "escapes": "a\u202e\x1b[2J" * 13}.items():
        print(f"text: {cost(lambda line=line: safe_text(line)):.1f} us for a line of {name}")  # type: ignore[misc]


def pin(folder: Path) -> None:
    """Fetch a key: both sides of the handshake, without a network."""
    server, client = make().context(folder), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    def probe() -> None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            client.wrap_bio(to_client, to_server),
            server.wrap_bio(to_server, to_client, server_side=True),
        ]
        while ends:
            for end in list(ends):
                try:
                    end.do_handshake()
                    ends.remove(end)
                except ssl.SSLWantReadError:
                    continue

    print(f"pin: {cost(probe, 50) / 1000:.1f} ms for a handshake, both sides")


def main() -> None:
    """Print them all."""
    gate()
    proof()
    password()
    budget()
    frames()
    text()
    with tempfile.TemporaryDirectory() as name:
        pin(Path(name))
        asyncio.run(session_ends(servers.make_data(CHAT, Path(name))))


if __name__ == "__main__":
    main()
