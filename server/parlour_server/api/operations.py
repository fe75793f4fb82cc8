"""The table of what the HTTPS API does: one row an operation, from which routes and documentation are made.

The code behind a row is the method of the row's name in one of the endpoint classes (`endpoints.py`). The
sizes of bodies stand here and nowhere else: `request_body.py` and the gate ask this table.
"""

import re
from typing import Final

from parlour_protocol.api import Payload
from parlour_protocol.limits import HTTP_BODY, Limit
from parlour_server.api.account_operations import ACCOUNT_OPERATIONS
from parlour_server.api.delivery_operations import DELIVERY_OPERATIONS
from parlour_server.api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (*ACCOUNT_OPERATIONS, *DELIVERY_OPERATIONS)

_CAPS: Final[dict[type[Payload], Limit]] = {row.takes: row.cap for row in OPERATIONS if row.takes is not None}
_LARGE: Final = tuple(
    (row.method.encode(), re.compile(row.path.replace("{id}", "[A-Za-z0-9_-]{1,64}").encode()), row.cap.value)
    for row in OPERATIONS
    if row.cap.value > HTTP_BODY.value
)


def cap_of(kind: type[Payload]) -> Limit:
    """Return the largest body of the operation that takes this kind."""
    return _CAPS[kind]


def body_cap(method: bytes, path: bytes) -> int:
    """Return how many bytes the body of a request may have, from its first line alone.

    A path that is written in another way (`%2F`) gets the small cap: the doubt is the sender's.
    """
    for known, pattern, cap in _LARGE:
        if method == known and pattern.fullmatch(path):
            return cap
    return HTTP_BODY.value
