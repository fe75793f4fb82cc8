"""The endpoints of accounts, sessions and tickets.

Each method reads the request, calls one service of `auth`, and answers. The rules about passwords, sessions
and tickets are in `auth`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.kit.api import (
    AccountCreated,
    Login,
    NewAccount,
    PasswordChange,
    SessionCreated,
    SessionInfo,
    SessionList,
    TicketIssued,
    TicketRequest,
)
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.password_change import PasswordChanger
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.accounts.tickets import ConnectionTicket, Tickets
from parlour_server.core.clock import Clock
from parlour_server.core.errors import LoginRefusedError, SessionRefusedError
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import RequestRefusedError, answer, nothing, wrong_proof
from parlour_server.core.https.request_body import address_of, bearer
from parlour_server.core.https.request_guard import RequestGuard, session_of
from parlour_server.core.store.records import SessionRecord


@dataclass(frozen=True, slots=True)
class AccountEndpoints:
    """Accounts, sessions and tickets."""

    guard: RequestGuard
    accounts: Registration
    logins: LoginService
    tickets: Tickets
    passwords: PasswordChanger
    clock: Clock

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {
            "make_account": self.make_account,
            "log_in": self.log_in,
            "list_sessions": self.list_sessions,
            "log_out": self.log_out,
            "end_session": self.end_session,
            "issue_ticket": self.issue_ticket,
            "change_password": self.change_password,
        }

    async def make_account(self, request: Request) -> Response:
        """Make an account: 201."""
        body = await self.guard.body(request, NewAccount)
        await self.accounts.make(
            body.username, body.password, invite=body.invite, address=address_of(request)
        )
        return answer(AccountCreated(body.username), HTTPStatus.CREATED)

    async def log_in(self, request: Request) -> Response:
        """Make a session: 201; or ask for more than the password: 202."""
        body = await self.guard.body(request, Login)
        made = await self.logins.log_in(
            body.username,
            body.password,
            body.device,
            address=address_of(request),
            presented=presented_token(request),
            key=body.key,
        )
        if isinstance(made, Payload):
            return answer(made, HTTPStatus.ACCEPTED)
        return session_created(self.guard, *made, self.clock.now())

    async def list_sessions(self, request: Request) -> Response:
        """List the account's sessions: 200."""
        session = session_of(request)
        listed = await self.guard.sessions.list(session)
        return answer(SessionList(tuple(_session_info(record, session) for record in listed)))

    async def log_out(self, request: Request) -> Response:
        """End this session: 204."""
        session = session_of(request)
        await self.guard.sessions.end(session, session.id, while_enrolling=True)
        return nothing()

    async def end_session(self, request: Request) -> Response:
        """End one of the account's sessions: 204."""
        session = session_of(request)
        if not await self.guard.sessions.end(session, SessionId(request.path_params["id"])):
            raise RequestRefusedError(HTTPStatus.NOT_FOUND, "not_found", "You have no such session.")
        return nothing()

    async def issue_ticket(self, request: Request) -> Response:
        """Issue a ticket: 201."""
        session = session_of(request)
        body = await self.guard.body(request, TicketRequest)
        here = _connection_of(request) if body.here else None
        page = request.headers.get("origin")  # the gate let a listed one pass
        ticket = await self.tickets.issue(session, address=address_of(request), here=here, page=page)
        return answer(TicketIssued(ticket, self.tickets.seconds, here=body.here), HTTPStatus.CREATED)

    async def change_password(self, request: Request) -> Response:
        """Replace the password: 204."""
        session = session_of(request)
        body = await self.guard.body(request, PasswordChange)
        try:
            await self.passwords.change(session, body.old, body.new, body.proof, address=address_of(request))
        except LoginRefusedError:
            raise wrong_proof(body.proof) from None
        return nothing()


def session_created(guard: RequestGuard, record: SessionRecord, token: Secret, now: Millis) -> Response:
    """Return the response to a login that began a session."""
    seconds_left = max(0, (record.expires - now) // 1000)
    made = SessionCreated(token, seconds_left, record.user, guard.sessions.must_enrol(record))
    return answer(made, HTTPStatus.CREATED)


def presented_token(request: Request) -> Secret | None:
    """Return the token that came with a login, if one did."""
    try:
        return bearer(request)
    except SessionRefusedError:
        return None


def _session_info(record: SessionRecord, asking: SessionRecord) -> SessionInfo:
    return SessionInfo(
        record.id,
        record.device,
        record.created,
        record.last_seen,
        record.expires,
        current=record.id == asking.id,
        keyed=record.public_key is not None,
    )


def _connection_of(request: Request) -> ConnectionTicket:
    """Return where the ticket of the request's TLS connection is kept (``http_connection.py``)."""
    here: ConnectionTicket = request.scope["extensions"][ConnectionTicket.EXTENSION]
    return here
