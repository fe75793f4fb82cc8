"""R4: whatever a handler does, each request gets exactly one answer, in order, and no one else notices."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from enum import StrEnum
from typing import Any, cast

import pytest
from tests.server.core.connections.toy import Ask, Client, Said, Say, Strange, Words, settle, world

from parlour_protocol.kit.errors import INTERNAL_ERROR, POLICY_VIOLATION, TOO_MANY_ERRORS, ErrorCode
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Error, Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.limits import IN_FLIGHT
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.connections.budgets import Budget
from parlour_server.core.connections.dispatcher import ANSWER_SECONDS
from parlour_server.core.errors import NameTakenError, OutcomeUnknownError, RefusedError, UnavailableError
from parlour_server.core.program import Pending

Handle = Callable[..., Any]


class Odd(StrEnum):
    """Codes that no client would read."""

    CODE = "two words"


class Lazy:
    """Something to await that is no coroutine."""

    def __await__(self) -> Generator[Any, None, Said]:
        yield from asyncio.sleep(0).__await__()
        return Said(words=Words("lazy"))


def raises(error: BaseException | type[BaseException]) -> Handle:
    """Return a handler that raises at once."""

    def handle(*_: object) -> None:
        raise error

    return handle


def raises_later(error: BaseException | type[BaseException]) -> Handle:
    """Return a handler whose coroutine raises."""

    async def handle(*_: object) -> None:
        await asyncio.sleep(0)
        raise error

    return handle


def returns_later(value: Any) -> Handle:
    """Return a handler whose coroutine returns a value."""

    async def handle(*_: object) -> Any:
        await asyncio.sleep(0)
        return value

    return handle


def future(act: Callable[[asyncio.Future[Any]], object]) -> Handle:
    """Return a handler that returns a future with which something happens soon."""

    def handle(*_: object) -> asyncio.Future[Any]:
        made = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(act, made)
        return made

    return handle


def pending(result: Callable[[Any], Any]) -> Handle:
    """Return a handler whose request is pending, with this function for its result."""

    def handle(*_: object) -> Pending[Any]:
        made = asyncio.get_running_loop().create_future()
        made.set_result(7)
        return Pending(made, result)

    return handle


BUSY = raises(UnavailableError("busy"))
BROKEN = {
    "raises": raises(ValueError("secret")),
    "raises SystemExit": raises(SystemExit),
    "raises KeyboardInterrupt": raises(KeyboardInterrupt),
    "raises CancelledError": raises(asyncio.CancelledError),
    "store is busy": BUSY,
    "a code that is none": raises(RefusedError(Odd.CODE)),
    "a time to wait that is none": raises(RefusedError(ErrorCode.CONFLICT, retry_after=-1)),
    "a hint of two lines": raises(RefusedError(ErrorCode.FORBIDDEN, "one\ntwo")),
    "returns text of two lines": lambda *_: Said(words=Words("two\nlines")),
    "returns more than a client takes": lambda *_: Said(words=Words("x" * 1024 * 1024)),
    "returns a number": lambda *_: 7,
    "returns text": lambda *_: "done",
    "returns a list": lambda *_: [],
    "returns an answer": lambda *_: Ok(re=new_request_id()),
    "returns a push": lambda *_: Strange(),
    "returns a generator": lambda *_: (number for number in range(3)),
    "coroutine raises": raises_later(ValueError("secret")),
    "coroutine raises SystemExit": raises_later(SystemExit),
    "coroutine raises KeyboardInterrupt": raises_later(KeyboardInterrupt),
    "coroutine raises CancelledError": raises_later(asyncio.CancelledError),
    "coroutine refuses with a code that is none": raises_later(RefusedError(Odd.CODE)),
    "coroutine raises RecursionError": raises_later(RecursionError),
    "coroutine returns a number": returns_later(7),
    "coroutine returns an answer": returns_later(Error(code="forbidden")),
    "coroutine returns a coroutine": returns_later(Lazy()),
    "future fails": future(lambda made: made.set_exception(ValueError("secret"))),
    "future is cancelled": future(lambda made: made.cancel()),
    "future has a number": future(lambda made: made.set_result(7)),
    "pending has no result": pending(lambda _: 1 / 0),
    "pending exits": pending(raises(SystemExit)),
    "pending has garbage": pending(lambda number: number),
    "pending without a future": lambda *_: Pending(cast("Any", None), lambda _: None),
}
FINE = {
    "nothing": lambda *_: None,
    "a result": lambda *_: Said(words=Words("x")),
    "coroutine": returns_later(Said(words=Words("x"))),
    "coroutine with nothing": returns_later(None),
    "awaitable": lambda *_: Lazy(),
    "future": future(lambda made: made.set_result(Said(words=Words("x")))),
    "pending": pending(lambda number: Said(words=Words(str(number)))),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_handler_ends_one_request(broken: Handle, own_logs: list[dict[str, object]]):
    """R4: one answer and a line in the log; the connection, the next request and everyone else go on."""
    async with world() as w:
        eve, ada = await w.connect("eve"), await w.connect("ada")
        w.toy.on_request = broken
        assert await w.ask(eve) == "unavailable"
        assert [line["event"] for line in own_logs] == (["fault"] if broken is not BUSY else [])
        w.toy.on_request = lambda *_: None
        assert [await w.ask(eve), await w.ask(ada)] == ["ok", "ok"]
        assert (eve.ended, ada.ended) == (None, None)
        assert "secret" not in str(own_logs)


@pytest.mark.parametrize("fine", FINE.values(), ids=FINE.keys())
async def test_what_a_handler_may_return(fine: Handle):
    """One answer each."""
    async with world() as w:
        ada = await w.connect()
        w.toy.on_request = fine
        assert await w.ask(ada) == "ok"


@pytest.mark.parametrize("later", [raises, raises_later], ids=["at once", "later"])
async def test_a_refusal_is_answered_and_recorded(later: Callable[[BaseException], Handle]):
    """M7: with what the program says about the request; only the codes that it names."""
    async with world() as w:
        ada = await w.connect()
        w.toy.on_request = later(RefusedError(ErrorCode.FORBIDDEN, "not you", retry_after=5))
        request = w.send(ada)
        await settle()
        assert ada.answer(request) == Error(
            re=request,
            code="forbidden",
            hint=ReasonText("not you"),
            retry_after=5,
        )
        [line] = w.lines("request_refused")
        assert (line["code"], line["request"], line["thing"], line["user"]) == (
            "forbidden",
            "say",
            "Say",
            "ada",
        )
        w.toy.on_request = later(RefusedError(ErrorCode.NOT_FOUND))
        assert await w.ask(ada) == "not_found"
        w.toy.on_request = later(NameTakenError())
        assert await w.ask(ada) == "name_taken"
        w.toy.on_request = later(RefusedError("no code that a client reads"))
        assert await w.ask(ada) == "unavailable"
        counted = {code: count for code, count in w.service.requests.errors.items() if count}
        assert counted == dict.fromkeys(("forbidden", "not_found", "name_taken", "unavailable"), 1)
        assert len(w.lines("request_refused")) == 1


async def test_a_handler_that_ends_its_task_closes_its_connection():
    """R4: an exception that no coroutine survives; its request is answered first."""
    async with world() as w:
        eve, ada = await w.connect("eve"), await w.connect("ada")
        w.toy.on_request = raises_later(GeneratorExit)
        assert await w.ask(eve) == "unavailable"
        assert eve.ended is INTERNAL_ERROR
        w.toy.on_request = lambda *_: None
        assert await w.ask(ada) == "ok"


class Turns:
    """Handlers that wait until a test lets them go on."""

    def __init__(self, make: Callable[[asyncio.Future[None]], Awaitable[None]]) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Future[None]] = {}
        self._make = make

    def __call__(self, _: object, request: Any) -> Awaitable[None]:
        gate = self.gates[request.words] = asyncio.get_running_loop().create_future()
        self.begun.append(request.words)
        return self._make(gate)


async def wait_for(gate: asyncio.Future[None]) -> None:
    """Wait in a coroutine."""
    await gate


def answered(client: Client) -> int:
    """Return how many answers a connection got."""
    return len(client.got(Ok)) + len(client.got(Error))


async def test_coroutines_of_a_connection_run_one_after_the_other():
    """The next one begins when the one before has been answered; other connections do not wait."""
    async with world() as w:
        ada, bob = await w.connect("ada"), await w.connect("bob")
        turns = w.toy.on_request = Turns(wait_for)
        requests = [w.send(ada, words=words) for words in ("one", "two", "three")]
        other = w.send(bob, words="other")
        await settle()
        assert turns.begun == ["one", "other"]
        turns.gates["other"].set_result(None)
        for number, words in enumerate(("one", "two", "three")):
            assert answered(ada) == number
            turns.gates[words].set_result(None)
            await settle()
            assert ada.code(requests[number]) == "ok"
        assert bob.code(other) == "ok"
        assert turns.begun == ["one", "other", "two", "three"]


async def test_futures_begin_at_once_and_are_answered_when_they_are_done():
    """Appends do not wait for each other."""
    async with world() as w:
        ada = await w.connect()
        turns = w.toy.on_request = Turns(lambda gate: gate)
        first, second = w.send(ada, words="one"), w.send(ada, words="two")
        assert turns.begun == ["one", "two"]
        turns.gates["two"].set_result(None)
        await settle()
        assert (ada.answers(first), ada.code(second)) == ([], "ok")
        turns.gates["one"].set_result(None)
        await settle()
        assert ada.code(first) == "ok"


async def test_what_comes_after_a_coroutine_waits_for_it():
    """A future, too: requests of a connection start in the order in which they arrived."""
    async with world() as w:
        ada = await w.connect()
        gate = asyncio.Event()
        started: list[str] = []

        def handle(_: object, request: Any) -> Any:
            started.append(type(request).__name__)
            return gate.wait() if isinstance(request, Ask) else None

        w.toy.on_request = handle
        w.send(ada, Ask)
        second = w.send(ada)
        await settle()
        assert (started, ada.answers(second)) == (["Ask"], [])
        gate.set()
        await settle()
        assert (started, ada.code(second)) == (["Ask", "Say"], "ok")


NEVER = {"coroutine": lambda *_: asyncio.Event().wait(), "future": lambda *_: asyncio.Future()}


@pytest.mark.parametrize("never", NEVER.values(), ids=NEVER.keys())
async def test_requests_in_flight_are_limited(never: Handle):
    """R1: one more than the limit is refused, and those in flight go on."""
    async with world(Rates(message_burst=1000)) as w:
        eve, ada = await w.connect("eve"), await w.connect("ada")
        w.toy.on_request = never
        requests = [w.send(eve) for _ in range(IN_FLIGHT.value)]
        await settle()
        assert await w.ask(eve) == "too_many_in_flight"
        assert not any(eve.answers(request) for request in requests)
        w.toy.on_request = lambda *_: None
        assert await w.ask(ada) == "ok"


@pytest.mark.parametrize("never", NEVER.values(), ids=NEVER.keys())
async def test_a_read_that_never_returns_is_answered_for(never: Handle):
    """R4: with what queued behind it; later requests are handled."""
    async with world(budgets={Ask: Budget.READ}) as w:
        eve = await w.connect("eve")
        w.toy.on_request = never
        stuck = [w.send(eve, Ask) for _ in range(3)]
        await settle()
        w.clock.pass_seconds(ANSWER_SECONDS)
        w.service.look()
        assert not any(eve.answers(request) for request in stuck)
        w.clock.pass_seconds(1)
        w.service.look()
        await settle()
        assert [eve.code(request) for request in stuck] == ["unavailable"] * 3
        w.toy.on_request = lambda *_: None
        assert await w.ask(eve) == "ok"
        assert eve.ended is None


@pytest.mark.parametrize("never", NEVER.values(), ids=NEVER.keys())
async def test_no_answer_says_what_an_overdue_request_has_done(never: Handle):
    """It may be stored, now or later: the connection ends, and the client asks again with the same id."""
    async with world() as w:
        eve, ada = await w.connect("eve"), await w.connect("ada")
        w.toy.on_request = never
        stuck = w.send(eve)
        await settle()
        w.clock.pass_seconds(ANSWER_SECONDS + 1)
        w.service.look()
        await settle()
        assert not eve.answers(stuck)
        assert eve.ended is INTERNAL_ERROR
        w.toy.on_request = lambda *_: None
        assert await w.ask(ada) == "ok"


async def test_what_an_overdue_read_kept_waiting_was_not_begun():
    """It stored nothing, and its client may know."""
    async with world(budgets={Ask: Budget.READ}) as w:
        ada = await w.connect()
        w.toy.on_request = NEVER["coroutine"]
        stuck = [w.send(ada, Ask), w.send(ada)]
        await settle()
        w.clock.pass_seconds(ANSWER_SECONDS + 1)
        w.service.look()
        await settle()
        assert [ada.code(request) for request in stuck] == ["unavailable"] * 2
        assert ada.ended is None


async def test_a_request_whose_outcome_is_unknown_is_not_refused():
    """Nobody is told that nothing was stored: the connection ends, and the client asks again."""
    async with world() as w:
        eve, ada = await w.connect("eve"), await w.connect("ada")
        w.toy.on_request = future(lambda made: made.set_exception(OutcomeUnknownError("lost")))
        request = w.send(eve)
        await settle()
        assert not eve.answers(request)
        assert eve.ended is INTERNAL_ERROR
        w.toy.on_request = lambda *_: None
        assert await w.ask(ada) == "ok"


async def test_a_result_that_comes_too_late_is_no_second_answer():
    """The request was answered for; its handler's work may be done all the same."""
    async with world(budgets={Say: Budget.READ}) as w:
        ada = await w.connect()
        turns = w.toy.on_request = Turns(lambda gate: gate)
        request = w.send(ada, words="late")
        w.clock.pass_seconds(ANSWER_SECONDS + 1)
        w.service.look()
        turns.gates["late"].set_result(None)
        await settle()
        assert ada.code(request) == "unavailable"
        assert ada.ended is None


async def test_only_the_overdue_handler_is_cancelled():
    """A coroutine that began later is not ended for a future that is overdue."""
    async with world(budgets={Say: Budget.READ}) as w:
        ada = await w.connect()
        w.toy.on_request = lambda *_: asyncio.Future()
        stuck = w.send(ada)
        w.clock.pass_seconds(ANSWER_SECONDS)
        gate = asyncio.Event()
        w.toy.on_request = returns_later_than(gate)
        running = w.send(ada)
        await settle()
        w.clock.pass_seconds(1)
        w.service.look()
        gate.set()
        await settle()
        assert (ada.code(stuck), ada.code(running)) == ("unavailable", "ok")


def returns_later_than(gate: asyncio.Event) -> Handle:
    """Return a handler that waits for an event."""

    async def handle(*_: object) -> None:
        await gate.wait()

    return handle


async def test_a_handler_of_a_closed_connection_ends_in_time(monkeypatch: pytest.MonkeyPatch):
    """R4: connecting again and again collects no handlers that never return."""
    monkeypatch.setattr("parlour_server.core.connections.dispatcher.ANSWER_SECONDS", 0.0)
    async with world() as w:
        ended = asyncio.Event()

        async def handle(*_: object) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        eve = await w.connect("eve")
        w.toy.on_request = handle
        w.send(eve)
        await settle()
        assert not ended.is_set()
        w.service.closed(eve)
        async with asyncio.timeout(60):
            await ended.wait()


async def test_two_requests_with_one_id_close_the_connection():
    """No answer could be matched to either."""
    async with world() as w:
        eve = await w.connect("eve")
        w.toy.on_request = lambda *_: asyncio.Future()
        request = w.send(eve)
        w.send(eve, id=request)
        assert eve.ended is POLICY_VIOLATION
        assert eve.answers(request) == []


async def test_malformed_frames_are_refused_and_end_the_connection_in_the_end():
    """R4: one error and one audit line each, and nothing for anyone else."""
    async with world(Rates(strikes=4)) as w:
        eve, ada = await w.connect("eve"), await w.connect("ada")
        handled = []
        w.toy.on_request = lambda _, request: handled.append(request)
        for poison in (b"", b"\xff", b'{"type":"sudo","id":"%s"}' % (b"A" * 22)):
            w.service.received(eve, poison)
        assert [error.re for error in eve.got(Error)] == [None, None, "A" * 22]
        assert len(w.lines("request_refused")) == 3
        assert handled == []
        w.service.received(eve, b"[]")
        assert eve.ended is TOO_MANY_ERRORS
        assert await w.ask(ada) == "ok"


async def test_an_answer_that_cannot_be_written_closes_the_connection(monkeypatch: pytest.MonkeyPatch):
    """Its client reconnects and asks again."""
    async with world() as w:
        eve = await w.connect("eve")
        monkeypatch.setattr(eve, "send", raises(OverflowError("too large")))
        w.send(eve)
        assert eve.ended is INTERNAL_ERROR


async def test_a_frame_after_the_end_is_not_handled():
    """What was on its way when the connection ended."""
    async with world() as w:
        eve = await w.connect("eve")
        handled: list[object] = []
        w.toy.on_request = lambda _, request: handled.append(request)
        w.toy.peers[0].fail()
        used = w.clock.now()
        w.clock.pass_seconds(1)
        w.send(eve)
        assert handled == []
        assert w.activity.last_used(eve.info.grant.session, used) == used
