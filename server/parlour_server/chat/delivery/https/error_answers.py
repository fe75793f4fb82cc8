"""How the HTTPS API answers the chat's own errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.identity import StatementError
from parlour_server.chat.delivery.errors import NoDeviceError, PasswordNeededError
from parlour_server.core.https.error_answer import ErrorAnswer

ERROR_ANSWERS: Final[Mapping[type[Exception], ErrorAnswer]] = {
    StatementError: ErrorAnswer(HTTPStatus.BAD_REQUEST, "statement_refused"),
    NoDeviceError: ErrorAnswer(
        HTTPStatus.FORBIDDEN,
        "no_device",
        "This session does not belong to that device. Register the device first.",
    ),
    PasswordNeededError: ErrorAnswer(
        HTTPStatus.FORBIDDEN,
        "password_needed",
        "Your account already has a key. Give your password to replace it.",
    ),
}
ERROR_STATUSES: Final[Mapping[str, HTTPStatus]] = {
    ErrorCode.BANNED: HTTPStatus.FORBIDDEN,
    ErrorCode.MUTED: HTTPStatus.FORBIDDEN,
    ErrorCode.ENCRYPTED: HTTPStatus.FORBIDDEN,
    ErrorCode.ARCHIVED: HTTPStatus.FORBIDDEN,
}
"""Other codes that only rooms have are 409: the request could succeed later, or in another state."""
