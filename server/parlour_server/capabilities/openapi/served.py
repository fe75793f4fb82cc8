"""The operation that returns the OpenAPI document. It needs no session and reveals nothing about anyone."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.core.https.operations import Operation, Operations
from parlour_server.core.https.problems import HEADERS
from parlour_server.core.program_name import ProgramName


class Description:
    """The document of one program, made when someone first asks: it is slow, and few servers are asked."""

    def __init__(self, program: ProgramName, operations: Operations) -> None:
        self._program = program
        self._operations = operations
        self._document: bytes | None = None

    async def describe(self, _request: Request) -> Response:
        """Return the document."""
        if self._document is None:
            self._document = await asyncio.to_thread(self._make)
        return Response(self._document, headers=HEADERS, media_type="application/json")

    def _make(self) -> bytes:
        from parlour_server.capabilities.openapi.document import document  # noqa: PLC0415 - see the class

        return document(self._program, self._operations)


async def _start(parts: Parts[Any, Any]) -> None:
    description = Description(parts.folder.program, parts.operations)
    parts.hooks.handlers.append(lambda *_: {_OPERATION.name: description.describe})


_OPERATION: Final = Operation(
    "describe", "GET", "/v1/openapi.json", "Get this document.", HTTPStatus.OK, session=False
)
SERVED: Final = Served(start=_start, operations=(_OPERATION,))
