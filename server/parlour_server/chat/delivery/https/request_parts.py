"""Reads the parts of a request that are not JSON: ids in the path, and numbers.

A malformed id gets the same answer as one that does not exist.
"""

import re
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from parlour_protocol.kit.ids import DEVICE_ID_PATTERN, ID_PATTERN, DeviceId
from parlour_server.core.https.problems import RequestRefusedError

_ID: Final = re.compile(ID_PATTERN)
_DEVICE: Final = re.compile(DEVICE_ID_PATTERN)
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


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
