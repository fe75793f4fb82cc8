"""The request dispatcher: decodes, counts and orders received frames, and answers each request exactly once.

Bad input costs its sender one ``error`` and one audit line, and after too many in a row the connection; no
one else is affected (R4: poison message). Requests of one connection start in the order in which they
arrived: while a coroutine handles one, later ones queue behind it, up to the limit of requests in flight.

With a content filter, the program gets a request as that lets it pass (`core/content_filter.py`): it has no
line about it, so a new request with text is looked at, too.

Whatever a handler does, its request gets one answer: an error other than a refusal, a result that clients
cannot read, or no result of a read for ``ANSWER_SECONDS`` is answered as unavailable. After that time nobody
knows what another request has done or still will do: no answer could be true, so its connection ends.
"""

import asyncio
from asyncio import CancelledError, Future
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from enum import Enum, auto
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import Any, Final, Generic, TypeVar

from parlour_protocol.kit.codec import request_id_of
from parlour_protocol.kit.connection_state import ConnectionState, Side
from parlour_protocol.kit.errors import (
    INTERNAL_ERROR,
    POLICY_VIOLATION,
    TOO_FAST,
    TOO_MANY_ERRORS,
    CloseCode,
    ErrorCode,
    MalformedFrameError,
    OutOfOrderError,
)
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Answer, Greeting, Refusal, Request
from parlour_protocol.kit.ids import RequestId
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.clock import Clock
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.budgets import AccountBudget, ConnectionBudget
from parlour_server.core.connections.connection import PeerConnection
from parlour_server.core.connections.error_boundary import ErrorBoundary, is_cancelled
from parlour_server.core.connections.error_frames import (
    AnyWire,
    malformed,
    refusal,
    too_fast,
    too_many,
    unavailable,
)
from parlour_server.core.connections.extensions import Extensions
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.request_counts import RequestCounts
from parlour_server.core.content_filter import ContentFilter, Passed, Sender
from parlour_server.core.errors import (
    OutcomeUnknownError,
    ParlourServerError,
    RefusedError,
    SessionRefusedError,
)
from parlour_server.core.output import Level, debug, is_written, log_fault, warn
from parlour_server.core.program import MADE, Pending, Program, Result, dropped

S = TypeVar("S")

ANSWER_SECONDS: Final = 60.0
"""The longest that a handler, or a greeting, may take; a store that waits for a disk is far below."""

End = Callable[[Peer[S], CloseCode], None]
"""Ends a connection at once."""


class _Elsewhere(Enum):
    """The answer of a request that is under way when its coroutine ends."""

    ELSEWHERE = auto()


_ELSEWHERE: Final = _Elsewhere.ELSEWHERE
Handling = Coroutine[Any, Any, Result | Pending[Any] | _Elsewhere]


class Conversation(Generic[S]):
    """The requests of one connection, and their answers."""

    __slots__ = (
        "_state",
        "budget",
        "connection",
        "peer",
        "queue",
        "redacted",
        "running",
        "started",
        "strikes",
        "worker",
    )

    def __init__(self, connection: PeerConnection, peer: Peer[S], budget: ConnectionBudget) -> None:
        """Begin before the greeting."""
        self.connection = connection
        self._state = ConnectionState(Side.SERVER)
        self.peer = peer
        self.budget = budget
        self.started: dict[RequestId, tuple[float, type[Request]]] = {}
        """The requests that are not answered yet, oldest first: when each arrived, and its type."""
        self.worker: Callable[[], object] | None = None
        """Cancels the coroutine that runs, for ``running``; later requests wait in ``queue``."""
        self.running: RequestId | None = None
        self.queue: list[Request] = []  # empty, a deque takes 600 bytes more for each idle connection
        self.strikes = 0
        self.redacted: dict[RequestId, ReasonText] = {}
        """The parts that were removed from requests that are not answered yet."""

    def passed(self, looked: Passed[Request]) -> Request:
        """Return a request as it may be handled; its answer will say what was removed."""
        if looked.redacted:
            self.redacted[looked.frame.id] = looked.redacted
        return looked.frame

    def greet(self, greeting: Greeting) -> None:
        """Send the greeting; what was pushed meanwhile follows it."""
        self._state.sent(greeting)
        self.connection.send(greeting)
        self.peer.greeted()

    def begin(self, request: Request, now: float) -> None:
        """Record a request. Raises OutOfOrderError."""
        self._state.received(request)
        self.started[request.id] = now, type(request)

    def answer(self, request: RequestId, frame: Answer) -> int:
        """Answer a request unless it was answered, or the connection is closed.

        Returns the answer's bytes. Never raises.
        """
        self.redacted.pop(request, None)
        if self.started.pop(request, None) is None or self.peer.closed:
            return 0
        with ErrorBoundary("an answer", self.peer.fail):
            self._state.sent(frame)
            return self.connection.send(frame)
        return 0

    def refuse_frame(self, frame: Answer) -> None:
        """Send the error of a frame that began no request. Never raises."""
        if not self.peer.closed:
            with ErrorBoundary("an error frame", self.peer.fail):
                self.connection.send(frame)

    def close(self) -> None:
        """Drop what waits. What is running may finish in time, and is not answered."""
        self._state.close()
        self.started.clear()
        self.queue.clear()
        if self.worker is not None:
            asyncio.get_running_loop().call_later(ANSWER_SECONDS, self.worker)


class RequestDispatcher(Generic[S]):
    """Handles the frames of all connections."""

    def __init__(
        self,
        program: Program[S],
        *,
        wire: AnyWire,
        accounts: AccountBudget,
        audit: Audit,
        background: BackgroundTasks,
        clock: Clock,
        end: End[S],
        strikes: int,
        counts: RequestCounts,
        extensions: Extensions,
    ) -> None:
        """``strikes``: refusals in a row that end a connection."""
        content_filter, observer = extensions.content_filter, extensions.observer
        self._counts = counts
        self._handle = program.handle if observer is None else observer.observe(program.handle)
        self._answers = extensions.answers
        self._start: Callable[[Conversation[S], Request], Handling | None] = (
            self._handled if content_filter is None else partial(self._filtered, content_filter)
        )
        """Start a request. Returns the coroutine that has to run for it; else it is done or under way."""
        self._about = program.about
        self._audited = frozenset(program.audited)
        self._wire = wire
        self._decode = wire.decode_request
        self._ok = wire.ok
        self._accounts = accounts
        self._audit = audit
        self._background = background
        self._clock = clock
        self._end = end
        self._strikes = strikes

    def receive(self, conversation: Conversation[S], data: bytes) -> None:
        """Handle one frame. Raises nothing that ``ErrorBoundary`` should have to catch."""
        now = self._clock.monotonic()
        peer = conversation.peer
        wait = conversation.budget.frame(len(data), now)
        if not peer.ready:
            self._end(peer, POLICY_VIOLATION)  # the server speaks first, and it has not yet
            return
        try:
            request: Request = self._decode(data)
        except MalformedFrameError as error:
            self._refuse_malformed(conversation, data, str(error))
            return
        try:
            conversation.begin(request, now)
        except OutOfOrderError:
            self._refuse_out_of_order(conversation, request)
            return
        self._counts.by_kind[type(request)] += 1
        wait = wait or self._accounts.request(peer.user, peer.address, request, len(data), now)
        if wait:
            self._counts.errors[ErrorCode.RATE_LIMITED.value] += 1
            conversation.answer(request.id, too_fast(self._wire, request.id, wait))
            self._strike(conversation, ErrorCode.RATE_LIMITED, TOO_FAST)
            return
        conversation.strikes = 0
        if conversation.worker is not None:
            conversation.queue.append(request)
            return
        handling = self._start(conversation, request)
        if handling is not None:
            conversation.worker = self._background.start(
                "requests", self._work(conversation, request, handling), peer.fail
            )

    def answer_overdue(self, conversations: Iterable[Conversation[S]]) -> None:
        """Answer requests that have waited for too long, and cancel the coroutines that handle them.

        The connection of one that may have stored something ends: its client asks again, with the same id.
        """
        before = self._clock.monotonic() - ANSWER_SECONDS
        for conversation in conversations:
            if not conversation.started or next(iter(conversation.started.values()))[0] >= before:
                continue
            overdue = {request: kind for request, (at, kind) in conversation.started.items() if at < before}
            untouched = {request.id for request in conversation.queue}
            is_unknown = False
            for request, kind in overdue.items():
                warn("request_not_answered", seconds=ANSWER_SECONDS)
                if request in untouched or kind in self._accounts.reads:
                    conversation.answer(request, unavailable(self._wire, request))
                else:
                    is_unknown = True
            if conversation.worker is not None:
                kept = [request for request in conversation.queue if request.id in conversation.started]
                conversation.queue = kept
                if conversation.running not in conversation.started or conversation.running in overdue:
                    conversation.worker()
            if is_unknown:
                self._end(conversation.peer, INTERNAL_ERROR)

    def _filtered(
        self, content_filter: ContentFilter, conversation: Conversation[S], request: Request
    ) -> Handling | None:
        """Have the program handle a request as the content filter lets it pass."""
        if not request.inspected:
            return self._handled(conversation, request)
        try:
            looked = content_filter.frame(request, self._sender(conversation, request))
        except BaseException as error:  # noqa: BLE001 - as in _handled
            self._fail(conversation, request, error)
            return None
        if isinstance(looked, Passed):
            return self._handled(conversation, conversation.passed(looked))
        return self._handled_when_passed(conversation, looked)

    def _sender(self, conversation: Conversation[S], request: Request) -> Sender:
        peer = conversation.peer
        return Sender(peer.user, self._about(request).get("room") or "", peer.id)

    async def _handled_when_passed(
        self, conversation: Conversation[S], looking: Awaitable[Passed[Request]]
    ) -> Result | Pending[Any] | _Elsewhere:
        """Look at a request, then start it: what follows it on its connection begins after that."""
        handling = self._handled(conversation, conversation.passed(await looking))
        return _ELSEWHERE if handling is None else await handling

    def _handled(self, conversation: Conversation[S], request: Request) -> Handling | None:
        """Have the program handle a request."""
        made: list[Pending[Any]] = []
        before = MADE.set(made)
        try:
            handled: Any = self._answers.get(type(request), self._handle)(conversation.peer, request)
            if isinstance(handled, Pending):
                self._take(conversation, request, handled, made)
                return None
            if isawaitable(handled) and not isinstance(handled, Future):
                if iscoroutine(handled) and not made:
                    return handled
                return _wait_for(handled, made)  # which may await what was made before it
            if made and (fault := dropped(made, request)) is not None:
                raise fault
            if isinstance(handled, Future):
                handled.add_done_callback(partial(self._finish, conversation, request, _unchanged))
            else:
                self._succeed(conversation, request, handled)
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a handler must not end the server
            self._fail(conversation, request, dropped(made, request) or error)
        finally:
            MADE.reset(before)
        return None

    def _take(
        self, conversation: Conversation[S], request: Request, handled: Pending[Any], made: list[Pending[Any]]
    ) -> None:
        """Answer a request when what its handler returned is done. Raises ProgramError if it dropped some."""
        handled.is_taken = True
        handled.future.add_done_callback(partial(self._finish, conversation, request, handled.result))
        if made != [handled] and (fault := dropped(made, request)) is not None:
            raise fault

    async def _work(self, conversation: Conversation[S], request: Request, handling: Handling) -> None:
        """Run a coroutine, then the requests that queued behind it."""
        following: tuple[Request, Handling] | None = (request, handling)
        while following is not None:
            request, handling = following
            conversation.running = request.id
            made: list[Pending[Any]] = []
            MADE.set(made)  # the context is this coroutine's own
            try:
                result = await handling
                if isinstance(result, Pending):
                    self._take(conversation, request, result, made)
                elif made and (fault := dropped(made, request)) is not None:
                    raise fault
                elif not isinstance(result, _Elsewhere):
                    self._succeed(conversation, request, result)
            except GeneratorExit as error:  # this coroutine has to end
                self._fail(conversation, request, error)
                conversation.peer.fail()
                raise
            except BaseException as error:
                fault = dropped(made, request)
                if isinstance(error, CancelledError) and is_cancelled():
                    if conversation.peer.closed:
                        raise
                    _go_on()
                self._fail(
                    conversation, request, error if isinstance(error, CancelledError) else fault or error
                )
            following = self._next(conversation)
        conversation.worker = conversation.running = None

    def _next(self, conversation: Conversation[S]) -> tuple[Request, Handling] | None:
        """Start the requests at the head of the queue, up to the first that needs a coroutine."""
        while conversation.queue:
            request = conversation.queue.pop(0)
            handling = self._start(conversation, request)
            if handling is not None:
                return request, handling
        return None

    def _finish(
        self,
        conversation: Conversation[S],
        request: Request,
        result: Callable[[Any], Result],
        future: "Future[Any]",
    ) -> None:
        """Answer a request whose future is done."""
        try:
            self._succeed(conversation, request, result(future.result()))
        except BaseException as error:  # noqa: BLE001 - as in _handled
            self._fail(conversation, request, error)

    def _succeed(self, conversation: Conversation[S], request: Request, result: Result) -> None:
        """Answer with a result. Raises ProgramError for what is not one."""
        redacted = conversation.redacted.pop(request.id, None)
        begun = conversation.started.get(request.id)
        size = conversation.answer(request.id, self._ok(request.id, result, redacted))
        now = self._clock.monotonic()
        if begun is not None:
            self._counts.seconds.observe(now - begun[0])
            if is_written(Level.DEBUG):
                _log_answer(conversation, request, "ok", now - begun[0])
        if type(request) in self._accounts.reads:
            peer = conversation.peer
            self._accounts.answered(peer.user, peer.address, size, now)

    def _fail(self, conversation: Conversation[S], request: Request, error: BaseException) -> None:
        """Answer a request that was refused or whose handler failed."""
        frame: Answer | None = None
        if isinstance(error, OutcomeUnknownError):
            self._end(conversation.peer, INTERNAL_ERROR)  # its client asks again, with the same id
            return
        if isinstance(error, SessionRefusedError):
            return  # the session has ended, and its end closes the connection in a moment, with the reason
        if isinstance(error, ParlourServerError):
            with ErrorBoundary("a refusal"):
                frame = refusal(self._wire, request.id, error)
        elif not isinstance(error, CancelledError) or request.id in conversation.started:
            log_fault("a request", error)  # but not that an overdue handler was cancelled
        answer = frame or unavailable(self._wire, request.id)
        code = str(answer.code) if isinstance(answer, Refusal) else ErrorCode.UNAVAILABLE.value
        self._counts.errors[code] += 1
        if is_written(Level.DEBUG) and (begun := conversation.started.get(request.id)) is not None:
            _log_answer(conversation, request, code, self._clock.monotonic() - begun[0])
        conversation.answer(request.id, answer)
        if frame is not None and isinstance(error, RefusedError) and error.code in self._audited:
            peer = conversation.peer
            with ErrorBoundary("an audit line", peer.fail):
                self._audit.record(
                    AuditEvent.REQUEST_REFUSED,
                    code=str(error.code),
                    request=type(request).__name__.lower(),
                    **self._about(request),
                    user=peer.user,
                    connection=peer.id,
                    address=peer.address,
                )

    def _refuse_malformed(self, conversation: Conversation[S], data: bytes, reason: str) -> None:
        peer = conversation.peer
        request = request_id_of(data)
        if request in conversation.started:
            request = None  # the error is not the answer to that one
        self._counts.errors[ErrorCode.MALFORMED.value] += 1
        conversation.refuse_frame(malformed(self._wire, request, reason))
        self._audit.record(
            AuditEvent.REQUEST_REFUSED,
            code=ErrorCode.MALFORMED.value,
            reason=reason,
            user=peer.user,
            connection=peer.id,
            address=peer.address,
        )
        self._strike(conversation, ErrorCode.MALFORMED, TOO_MANY_ERRORS)

    def _refuse_out_of_order(self, conversation: Conversation[S], request: Request) -> None:
        if request.id in conversation.started:
            # Two requests with one id: no answer could be matched to either.
            self._end(conversation.peer, POLICY_VIOLATION)
            return
        self._counts.errors[ErrorCode.TOO_MANY_IN_FLIGHT.value] += 1
        conversation.refuse_frame(too_many(self._wire, request.id))
        self._strike(conversation, ErrorCode.TOO_MANY_IN_FLIGHT, TOO_FAST)

    def _strike(self, conversation: Conversation[S], code: ErrorCode, close: CloseCode) -> None:
        peer = conversation.peer
        if peer.closed:
            return
        conversation.strikes += 1
        last = conversation.strikes >= self._strikes
        if code is not ErrorCode.MALFORMED and (conversation.strikes == 1 or last):
            self._audit.record(
                AuditEvent.LIMIT_HIT,
                code=code.value,
                user=peer.user,
                connection=peer.id,
                address=peer.address,
                closed=last,
            )
        if last:
            self._end(peer, close)


def _log_answer(conversation: Conversation[Any], request: Request, outcome: str, seconds: float) -> None:
    """Write who asked for what kind of thing, and how it ended: nothing of what is in it."""
    peer = conversation.peer
    debug(
        "request",
        request=type(request).__struct_config__.tag,
        outcome=outcome,
        ms=round(seconds * 1000, 3),
        user=peer.user,
        connection=peer.id,
    )


def _unchanged(result: Result) -> Result:
    return result


async def _wait_for(handled: Awaitable[Result], made: list[Pending[Any]]) -> Result:
    of_handler = MADE.get()
    if of_handler is not None:
        of_handler += made
    return await handled


def _go_on() -> None:
    """Take back the cancellation of this task: it ended one overdue handler."""
    task = asyncio.current_task()
    while task is not None and task.uncancel():
        pass
