"""The checks before an endpoint does anything: the session, the body, and the ids in the path.

A ticket is not a session, so it is refused here (K5: confused deputy). A malformed id gets the same answer as
one that does not exist. All endpoint classes share one guard.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar

from starlette.requests import Request

from parlour_protocol.kit.api import Payload, decode_payload
from parlour_protocol.kit.ids import DEVICE_ID_PATTERN, ID_PATTERN, DeviceId
from parlour_protocol.kit.limits import HTTP_BODY
from parlour_protocol.kit.names import UserName
from parlour_server.kit.api.large_json import LargeJson
from parlour_server.kit.api.operations import Operations
from parlour_server.kit.api.problems import RequestRefusedError
from parlour_server.kit.api.request_body import BodyPace, bearer, read_json
from parlour_server.kit.auth.request_rates import RequestRates
from parlour_server.kit.auth.sessions import Sessions
from parlour_server.kit.store.records import SessionRecord

_P = TypeVar("_P", bound=Payload)
_ID: Final = re.compile(ID_PATTERN)
_DEVICE: Final = re.compile(DEVICE_ID_PATTERN)
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestGuard:
    """Checks requests for the endpoints."""

    sessions: Sessions
    pace: BodyPace
    rates: RequestRates
    large: LargeJson
    operations: Operations

    async def authenticate(self, request: Request) -> None:
        """Check the session of the request, which counts for its account (L26); the API calls it.

        Raises SessionRefusedError, TooManyAttemptsError.
        """
        session = await self.sessions.authenticate(bearer(request))
        self.rates.spend(session.user)
        request.state.session = session

    async def body(self, request: Request, kind: type[_P]) -> _P:
        """Return a small body. Raises MalformedFrameError and RequestRefusedError."""
        cap = self.operations.cap_of(kind)
        if cap.value > HTTP_BODY.value:
            raise RuntimeError(f"{kind.__name__} is read by large_body, not on the event loop")
        return decode_payload(kind, await read_json(request, cap, self.pace))

    async def large_body(self, request: Request, kind: type[_P], user: UserName) -> _P:
        """Return a body that may be large. Raises MalformedFrameError and RequestRefusedError."""
        data = await read_json(request, self.operations.cap_of(kind), self.pace)
        return await self.large.decode(user, kind, data)


def session_of(request: Request) -> SessionRecord:
    """Return the session of a request whose operation needs one. Raises AttributeError for any other."""
    session: SessionRecord = request.state.session
    return session


def id_in(request: Request) -> str:
    """Return the id in the path. Raises RequestRefusedError if it is malformed."""
    return _matching(request, _ID)


def device_in(request: Request) -> DeviceId:
    """Return the device in the path. Raises RequestRefusedError."""
    return DeviceId(_matching(request, _DEVICE))


def number_in(request: Request, name: str) -> int:
    """Return a number of the query, 0 when it is absent. Raises RequestRefusedError."""
    values = request.query_params.getlist(name)
    if not values:
        return 0
    if len(values) > 1 or not _NUMBER.fullmatch(values[0]):
        raise RequestRefusedError(HTTPStatus.BAD_REQUEST, "malformed", f"`{name}` must be a single number.")
    return int(values[0])


def _matching(request: Request, pattern: re.Pattern[str]) -> str:
    found: str = request.path_params["id"]
    if not pattern.fullmatch(found):
        raise RequestRefusedError(HTTPStatus.NOT_FOUND, "not_found", "Not found.")
    return found
