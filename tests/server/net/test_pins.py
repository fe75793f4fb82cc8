"""What is used of others' code that is no documented interface. A failure here names what to look at."""

import asyncio.sslproto
import inspect
import logging
import re
from typing import Any

import h11
import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState
from websockets.server import ServerProtocol

from parlour_server.errors import SetupError
from parlour_server.net import event_loops as loops
from parlour_server.net.http_connection import asgi_config
from parlour_server.net.quiet_logger import quiet_logger


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


def test_uvicorns_http_protocol() -> None:
    """The attributes and methods of H11Protocol that HttpConnection reads, sets or overrides exist."""
    config = asgi_config(app)
    loop = asyncio.new_event_loop()
    protocol = H11Protocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    loop.close()
    used = {"logger", "access_log", "transport", "conn", "scope", "headers", "cycle", "connections", "loop"}
    used |= {"timeout_keep_alive_task"}
    assert used <= vars(protocol).keys()
    assert isinstance(protocol.conn, h11.Connection)
    for name in ("_should_upgrade", "handle_websocket_upgrade", "send_400_response", "shutdown"):
        assert callable(getattr(H11Protocol, name))
    assert list(inspect.signature(H11Protocol._should_upgrade).parameters) == ["self"]
    assert list(inspect.signature(H11Protocol.on_response_complete).parameters) == ["self"]
    source = inspect.getsource(H11Protocol.handle_events)
    # the order that the gate relies on: the scope is set, then we are asked, then nothing else happens
    scope, asked, handled = (
        source.index(text)
        for text in ("self.scope = {", "if self._should_upgrade():", "self.handle_websocket_upgrade(event)")
    )
    assert scope < asked < handled < source.index("self.cycle = RequestResponseCycle(")
    assert "except h11.RemoteProtocolError" in source
    made = inspect.getsource(H11Protocol.connection_made)
    # what HttpConnection sets in its stead, without the addresses
    assert set(re.findall(r"self\.(\w+) = ", made)) == {"transport", "flow", "server", "client", "scheme"}
    assert "self.connections.add(self)" in made
    assert "on_response=self.on_response_complete" in source
    # what PatientFlow stands in for
    flow = inspect.getsource(FlowControl)
    assert set(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", flow)) == {
        "_transport",
        "read_paused",
        "write_paused",
        "_is_writable_event",
    }
    cycle = inspect.getsource(RequestResponseCycle)
    assert "self.keep_alive" in cycle
    assert "self.response_complete" in cycle


def test_uvicorns_configuration_sends_no_headers_of_its_own() -> None:
    """H10: without uvicorn's own server nothing adds Server or Date."""
    config = asgi_config(app)
    assert isinstance(config, Config)
    config.load()
    assert config.encoded_headers == []
    assert ServerState().default_headers == []
    assert config.ws_protocol_class is None
    assert config.loaded_app is app


def test_websockets_checks_a_handshake_without_keeping_anything() -> None:
    """What one handshake leaves in the checker that all share is set anew by the next, and read by none."""
    source = inspect.getsource(ServerProtocol.process_request)
    assert set(re.findall(r"self\.(\w+)\b(?!\()", source)) == {"origin", "extensions", "subprotocol"}


def test_asyncios_tls_buffer() -> None:
    """The class attribute that makes an idle TLS connection large is still what its buffer is made from."""
    assert "bytearray(self.max_size)" in inspect.getsource(asyncio.sslproto.SSLProtocol)
    loops.loop_factory("asyncio")().close()
    assert asyncio.sslproto.SSLProtocol.max_size == 8 * 1024


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
