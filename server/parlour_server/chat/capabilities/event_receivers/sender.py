"""Sends events of rooms to the receivers that the operator allows: signed, one at a time for each of them.

It looks at the logs once a second, so a message never waits for it. A receiver that hangs, refuses or floods
holds up its own events only; what fails is tried again, later each time, and then given up.
"""

import asyncio
import secrets
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from parlour_protocol.kit.ids import Millis
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.event_receivers.events import payload, signed
from parlour_server.chat.capabilities.event_receivers.queue import DueEvent, EventQueue, Receiver
from parlour_server.chat.capabilities.event_receivers.settings import ReceiverSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.addresses import Networks
from parlour_server.core.config.server_settings import section
from parlour_server.core.errors import UnavailableError
from parlour_server.core.outgoing import AddressRefusedError, Url, exchange

EVERY_SECONDS: Final = 1.0
SECONDS: Final = 10.0
"""For one attempt."""
WAITS: Final = (5, 60, 300, 1_800, 7_200, 21_600, 43_200)
"""Seconds before each further attempt, and up to a fifth more, so that not all come at once."""
_GONE: Final = 410


class EventSender:
    """Sends what all receivers are to get."""

    def __init__(self, parts: Parts[Any, ChatStore]) -> None:
        self._parts = parts
        self._queue = EventQueue(parts.store)
        self._known: Sequence[Receiver] = ()
        self._busy: set[str] = set()
        self._context: ssl.SSLContext | None = None

    async def refresh(self) -> None:
        """Read again which receivers there are."""
        self._known = await self._queue.list()
        if self._known and self._context is None:
            self._context = await asyncio.to_thread(ssl.create_default_context)

    async def run(self) -> None:
        """Look regularly, until cancelled."""
        while True:
            if self._known:
                with suppress(UnavailableError):  # the log has it all: look again
                    await self.look()
            await self._parts.clock.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Queue new events, and start sending what is due. Raises UnavailableError."""
        now = self._parts.steady.now()
        heads = await self._parts.store.log.heads({to.room for to in self._known})
        for to in await self._queue.list():
            if heads.get(to.room, 0) > to.seq:
                await self._queue.queue(to, now)
        due = await self._queue.due(now)
        for to in self._known:
            if to.id in due and to.id not in self._busy:
                self._busy.add(to.id)
                self._parts.background.start("sending to a receiver", self._send_all(to), lambda: None)

    async def _send_all(self, to: Receiver) -> None:
        try:
            with suppress(UnavailableError):  # what was claimed is due again after a while
                while (delivery := await self._queue.claim(to, self._parts.steady.now())) is not None:
                    await self._send(to, delivery)
        finally:
            self._busy.discard(to.id)

    async def _send(self, to: Receiver, delivery: DueEvent) -> None:
        if delivery.event is None:
            await self._queue.end(to, delivery.seq)
            return
        body = payload(delivery.event, delivery.room_name)
        status, problem = await self._attempt(to, f"{to.id}_{delivery.seq}", body)
        if not problem:
            await self._queue.end(to, delivery.seq)
            return
        now, due = self._parts.steady.now(), None
        if delivery.attempts <= len(WAITS) and status != _GONE:
            wait = WAITS[delivery.attempts - 1] * 1000
            due = Millis(now + wait + secrets.randbelow(wait // 5))
        await self._queue.fail(to, delivery.seq, problem, now, due)

    async def _attempt(self, to: Receiver, message: str, body: bytes) -> tuple[int, str]:
        """Return the status of the answer, if there is one, and what went wrong, in words without secrets."""
        settings, url = section(self._parts.settings, ReceiverSettings), Url.parse(to.url)
        if url.origin not in settings.servers or self._context is None:
            return 0, "receivers.servers does not name it"
        headers = signed(message, self._parts.clock.now() // 1000, body, to.secret)
        private = Networks("receivers.networks", settings.networks)
        try:
            async with asyncio.timeout(SECONDS):
                status, _ = await exchange("POST", url, headers, body, context=self._context, private=private)
        except TimeoutError:
            return 0, f"no answer within {SECONDS:.0f} seconds"
        except AddressRefusedError as error:
            return 0, str(error)
        except (OSError, ValueError) as error:
            return 0, f"no answer ({type(error).__name__})"
        is_taken = 200 <= status < 300  # noqa: PLR2004 - HTTP: a success; a redirect is none
        return status, "" if is_taken else f"status {status}"
