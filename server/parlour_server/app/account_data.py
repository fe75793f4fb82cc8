"""The program's own data about an account, which is counted, deleted and exported with it.

`user delete` and `user export` work for every program; a program with tables of its own says here what is in
them. Each function may be called while servers run, and changes a few rows at a time.
"""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from parlour_protocol.kit.names import UserName
from parlour_server.core.clock import Clock
from parlour_server.core.data_folder import DataFolder

_Store = TypeVar("_Store")


@dataclass(frozen=True, slots=True)
class Deletion:
    """An account that is being deleted: it is closed already, and nobody can use it."""

    user: UserName
    pseudonym: UserName
    """The account that is the author of what stays; the deleted one itself if it is the author of nothing."""
    keeps_messages: bool


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export, in pieces."""

    name: str
    pieces: AsyncIterator[bytes]

    @classmethod
    def of_json(cls, name: str, value: object) -> "ExportedFile":
        """Return a file with this value; bytes become base64, other values that JSON lacks their text."""
        return cls(name, _json(value))


async def _json(value: object) -> AsyncIterator[bytes]:
    yield json.dumps(value, ensure_ascii=False, indent=1, default=_text).encode() + b"\n"


def _text(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountData(Generic[_Store]):
    """A program's part in deleting and exporting an account."""

    count: Callable[[_Store, UserName], Awaitable[Mapping[str, int]]]
    """Return how much there is of what, by name."""
    goes: str
    """A sentence: what a deletion removes besides what they wrote; empty if there is nothing."""
    stays: Sequence[str]
    """Sentences: what stays after a deletion, and why."""
    is_author: Callable[[_Store, UserName], Awaitable[bool]]
    """Return whether the account is the author of anything that needs another one when it is deleted."""
    delete: Callable[[_Store, Clock, Deletion], Awaitable[Mapping[str, Any]]]
    """Delete it, and return what was done, for JSON. Called again after an interruption, it goes on."""
    export: Callable[[_Store, DataFolder, UserName], AsyncIterator[ExportedFile]]
    """Yield all of it."""
