"""One HTTP/1.1 request and its answer on a connection that goes on afterwards, sans I/O, by h11."""

from typing import Final

import h11

from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import _

MAX_HEAD: Final = 16 * 1024


class HttpExchange:
    """The bytes to send, and the answer that comes back, which is never inflated."""

    def __init__(self, request: h11.Request, body: bytes | None, limit: int) -> None:
        """Hold ``limit`` bytes of the answer's body at most; without a ``body`` the caller encodes it."""
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self.to_send = self._encoded(request)
        if body is not None:
            self.to_send += self.encode(body) + self.encode(None)
        self._limit = limit
        self._body = bytearray()
        self.status = 0
        self.is_complete = False

    @property
    def body(self) -> bytes:
        """The answer's body, without what ``take`` has returned."""
        return bytes(self._body)

    @property
    def keeps_open(self) -> bool:
        """Whether another request may follow on this connection, once the answer is complete."""
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def encode(self, chunk: bytes | None) -> bytes:
        """Return a part of the request's body as it is sent; None ends it."""
        return self._encoded(h11.EndOfMessage() if chunk is None else h11.Data(data=chunk))

    def _encoded(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    def take(self) -> bytes:
        """Return what is there of the answer's body, and hold it no longer."""
        body, self._body = self._body, bytearray()
        return bytes(body)

    def receive(self, data: bytes) -> None:
        """Read a part of the answer. Raises ServerMisbehavedError."""
        try:
            self._http.receive_data(data)
            while not self.is_complete:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    return
                self._take(event)
        except h11.RemoteProtocolError as error:
            raise ServerMisbehavedError(_("The server's answer is not HTTP.")) from error
        if self._http.trailing_data[0]:
            raise ServerMisbehavedError(_("The server sent more than its answer."))

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self.status = event.status_code
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > self._limit:
                raise ServerMisbehavedError(_("The server's answer is too large."))
        elif isinstance(event, h11.EndOfMessage):
            self.is_complete = True
