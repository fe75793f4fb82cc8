"""TLS for a server of one's own, and HTTPS for logins beside a library that answers no POST."""

import asyncio
import json
import re
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from parlour_server.standalone.logins import EntryError, MemoryLogins

_BODY_BYTES: Final = 4096
_SECONDS: Final = 10  # for each read: of the handshake, the head, the body
_DISCARDED: Final = 1024 * 1024
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_BAD_REQUEST: Final = 400
_TOO_LARGE: Final = 413

Gate = Callable[[Sequence[str], Sequence[str], str], int]
"""Gets the values of Host, those of Origin, and the target; returns the status of a refusal, 0 for none."""


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """Return a context for a server: TLS 1.3 and nothing older (T1)."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    return context


class LoginServer:
    """Answers POST as ``MemoryLogins.answer`` does, on a port of its own."""

    def __init__(self, logins: MemoryLogins, gate: Gate, port: int, context: ssl.SSLContext) -> None:
        """Listen on localhost. Call it in the event loop in which ``logins`` is used."""
        loop = asyncio.get_running_loop()
        self._server = ThreadingHTTPServer(("localhost", port), partial(_Post, logins, gate, loop))
        # The handshake is the business of the connection's thread, and waits for no other.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    async def serve(self) -> None:
        """Serve until this is cancelled."""
        serving = asyncio.get_running_loop().run_in_executor(None, self._server.serve_forever, 0.1)
        try:
            await asyncio.shield(serving)
        finally:
            self._server.shutdown()
            self._server.server_close()


class _Post(BaseHTTPRequestHandler):
    """One connection, in a thread of its own."""

    timeout = _SECONDS

    def __init__(
        self, logins: MemoryLogins, gate: Gate, loop: asyncio.AbstractEventLoop, *arguments: Any
    ) -> None:
        self._logins = logins
        self._gate = gate
        self._loop = loop
        super().__init__(*arguments)

    def do_POST(self) -> None:
        """Answer, and close the connection."""
        status, content = self._answer()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self) -> tuple[int, bytes]:
        hosts, origins = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        if status := self._gate(hosts, origins, self.path):
            return status, b""
        length = self.headers.get("Content-Length", "0")
        if not _LENGTH.fullmatch(length):
            return _BAD_REQUEST, b""
        if int(length) > _BODY_BYTES:
            self.rfile.read(min(int(length), _DISCARDED))  # or they would not get the refusal
            return _TOO_LARGE, b""
        body, authorization = self.rfile.read(int(length)), self.headers.get("Authorization")
        answering = self._logins.answer(self.path[1:], body, authorization, self.client_address[0])
        try:
            answer = asyncio.run_coroutine_threadsafe(answering, self._loop).result()
        except EntryError as error:
            return error.status, b""
        return 200, json.dumps(answer).encode()

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - the name is http.server's
        """Write no line for what a stranger sends (R6)."""
