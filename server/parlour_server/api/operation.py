"""What a row of the table of operations says, and the refusals that many of them share.

A row names its method and path, who may ask, what comes in and how large it may be, what goes out and how it
may fail. It holds no code. The tables of rows are made of it.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from parlour_protocol.api import Payload
from parlour_protocol.limits import HTTP_BODY, Limit


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that may be asked. ``does`` is its sentence in the documentation.

    ``cap`` is the largest body that it takes. ``takes_bytes`` and ``gives_bytes``: the body is no JSON.
    ``query`` names the parameters that may stand in the URL, all of them numbers.
    """

    name: str
    method: str
    path: str
    does: str
    status: HTTPStatus
    takes: type[Payload] | None = None
    gives: type[Payload] | None = None
    session: bool = False
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
