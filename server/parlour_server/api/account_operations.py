"""The rows of the table that are about accounts, sessions and the server itself."""

from http import HTTPStatus
from typing import Final

from parlour_protocol.api import (
    AccountCreated,
    Login,
    NewAccount,
    PasswordChange,
    SessionCreated,
    SessionList,
    TicketIssued,
)
from parlour_server.api.operation import BODY, BUSY, CONFLICT, FORBIDDEN, NOT_FOUND, UNKNOWN, Operation

ACCOUNT_OPERATIONS: Final = (
    Operation(
        "make_account",
        "POST",
        "/v1/accounts",
        "Make an account with an invite code.",
        HTTPStatus.CREATED,
        takes=NewAccount,
        gives=AccountCreated,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
    ),
    Operation(
        "log_in",
        "POST",
        "/v1/sessions",
        "Log a device in. A session token that is presented ends.",
        HTTPStatus.CREATED,
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
        refusals=(NOT_FOUND,),
    ),
    Operation(
        "issue_ticket",
        "POST",
        "/v1/tickets",
        "Get a ticket that opens one WebSocket at once.",
        HTTPStatus.CREATED,
        gives=TicketIssued,
        session=True,
        refusals=(BUSY,),
    ),
    Operation(
        "change_password",
        "POST",
        "/v1/password",
        "Change the password; every other session ends.",
        HTTPStatus.NO_CONTENT,
        takes=PasswordChange,
        session=True,
        refusals=(*BODY, FORBIDDEN, BUSY),
    ),
    Operation("is_alive", "GET", "/healthz", "Tell that the process answers.", HTTPStatus.NO_CONTENT),
    Operation(
        "is_ready",
        "GET",
        "/readyz",
        "Tell that the store can be written.",
        HTTPStatus.NO_CONTENT,
        refusals=(BUSY,),
    ),
    Operation("describe", "GET", "/v1/openapi.json", "Get this document.", HTTPStatus.OK),
)
