"""Which answers of the HTTPS API a page of another Origin may read (CORS), and which requests it may make.

Of the operations that every server has these are login, ticket and logout; and all that the program and its
capabilities add. Nothing allows cookies, which no one reads here anyway. The gate has refused every Origin
that is not listed, so what is decided here is never whether a request is carried out, but for the preflight.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parlour_server.core.https.operations import KIT_OPERATIONS, Operation
from parlour_server.core.https.problems import HEADERS

PREFLIGHT_SECONDS: Final = 60
"""How long a browser may rely on the answer to a preflight."""
_OF_EVERY_SERVER: Final = {"log_in", "issue_ticket", "log_out"}
_NOT_FOR_PAGES: Final = {row.name for row in KIT_OPERATIONS} - _OF_EVERY_SERVER


class CrossOrigin:
    """The HTTPS API, as pages of the listed Origins may use it."""

    def __init__(self, api: ASGIApp, *, rows: Iterable[Operation], origins: frozenset[str]) -> None:
        """``rows`` are all operations of ``api``."""
        self._api = api
        self._origins = origins
        self._operations = [
            (row.method, re.compile(row.path.replace("{id}", "[^/]+")), row.name not in _NOT_FOR_PAGES)
            for row in rows
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        headers = Headers(scope=scope)
        origin, asked = headers.get("origin"), headers.get("access-control-request-method")
        is_preflight = scope["method"] == "OPTIONS" and asked is not None
        if origin not in self._origins or not self._allows(asked if is_preflight else scope["method"], scope):
            await self._api(scope, receive, send)
        elif is_preflight:
            allowed = {
                "Access-Control-Allow-Methods": str(asked),
                "Access-Control-Allow-Headers": "Authorization, Content-Type",
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
                **_readable_by(origin),
            }
            await Response(None, HTTPStatus.NO_CONTENT, {**HEADERS, **allowed})(scope, receive, send)
        else:

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).update(_readable_by(origin))
                await send(message)

            await self._api(scope, receive, sending)

    def _allows(self, method: str | None, scope: Scope) -> bool:
        found = (
            is_for_pages
            for known, path, is_for_pages in self._operations
            if method == known and path.fullmatch(scope["path"])
        )
        return next(found, False)  # the first has the request, too


def _readable_by(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
