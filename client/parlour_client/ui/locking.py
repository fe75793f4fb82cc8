"""Locking: the client is stopped and its keys are dropped, until the passphrase is typed again.

It comes by `/lock`, or by itself after the time without a key press that the settings say. Nothing of the
chat stays on the screen and there is no connection meanwhile: what is queued waits on the disk. Where no
passphrase was set there is nothing to lock with, which is said. ``ParlourApp`` inherits it.
"""

import time
from typing import Final

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Event, InputEvent, Paste
from textual.screen import Screen
from textual.widgets import Input

from parlour_client.core.errors import ParlourClientError
from parlour_client.core.interface import ChatClient
from parlour_client.ui.chat.base import words_of
from parlour_client.ui.input.key_ordering import Field
from parlour_client.ui.safe import SafeStatic, own
from parlour_client.ui.switch import Switching
from parlour_client.ui.toasts import Notice, notice
from parlour_protocol.secret import Secret

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at whether somebody is still there."""
MINUTES: Final = {"off": None, "5m": 5, "15m": 15, "30m": 30, "1h": 60}


def since_boot() -> float:
    """Return seconds that go on while the machine sleeps, where the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()


class LockScreen(Screen[None]):
    """All that is seen while it is locked."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(own("Locked", "bold"))
            yield SafeStatic(own("Keys and messages are closed, and there is no connection."), id="said")
            yield Field(password=True, compact=True)
            yield SafeStatic(own("enter opens it with your passphrase · ctrl+q quits", "dim"))

    def refuse(self, words: Content) -> None:
        """Say why it stays locked."""
        self.query_one("#said", SafeStatic).update(words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try what was typed."""
        typed, event.input.value = event.value, ""
        if typed and isinstance(self.app, Locking):
            self.app.unlock(Secret(typed))


class Locking(Switching):
    """An app that can be locked."""

    client: ChatClient | None = None
    _last_key = 0.0

    def begin_to_watch(self) -> None:
        """Lock when nobody is there any more."""
        self._last_key = since_boot()
        self.set_interval(LOOK_EVERY, self.lock_if_left)

    async def on_event(self, event: Event) -> None:
        """Note that somebody is there."""
        if isinstance(event, InputEvent | Paste):
            self._last_key = since_boot()
        await super().on_event(event)

    def lock_if_left(self) -> None:
        """Lock if nobody has pressed a key for as long as the settings say."""
        minutes = MINUTES[self.settings.lock_after]
        if minutes is not None and since_boot() - self._last_key >= minutes * 60 and self._can_lock():
            self._lock()

    def action_lock(self) -> None:
        """Lock now."""
        if self._can_lock():
            self._lock()
        elif self.client is not None:
            notice(self, Notice.NOTHING_TO_LOCK_WITH)

    def _can_lock(self) -> bool:
        accounts = self.accounts
        return (
            self.client is not None
            and not self.away
            and accounts is not None
            and accounts.locked(accounts.current)
        )

    @work(exclusive=True, group="account")
    async def _lock(self) -> None:
        await self.leave_client()
        while len(self.screen_stack) > 1:
            _ = await self.pop_screen()
        self.clear_notifications()
        _ = self.push_screen(LockScreen())

    @work(exclusive=True, group="account")
    async def unlock(self, passphrase: Secret) -> None:
        """Go on where the passphrase is right; the screen says why it is not."""
        locked = self.screen
        if self.accounts is None or not isinstance(locked, LockScreen):
            return
        try:
            opened = await self.accounts.open(self.accounts.current, passphrase)
        except ParlourClientError as error:
            locked.refuse(words_of(error))
            return
        _ = await self.pop_screen()
        self._last_key = since_boot()
        await self.enter(opened.inside)
