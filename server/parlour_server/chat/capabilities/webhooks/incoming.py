"""The webhooks by which programs write, and their bots: accounts that no one can log in to.

The address is the secret: a webhook is found by its digest and by nothing else, so a wrong secret and an
unknown webhook are the same look-up, and nothing can be compared byte by byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import WriteConnection

_READ: Final = "SELECT w.hook, w.room, w.account, w.created FROM incoming_webhooks w"


def bot_named(name: str) -> UserName:
    """Return the name of a webhook's bot: its ending says what it is. Raises NameRefusedError."""
    return parse_user_name(f"{name.removesuffix('-webhook')}-webhook")


@cache
def bot_device() -> DeviceName:
    """Return the device that the bots' events name."""
    return parse_device_name("webhook")


@dataclass(frozen=True, slots=True)
class IncomingHook:
    """A webhook by which a program writes to a room, as its bot."""

    id: str
    room: RoomId
    bot: UserName
    created: Millis


class IncomingHooks:
    """The table of these webhooks."""

    def __init__(self, store: KitStore) -> None:
        self._writer = store.writer
        self._readers = store.readers

    async def add(self, hook: IncomingHook, secret: Secret) -> None:
        """Keep a webhook with a digest of its secret."""
        row = (hook.id, hook.room, plain(hook.bot), secret.digest(), hook.created)

        def write(db: WriteConnection) -> None:
            db.execute(
                "INSERT INTO incoming_webhooks (hook, room, account, secret, created) VALUES (?, ?, ?, ?, ?)",
                row,
            )

        await self._writer.submit(write)

    async def find(self, secret: Secret) -> IncomingHook | None:
        """Return the webhook with this secret; None if there is none, or its bot was disabled."""
        query = f"{_READ} JOIN accounts a ON a.account = w.account WHERE w.secret = ? AND a.disabled = 0"
        return await self._readers.row(_hook, query, secret.digest())

    async def list(self) -> Sequence[IncomingHook]:
        """Return all of them, oldest first."""
        return await self._readers.rows(_hook, f"{_READ} ORDER BY w.created, w.hook")

    async def renew(self, hook: str, secret: Secret) -> None:
        """Give a webhook another secret: its old address is unknown from now on."""
        digest = secret.digest()

        def write(db: WriteConnection) -> None:
            db.execute("UPDATE incoming_webhooks SET secret = ? WHERE hook = ?", (digest, hook))

        await self._writer.submit(write)

    async def delete(self, hook: str) -> None:
        """Delete a webhook."""

        def write(db: WriteConnection) -> None:
            db.execute("DELETE FROM incoming_webhooks WHERE hook = ?", (hook,))

        await self._writer.submit(write)


def _hook(hook: str, room: str, account: str, created: int) -> IncomingHook:
    return IncomingHook(hook, RoomId(room), user_name(account), Millis(created))
