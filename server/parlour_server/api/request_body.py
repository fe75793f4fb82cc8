"""Reading a request: its body as a checked struct or as bytes that come, its bearer token as a secret.

A body says what it is and how long, is no longer than its operation's cap, and comes in time, or it is
refused before it is parsed (K8: a form on a foreign page cannot send this type; K9: body bombs, slow bodies).
The endpoints call it through their ``RequestGuard``.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from parlour_protocol.limits import Limit
from parlour_protocol.secret import Secret
from parlour_server.api.problems import RequestRefusedError
from parlour_server.errors import SessionRefusedError

_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_BYTES: Final = "application/octet-stream"
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9_-]{43})", re.IGNORECASE)  # RFC 6750, Secret.random()
_DIGITS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BodyPace:
    """How long a body may take to come: ``seconds``, and more for a large one."""

    seconds: float
    bytes_per_second: int

    def allows(self, size: int) -> float:
        """Return the seconds for a body of ``size`` bytes."""
        return self.seconds + size / self.bytes_per_second


async def read_json(request: Request, cap: Limit, pace: BodyPace) -> bytes:
    """Return a body of JSON, not yet decoded. Raises RequestRefusedError."""
    if not _JSON.fullmatch(request.headers.get("content-type", "").strip()):
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", "Send JSON, with Content-Type: application/json."
        )
    length = _length(request, cap) or 0
    async with in_time(pace.allows(length)):
        return await _read(request, cap)


def length_of_bytes(request: Request, cap: Limit) -> int:
    """Return how many bytes will come, for a body that is not JSON. Raises RequestRefusedError."""
    if request.headers.get("content-type", "").strip().lower() != _BYTES:
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_bytes", f"Send bytes, with Content-Type: {_BYTES}."
        )
    length = _length(request, cap)
    if length is None:
        raise RequestRefusedError(HTTPStatus.LENGTH_REQUIRED, "needs_length", "Send Content-Length.")
    return length


@asynccontextmanager
async def in_time(seconds: float) -> AsyncIterator[None]:
    """Bound the time of reading a body. Raises RequestRefusedError when it is late or cut off."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise RequestRefusedError(
            HTTPStatus.REQUEST_TIMEOUT, "too_slow", "The request body took too long to arrive."
        ) from None
    except ClientDisconnect:
        raise RequestRefusedError(
            HTTPStatus.BAD_REQUEST, "cut_off", "The request body was cut off."
        ) from None


def _length(request: Request, cap: Limit) -> int | None:
    """Return what Content-Length says; refused before a byte is read: ten gigabytes are not waited for."""
    length = request.headers.get("content-length")
    if length is None:
        return None
    if not _DIGITS.fullmatch(length) or int(length) > cap.value:
        raise _too_large(cap)
    return int(length)


async def _read(request: Request, cap: Limit) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > cap.value:
            raise _too_large(cap)
    return bytes(body)


def _too_large(cap: Limit) -> RequestRefusedError:
    return RequestRefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"The body is too large: at most {cap.value} bytes.",
    )


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
