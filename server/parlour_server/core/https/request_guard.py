"""The checks before an endpoint does anything: the session and the body.

A ticket is not a session, so it is refused here (K5: confused deputy). A body may take minutes to arrive, so
the session is checked again after it (S1). All endpoint classes share one guard.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from parlour_protocol.kit.api import decode_payload
from parlour_protocol.kit.limits import HTTP_BODY, Limit
from parlour_protocol.kit.payload import Payload
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.content_filter import ContentFilter, Sender
from parlour_server.core.https.operations import Operations
from parlour_server.core.https.request_body import BodyPace, address_of, bearer, content_length, read_json
from parlour_server.core.store.records import SessionRecord

_P = TypeVar("_P", bound=Payload)


@dataclass(frozen=True, slots=True)
class RequestGuard:
    """Checks requests for the endpoints."""

    sessions: Sessions
    pace: BodyPace
    rates: RequestRates
    operations: Operations
    content_filter: ContentFilter | None = None
    also: Callable[[Request], Awaitable[None]] | None = None
    """What else must still hold after a body; raises to refuse."""

    async def authenticate(
        self, request: Request, *, while_enrolling: bool = False, by_session: bool = False
    ) -> None:
        """Check the session of a request, which counts for its account or itself (L26); the API calls it.

        Raises SessionRefusedError, EnrolmentRequiredError, TooManyAttemptsError.
        """
        session = await self.sessions.authenticate(bearer(request), may_be_enrolling=while_enrolling)
        self.rates.spend(session.id if by_session else session.user)
        request.state.session = session

    async def body(self, request: Request, kind: type[_P]) -> _P:
        """Return a small body, as the content filter lets it pass.

        Raises MalformedFrameError, RequestRefusedError, SessionRefusedError, and RefusedError for what that
        refuses.
        """
        cap = self.operations.cap_of(kind)
        if self.operations.may_be_empty(kind) and not content_length(request, cap):
            return kind()
        if cap.value > HTTP_BODY.value:
            raise RuntimeError(f"{kind.__name__} may be large: decode its raw_body off the event loop")
        return await self.filtered(request, decode_payload(kind, await self._read(request, cap)))

    async def filtered(self, request: Request, body: _P) -> _P:
        """Return a body that was read in another way, if it may go on. Raises RefusedError."""
        if self.content_filter is None:
            return body
        session: SessionRecord | None = getattr(request.state, "session", None)
        user = "" if session is None else session.user
        return await self.content_filter.body(body, Sender(user, address=address_of(request)))

    def size(self, request: Request, kind: type[Payload]) -> int:
        """Return the declared bytes of a body, before it is read. Raises RequestRefusedError for too many."""
        return content_length(request, self.operations.cap_of(kind)) or 0

    async def raw_body(self, request: Request, kind: type[Payload]) -> bytes:
        """Return a JSON body that is not decoded yet. Raises RequestRefusedError, SessionRefusedError."""
        return await self._read(request, self.operations.cap_of(kind))

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the pieces of a body that is not JSON. Raises SessionRefusedError at its end."""
        async for piece in request.stream():
            yield piece
        await self.check_again(request)

    async def _read(self, request: Request, cap: Limit) -> bytes:
        data = await read_json(request, cap, self.pace)
        await self.check_again(request)
        return data

    async def check_again(self, request: Request) -> None:
        """Raise SessionRefusedError if the session ended while the body arrived."""
        if getattr(request.state, "session", None) is not None:
            await self.sessions.authenticate(bearer(request), may_be_enrolling=True)
            if self.also is not None:
                await self.also(request)


def session_of(request: Request) -> SessionRecord:
    """Return the session of a request whose operation needs one. Raises AttributeError for any other."""
    session: SessionRecord = request.state.session
    return session
