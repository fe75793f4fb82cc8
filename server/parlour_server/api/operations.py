"""The table of what the HTTPS API does: one row an operation, from which routes and documentation are made.

A row names its method and path, who may ask, what comes in, what goes out and how it may fail; the code
behind it is the method of ``Endpoints`` with the row's name. `app.py` and `openapi.py` read it.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from parlour_protocol.api import (
    AccountMade,
    Login,
    NewAccount,
    PasswordChange,
    Payload,
    SessionList,
    SessionMade,
    TicketMade,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that may be asked. ``does`` is its sentence in the documentation."""

    name: str
    method: str
    path: str
    does: str
    status: HTTPStatus
    takes: type[Payload] | None = None
    gives: type[Payload] | None = None
    session: bool = False
    refusals: tuple[HTTPStatus, ...] = ()


_BAD: Final = HTTPStatus.BAD_REQUEST
_UNKNOWN: Final = HTTPStatus.UNAUTHORIZED
_BUSY: Final = HTTPStatus.SERVICE_UNAVAILABLE
_BODY: Final = (
    _BAD,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)

OPERATIONS: Final = (
    Operation(
        "make_account",
        "POST",
        "/v1/accounts",
        "Make an account with an invite code.",
        HTTPStatus.CREATED,
        takes=NewAccount,
        gives=AccountMade,
        refusals=(*_BODY, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, _BUSY),
    ),
    Operation(
        "log_in",
        "POST",
        "/v1/sessions",
        "Log a device in. A session token that is presented ends.",
        HTTPStatus.CREATED,
        takes=Login,
        gives=SessionMade,
        refusals=(*_BODY, _UNKNOWN, _BUSY),
    ),
    Operation(
        "list_sessions",
        "GET",
        "/v1/sessions",
        "List your sessions.",
        HTTPStatus.OK,
        gives=SessionList,
        session=True,
    ),
    Operation(
        "log_out",
        "DELETE",
        "/v1/sessions/current",
        "End this session and its sockets.",
        HTTPStatus.NO_CONTENT,
        session=True,
    ),
    Operation(
        "end_session",
        "DELETE",
        "/v1/sessions/{id}",
        "End one of your sessions and its sockets.",
        HTTPStatus.NO_CONTENT,
        session=True,
        refusals=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        "issue_ticket",
        "POST",
        "/v1/tickets",
        "Get a ticket that opens one WebSocket at once.",
        HTTPStatus.CREATED,
        gives=TicketMade,
        session=True,
        refusals=(_BUSY,),
    ),
    Operation(
        "change_password",
        "POST",
        "/v1/password",
        "Change the password; every other session ends.",
        HTTPStatus.NO_CONTENT,
        takes=PasswordChange,
        session=True,
        refusals=(*_BODY, HTTPStatus.FORBIDDEN, _BUSY),
    ),
    Operation("is_alive", "GET", "/healthz", "Tell that the process answers.", HTTPStatus.NO_CONTENT),
    Operation(
        "is_ready",
        "GET",
        "/readyz",
        "Tell that the store can be written.",
        HTTPStatus.NO_CONTENT,
        refusals=(_BUSY,),
    ),
    Operation("describe", "GET", "/v1/openapi.json", "Get this document.", HTTPStatus.OK),
)
