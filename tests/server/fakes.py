"""A clock that stands, an audit log that can be read, hashing that costs nothing."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from argon2 import PasswordHasher

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.core.accounts.tables.authority import ByLogin
from parlour_server.core.audit import Audit
from parlour_server.core.kit_store import KitStore

START = 1_800_000_000_000
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "tigress-violin-marble"


@dataclass
class StoppedClock:
    """A clock that moves when a test says so."""

    millis: int = START

    def now(self) -> Millis:
        return Millis(self.millis)

    def monotonic(self) -> float:
        return (self.millis - START) / 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def pass_seconds(self, seconds: float) -> None:
        self.millis += int(seconds * 1000)


@dataclass
class ReadableAudit(Audit):
    """Keeps what was recorded."""

    events: list[tuple[StrEnum, dict[str, object]]] = field(default_factory=list)

    is_full: bool = False
    """Nothing can be kept."""

    def record(self, event: StrEnum, **fields: str | float | bool | None) -> None:
        self.events.append((event, dict(fields)))

    def try_record(self, event: StrEnum, **fields: str | float | bool | None) -> bool:
        if not self.is_full:
            self.record(event, **fields)
        return not self.is_full

    def sync(self) -> None:
        """Do nothing: it is no file."""

    def kinds(self) -> list[StrEnum]:
        return [event for event, _ in self.events]


async def by_login(store: KitStore, user: UserName) -> ByLogin:
    """Return a login by someone who knows the account's password."""
    account = await store.accounts.find(user)
    assert account is not None
    return ByLogin(user, account.password_hash)


class MakeAccount(Protocol):
    """Makes an account with the password ``PASSWORD``, or with the hash that is given."""

    async def __call__(self, name: str = "anna", password_hash: str | None = None) -> UserName: ...
