"""The request dispatcher: decodes, counts and orders received frames, and hands them on.

Bad input costs its sender one ``error`` and one audit line, and after too many in a row the connection; no
one else is affected (R4: poison message). Requests of one connection start in the order in which they
arrived: while one waits for the store, later ones queue behind it, up to the limit of requests in flight.
"""

from collections.abc import Callable

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import Ok
from parlour_protocol.frames.requests import AnyRequest
from parlour_protocol.frames.wire import decode_request
from parlour_protocol.kit.codec import request_id_of
from parlour_protocol.kit.connection_state import State
from parlour_protocol.kit.errors import (
    POLICY_VIOLATION,
    TOO_FAST,
    TOO_MANY_ERRORS,
    CloseCode,
    MalformedFrameError,
    OutOfOrderError,
)
from parlour_server.chat.commands import Commands
from parlour_server.chat.queries import AskingRequest, Queries
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.clock import Clock
from parlour_server.kit.connections.background_tasks import BackgroundTasks
from parlour_server.kit.connections.error_boundary import ErrorBoundary
from parlour_server.kit.connections.error_frames import malformed, too_fast, too_many, unavailable
from parlour_server.kit.connections.peer_state import PeerState
from parlour_server.kit.connections.request_budgets import AccountBudget
from parlour_server.kit.errors import ParlourServerError

End = Callable[[PeerState, CloseCode], None]
"""Ends a connection at once."""


class RequestDispatcher:
    """Handles the frames of all connections."""

    def __init__(
        self,
        *,
        accounts: AccountBudget,
        commands: Commands,
        queries: Queries,
        audit: Audit,
        background: BackgroundTasks,
        clock: Clock,
        end: End,
        strikes: int,
    ) -> None:
        """``strikes``: refusals in a row that end a connection."""
        self._accounts = accounts
        self._commands = commands
        self._queries = queries
        self._audit = audit
        self._background = background
        self._clock = clock
        self._end = end
        self._strikes = strikes

    def receive(self, state: PeerState, data: bytes) -> None:
        """Handle one frame. Raises nothing that ``ErrorBoundary`` should have to catch."""
        now = self._clock.monotonic()
        wait = state.budget.frame(len(data), now)
        if state.session.state is State.OPENING:
            self._end(state, POLICY_VIOLATION)  # the server speaks first, and it has not yet
            return
        try:
            frame = decode_request(data)
        except MalformedFrameError as error:
            self._refuse_malformed(state, data, str(error))
            return
        try:
            state.session.received(frame)
        except OutOfOrderError:
            self._refuse_out_of_order(state, frame)
            return
        wait = wait or self._accounts.request(state.user, state.info.address, frame, now)
        if wait:
            state.answer(too_fast(frame.id, wait))
            self._strike(state, ErrorCode.RATE_LIMITED, TOO_FAST)
            return
        state.strikes = 0
        if state.busy:
            state.queue.append(frame)
        elif isinstance(frame, AskingRequest):
            state.busy = True
            self._background.start("requests", self._work(state, frame), state.fail)
        else:
            self._commands.append(state, frame)

    async def _work(self, state: PeerState, frame: AskingRequest) -> None:
        """Handle a query, then the requests that queued behind it."""
        following: AskingRequest | None = frame
        while following is not None:
            await self._run_query(state, following)
            following = self._next(state)
        state.busy = False

    async def _run_query(self, state: PeerState, frame: AskingRequest) -> None:
        with ErrorBoundary("a request", lambda: state.answer(unavailable(frame.id))):
            try:
                result = await self._queries.answer(state, frame)
            except ParlourServerError as error:
                self._commands.refused(state, frame, error)
            else:
                size = state.answer(Ok(re=frame.id, result=result))
                self._accounts.answered(state.user, state.info.address, frame, size, self._clock.monotonic())

    def _next(self, state: PeerState) -> AskingRequest | None:
        """Start the appends at the head of the queue; return the first request that is not one."""
        while state.queue:
            frame = state.queue.popleft()
            if isinstance(frame, AskingRequest):
                return frame
            with ErrorBoundary("a request", lambda request=frame.id: state.answer(unavailable(request))):  # type: ignore[misc]
                self._commands.append(state, frame)
        return None

    def _refuse_malformed(self, state: PeerState, data: bytes, reason: str) -> None:
        request = request_id_of(data)
        if request in state.session.in_flight:
            request = None  # the error is not the answer to that one
        # Not recorded in the state machine: no request started with this frame.
        state.push(malformed(request, reason))
        self._audit.record(
            AuditEvent.REQUEST_REFUSED,
            code=ErrorCode.MALFORMED.value,
            reason=reason,
            user=state.user,
            connection=state.info.id,
            address=state.info.address,
        )
        self._strike(state, ErrorCode.MALFORMED, TOO_MANY_ERRORS)

    def _refuse_out_of_order(self, state: PeerState, frame: AnyRequest) -> None:
        if frame.id in state.session.in_flight:
            # Two requests with one id: no answer could be matched to either.
            self._end(state, POLICY_VIOLATION)
            return
        state.push(too_many(frame.id))
        self._strike(state, ErrorCode.TOO_MANY_IN_FLIGHT, TOO_FAST)

    def _strike(self, state: PeerState, code: ErrorCode, close: CloseCode) -> None:
        if state.closed:
            return
        state.strikes += 1
        last = state.strikes >= self._strikes
        if code is not ErrorCode.MALFORMED and (state.strikes == 1 or last):
            self._audit.record(
                AuditEvent.LIMIT_HIT,
                code=code.value,
                user=state.user,
                connection=state.info.id,
                address=state.info.address,
                closed=last,
            )
        if last:
            self._end(state, close)
