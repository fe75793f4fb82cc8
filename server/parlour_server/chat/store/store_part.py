"""The part of a capability of the chat in the store, besides its tables: it acts in others' transactions."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from parlour_protocol.errors import ErrorCode
from parlour_server.core.errors import RefusedError

if TYPE_CHECKING:
    from parlour_protocol.frames.bodies import AnyBody
    from parlour_protocol.frames.replies import LogEvent
    from parlour_protocol.ids import RoomId
    from parlour_protocol.kit.ids import Millis
    from parlour_protocol.kit.names import UserName
    from parlour_server.app.account_data import ExportedFile
    from parlour_server.chat.store.types import AppendEvent
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.store.engine.connection import Connection, WriteConnection


class RoomRows(NamedTuple):
    """Rows of ``table``, with this primary key, that go with a deleted room: those ``which`` has ``?1``."""

    table: str
    key: tuple[str, ...]
    which: str


class RoomNumber(NamedTuple):
    """A number that the operator sees of a room, and how it is shown."""

    name: str
    query: str
    """An expression of SQL; `r.room` is the room."""
    words: str
    """With `{}` for the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPart:
    """How events are appended that a server may not offer (``is_optional``)."""

    check: "Callable[[Connection, AppendEvent], None]"
    """Called once the room's rules allow it, in the transaction. Raises RefusedError."""
    apply: "Callable[[WriteConnection, LogEvent], AnyBody]"
    """Called then, with the number of the event; returns the body as it is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPart:
    """The statements about an account's rows in its tables; the first value of each is the account's name."""

    counts: Mapping[str, str] = field(default_factory=dict)
    """Queries that count something, by what it is."""
    authors: tuple[tuple[str, str], ...] = ()
    """Rows that get another author when the account is deleted: finds keys, with a limit, and changes a row.

    The values of the change are the key and the new author.
    """
    ends: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The same for what ends now, by what the result calls its number; the time is in place of the author."""
    exported: Mapping[str, tuple[Sequence[str], str]] = field(default_factory=dict)
    """Columns and query of each file of an export, by its name."""
    files: "Callable[[KitStore, DataFolder, UserName], AsyncIterator[ExportedFile]] | None" = None
    """Yields files that an export has besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePart:
    """A capability's part in the store."""

    accounts: AccountPart = field(default_factory=AccountPart)
    bodies: "Mapping[type[AnyBody], BodyPart]" = field(default_factory=dict)
    content_removed: "Callable[[WriteConnection, AnyBody, Millis], None] | None" = None
    """Called when the content of an event is removed: it was deleted, or has expired."""
    room_expired: "Callable[[WriteConnection, RoomId, Millis, Millis], None] | None" = None
    """Called when what is older than a time expires in a room, now."""
    room_deleted: "Callable[[WriteConnection, RoomId, Millis], None] | None" = None
    """Called when a room is deleted. Its rows go later (``room_rows``)."""
    room_rows: tuple[RoomRows, ...] = ()
    room_waits: tuple[str, ...] = ()
    """Tables in which a deleted room waits for the last of its rows; others remove them."""
    room_numbers: tuple[RoomNumber, ...] = ()


class StoreParts:
    """The parts of all capabilities in the store."""

    def __init__(self, parts: Sequence[StorePart] = ()) -> None:
        self.accounts = [part.accounts for part in parts]
        self.room_rows = [rows for part in parts for rows in part.room_rows]
        self.room_waits = [table for part in parts for table in part.room_waits]
        self.room_numbers = [number for part in parts for number in part.room_numbers]
        self.content_removed = [part.content_removed for part in parts if part.content_removed]
        self.room_expired = [part.room_expired for part in parts if part.room_expired]
        self.room_deleted = [part.room_deleted for part in parts if part.room_deleted]
        self._bodies = {kind: body for part in parts for kind, body in part.bodies.items()}

    def of(self, body: "AnyBody") -> BodyPart:
        """Return how an optional event is appended. Raises RefusedError(NOT_FOUND): here it is not."""
        found = self._bodies.get(type(body))
        if found is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "this server does not offer that")
        return found
