"""For which key of the person something is done, and whether they have done anything since.

The focus moves, a room opens and a page appears only for the last thing that the person did. A job remembers
the key that began it; a change that the server sends, and a timer, belong to no key. ``Interaction`` and
``ChatScreen.set_focus`` ask here, so no caller can forget to.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from textual.app import App

from parlour_client.kit.terminal.safe_app import SafeApp

NOBODY: Final = -1
"""The turn of what no key began."""


class _Job(NamedTuple):
    turn: int
    task: asyncio.Task[object] | None
    """Only there: what the job starts, such as the tasks of a dialog, lives on with other keys."""


_job: Final[ContextVar[_Job | None]] = ContextVar("job", default=None)
"""The job that is running; None: the code runs in the handler of a key."""


def _running() -> _Job | None:
    job = _job.get()
    return job if job is not None and job.task is asyncio.current_task() else None


def turn_of(app: App[Any]) -> int:
    """Return the key for which this code runs."""
    job = _running()
    if job is not None:
        return job.turn
    return app.keys.turn if isinstance(app, SafeApp) else 0


def may_move(app: App[Any]) -> bool:
    """Say whether this code may move the focus: the person has done nothing since they began it."""
    job = _running()
    return job is None or not isinstance(app, SafeApp) or app.keys.is_last(job.turn)


def comes_late(app: SafeApp) -> bool:
    """Say whether the person may be doing something else by now: they waited for this."""
    return _running() is not None and not app.keys.is_prompt


@contextmanager
def on_behalf_of(turn: int) -> Iterator[None]:
    """Run code for a key that was pressed earlier, or for ``NOBODY``."""
    before = _job.set(_Job(turn, asyncio.current_task()))
    try:
        yield
    finally:
        _job.reset(before)
