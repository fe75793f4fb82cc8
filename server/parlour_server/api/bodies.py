"""Reading a request: its body as a checked struct, its bearer token as a secret.

A body is JSON and says so, is small and comes in time, or it is refused before it is parsed (K8: a form on a
foreign page cannot send this type; K9: body bombs). The endpoints call it.
"""

import asyncio
import re
from http import HTTPStatus
from typing import Final, TypeVar

from starlette.requests import ClientDisconnect, Request

from parlour_protocol.api import Payload, decode_payload
from parlour_protocol.limits import HTTP_BODY
from parlour_protocol.secret import Secret
from parlour_server.api.problems import RequestRefusedError
from parlour_server.errors import SessionRefusedError

_P = TypeVar("_P", bound=Payload)
_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9_-]{43})", re.IGNORECASE)  # RFC 6750, Secret.random()


async def read_body(request: Request, kind: type[_P], *, seconds: float) -> _P:
    """Return the body as ``kind``. Raises MalformedFrameError and RequestRefusedError."""
    if not _JSON.fullmatch(request.headers.get("content-type", "").strip()):
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", "Send JSON, with Content-Type: application/json."
        )
    try:
        async with asyncio.timeout(seconds):
            return decode_payload(kind, await _read(request))
    except TimeoutError:
        raise RequestRefusedError(
            HTTPStatus.REQUEST_TIMEOUT, "too_slow", "The body did not come in time."
        ) from None
    except ClientDisconnect:
        raise RequestRefusedError(HTTPStatus.BAD_REQUEST, "cut_off", "The body was cut off.") from None


async def _read(request: Request) -> bytes:
    refused = RequestRefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", f"At most {HTTP_BODY.value} bytes."
    )
    length = request.headers.get("content-length", "0")
    # Before a byte is read: a length of ten gigabytes is not waited for.
    if not (length.isascii() and length.isdigit()) or int(length[:12]) > HTTP_BODY.value:
        raise refused
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > HTTP_BODY.value:
            raise refused
    return bytes(body)


def bearer(request: Request) -> Secret:
    """Return the bearer token. Raises SessionRefusedError when there is not exactly one of our form."""
    values = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None:
        raise SessionRefusedError
    return Secret(match[1])


def address_of(request: Request) -> str:
    """Return the address that the request came from."""
    return request.client.host if request.client else "unknown"
