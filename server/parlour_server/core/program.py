"""A program, as the connections see it: the chat, and what others make of the kit.

Between the network and a program stands ``ConnectionService``, which no program can leave out. It has counted
a request before ``handle`` sees it, answers it exactly once whatever ``handle`` does, and ends connections
with their sessions.
"""

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from contextvars import ContextVar
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Greeting, Request
from parlour_protocol.kit.wire import Wire
from parlour_server.core.connections.budgets import Budgets
from parlour_server.core.connections.peer import Peer

S = TypeVar("S")
T = TypeVar("T")


class Pending(Generic[T]):
    """A request under way: a handler returns it, or awaits it; one that is dropped is a fault.

    Returned, it is answered as soon as ``future`` is done, and the next request does not wait: ``result``
    makes the result of the answer from the future's. Awaited, it gives what the future does, and the handler
    goes on to return a result of its own.
    """

    __slots__ = ("future", "is_taken", "result")

    def __init__(self, future: Future[T], result: Callable[[T], msgspec.Struct | None]) -> None:
        self.future = future
        self.result = result
        self.is_taken = False
        """Whether it was returned or awaited."""
        made = MADE.get()
        if made is not None:
            made.append(self)

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the future, and for what its log tells first."""
        self.is_taken = True
        return asyncio.shield(self.future).__await__()


MADE: Final[ContextVar[list[Pending[Any]] | None]] = ContextVar("made", default=None)
"""The pending answers that the running handler has made."""


def dropped(made: list[Pending[Any]], request: Request) -> ProgramError | None:
    """Return what is wrong with a handler that has ended, and what it has made; None if nothing is."""
    lost = [pending for pending in made if not pending.is_taken]
    if not lost:
        return None
    for pending in lost:
        pending.future.add_done_callback(_retrieve)
    return ProgramError(
        f"the handler of {type(request).__name__} dropped what append returned, so its answer says nothing "
        "about the entry: return it, or await it"
    )


def _retrieve(future: Future[Any]) -> None:
    """Look at an outcome that no one waits for: asyncio would report its error as a fault."""
    if not future.cancelled():
        future.exception()


Result: TypeAlias = msgspec.Struct | None
"""The result in an answer: one of the results of the program's ``Wire``, or nothing."""


class Program(Protocol[S]):
    """A running program. ``S`` is its own state of a connection.

    Nothing here needs to count, to catch or to close: an error in any of these ends one request or one
    connection, and is logged.
    """

    @property
    def wire(self) -> Wire[Any, Any]:
        """The frames that it and its clients can send."""
        ...

    @property
    def budgets(self) -> Budgets:
        """The budgets of its requests; those that are not here count as messages. Read once, at the start."""
        ...

    @property
    def audited(self) -> Collection[str]:
        """The codes of refusals that an operator may want to see in the audit log (M7)."""
        ...

    def state(self, peer: Peer[S]) -> S:
        """Return the state of a new connection; it becomes ``peer.state``."""
        ...

    async def greet(self, peer: Peer[S]) -> Greeting | None:
        """Return the first frame of a connection, which is sent at once; None if its session has ended.

        What is pushed or published to the peer meanwhile is sent after it.
        """
        ...

    def greeted(self, peer: Peer[S]) -> None:
        """Continue with a connection whose greeting was just sent."""
        ...

    def handle(
        self, peer: Peer[S], request: Request
    ) -> Result | Awaitable[Result | Pending[Any]] | Pending[Any]:
        """Handle one request. Raise RefusedError, or let what is returned raise it, to refuse.

        Of the coroutines of one connection, each begins when the one before has been answered or has returned
        a ``Pending``. A ``Future`` or ``Pending`` is under way already: the next request begins at once.
        """
        ...

    def about(self, request: Request) -> Mapping[str, str | None]:
        """Return fields for the audit line of a refused request, such as what it concerns."""
        ...

    def notice(self, notice: object) -> None:
        """Handle a notification of the bus that is not the kit's own."""
        ...

    def journal(self, entry: object) -> None:
        """Handle an entry of the journal that is not the kit's own."""
        ...

    def closed(self, peer: Peer[S]) -> None:
        """Forget a connection. Nothing is delivered to it any more."""
        ...
