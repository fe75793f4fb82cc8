"""The responses to requests that are refused by the gate.

Each is a constant: status, reason for the audit log, and the whole HTTP response, the same for everyone (H4:
probing with tickets reveals nothing). None names a library or a version (H10). Every one closes the
connection.
"""

from http import HTTPStatus
from typing import Final

from websockets.datastructures import Headers
from websockets.http11 import Response

from parlour_protocol.kit.api import Problem, encode_payload


class Refusal:
    """One response. ``reason`` is for the audit log and the body; ``wire`` has its bytes."""

    __slots__ = ("reason", "status", "wire")

    def __init__(self, status: HTTPStatus, reason: str, message: str, **headers: str) -> None:
        """Build the response. ``message`` is for the person; `_` in a header's name means `-`."""
        self.status = status
        self.reason = reason
        body = encode_payload(Problem(error=reason, message=message))
        fields = Headers()
        for name, value in headers.items():
            fields[name.replace("_", "-")] = value
        fields["Content-Type"] = "application/json"
        fields["Content-Length"] = str(len(body))
        fields["Cache-Control"] = "no-store"
        fields["Connection"] = "close"
        self.wire = Response(status.value, status.phrase, fields, body).serialize()


BAD_REQUEST: Final = Refusal(HTTPStatus.BAD_REQUEST, "bad_request", "This is not a valid HTTP/1.1 request.")
TOO_LARGE: Final = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", "The request's head is too large."
)
OLD_VERSION: Final = Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "http_version", "Use HTTP/1.1.")
WRONG_HOST: Final = Refusal(
    HTTPStatus.MISDIRECTED_REQUEST, "wrong_host", "This server does not serve that host name and port."
)
WRONG_ORIGIN: Final = Refusal(
    HTTPStatus.FORBIDDEN, "wrong_origin", "Pages from this origin may not use this server."
)
NEEDS_LENGTH: Final = Refusal(
    HTTPStatus.LENGTH_REQUIRED, "needs_length", "Send the body with Content-Length, not chunked."
)
BODY_TOO_LARGE: Final = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", "The request's body is too large."
)
ONLY_GET: Final = Refusal(
    HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Open the WebSocket with GET.", Allow="GET"
)
NO_UPGRADE: Final = Refusal(
    HTTPStatus.UPGRADE_REQUIRED,
    "upgrade_required",
    "This path only accepts WebSocket connections.",
    Upgrade="websocket",
    Sec_WebSocket_Version="13",
)
BAD_HANDSHAKE: Final = Refusal(
    HTTPStatus.BAD_REQUEST,
    "bad_handshake",
    "This is not a valid WebSocket handshake with the required subprotocol.",
)
UNAUTHORIZED: Final = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "unauthorized",
    "You need a new ticket. Log in again if you can't get one.",
    WWW_Authenticate="Bearer",
)
TOO_MANY_CONNECTIONS: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_connections",
    "This account has too many open connections. Close one.",
    Retry_After="30",
)
UNAVAILABLE: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable",
    "The server can't do this right now. Try again.",
    Retry_After="5",
)
