"""Removes messages that are older than their room keeps them, at the start and every ten minutes.

It goes by a clock that was seen to run regularly: after a jump ahead, or a long stop, nothing expires for a
day (docs/reference/growth.md). It never raises; after a failure it tries again.
"""

import asyncio
from enum import StrEnum
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_server.chat.capabilities.message_retention.settings import KeepSettings
from parlour_server.chat.capabilities.message_retention.store import RetentionStore
from parlour_server.chat.hooks import ChatHooks
from parlour_server.core.audit import Audit
from parlour_server.core.clock import DAY_MILLIS, Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import warn
from parlour_server.core.store.engine.trusted_clock import TrustedClock

EVERY_SECONDS: Final = 600.0
_PAUSE_SECONDS: Final = 0.02
"""Between two batches, so that other writes come first."""


class ExpiryEvent(StrEnum):
    """The audit events of retention."""

    MESSAGES_EXPIRED = "messages_expired"


async def expire_now(store: RetentionStore, settings: KeepSettings, clock: Clock) -> int:
    """Remove everything that is due; returns how many rooms lost something. Raises UnavailableError."""
    return await _remove(store, (await _look(store, settings, clock.now())).trusted)


async def _look(store: RetentionStore, settings: KeepSettings, now: Millis) -> TrustedClock:
    """Apply the server's setting, and return the clock that messages expire by."""
    clock = await store.look_at_clock(now)
    await store.set_for_server(settings.keep_days or None, now, settings.notice_days * DAY_MILLIS)
    return clock


async def _remove(store: RetentionStore, now: Millis) -> int:
    """Remove what is due at a time that can be trusted; returns how many rooms lost something."""
    rooms = await store.due(now)
    for room in rooms:
        looked = await store.expire(room, now)
        while looked:
            await asyncio.sleep(_PAUSE_SECONDS)
            looked = await store.expire(room, now)
    return len(rooms)


class MessageExpiry:
    """Removes old messages from the rooms."""

    def __init__(
        self, store: RetentionStore, settings: KeepSettings, hooks: ChatHooks, clock: Clock, audit: Audit
    ) -> None:
        self._store = store
        self._settings = settings
        self._hooks = hooks
        self._clock = clock
        self._audit = audit
        self._held = False

    async def run(self) -> None:
        """Remove what is due regularly, until cancelled."""
        while True:
            try:
                await self.sweep()
            except UnavailableError:
                warn("messages_not_removed", consequence="old messages stay until the next attempt")
            await asyncio.sleep(EVERY_SECONDS)

    async def sweep(self) -> int:
        """Remove everything that is due; returns how many rooms lost something. Raises UnavailableError."""
        now = self._clock.now()
        clock = await _look(self._store, self._settings, now)
        if clock.is_held and not self._held:
            warn(
                "retention_held",
                ahead_hours=(now - clock.trusted) // 3_600_000,
                consequence="no message expires until the clock has run on for a day",
                do="check the clock if the server was not stopped for so long",
            )
        self._held = clock.is_held
        rooms = await _remove(self._store, clock.trusted)
        if rooms:
            self._audit.record(ExpiryEvent.MESSAGES_EXPIRED, rooms=rooms)
            for removed in self._hooks.content_removed:
                removed()
        return rooms
