"""Traces: a request, its commit and its delivery, with nothing of what people say or who they are."""

import asyncio
import logging
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.server.core.connections.toy import Say, Words

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Entered, Error, LogEvent, Ok
from parlour_protocol.frames.requests import CreateRoom, Join, ListMembers, Send
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.capabilities.opentelemetry import tracing
from parlour_server.capabilities.opentelemetry.served import make_tracing
from parlour_server.capabilities.opentelemetry.settings import TracingSettings
from parlour_server.capabilities.opentelemetry.tracing import Tracing
from parlour_server.chat.program import CHAT
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.errors import RefusedError, SetupError
from parlour_server.testing.server import running

SECRET = "a sentence that nobody else reads"
ABOUT = {"service": "toy", "version": "1", "node": "n"}


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Run a collector; gives its address, and what it is sent."""
    sent: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", sent
    server.shutdown()
    server.server_close()
    thread.join()


def spans_of(sent: Sequence[bytes]) -> list[Any]:
    """Return the spans that a collector was sent."""
    requests = [ExportTraceServiceRequest.FromString(one) for one in sent]
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


async def test_a_message_is_one_trace_from_the_request_to_its_delivery(
    tmp_path: Path, collector: tuple[str, list[bytes]]
) -> None:
    """K7: by a real server and OTLP: queue, commit and delivery, and no word of it or of people."""
    endpoint, sent = collector

    def traced(settings: Settings) -> Settings:
        return replace(settings, tracing=TracingSettings(endpoint=endpoint, one_in=1))

    async with running(CHAT, tmp_path / "data", change=traced) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        writing, reading = await ada.connect(), await bob.connect()
        name = parse_room_name("den")
        made = await writing.ask(CreateRoom(id=new_request_id(), name=name, kind=RoomKind.PUBLIC))
        assert isinstance(made, Ok)
        assert isinstance(made.result, Entered)
        room = made.result.room.room
        await reading.ask(Join(id=new_request_id(), room=room))
        await writing.ask(Send(id=new_request_id(), room=room, text=MessageText(SECRET)))
        while not (isinstance(event := await reading.push(), LogEvent) and isinstance(event.body, Message)):
            pass
        assert isinstance(await reading.ask(ListMembers(id=new_request_id(), room=new_room_id())), Error)
    found = {span.span_id: span for span in spans_of(sent)}
    requests = {
        _attributes(span)["parlour.request"]: span for span in found.values() if not span.parent_span_id
    }
    assert set(requests) == {"create_room", "join", "send", "members"}
    children = {
        span.name: _attributes(span)
        for span in found.values()
        if span.parent_span_id == requests["send"].span_id
    }
    assert children == {
        "write queue": {},
        "commit": {"parlour.writes": 1, "parlour.failed": False},
        "delivery": {"parlour.members": 2},
    }
    assert _attributes(requests["send"]) == {"parlour.request": "send", "parlour.outcome": "ok"}
    assert _attributes(requests["members"])["parlour.outcome"] == "not_found"
    assert not re.search(rf"\bada\b|\bbob\b|\bden\b|{SECRET}|{room}|{ada.session}".encode(), b"".join(sent))


def _attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def handled(one_in: int, handle: Any, times: int) -> list[ReadableSpan]:
    """Handle so many requests, and return the spans."""
    exporter = InMemorySpanExporter()
    traces = Tracing(exporter, **ABOUT, one_in=one_in)
    traced = traces.observe(handle)
    for _ in range(times):
        with suppress(RefusedError, ValueError):
            traced(None, Say(id=new_request_id(), words=Words(SECRET)))
    traces._provider.shutdown()
    return list(exporter.get_finished_spans())


def test_one_request_in_so_many_is_traced() -> None:
    """The others take the program's own way."""
    assert len(handled(10, lambda *_: None, 21)) == 3


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(RefusedError("forbidden", SECRET), "forbidden"), (ValueError(SECRET), "ValueError")],
)
def test_an_error_is_its_code_or_its_type(error: Exception, outcome: str) -> None:
    """K7: the text of an error may quote what someone sent."""

    def fail(*_: object) -> None:
        raise error

    (span,) = handled(1, fail, 1)
    assert span.attributes == {"parlour.request": "say", "parlour.outcome": outcome}
    assert SECRET not in span.to_json()


class Failing(SpanExporter):
    """A collector that is down, or hangs."""

    def __init__(self, hangs: threading.Event | None = None) -> None:
        self._hangs = hangs

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        if self._hangs is not None:
            self._hangs.wait()
        raise ConnectionError(SECRET)

    def shutdown(self) -> None:
        pass


async def test_a_collector_that_is_down_is_one_line_a_minute(own_logs: list[dict[str, object]]) -> None:
    """It is not the server's fault, and must not fill its log, nor must the library."""
    quiet = tracing._ReportingExporter(Failing())
    assert [quiet.export(()) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    traces = Tracing.to("http://127.0.0.1:1/v1/traces", **ABOUT, one_in=1)
    exporter = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    assert not exporter.isEnabledFor(logging.ERROR)
    await traces.close()
    assert [(line["event"], line["why"]) for line in own_logs] == [("traces_not_sent", "ConnectionError")]


async def test_a_collector_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """R5: a server stops within five seconds, whatever happens."""
    monkeypatch.setattr(tracing, "_CLOSE_SECONDS", 0.01)
    hangs = threading.Event()
    traces = Tracing(Failing(hangs), **ABOUT, one_in=1)
    traces.observe(lambda *_: None)(None, Say(id=new_request_id(), words=Words("x")))
    async with asyncio.timeout(60):  # without a limit it would wait for ever
        await traces.close()
    hangs.set()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that traces nothing needs nothing (`test_start.py`)."""
    monkeypatch.setitem(sys.modules, "parlour_server.capabilities.opentelemetry.tracing", None)
    with pytest.raises(SetupError, match=re.escape("extra `otel`")):
        make_tracing(TracingSettings(endpoint="http://127.0.0.1:4318/v1/traces"), "toy", "n")
