"""The proof of a session's key, over the network: which server key it names, how a wrong one is refused."""

import shutil
from pathlib import Path

from nacl.signing import SigningKey
from tests.server.core.net.conftest import Bench, BenchMaker, Pair, make_pair

from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import PROOF_HEADER, Proof, Redemption
from parlour_server.core.net.tls_context import TlsFiles

KEY = SigningKey(b"a session's key".ljust(32))
PUBLIC = bytes(KEY.verify_key)


def handshake(b: Bench, ticket: str, *proofs: str) -> bytes:
    """Return a handshake with a ticket and these proofs."""
    head = b.request(authorization=f"Bearer {ticket}").removesuffix(b"\r\n")
    return head + b"".join(f"{PROOF_HEADER}: {one}\r\n".encode("latin-1") for one in proofs) + b"\r\n"


def proof(b: Bench, ticket: str, server_key: bytes, key: SigningKey = KEY) -> str:
    """Return the proof for a ticket at a server with this key."""
    request = Redemption(Secret(ticket).digest(), f"localhost:{b.port}", server_key, "/v1/chat")
    return Proof(key.sign(request.to_be_signed()).signature).text


async def test_a_reload_changes_the_key_of_new_connections_only(
    bench: BenchMaker, pair: Pair, tmp_path: Path
) -> None:
    """L9: what counts is the key that the client has seen on its connection."""
    files, other = Pair(tmp_path / "now.pem", tmp_path / "now.key"), make_pair(tmp_path, "other")
    shutil.copy(pair.certificate, files.certificate)
    shutil.copy(pair.key, files.key)
    async with bench() as b:
        tls = b.server._listener._tls = TlsFiles(files.certificate, files.key)
        before = tls.key_digest
        wires = [await b.wire() for _ in range(2)]
        shutil.copy(other.certificate, files.certificate)
        shutil.copy(other.key, files.key)
        tls.reload()
        assert tls.key_digest != before
        for wire, server_key, status in ((wires[0], tls.key_digest, 401), (wires[1], before, 101)):
            ticket = await b.ticket(key=PUBLIC)
            answer = await wire.ask(handshake(b, ticket, proof(b, ticket, server_key)))
            assert answer.status == status


async def test_every_wrong_proof_gets_the_same_bytes(bench: BenchMaker) -> None:
    """H4: as a wrong ticket does, and it uses the ticket up; the log has nothing of the proof."""
    async with bench() as b:
        server_key = b.tls.key_digest
        seen = set()
        for number in range(7):
            ticket = await b.ticket(key=None if number == 6 else PUBLIC)
            good = proof(b, ticket, server_key)
            proofs = (
                (),
                ("x",),
                (good, good),
                (good + "=",),
                (proof(b, ticket, server_key, SigningKey.generate()),),
                (proof(b, ticket, bytes(32)),),
                ("caf\xe9",),  # also where the session has no key
            )[number]
            wire = await b.wire()
            wire.send(handshake(b, ticket, *proofs))
            seen.add(await wire.rest())
            wire = await b.wire()
            wire.send(handshake(b, ticket, good))
            seen.add(await wire.rest())
            assert good not in repr(b.audit.lines)
        wire = await b.wire()
        wire.send(handshake(b, "u" * 43))
        seen.add(await wire.rest())
        assert len(seen) == 1
        assert seen.pop().startswith(b"HTTP/1.1 401 Unauthorized\r\n")
