"""Error frames: the sentences for people whose request was refused.

Hints are ASCII sentences. They never quote a client's data, or details of an unforeseen failure.
"""

import math
from typing import Any

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Answer
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.wire import Wire
from parlour_server.core.errors import NameTakenError, ParlourServerError, RefusedError

AnyWire = Wire[Any, Any]


def refusal(wire: AnyWire, request: RequestId, error: ParlourServerError) -> Answer:
    """Return the answer to a request that ended with ``error``.

    Raises ValueError for a code or a hint that a client would not read.
    """
    if isinstance(error, RefusedError):
        return wire.error(request, error.code, ReasonText.parse(error.hint), error.retry_after)
    if isinstance(error, NameTakenError):
        hint = "this name, or one that looks like it, is taken: choose another"
        return wire.error(request, ErrorCode.NAME_TAKEN, ReasonText(hint))
    return unavailable(wire, request)


def unavailable(wire: AnyWire, request: RequestId) -> Answer:
    """Return the answer to a request that the server can't handle now."""
    hint = "the server can't do this right now: try again in a moment"
    return wire.error(request, ErrorCode.UNAVAILABLE, ReasonText(hint))


def too_fast(wire: AnyWire, request: RequestId, seconds: float) -> Answer:
    """Return the answer to a request over a rate limit, with the seconds to wait."""
    hint = "you are sending too fast: wait a moment"
    wait = max(1, math.ceil(seconds * 1000))
    return wire.error(request, ErrorCode.RATE_LIMITED, ReasonText(hint), wait)


def too_many(wire: AnyWire, request: RequestId) -> Answer:
    """Return the answer to a request over the limit of requests in flight."""
    hint = "too many requests at once: wait for the answers first"
    return wire.error(request, ErrorCode.TOO_MANY_IN_FLIGHT, ReasonText(hint))


def malformed(wire: AnyWire, request: RequestId | None, reason: str) -> Answer:
    """Return the answer to bytes that are not a frame; the codec's ``reason`` quotes nothing."""
    return wire.error(request, ErrorCode.MALFORMED, ReasonText(reason))
