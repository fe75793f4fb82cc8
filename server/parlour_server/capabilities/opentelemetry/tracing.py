"""Traces by OpenTelemetry: how long one request in so many took, and its queue, commit and delivery.

Loaded only where `tracing.endpoint` is set. A span has kinds, sizes and times: never a text, a name of a
person or room, an address or an id of theirs. What can't be sent is dropped, and no request ever waits for a
collector.
"""

import asyncio
import logging
import threading
import time
from asyncio import CancelledError, Future
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from inspect import isawaitable
from typing import Any, Final, TypeAlias

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode

from parlour_protocol.kit.frames import Request
from parlour_server.core.errors import ParlourServerError, RefusedError
from parlour_server.core.observer import Handle
from parlour_server.core.output import warn
from parlour_server.core.program import Pending

SpanStart: TypeAlias = tuple[Span, int]
"""The span of a request, and when something began for it, in nanoseconds since 1970."""

_EXPORT_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 0.5
"""Of the five that a server has to stop."""
_WARN_EVERY: Final = 60.0


class Tracing:
    """The traces of one process: the ``Observer`` of its requests."""

    def __init__(self, exporter: SpanExporter, *, service: str, version: str, node: str, one_in: int) -> None:
        """Trace the first request, and then one of ``one_in``. ``node`` tells servers apart."""
        about = {"service.name": service, "service.version": version, "service.instance.id": node}
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_ReportingExporter(exporter)))
        self._tracer = self._provider.get_tracer("parlour_server")
        self._one_in = one_in
        self._left = 1
        self._collected: dict[object, list[SpanStart]] = {}

    @classmethod
    def to(cls, endpoint: str, *, service: str, version: str, node: str, one_in: int) -> "Tracing":
        """Send spans to a collector by OTLP over HTTP."""
        # It writes two lines for each batch that a collector does not take; ours writes one a minute.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        exporter = OTLPSpanExporter(endpoint, timeout=_EXPORT_SECONDS)
        return cls(exporter, service=service, version=version, node=node, one_in=one_in)

    def observe(self, handle: Handle) -> Handle:
        """Return a function that returns what ``handle`` does, and ends the request's span with it."""

        def traced(peer: Any, request: Request) -> Any:
            if not self.takes_next():
                return handle(peer, request)
            span = self.begin(str(type(request).__struct_config__.tag))
            try:
                with self.inside(span):
                    handled = handle(peer, request)
            except BaseException as error:
                self.end(span, error)
                raise
            return _followed(self, span, handled)

        return traced

    def takes_next(self) -> bool:
        """Return whether the next request is one of those that are traced."""
        self._left -= 1
        if self._left:
            return False
        self._left = self._one_in
        return True

    def begin(self, kind: str) -> Span:
        """Begin the span of a request of this kind."""
        attributes = {"parlour.request": kind}
        return self._tracer.start_span("request", kind=SpanKind.SERVER, attributes=attributes)

    def end(self, span: Span, error: BaseException | None) -> None:
        """End a request's span with its outcome: a code, or the type of an error, never its text."""
        if error is None:
            outcome = "ok"
        else:
            outcome = str(error.code) if isinstance(error, RefusedError) else type(error).__name__
            if not isinstance(error, ParlourServerError):
                span.set_status(StatusCode.ERROR)
        span.set_attribute("parlour.outcome", outcome)
        span.end()

    @contextmanager
    def inside(self, span: Span) -> Iterator[None]:
        """Count what is written and published in a block as of this request."""
        token = contexts.attach(trace.set_span_in_context(span))
        try:
            yield
        finally:
            contexts.detach(token)

    def within(self, request: SpanStart) -> AbstractContextManager[None]:
        """Count what is collected in a block as of this request; its span may have ended with its answer."""
        return self.inside(request[0])

    def current(self) -> SpanStart | None:
        """Return the span of the request that is being handled, if it is traced, and the time."""
        span = trace.get_current_span()
        return (span, time.time_ns()) if span.get_span_context().is_valid else None

    def committed(self, requests: Sequence[SpanStart | None], started: int, *, failed: bool) -> None:
        """Add the time in the queue, and the transaction, to the requests that these writes are of."""
        ended = time.time_ns()
        for request in requests:
            if request is not None:
                span, submitted = request
                self._add(span, "write queue", submitted, started, {})
                done = {"parlour.writes": len(requests), "parlour.failed": failed}
                self._add(span, "commit", started, ended, done)

    def collected(self, writer: object) -> None:
        """Remember that a frame of the current request waits in this ``BatchingWriter``."""
        begun = self.current()
        if begun is not None:
            self._collected.setdefault(writer, []).append(begun)

    def written(self, writer: object, members: int) -> None:
        """Add the delivery to the requests whose frames this writer has just written to its members."""
        ended = time.time_ns()
        for span, since in self._collected.pop(writer, ()):
            self._add(span, "delivery", since, ended, {"parlour.members": members})

    def forget(self, writer: object) -> None:
        """Forget a writer without members."""
        self._collected.pop(writer, None)

    async def close(self) -> None:
        """Send what is left, for a moment, and stop."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended: nobody waits
                loop.call_soon_threadsafe(done.set)

        # a thread that may be left behind: the collector may not answer
        threading.Thread(target=shut_down, name="parlour-tracing", daemon=True).start()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await done.wait()
        except TimeoutError:
            warn("traces_lost", why="the collector did not take the last ones in time")

    def _add(self, parent: Span, name: str, start: int, end: int, attributes: dict[str, int | bool]) -> None:
        context = trace.set_span_in_context(parent)
        self._tracer.start_span(name, context, attributes=attributes, start_time=start).end(end)


class _ReportingExporter(SpanExporter):
    """Exports, and says at most once a minute that it could not: a collector may be down for long."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._quiet_until = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result, why = self._exporter.export(spans), "the collector did not take them"
        except Exception as error:  # noqa: BLE001 - whatever a collector answers is no fault of the server
            result, why = SpanExportResult.FAILURE, type(error).__name__
        now = time.monotonic()
        if result is not SpanExportResult.SUCCESS and now >= self._quiet_until:
            self._quiet_until = now + _WARN_EVERY
            warn("traces_not_sent", spans=len(spans), why=why)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _followed(tracing: Tracing, span: Span, handled: Any) -> Any:
    future = handled.future if type(handled) is Pending else handled
    if isinstance(future, Future):
        future.add_done_callback(partial(_ended, tracing, span))
        return handled
    if isawaitable(handled):
        return _awaited(tracing, span, handled)
    tracing.end(span, None)
    return handled


async def _awaited(tracing: Tracing, span: Span, handled: Awaitable[Any]) -> Any:
    error: BaseException | None = None
    try:
        with tracing.inside(span):
            return await handled
    except BaseException as raised:
        error = raised
        raise
    finally:
        tracing.end(span, error)


def _ended(tracing: Tracing, span: Span, future: "Future[Any]") -> None:
    tracing.end(span, CancelledError() if future.cancelled() else future.exception())
