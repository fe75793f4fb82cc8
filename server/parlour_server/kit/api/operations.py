"""The operations of the HTTPS API as a table: routes, documentation and the sizes of bodies come from it.

Every server has ``KIT_OPERATIONS``; a program adds its own. `asgi.py` maps each row to its handler.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from parlour_protocol.kit.api import (
    AccountCreated,
    Login,
    NewAccount,
    PasswordChange,
    Payload,
    SessionCreated,
    SessionList,
    TicketIssued,
)
from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.limits import HTTP_BODY, Limit

if TYPE_CHECKING:  # a command that runs no server loads no framework
    from starlette.requests import Request
    from starlette.responses import Response

Handler = Callable[["Request"], Awaitable["Response"]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: who may call it, its input and output, and its errors. ``does`` documents it.

    ``session``: False lets anyone call it, without a session.

    ``cap`` is the largest request body. ``takes_bytes`` and ``gives_bytes``: the body is not JSON. ``query``
    names the allowed URL parameters, all of them numbers.
    """

    name: str
    method: str
    path: str
    does: str
    status: HTTPStatus
    takes: type[Payload] | None = None
    gives: type[Payload] | None = None
    session: bool = True
    refusals: tuple[HTTPStatus, ...] = ()
    cap: Limit = HTTP_BODY
    takes_bytes: bool = False
    gives_bytes: bool = False
    query: tuple[str, ...] = ()


BAD: Final = HTTPStatus.BAD_REQUEST
UNKNOWN: Final = HTTPStatus.UNAUTHORIZED
BUSY: Final = HTTPStatus.SERVICE_UNAVAILABLE
FORBIDDEN: Final = HTTPStatus.FORBIDDEN
CONFLICT: Final = HTTPStatus.CONFLICT
NOT_FOUND: Final = HTTPStatus.NOT_FOUND
BODY: Final = (
    BAD,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)

KIT_OPERATIONS: Final = (
    Operation(
        "make_account",
        "POST",
        "/v1/accounts",
        "Create an account with an invite code.",
        HTTPStatus.CREATED,
        session=False,
        takes=NewAccount,
        gives=AccountCreated,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
    ),
    Operation(
        "log_in",
        "POST",
        "/v1/sessions",
        "Log in on a device. A session whose token comes with the request ends.",
        HTTPStatus.CREATED,
        session=False,
        takes=Login,
        gives=SessionCreated,
        refusals=(*BODY, UNKNOWN, BUSY),
    ),
    Operation(
        "list_sessions",
        "GET",
        "/v1/sessions",
        "List your sessions.",
        HTTPStatus.OK,
        gives=SessionList,
    ),
    Operation(
        "log_out",
        "DELETE",
        "/v1/sessions/current",
        "End this session and its sockets.",
        HTTPStatus.NO_CONTENT,
    ),
    Operation(
        "end_session",
        "DELETE",
        "/v1/sessions/{id}",
        "End one of your sessions and its sockets.",
        HTTPStatus.NO_CONTENT,
        refusals=(NOT_FOUND,),
    ),
    Operation(
        "issue_ticket",
        "POST",
        "/v1/tickets",
        "Get a ticket that opens one WebSocket right away.",
        HTTPStatus.CREATED,
        gives=TicketIssued,
        refusals=(BUSY,),
    ),
    Operation(
        "change_password",
        "POST",
        "/v1/password",
        "Change the password; every other session ends.",
        HTTPStatus.NO_CONTENT,
        takes=PasswordChange,
        refusals=(*BODY, FORBIDDEN, BUSY),
    ),
    Operation(
        "is_alive", "GET", "/healthz", "Check that the process answers.", HTTPStatus.NO_CONTENT, session=False
    ),
    Operation(
        "is_ready",
        "GET",
        "/readyz",
        "Check that the store can be written to.",
        HTTPStatus.NO_CONTENT,
        session=False,
        refusals=(BUSY,),
    ),
    Operation("describe", "GET", "/v1/openapi.json", "Get this document.", HTTPStatus.OK, session=False),
)


class Operations:
    """The operations of one program: those of every server, and its own."""

    def __init__(self, own: Iterable[Operation] = ()) -> None:
        """Raise ProgramError for two with the same name, the same path or the same body."""
        self.rows: tuple[Operation, ...] = (*KIT_OPERATIONS, *own)
        _refuse_twice("name", [row.name for row in self.rows])
        _refuse_twice("path", [f"{row.method} {row.path}" for row in self.rows])
        _refuse_twice("body", [row.takes.__name__ for row in self.rows if row.takes is not None])
        self._caps = {row.takes: row.cap for row in self.rows if row.takes is not None}
        self._large = tuple(
            (
                row.method.encode(),
                re.compile(row.path.replace("{id}", "[A-Za-z0-9_-]{1,64}").encode()),
                row.cap.value,
            )
            for row in self.rows
            if row.cap.value > HTTP_BODY.value
        )

    def cap_of(self, kind: type[Payload]) -> Limit:
        """Return the largest body of the operation with this request type."""
        return self._caps[kind]

    def body_cap(self, method: bytes, path: bytes) -> int:
        """Return the largest body of a request, by its method and path.

        A path that is written in another way (`%2F`) gets the small limit.
        """
        for known, pattern, cap in self._large:
            if method == known and pattern.fullmatch(path):
                return cap
        return HTTP_BODY.value


def _refuse_twice(what: str, values: Sequence[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ProgramError(f"two operations of the HTTPS API have the {what} {value!r}")
