"""Locking: the client is stopped and its keys are dropped, until the passphrase is typed again.

Started by `/lock`, or after a time without a key press that is a setting. Nothing of the chat stays on the
screen and there is no connection meanwhile: queued messages wait on the disk. Without a passphrase nothing is
locked, and the chat says so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.safe import SafeStatic, error_content, own
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.kit.secret import Secret


class LockScreen(Screen[None]):
    """The only screen while it is locked."""

    CSS = """
    LockScreen { align: center middle; }
    LockScreen .box { width: 70; max-width: 96%; height: auto; padding: 0 1; border: round $primary; }
    LockScreen Input { margin: 1 0; background: $panel; }
    """

    def __init__(self, unlock: Callable[[Secret], None]) -> None:
        super().__init__()
        self._unlock = unlock
        self._dropped: asyncio.Event | None = None

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(own(_("Locked"), "bold"))
            yield SafeStatic(own(_("Parlour is locked and not connected.")), id="said")
            yield Field(password=True, compact=True)
            yield SafeStatic(own(_("Type your passphrase · Enter: unlock · Ctrl+Q: quit"), "dim"))

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
    """Locks an app, and opens it again."""

    def __init__(self, app: ParlourApp) -> None:
        self._app = app

    def lock(self) -> bool:
        """Lock; says whether it can be unlocked again, and so is locked."""
        app = self._app
        can_lock = app.client is not None and not app.away and app.accounts.needs_passphrase
        if can_lock:
            self._start(self._lock)
        return can_lock

    def _start(self, what: Callable[[], Awaitable[None]]) -> None:
        _done = self._app.run_worker(what(), group="account", exclusive=True)

    async def _lock(self) -> None:
        await self._app.close_client()
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
            opened = await self._app.accounts.open_again(passphrase)
        except ParlourClientError as error:
            locked.refuse(error_content(error))
            return
        if opened is not None:
            await locked.let_in()
            _done = await self._app.pop_screen()
            await self._app.enter(opened.inside)


def lock_now(screen: Screen[Any]) -> None:
    """Lock, or say why not."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - it is a command of the chat
    assert isinstance(screen.app, ParlourApp)  # noqa: S101 - whose app this is
    if not Lock(screen.app).lock():
        screen.pane.interaction.refuse(_("Set a passphrase first: parlour passphrase"))
