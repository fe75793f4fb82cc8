"""Reads a request: its JSON body, its bearer token as a secret, and its address.

A body must have the right type, a length within the operation's limit, and arrive in time, or it is refused
before it is parsed (K8: a form on another site cannot send this type; K9: body bombs, slow bodies). The
endpoints call it through their ``RequestGuard``.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from parlour_protocol.kit.limits import Limit
from parlour_protocol.kit.secret import Secret
from parlour_server.core.errors import SessionRefusedError
from parlour_server.core.https.problems import RequestRefusedError

_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9_-]{43})", re.IGNORECASE)  # RFC 6750, Secret.random()
_DIGITS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BodyPace:
    """How long a body may take to arrive: ``seconds``, and more for a large one."""

    seconds: float
    bytes_per_second: int

    def allows(self, size: int) -> float:
        """Return the seconds for a body of ``size`` bytes."""
        return self.seconds + size / self.bytes_per_second


async def read_json(request: Request, cap: Limit, pace: BodyPace) -> bytes:
    """Return a JSON body, not yet decoded. Raises RequestRefusedError."""
    if not _JSON.fullmatch(request.headers.get("content-type", "").strip()):
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", "Send JSON, with Content-Type: application/json."
        )
    length = content_length(request, cap) or 0
    async with in_time(pace.allows(length)):
        return await _read(request, cap)


@asynccontextmanager
async def in_time(seconds: float) -> AsyncIterator[None]:
    """Limit the time for reading a body. Raises RequestRefusedError when it is late or cut off."""
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


def content_length(request: Request, cap: Limit) -> int | None:
    """Return Content-Length. Raises RequestRefusedError for too large a body, before a byte of it is read."""
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
    """Return the bearer token. Raises SessionRefusedError unless there is exactly one, in our format."""
    values = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None:
        raise SessionRefusedError
    return Secret(match[1])


def address_of(request: Request) -> str:
    """Return the client's address."""
    return request.client.host if request.client else "unknown"
