"""The journal: notifications for running servers, written in the transaction of the change.

It contains no content, only ids and numbers. Old entries are pruned. A program adds entries of its own in
columns of its own (``add_entry``); servers poll it (``Journal.since``).
"""

from typing import TYPE_CHECKING, Final

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection

if TYPE_CHECKING:
    from parlour_server.core.store.records import AccountEnd

KEEP_MILLIS: Final = 3_600_000
KEEP_ENTRIES: Final = 1_000
"""Entries kept whatever their age, because a clock that jumps ahead makes everything look old."""
_AT_ONCE: Final = 20


def add_entry(db: Connection, at: Millis, **columns: str | int) -> None:
    """Add an entry; the names of ``columns`` are code, not input. An entry with a session is its end."""
    # A few at a time: after a busy hour one write must not remove everything.
    db.execute(
        "DELETE FROM journal WHERE number IN (SELECT number FROM journal"
        " WHERE at < ? AND number <= (SELECT max(number) FROM journal) - ? ORDER BY at LIMIT ?)",
        (at - KEEP_MILLIS, KEEP_ENTRIES, _AT_ONCE),
    )
    names, marks = ", ".join(columns), ", ?" * len(columns)
    db.execute(f"INSERT INTO journal (at, {names}) VALUES (?{marks})", (at, *columns.values()))  # noqa: S608 - columns of ours


def note_session_ended(
    db: Connection, at: Millis, session: SessionId, user: UserName, why: "AccountEnd | None" = None
) -> None:
    """Notify servers to close the sockets of this session."""
    reason = {} if why is None else {"changed": why.value}
    add_entry(db, at, session=plain(session), account=plain(user), **reason)


def note_role_changed(db: Connection, at: Millis, user: UserName) -> None:
    """Notify servers that an account has another role."""
    add_entry(db, at, account=plain(user), changed="role")


def note_changed(db: Connection, at: Millis, changed: str) -> None:
    """Notify servers to read something again."""
    add_entry(db, at, changed=changed)
