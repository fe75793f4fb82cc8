"""Error responses: a stable code and a sentence for the person.

No response names a library, a path or a cause that the client must not learn (H10, P4). `asgi.py` turns every
raised error into a response with this table; an error that is not in it is reported only as an internal
error.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from parlour_protocol.kit.api import Problem, encode_payload
from parlour_protocol.kit.errors import ErrorCode, MalformedFrameError
from parlour_protocol.kit.names import NameRefusedError
from parlour_protocol.kit.payload import Payload
from parlour_server.core.errors import (
    EnrolmentRequiredError,
    InviteRefusedError,
    LoginRefusedError,
    NameTakenError,
    OutcomeUnknownError,
    PasswordRefusedError,
    ProofNeededError,
    ProofRefusedError,
    RefusedError,
    SessionKeyError,
    SessionRefusedError,
    TooManyAttemptsError,
    UnavailableError,
)
from parlour_server.core.https.error_answer import ErrorAnswer

# Responses contain tokens and lists of devices: caches must not keep them, browsers must not guess types.
HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_RETRY_UNAVAILABLE: Final = 5
_WRONG: Final = ErrorAnswer(HTTPStatus.UNAUTHORIZED, "login_refused", "Wrong user name or password.")
_ANSWERS: Final[Mapping[type[Exception], ErrorAnswer]] = {
    NameRefusedError: ErrorAnswer(HTTPStatus.BAD_REQUEST, "name_refused", ""),
    PasswordRefusedError: ErrorAnswer(HTTPStatus.BAD_REQUEST, "password_refused", ""),
    LoginRefusedError: _WRONG,
    ProofRefusedError: _WRONG,
    ProofNeededError: ErrorAnswer(
        HTTPStatus.FORBIDDEN,
        "proof_needed",
        "Your account needs more than its password, and this server lacks what asks for it. "
        "Ask its operator to add that again.",
    ),
    EnrolmentRequiredError: ErrorAnswer(
        HTTPStatus.FORBIDDEN,
        "enrolment_required",
        "Your account must need more than its password, and this server lacks what sets that up. "
        "Ask its operator to add that again.",
    ),
    SessionRefusedError: ErrorAnswer(
        HTTPStatus.UNAUTHORIZED,
        "unauthenticated",
        "You are not logged in, or your session has ended. Log in again.",
    ),
    InviteRefusedError: ErrorAnswer(
        HTTPStatus.FORBIDDEN,
        "invite_refused",
        "This invite is unknown, used up or expired. Ask for a new one.",
    ),
    NameTakenError: ErrorAnswer(
        HTTPStatus.CONFLICT,
        "name_taken",
        "This name, or one that looks like it, is taken. Choose another.",
    ),
    TooManyAttemptsError: ErrorAnswer(HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", ""),
    OutcomeUnknownError: ErrorAnswer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "outcome_unknown",
        "The server lost its database and doesn't know whether this was done. Look, then try again.",
    ),
    SessionKeyError: ErrorAnswer(HTTPStatus.BAD_REQUEST, "session_key", ""),
    UnavailableError: ErrorAnswer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The server can't do this right now and changed nothing. Try again.",
    ),
}
# Errors that requests over WebSocket get as well: both use the same code.
_REFUSED: Final[Mapping[str, HTTPStatus]] = {
    ErrorCode.MALFORMED: HTTPStatus.BAD_REQUEST,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.CONTENT_REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.TOO_MANY_IN_FLIGHT: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Other codes are 409: the request could succeed later, or in another state."""
_FAULT: Final = ErrorAnswer(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "fault",
    "Something went wrong on the server. Its operator can find the error in the log.",
)


class RequestRefusedError(Exception):
    """A request that is refused before it is handled: wrong type, too large, too slow."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


def wrong_password(message: str) -> RequestRefusedError:
    """Return the response to a wrong password. Not 401, because the session is valid."""
    return RequestRefusedError(HTTPStatus.FORBIDDEN, "wrong_password", message)


def wrong_proof(proof: Payload | None) -> RequestRefusedError:
    """Return the response to a wrong password, or what was proved besides; it does not say which."""
    which = "password is" if proof is None else "password or the second factor is"
    return wrong_password(f"The {which} wrong.")


def answer(payload: Payload, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    """Return an answer with this body."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(encode_payload(payload), status, {**HEADERS, **fields}, "application/json")


def nothing() -> Response:
    """Return an empty 204 response."""
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)


def problem(
    status: HTTPStatus, code: str, message: str, *, retry_after: int | None = None, **headers: str
) -> Response:
    """Return an error response."""
    if retry_after is not None:
        headers["Retry_After"] = str(retry_after)
    return answer(Problem(code, message, retry_after), status, **headers)


class Problems:
    """Turns errors into responses: those of every server, and the program's own, which come first."""

    def __init__(
        self,
        own: Mapping[type[Exception], ErrorAnswer] = MappingProxyType({}),
        statuses: Mapping[str, HTTPStatus] = MappingProxyType({}),
    ) -> None:
        """``statuses`` are those of the program's own codes of ``RefusedError``; others are 409."""
        self._answers = {**_ANSWERS, **own}
        self._statuses = {**_REFUSED, **statuses}

    def response(self, error: BaseException) -> Response:
        """Return the response for an error; an unexpected one is an internal error."""
        if isinstance(error, RequestRefusedError):
            return problem(error.status, error.code, error.message)
        if isinstance(error, MalformedFrameError):
            return _malformed(error)
        if isinstance(error, RefusedError):
            return self._refused(error)
        known = self._answers.get(type(error)) if isinstance(error, Exception) else None
        status, code, text = known or _FAULT
        headers = {"WWW_Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
        retry_after = error.retry_after if isinstance(error, TooManyAttemptsError) else None
        if isinstance(error, UnavailableError):
            retry_after = _RETRY_UNAVAILABLE
        return problem(status, code, text or str(error), retry_after=retry_after, **headers)

    def _refused(self, error: RefusedError) -> Response:
        """Return what the program's rules refused, with their hint."""
        status = self._statuses.get(error.code, HTTPStatus.CONFLICT)
        wait = None if error.retry_after is None else max(1, math.ceil(error.retry_after / 1000))
        sentence = f"{error.hint[:1].upper()}{error.hint[1:]}." if error.hint else ""
        return problem(status, str(error.code), sentence, retry_after=wait)


def http_problem(status: int, allow: str | None) -> Response:
    """Return the response for an unknown path or method."""
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = ", ".join(sorted((allow or "").replace(" ", "").split(",")))
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"Use {methods}.", Allow=methods)
    return problem(HTTPStatus.NOT_FOUND, "not_found", "Not found.")


def _malformed(error: MalformedFrameError) -> Response:
    """Return what is wrong with a body; a refused name has its own sentence."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NameRefusedError):
            return problem(HTTPStatus.BAD_REQUEST, "name_refused", str(cause))
        cause = cause.__cause__
    return problem(HTTPStatus.BAD_REQUEST, "malformed", f"The body was refused: {error}.")
