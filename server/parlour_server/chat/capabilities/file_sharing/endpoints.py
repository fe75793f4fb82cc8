"""The endpoints of files. Nothing in the response is chosen by the person who uploaded the file.

A download is an `application/octet-stream` attachment without a name and with `nosniff`, so a browser never
displays it. The bytes are streamed, never held in memory as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.limits import Limit
from parlour_protocol.limits import FILE_BYTES
from parlour_server.chat.capabilities.file_sharing.uploads import FilesFullError, Uploads
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.https.request_parts import id_in
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import HEADERS, RequestRefusedError, answer
from parlour_server.core.https.request_body import content_length, in_time
from parlour_server.core.https.request_guard import RequestGuard, session_of

_BYTES: Final = "application/octet-stream"
_HEADERS: Final = {
    **HEADERS,
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True, slots=True)
class FileEndpoints:
    """Uploads and downloads."""

    guard: RequestGuard
    files: Uploads
    budgets: DeliveryBudgets

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {
            "upload_file": self.upload_file,
            "download_file": self.download_file,
        }

    async def upload_file(self, request: Request) -> Response:
        """Store a file: 201."""
        session = session_of(request)
        size = _length_of_bytes(request, FILE_BYTES)
        with self.budgets.large_body(session.user):
            upload = await self.files.may_upload(session, RoomId(id_in(request)), size)
            seconds = self.guard.pace.allows(size)
            async with in_time(seconds):
                try:
                    stored = await self.files.upload(upload, self.guard.stream(request), seconds=seconds)
                except FilesFullError as error:
                    raise RequestRefusedError(
                        HTTPStatus.INSUFFICIENT_STORAGE, "no_room", str(error)
                    ) from error
        return answer(stored, HTTPStatus.CREATED)

    async def download_file(self, request: Request) -> Response:
        """Return a file: 200."""
        session = session_of(request)
        found = await self.files.find(session, id_in(request))
        headers = {**_HEADERS, "Content-Length": str(found.size)}
        body = () if request.method == "HEAD" else self.files.read(found)
        return StreamingResponse(body, headers=headers, media_type=_BYTES)


def _length_of_bytes(request: Request, cap: Limit) -> int:
    """Return the length of a body that is not JSON. Raises RequestRefusedError."""
    if request.headers.get("content-type", "").strip().lower() != _BYTES:
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_bytes", f"Send bytes, with Content-Type: {_BYTES}."
        )
    length = content_length(request, cap)
    if length is None:
        raise RequestRefusedError(HTTPStatus.LENGTH_REQUIRED, "needs_length", "Send Content-Length.")
    return length
