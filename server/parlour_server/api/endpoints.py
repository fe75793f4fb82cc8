"""What happens behind each row of the table of operations.

Each method reads the request, calls one thing of `auth`, and answers; no rule about passwords, sessions or
tickets stands here. A ticket is no session: it finds none, so it opens nothing here (K5: confused deputy).
"""

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.api import (
    AccountMade,
    Login,
    NewAccount,
    PasswordChange,
    SessionInfo,
    SessionList,
    SessionMade,
    TicketMade,
)
from parlour_protocol.ids import SessionId
from parlour_server.api.bodies import address_of, bearer, read_body
from parlour_server.api.openapi import document
from parlour_server.api.problems import HEADERS, RequestRefusedError, answer, nothing
from parlour_server.auth.accounts import AccountMaker
from parlour_server.auth.changes import PasswordChanges
from parlour_server.auth.logins import Logins
from parlour_server.auth.sessions import Sessions
from parlour_server.auth.tickets import Tickets
from parlour_server.clock import Clock
from parlour_server.errors import LoginRefusedError, SessionRefusedError
from parlour_server.store.interface import Store
from parlour_server.store.types import SessionRecord


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The collaborators of the API. ``body_seconds`` is how long a body may take to come."""

    accounts: AccountMaker
    logins: Logins
    sessions: Sessions
    tickets: Tickets
    passwords: PasswordChanges
    store: Store
    clock: Clock
    body_seconds: float

    async def make_account(self, request: Request) -> Response:
        """Make an account: 201."""
        body = await read_body(request, NewAccount, seconds=self.body_seconds)
        await self.accounts.make(
            body.username, body.password, invite=body.invite, address=address_of(request)
        )
        return answer(AccountMade(body.username), HTTPStatus.CREATED)

    async def log_in(self, request: Request) -> Response:
        """Make a session: 201."""
        body = await read_body(request, Login, seconds=self.body_seconds)
        try:
            presented = bearer(request)
        except SessionRefusedError:
            presented = None
        record, token = await self.logins.log_in(
            body.username, body.password, body.device, address=address_of(request), presented=presented
        )
        return answer(SessionMade(token, self._seconds_left(record), record.user), HTTPStatus.CREATED)

    async def list_sessions(self, request: Request) -> Response:
        """List the account's sessions: 200."""
        session = await self._session(request)
        listed = await self.sessions.list(session)
        return answer(SessionList(tuple(_told(one, session) for one in listed)))

    async def log_out(self, request: Request) -> Response:
        """End this session: 204."""
        session = await self._session(request)
        await self.sessions.end(session, session.id)
        return nothing()

    async def end_session(self, request: Request) -> Response:
        """End one of the account's sessions: 204."""
        session = await self._session(request)
        if not await self.sessions.end(session, SessionId(request.path_params["id"])):
            raise RequestRefusedError(HTTPStatus.NOT_FOUND, "not_found", "You have no such session.")
        return nothing()

    async def issue_ticket(self, request: Request) -> Response:
        """Issue a ticket: 201."""
        session = await self._session(request)
        ticket = await self.tickets.issue(session, address=address_of(request))
        return answer(TicketMade(ticket, self.tickets.seconds), HTTPStatus.CREATED)

    async def change_password(self, request: Request) -> Response:
        """Replace the password: 204."""
        session = await self._session(request)
        body = await read_body(request, PasswordChange, seconds=self.body_seconds)
        try:
            await self.passwords.change(session, body.old, body.new, address=address_of(request))
        except LoginRefusedError:
            # Not 401: the session that asks is alive.
            raise RequestRefusedError(
                HTTPStatus.FORBIDDEN, "wrong_password", "The old password is wrong."
            ) from None
        return nothing()

    async def is_alive(self, _request: Request) -> Response:
        """Answer 204."""
        return nothing()

    async def is_ready(self, _request: Request) -> Response:
        """Answer 204 when the store can be written."""
        await self.store.check()
        return nothing()

    async def describe(self, _request: Request) -> Response:
        """Return the OpenAPI document."""
        return Response(document(), headers=HEADERS, media_type="application/json")

    async def _session(self, request: Request) -> SessionRecord:
        return await self.sessions.authenticate(bearer(request))

    def _seconds_left(self, record: SessionRecord) -> int:
        return max(0, (record.expires - self.clock.now()) // 1000)


def _told(record: SessionRecord, asking: SessionRecord) -> SessionInfo:
    return SessionInfo(
        record.id,
        record.device,
        record.created,
        record.last_seen,
        record.expires,
        current=record.id == asking.id,
    )
