"""F2: the server's WebSocket, as it is served, by the 247 cases of RFC 6455 that Autobahn made."""

from typing import Any

from tests.rfc6455 import Limits, Peer, failures, load

from parlour_protocol.kit.limits import REQUEST_FRAME
from parlour_server.core.net.message_assembler import MAX_FRAGMENTS

UNSUPPORTED_DATA = 1003


async def test_conformance(bench: Any) -> None:
    """F2: framing, pings, reserved bits and opcodes, fragments, UTF-8, close codes."""
    async with bench(per_user=100, per_address=100) as b:

        async def opened() -> Peer:
            wire = await b.wire()
            assert (await wire.ask(b.request(authorization=f"Bearer {await b.ticket()}"))).status == 101
            assert await wire.frame() == (1, b"hello")
            return Peer(wire.reader, wire.writer, masked=True)

        limits = Limits(UNSUPPORTED_DATA, REQUEST_FRAME.value, MAX_FRAGMENTS)
        cases = load()
        assert len(cases) == 247
        assert not (wrong := await failures(cases, limits, opened, 60)), "\n".join(wrong)
