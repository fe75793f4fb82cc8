"""Undocumented interfaces of dependencies that we use. A failure here names what to check."""

import asyncio.sslproto
import inspect
import logging
import re
from typing import Any

import pytest
from tests.server.core.net.conftest import client_frame
from websockets.protocol import State
from websockets.server import ServerProtocol

from parlour_server.core.errors import SetupError
from parlour_server.core.net.quiet_logger import quiet_logger
from parlour_server.host import event_loops as loops


def test_websockets_checks_a_handshake_without_keeping_anything() -> None:
    """State that one handshake leaves in the shared checker is replaced by the next, and never read."""
    source = inspect.getsource(ServerProtocol.process_request)
    assert set(re.findall(r"self\.(\w+)\b(?!\()", source)) == {"origin", "extensions", "subprotocol"}


def test_websockets_keeps_the_close_frames() -> None:
    """The code of a close frame is there as soon as it was received or sent, before the socket closes."""
    ws = ServerProtocol(state=State.OPEN)
    assert (ws.close_rcvd, ws.close_sent, ws.close_code) == (None, None, None)
    ws.send_close(4001, "")
    assert ws.close_sent is not None
    assert (ws.close_sent.code, ws.close_rcvd, ws.close_code) == (4001, None, None)
    ws.receive_data(client_frame(8, (4002).to_bytes(2, "big")))
    assert ws.close_rcvd is not None
    assert ws.close_rcvd.code == 4002


def test_asyncios_tls_buffer() -> None:
    """The class attribute that makes an idle TLS connection large is still what its buffer is made from."""
    assert "bytearray(self.max_size)" in inspect.getsource(asyncio.sslproto.SSLProtocol)
    loops.loop_factory("asyncio")().close()
    assert asyncio.sslproto.SSLProtocol.max_size == 4 * 1024


@pytest.mark.parametrize("name", ["fast", "fastnet"])
def test_the_fast_loops_speak_tls_through_aiofastnet(name: str) -> None:
    """The patch of aiofastnet leaves out the one method by which the listener's sockets come."""
    aiofastnet = pytest.importorskip("aiofastnet")
    if name == "fast":
        pytest.importorskip("uvloop")
    loop = loops.loop_factory(name)()
    try:
        found: Any = loop.connect_accepted_socket
        assert (found.func, found.args) == (aiofastnet.connect_accepted_socket, (loop,))
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def test_websockets_counts_no_fragments_by_itself() -> None:
    """The sans-I/O layer leaves bounding fragments to us (F7); should it begin to, ours may go."""
    assert "TooManyFragments" not in inspect.getsource(
        inspect.getmodule(ServerProtocol.__mro__[1]) or inspect
    )


def test_a_quiet_logger_cannot_be_made_talkative(caplog: pytest.LogCaptureFixture) -> None:
    """K7: whatever the levels are, only errors pass."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="parlour.x")
    logger = quiet_logger("x")
    logger.debug("secret")
    logger.warning("secret")
    logger.error("broken")
    assert [record.getMessage() for record in caplog.records] == ["broken"]
    assert not logger.isEnabledFor(logging.INFO)


def test_an_event_loop_that_does_not_exist() -> None:
    """A name that is none of ours is refused, with the names that are."""
    with pytest.raises(SetupError, match="uvloop"):
        loops.loop_factory("turbo")
