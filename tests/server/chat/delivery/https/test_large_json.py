"""L27: large bodies are decoded and encoded beside the event loop, one at a time for an account."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from tests.server.chat.delivery.https.api_harness import Village, commit_of
from tests.server.chat.delivery.https.conftest import OPERATIONS

from parlour_protocol.delivery import Commit, KeyPackages, Welcomes
from parlour_protocol.frames.opaque import HandshakeBytes, TreeBytes, WelcomeBytes
from parlour_protocol.ids import new_group_id
from parlour_protocol.kit import opaque
from parlour_protocol.kit.api import decode_payload, encode_payload
from parlour_protocol.kit.limits import HTTP_BODY
from parlour_protocol.kit.names import parse_user_name
from parlour_server.chat.delivery.https import large_json as large_bodies
from parlour_server.chat.delivery.https.large_json import LargeJson
from parlour_server.core.errors import UnavailableError
from parlour_server.core.https.request_guard import RequestGuard

SMALL = 8 * 1024
ADA, BERT = parse_user_name("ada"), parse_user_name("bert")


@pytest.fixture
def on_the_loop(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of base64url that is read or written in the event loop's thread."""
    sizes: list[int] = []
    loop_thread = threading.get_ident()

    def noting(real: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def step(value: Any) -> Any:
            if threading.get_ident() == loop_thread:
                sizes.append(len(value))
            return real(value)

        return step

    for name in ("_decoded", "_encoded"):
        monkeypatch.setattr(opaque, name, noting(getattr(opaque, name)))
    return sizes


async def test_a_commit_of_megabytes_delays_no_one(village: Village, on_the_loop: list[int]) -> None:
    """Of 7 MB in, and 7 MB out of the inbox, the loop's own thread decodes and encodes nothing large."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    group = new_group_id()
    await ada.found(room, group=group)
    commit = commit_of(
        group,
        0,
        added=(bob.device,),
        data=HandshakeBytes(bytes(1000)),
        welcome=WelcomeBytes(bytes(2**20)),
        tree=TreeBytes(bytes(4 * 2**20)),
    )
    body = encode_payload(commit)
    headers = {"Authorization": f"Bearer {ada.token.reveal()}", "Content-Type": "application/json"}
    del on_the_loop[:]
    made = await village.api.http.post(f"/v1/rooms/{room}/commits", content=body, headers=headers)
    assert made.status_code == 201, made.text
    listed = await bob.ask("GET", f"/v1/devices/{bob.device}/welcomes")
    assert len(listed.content) > 6 * 10**6
    assert int(listed.headers["Content-Length"]) == len(listed.content)
    assert sum(on_the_loop) < SMALL
    [welcome] = decode_payload(Welcomes, listed.content).welcomes
    assert (welcome.welcome, welcome.tree) == (commit.welcome, commit.tree)


async def test_no_operation_reads_a_large_body_on_the_loop() -> None:
    """A new operation with a large body fails at its first request with the reason."""
    nothing = cast("Any", None)
    guard = RequestGuard(nothing, nothing, nothing, OPERATIONS)
    large = {
        row.takes for row in OPERATIONS.rows if row.takes is not None and row.cap.value > HTTP_BODY.value
    }
    assert large == {Commit, KeyPackages}
    for kind in large:
        with pytest.raises(RuntimeError, match="raw_body"):
            await guard.body(cast("Any", None), kind)


async def test_an_account_has_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies of one account wait for each other; another account's goes between them."""
    order: list[bytes] = []
    begun, gate = threading.Event(), threading.Event()

    def decode(_kind: type, data: bytes) -> bytes:
        begun.set()
        assert gate.wait(5)
        order.append(data)
        return data

    monkeypatch.setattr(large_bodies, "decode_large_payload", decode)
    bodies = LargeJson()
    try:
        asked = [asyncio.ensure_future(bodies.decode(ADA, Commit, b"ada %d" % n)) for n in range(3)]
        asked.append(asyncio.ensure_future(bodies.decode(BERT, Commit, b"bert")))
        await asyncio.to_thread(begun.wait, 5)
        gate.set()
        await asyncio.gather(*asked)
    finally:
        gate.set()
        bodies.close()
    assert order == [b"ada 0", b"bert", b"ada 1", b"ada 2"]
    assert not bodies._turns


async def test_a_stopping_server_says_so() -> None:
    """A body that comes while the server stops is refused, not lost in an error."""
    bodies = LargeJson()
    bodies.close()
    with pytest.raises(UnavailableError):
        await bodies.decode(ADA, Commit, b"{}")
