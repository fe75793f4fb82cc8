"""The Textual app: puts the client, the screens, the third wall and the crash path together.

It never puts peer text into a title, a notification or a link, and it never opens an address. ``ui.run``
makes it; whoever gives it a client gives it an unstarted one, and the app starts and stops it, also when the
person switches to another account.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import Event, Key, Paste
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import Worker

from parlour_client.core.errors import ParlourClientError
from parlour_client.core.interface import ChatClient
from parlour_client.core.settings import Settings, kept_seconds
from parlour_client.ui.account_switcher import Accounts, Doors
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.errands import Errands
from parlour_client.ui.input.jump import Jumping
from parlour_client.ui.input.vim import VimKeys
from parlour_client.ui.locking import Locking
from parlour_client.ui.notifications import Newsboy, run_program
from parlour_client.ui.palette import Everything, Palette
from parlour_client.ui.terminal.bidi import TextDirection
from parlour_client.ui.terminal.crash import QuietCrash
from parlour_client.ui.terminal.guard import TerminalGuard
from parlour_client.ui.terminal.hangup import Hangup
from parlour_client.ui.theming import LOOK_EVERY, Dressed
from parlour_protocol.ids import RoomId

_NOT_OFFERED = {"Screenshot", "Maximize", "Minimize"}  # a screenshot is a file outside the walls


class ParlourApp(Locking, Jumping, VimKeys, Errands, Dressed, TextDirection, QuietCrash):
    """Parlour in a terminal."""

    TITLE = "Parlour"
    CSS_PATH = ["chat/chat.tcss", "dialogs/dialogs.tcss"]  # noqa: RUF012 - Textual's declaration
    COMMANDS = {*QuietCrash.COMMANDS, lambda: Everything}  # noqa: RUF012 - the same
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", priority=True, id="app.quit"),
        Binding("f10", "settings", "Settings", show=False, id="app.settings"),
    ]

    def __init__(
        self,
        client: ChatClient | None = None,
        *,
        doors: Doors | None = None,
        tour: Sequence[str] = (),
        folder: Path | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        """Take a client, or the doors through which one comes; and the home folder with the settings."""
        # with NO_COLOR in the terminal's own colours, so that not even greys are sent
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._guard = TerminalGuard()
        self._doors, self._tour = doors, tour
        self.client, self.folder, self.accounts = client, folder, accounts
        self.problem: ParlourClientError | None = None
        """Why the client could not be opened."""
        self._newsboy = Newsboy(self)  # pyright: ignore[reportArgumentType] - it sees descriptors
        self._chat_screen: ChatScreen | None = None
        self._hangup = Hangup(self._save_draft, self.exit, draws=lambda: self._driver)
        self._leaving: asyncio.Future[None] | None = None

    def get_driver_class(self) -> type[Driver]:
        """Draw through what can lose its terminal."""
        found = super().get_driver_class()
        if sys.platform == "win32":
            return found
        from textual.drivers.linux_driver import LinuxDriver  # noqa: PLC0415 - not on Windows

        from parlour_client.ui.terminal.driver import Outlet  # noqa: PLC0415 - the same

        return Outlet if found is LinuxDriver else found

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Put the third wall behind everything else."""
        return [*super().get_line_filters(), self._guard]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what is of use here."""
        yield from (one for one in super().get_system_commands(screen) if one.title not in _NOT_OFFERED)

    def action_command_palette(self) -> None:
        """Show the palette."""
        if not isinstance(self.screen, Palette):
            _ = self.push_screen(Palette(id="--command-palette"))

    async def on_event(self, event: Event) -> None:
        """Let what is typed go to the composer where it is no command."""
        if isinstance(event, Key | Paste) and not event.is_forwarded and isinstance(self.screen, ChatScreen):
            self.screen.give_to_composer(event)
        await super().on_event(event)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Open nothing: a chat has no links."""

    def on_load(self) -> None:
        """Listen for what ends the process, before the terminal is taken."""
        self._hangup.install()

    async def on_mount(self) -> None:
        """Show the chat, or the welcome where there is no account yet."""
        self.dress()
        self.set_interval(LOOK_EVERY, self.look_at_themes)
        self.begin_to_watch()
        if self.client is None and self._doors is None:
            self.exit()
        else:
            await self.enter(self.client or self._doors)

    async def enter(self, inside: ChatClient | Doors | None) -> None:
        """Show what was opened: the chat, or the welcome."""
        if isinstance(inside, Doors):
            from parlour_client.ui.welcome import WelcomeScreen  # noqa: PLC0415 - seldom needed, costs start-up time

            _ = self.push_screen(WelcomeScreen(inside), self._came_in)
        elif inside is not None:
            self._begin(inside)

    async def _came_in(self, client: ChatClient | None) -> None:
        if client is None:
            self.exit()
        else:
            self._begin(client)

    @work(exclusive=True, group="start")  # a start that takes its time must not keep the person in
    async def _begin(self, client: ChatClient) -> None:
        self.client = client
        try:
            await client.start()
        except ParlourClientError as error:
            self.problem = error
            self.exit(return_code=1)
            return
        client.keep(kept_seconds(self.settings))
        self._newsboy.follow(client)
        self._chat_screen = chat = ChatScreen(client, self._tour)
        self.watch(chat, "focused", self.show_mode, init=False)
        _ = self.push_screen(chat)

    def watch_settings(self, settings: Settings) -> None:
        """Put changed settings on; a shorter time to keep messages holds at once."""
        super().watch_settings(settings)
        if self.client is not None and self._chat_screen is not None:
            self.client.keep(kept_seconds(settings))

    async def leave_client(self) -> None:
        """Save the draft and stop the client; what is queued stays queued on disk.

        Whoever is cancelled meanwhile leaves it to the next caller to wait for the end.
        """
        self._newsboy.forget()
        self.workers.cancel_group(self, "start")
        client, self.client = self.client, None
        chat, self._chat_screen = self._chat_screen, None
        if client is not None:
            self._leaving = asyncio.ensure_future(_left(client, chat))
        if self._leaving is not None:
            await asyncio.shield(self._leaving)

    async def on_unmount(self) -> None:
        """Stop the client."""
        await self.leave_client()
        self._hangup.remove()

    async def _save_draft(self) -> None:
        if self._chat_screen is not None:
            await self._chat_screen.drafts.save()

    # --- for the newsboy

    def open_room_id(self) -> RoomId | None:
        """Return the room that the person sees; none while a page lies over it."""
        return self.screen.current if isinstance(self.screen, ChatScreen) else None

    def to_terminal(self, data: str) -> None:
        """Write a sequence made of constants of ours alone."""
        if self._driver is not None and not self.away:
            self._driver.write(data)

    def in_background(self, program: tuple[str, ...]) -> None:
        """Run a program that nobody waits for."""
        _: Worker[None] = self.run_worker(partial(run_program, program), group="notification", exclusive=True)

    def action_settings(self, key: str = "") -> None:
        """Show the settings, at one of them."""
        from parlour_client.ui.dialogs.settings import SettingsScreen  # noqa: PLC0415 - seldom needed

        if not isinstance(self.screen, SettingsScreen):
            _ = self.push_screen(SettingsScreen(self.wrong_settings(), key))


async def _left(client: ChatClient, chat: ChatScreen | None) -> None:
    if chat is not None:  # also when it is gone already: a draft must outlive its screen
        await chat.drafts.leave(chat.composer.text)
    await client.stop()
