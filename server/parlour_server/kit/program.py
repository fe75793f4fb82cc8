"""A program, as the connections see it: the chat, and what others make of the kit.

Between the network and a program stands ``ConnectionService``, which no program can leave out. It has counted
a request before ``handle`` sees it, answers it exactly once whatever ``handle`` does, and ends connections
with their sessions.
"""

from asyncio import Future
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from parlour_protocol.kit.frames import Greeting, Request
from parlour_server.kit.connections.budgets import Budgets
from parlour_server.kit.connections.peer import Peer

S = TypeVar("S")
T = TypeVar("T")


class Pending(msgspec.Struct, Generic[T], frozen=True):
    """A request under way: it is answered as soon as ``future`` is done, and the next one does not wait.

    ``result`` makes the result of the answer from the future's. ``answered`` is called with it after the
    answer was sent, also if the connection has ended meanwhile.
    """

    future: Future[T]
    result: Callable[[T], msgspec.Struct | None]
    answered: Callable[[T], None]


Result: TypeAlias = msgspec.Struct | None
"""What an answer brings: one of the results of the program's ``Wire``, or nothing."""


class Program(Protocol[S]):
    """A running program. ``S`` is its own state of a connection.

    Nothing here needs to count, to catch or to close: an error in any of these ends one request or one
    connection, and is logged.
    """

    @property
    def budgets(self) -> Budgets:
        """What its requests count as; those that are not here are messages. Read once, at the start."""
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

    def handle(self, peer: Peer[S], request: Request) -> Result | Awaitable[Result] | Pending[Any]:
        """Handle one request. Raise RefusedError, or let what is returned raise it, to refuse.

        Of the coroutines of one connection, each begins when the one before has been answered. A ``Future``
        or ``Pending`` is under way already: the next request begins at once.
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
