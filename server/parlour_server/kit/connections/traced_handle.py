"""A program's ``handle`` that traces one request in so many; without tracing, nothing here is called."""

from asyncio import CancelledError, Future
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeAlias

from parlour_protocol.kit.frames import Request
from parlour_server.kit.program import Pending

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from parlour_server.kit.tracing import Tracing

Handle: TypeAlias = Callable[[Any, Any], Any]
"""``Program.handle``."""


def traced_handle(handle: Handle, tracing: "Tracing") -> Handle:
    """Return a function that returns what ``handle`` does, and ends the request's span with it."""

    def traced(peer: Any, request: Request) -> Any:
        if not tracing.takes_next():
            return handle(peer, request)
        span = tracing.begin(str(type(request).__struct_config__.tag))
        try:
            with tracing.within(span):
                handled = handle(peer, request)
        except BaseException as error:
            tracing.end(span, error)
            raise
        return _followed(tracing, span, handled)

    return traced


def _followed(tracing: "Tracing", span: "Span", handled: Any) -> Any:
    if type(handled) is Pending:
        handled.is_taken = True
        handled.future.add_done_callback(partial(_failed, tracing, span))
        return Pending(handled.future, handled.result, partial(_answered, tracing, span, handled.answered))
    if isinstance(handled, Future):
        handled.add_done_callback(partial(_ended, tracing, span))
        return handled
    if isawaitable(handled):
        return _awaited(tracing, span, handled)
    tracing.end(span, None)
    return handled


def _answered(tracing: "Tracing", span: "Span", answered: Callable[[Any], None], value: Any) -> None:
    """Do what follows an answer, within the span: the event is published there."""
    try:
        with tracing.within(span):
            answered(value)
    finally:
        tracing.end(span, None)


async def _awaited(tracing: "Tracing", span: "Span", handled: Awaitable[Any]) -> Any:
    error: BaseException | None = None
    try:
        with tracing.within(span):
            return await handled
    except BaseException as raised:
        error = raised
        raise
    finally:
        tracing.end(span, error)


def _failed(tracing: "Tracing", span: "Span", future: "Future[Any]") -> None:
    if future.cancelled() or future.exception() is not None:
        _ended(tracing, span, future)


def _ended(tracing: "Tracing", span: "Span", future: "Future[Any]") -> None:
    tracing.end(span, CancelledError() if future.cancelled() else future.exception())
