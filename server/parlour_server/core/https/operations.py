"""The operations of the HTTPS API as a table: routes, documentation and the sizes of bodies come from it.

Every server has ``KIT_OPERATIONS``; a program adds its own. `asgi.py` maps each row to its handler.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from parlour_protocol.kit.api import (
    AccountCreated,
    Login,
    NewAccount,
    PasswordChange,
    SessionCreated,
    SessionList,
    TicketIssued,
    TicketRequest,
)
from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.limits import HTTP_BODY, Limit
from parlour_protocol.kit.payload import Payload

if TYPE_CHECKING:  # a command that runs no server loads no framework
    from starlette.requests import Request
    from starlette.responses import Response

Handler = Callable[["Request"], Awaitable["Response"]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: who may call it, its input and output, and its errors. ``does`` documents it.

    ``session``: False lets anyone call it, without a session. ``while_enrolling`` lets a session call it that
    must set up what its account has to prove, before anything else.

    ``by_session`` counts requests for each session, not for its account: with these someone throws a thief
    out, whose requests must not use up the owner's (P34).

    ``or_gives``: another success and its output, which a capability adds (``Capability.or_gives``).

    ``cap`` is the largest request body; ``may_be_empty`` lets there be none. ``takes_bytes`` and
    ``gives_bytes``: the body is not JSON. ``query`` names the allowed URL parameters, all of them numbers.
    """

    name: str
    method: str
    path: str
    does: str
    status: HTTPStatus
    takes: type[Payload] | None = None
    gives: type[Payload] | None = None
    or_gives: tuple[HTTPStatus, type[Payload]] | None = None
    session: bool = True
    while_enrolling: bool = False
    by_session: bool = False
    refusals: tuple[HTTPStatus, ...] = ()
    cap: Limit = HTTP_BODY
    may_be_empty: bool = False
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
        refusals=(*BODY, UNKNOWN, FORBIDDEN, BUSY),
    ),
    Operation(
        "list_sessions",
        "GET",
        "/v1/sessions",
        "List your sessions.",
        HTTPStatus.OK,
        gives=SessionList,
        by_session=True,
    ),
    Operation(
        "log_out",
        "DELETE",
        "/v1/sessions/current",
        "End this session and its sockets.",
        HTTPStatus.NO_CONTENT,
        while_enrolling=True,
        by_session=True,
    ),
    Operation(
        "end_session",
        "DELETE",
        "/v1/sessions/{id}",
        "End one of your sessions and its sockets.",
        HTTPStatus.NO_CONTENT,
        refusals=(NOT_FOUND,),
        by_session=True,
    ),
    Operation(
        "issue_ticket",
        "POST",
        "/v1/tickets",
        "Get a ticket that opens one WebSocket right away.",
        HTTPStatus.CREATED,
        takes=TicketRequest,
        may_be_empty=True,
        gives=TicketIssued,
        refusals=(*BODY, BUSY),
    ),
    Operation(
        "change_password",
        "POST",
        "/v1/password",
        "Change the password; every other session ends. An account that needs more proves that, too.",
        HTTPStatus.NO_CONTENT,
        takes=PasswordChange,
        refusals=(*BODY, FORBIDDEN, BUSY),
        by_session=True,
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
)


class Operations:
    """The operations of one program: those of every server, and its own."""

    def __init__(
        self,
        own: Iterable[Operation] = (),
        or_gives: Mapping[str, tuple[HTTPStatus, type[Payload]]] = MappingProxyType({}),
        summary: str = "",
    ) -> None:
        """``or_gives`` are more successes of operations, by their names; ``summary`` is for documents.

        Raise ProgramError for two with the same name, the same path or the same body.
        """
        self.summary: Final = summary
        self.rows: tuple[Operation, ...] = tuple(
            replace(row, or_gives=or_gives.get(row.name, row.or_gives)) for row in (*KIT_OPERATIONS, *own)
        )
        _refuse_twice("name", [row.name for row in self.rows])
        _refuse_twice("path", [f"{row.method} {row.path}" for row in self.rows])
        _refuse_twice("body", [row.takes.__name__ for row in self.rows if row.takes is not None])
        self._caps = {row.takes: row.cap for row in self.rows if row.takes is not None}
        self._may_be_empty = {row.takes for row in self.rows if row.may_be_empty}
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

    def may_be_empty(self, kind: type[Payload]) -> bool:
        """Return whether the operation with this request type needs no body."""
        return kind in self._may_be_empty

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
