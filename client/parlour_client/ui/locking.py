"""Locking: the client is stopped and its keys are dropped, until the passphrase is typed again.

Started by `/lock`, or after a time without a key press that is a setting. Nothing of the chat stays on the
screen and there is no connection meanwhile: queued messages wait on the disk. Without a passphrase nothing is
locked, and a toast says so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.safe import SafeStatic, error_content, own
from parlour_client.ui.account_switcher import AccountSwitcher, OpenedAccount
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.toasts import Toast, toast
from parlour_protocol.kit.secret import Secret

LOOK_EVERY: Final = 5.0
"""Seconds between two checks whether the person is still there."""
MINUTES: Final = {"off": None, "5m": 5, "15m": 15, "30m": 30, "1h": 60}


def since_boot() -> float:
    """Return seconds that include the machine's sleep, if the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()


class LockScreen(Screen[None]):
    """The only screen while it is locked."""

    def __init__(self, unlock: Callable[[Secret], None]) -> None:
        super().__init__()
        self._unlock = unlock
        self._dropped: asyncio.Event | None = None

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(own(_("Locked"), "bold"))
            yield SafeStatic(own(_("Parlour is locked and disconnected.")), id="said")
            yield Field(password=True, compact=True)
            yield SafeStatic(own(_("Type your passphrase · enter: unlock · Ctrl+Q: quit"), "dim"))

    def refuse(self, words: Content) -> None:
        """Show why it stays locked."""
        self.query_one("#said", SafeStatic).update(words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try the passphrase."""
        typed, event.input.value = event.value, ""
        if self._dropped is not None:
            self._dropped.set()
        elif typed:
            self._unlock(Secret(typed))

    async def let_in(self) -> None:
        """Wait while someone types the passphrase again: the rest of it would be a message."""
        if self.query_one(Field).value:
            self._dropped = asyncio.Event()
            self.query_one("#said", SafeStatic).show(own(_("Unlocked. Press Enter.")))
            await self._dropped.wait()


class Lock:
    """Locks one app, and opens it again."""

    def __init__(
        self,
        app: SettingsApp,
        accounts: AccountSwitcher,
        *,
        is_open: Callable[[], bool],
        close: Callable[[], Awaitable[None]],
        enter: Callable[[OpenedAccount], Awaitable[None]],
    ) -> None:
        """``close`` stops the client, if ``is_open``, and removes its screens."""
        self._app, self._accounts = app, accounts
        self._is_open, self._close, self._enter = is_open, close, enter
        self._last_key = 0.0

    def start(self) -> None:
        """Lock when no one has been there for a while."""
        self.key_pressed()
        self._app.set_interval(LOOK_EVERY, self.lock_if_left)

    def key_pressed(self) -> None:
        """Note that the person is there."""
        self._last_key = since_boot()

    def lock_if_left(self) -> None:
        """Lock if no key was pressed for as long as the settings say."""
        minutes = MINUTES[self._app.settings.lock_after]
        if minutes is not None and since_boot() - self._last_key >= minutes * 60 and self._can_lock:
            self._start(self._lock)

    def lock(self) -> None:
        """Lock now."""
        if self._can_lock:
            self._start(self._lock)
        elif self._is_open():
            toast(self._app, Toast.NOTHING_TO_LOCK_WITH)

    @property
    def _can_lock(self) -> bool:
        return self._is_open() and not self._app.away and self._accounts.needs_passphrase

    def _start(self, what: Callable[[], Awaitable[None]]) -> None:
        _done = self._app.run_worker(what(), group="account", exclusive=True)

    async def _lock(self) -> None:
        await self._close()
        self._app.clear_notifications()
        _done = self._app.push_screen(LockScreen(self._unlock_soon))

    def _unlock_soon(self, passphrase: Secret) -> None:
        self._start(lambda: self._unlock(passphrase))

    async def _unlock(self, passphrase: Secret) -> None:
        """Unlock if the passphrase is right; else the screen says why not."""
        locked = self._app.screen
        if not isinstance(locked, LockScreen):
            return
        try:
            opened = await self._accounts.open_again(passphrase)
        except ParlourClientError as error:
            locked.refuse(error_content(error))
            return
        if opened is not None:
            await locked.let_in()
            _done = await self._app.pop_screen()
            self.key_pressed()
            await self._enter(opened)
