"""Error frames: the sentences for people whose request was refused.

Hints are fixed ASCII sentences. They never quote a client's data, or details of an unforeseen failure.
"""

import math

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import Error
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import RequestId
from parlour_server.kit.errors import NameTakenError, ParlourServerError, RefusedError


def refusal(request: RequestId, error: ParlourServerError) -> Error:
    """Return the answer to a request that ended with ``error``."""
    if isinstance(error, RefusedError):
        return Error(re=request, code=error.code, hint=ReasonText(error.hint), retry_after=error.retry_after)
    if isinstance(error, NameTakenError):
        hint = "this name, or one that looks like it, is taken: choose another"
        return Error(re=request, code=ErrorCode.NAME_TAKEN, hint=ReasonText(hint))
    return unavailable(request)


def unavailable(request: RequestId) -> Error:
    """Return the answer to a request that the server can't handle now."""
    hint = "the server can't do this right now: try again in a moment"
    return Error(re=request, code=ErrorCode.UNAVAILABLE, hint=ReasonText(hint))


def too_fast(request: RequestId, seconds: float) -> Error:
    """Return the answer to a request over a rate limit, with the seconds to wait."""
    hint = "you are sending too fast: wait a moment"
    wait = max(1, math.ceil(seconds * 1000))
    return Error(re=request, code=ErrorCode.RATE_LIMITED, hint=ReasonText(hint), retry_after=wait)


def too_many(request: RequestId) -> Error:
    """Return the answer to a request over the limit of requests in flight."""
    hint = "too many requests at once: wait for the answers first"
    return Error(re=request, code=ErrorCode.TOO_MANY_IN_FLIGHT, hint=ReasonText(hint))


def malformed(request: RequestId | None, reason: str) -> Error:
    """Return the answer to bytes that are not a frame; the codec's ``reason`` quotes nothing."""
    return Error(re=request, code=ErrorCode.MALFORMED, hint=ReasonText(reason))
