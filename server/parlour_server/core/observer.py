"""The observer follows requests on their way: to the queue of writes, their commit and their delivery.

A server has one observer or, mostly, none: then nothing of this is called.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

Handle: TypeAlias = Callable[[Any, Any], Any]
"""``Program.handle``."""


class Observer(Protocol):
    """Called at each step; what it raises is not caught."""

    def observe(self, handle: Handle) -> Handle:
        """Return what is called in place of ``handle``, and does the same."""
        ...

    def current(self) -> Any:
        """Return what this observer knows the request by that is being handled; None if it follows none."""
        ...

    def within(self, request: Any) -> AbstractContextManager[None]:
        """Count what is collected in a block as of this request, which ``current`` returned."""
        ...

    def committed(self, requests: Sequence[Any], started: int, *, failed: bool) -> None:
        """Follow a transaction that began at ``started`` (nanoseconds since 1970), in the writer's thread.

        ``requests``: for each of its writes what ``current`` was when it was queued.
        """
        ...

    def collected(self, writer: object) -> None:
        """Note that a frame of the current request waits in this ``BatchingWriter``."""
        ...

    def written(self, writer: object, members: int) -> None:
        """Note that what waited in this writer was just written to its members."""
        ...

    def forget(self, writer: object) -> None:
        """Forget a writer without members."""
        ...
