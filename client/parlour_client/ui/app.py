"""The Textual app: makes the parts of the interface and puts them together.

It never puts text of others into a title, a notification or a link. ``ui.run`` makes it and passes it an
unstarted client; the app starts and stops it, also when the person switches to another account.
"""

import asyncio
import inspect
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Event, InputEvent, Key, Paste
from textual.worker import Worker, WorkerError

from parlour_client.core.client import Client
from parlour_client.core.settings import FILE, Settings, kept_seconds
from parlour_client.kit.account.entrance import Entrance
from parlour_client.kit.clock import since_boot
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.terminal.bidi import TextDirection
from parlour_client.ui.account_switcher import Accounts, AccountSwitcher, OpenedAccount
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.screen import ChatScreen, with_extras
from parlour_client.ui.input.early_text import EarlyText
from parlour_client.ui.input.editor import command_of, edit_file
from parlour_client.ui.notifications import Notifier, run_program
from parlour_client.ui.palette import Choice, Palette, everything
from parlour_client.ui.registry import REGISTRY
from parlour_client.ui.theming import LOOK_EVERY, Theming
from parlour_client.ui.toasts import Toast, toast
from parlour_protocol.ids import RoomId
from parlour_protocol.invite_link import ChatInviteLink


class ParlourApp(SettingsApp):
    """Parlour in a terminal."""

    TITLE = "Parlour"
    program = "Parlour"
    after_crash = N_("What you sent is kept.")
    CSS_PATH = ["chat/chat.tcss", "dialogs/dialogs.tcss"]  # noqa: RUF012 - Textual's declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f10", "settings", N_("Settings"), show=False, id="app.settings"),
    ]

    def __init__(
        self,
        client: Client | None = None,
        *,
        entrance: Entrance[ChatInviteLink, Client] | None = None,
        demo: bool = False,
        folder: Path | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        """``client`` or ``entrance`` is what to open, ``folder`` the home with the settings.

        With ``demo`` someone sees it for the first time.
        """
        super().__init__(folder)
        self.client = client
        self._entrance, self._demo = entrance, demo
        self.problem: ParlourClientError | None = None
        """Why the client could not be opened."""
        self.chose_demo = False
        """Whether the person left the welcome screen for the demo."""
        self.last_input = since_boot()
        """When the person typed or clicked last."""
        self._chat: ChatScreen | None = None
        self._leaving: asyncio.Future[None] | None = None
        self._early: EarlyText | None = None
        self.theming = Theming(self)
        self.accounts = AccountSwitcher(self, accounts, switch=self._switch, refuse=self._refuse)
        self._direction = TextDirection(self.to_terminal)
        self._notifier = Notifier(
            settings=lambda: self.settings,
            sees=self._sees,
            is_away=lambda: self.away,
            ring=self.bell,
            write=self.to_terminal,
            run=self._in_background,
        )

    # --- Textual's methods

    def action_command_palette(self) -> None:
        """Show the palette."""
        if isinstance(self.screen, Palette):
            return

        def answered(chosen: Choice | None) -> None:
            if chosen is not None:
                done = chosen.do()
                if inspect.isawaitable(done):
                    self.call_next(lambda: done)

        chat = self.screen if isinstance(self.screen, ChatScreen) else None
        _done = self.push_screen(Palette(list(everything(self, chat))), answered)

    async def on_event(self, event: Event) -> None:
        """Remember when the person was there last."""
        if isinstance(event, InputEvent | Paste):
            self.last_input = since_boot()
        await super().on_event(event)

    async def hand_over(self, event: Key | Paste) -> None:
        """Send typed text to the composer unless it is a command."""
        if self._early is not None and self._early.add(event):
            return
        if isinstance(self.screen, ChatScreen):
            if isinstance(event, Key):
                meant = self._meant(event, self.screen)
                if meant is None:
                    return
                event = meant
                if event.key.startswith("alt+"):  # a terminal that sends Esc for Alt gives the letter too
                    event.character = None
            self.screen.give_to_composer(event)
        await super().hand_over(event)

    def _meant(self, event: Key, chat: ChatScreen) -> Key | None:
        """Return the key that the layers of keys make of one; None: they acted on it."""
        for layer in REGISTRY.layers:
            if layer.is_on(self.settings):
                meant = layer.read(chat, event)
                if meant is None:
                    return None
                event = meant
        return event

    def takes_turns(self, event: Key | Paste) -> bool:
        """Let the next key wait for one that may move the focus, or open a dialog or another room."""
        return isinstance(self.screen, ChatScreen) and self.screen.moves_on(event)

    def bell(self) -> None:
        """Ring, unless the person wants no bell or another program has the terminal."""
        if self.settings.bell and not self.away:
            super().bell()

    # --- start and end

    async def on_mount(self) -> None:
        """Show the chat, or the welcome screen if there is no account yet."""
        self.theming.load()
        if REGISTRY.themes:
            self.set_interval(LOOK_EVERY, self.theming.look)
        for started in REGISTRY.app_started:
            started(self)
        self.watch(self, "settings", self._follow_terminal)
        inside = self.client or self._entrance
        if inside is None:
            self.exit()
        else:
            await self.enter(inside)

    async def on_unmount(self) -> None:
        """Stop the client, and restore the terminal."""
        self._direction.leave()
        await self._leave_client()

    async def enter(self, inside: Client | Entrance[ChatInviteLink, Client]) -> None:
        """Show what was opened: the chat, or the welcome screen."""
        if isinstance(inside, Entrance):
            from parlour_client.ui.welcome import welcome_screen  # noqa: PLC0415 - seldom needed, costs start-up time

            _done = self.push_screen(welcome_screen(inside, self._leave_for_demo), self._came_in)
        else:
            self._begin(inside)

    def _leave_for_demo(self) -> None:
        self.chose_demo = True
        self.exit()

    async def _came_in(self, client: Client | None) -> None:
        if client is None:
            self.exit()
        else:
            self._begin(client)

    def _begin(self, client: Client) -> None:
        self._early = EarlyText()
        self._open_chat(client, self._early)

    @work(exclusive=True, group="start")  # a slow start must not keep the person from leaving
    async def _open_chat(self, client: Client, early: EarlyText) -> None:
        self.client = client
        shown = asyncio.Event()
        try:
            await client.start(connect_after=shown)
        except ParlourClientError as error:
            self.problem = error
            self.exit(return_code=1)
            return
        client.history.keep(kept_seconds(self.settings))
        self._notifier.follow(client)
        self._chat = chat = with_extras()(client, self.lend_terminal)
        try:
            await self.push_screen(chat)
            for opened in (*REGISTRY.chat_opened, *(REGISTRY.demo_opened if self._demo else ())):
                opened(chat)
            self._early = None
            if early.text:
                chat.pane.composer.insert(early.text.rstrip("\n"))
            await self.workers.wait_for_complete(
                [worker for worker in self.workers if worker.group == "open"]
            )
        except WorkerError:  # what went wrong is shown; or another room is being opened
            pass
        finally:
            _done = self.call_after_refresh(shown.set)

    async def _leave_client(self) -> None:
        """Save the draft and stop the client; queued messages stay on disk.

        If a call is cancelled, the next one waits for the end.
        """
        self._notifier.forget()
        self.workers.cancel_group(self, "start")
        client, self.client = self.client, None
        chat, self._chat = self._chat, None
        if client is not None:
            self._leaving = asyncio.ensure_future(_stop(client, chat))
        if self._leaving is not None:
            await asyncio.shield(self._leaving)

    async def close_client(self) -> None:
        """Stop the client and remove its screens."""
        await self._leave_client()
        while len(self.screen_stack) > 1:
            _done = await self.pop_screen()

    async def _switch(self, opened: OpenedAccount) -> None:
        await self.close_client()
        self.folder = opened.folder
        self.theming.load()
        await self.enter(opened.inside)

    def _refuse(self, words: Content) -> None:
        if self._chat is not None:
            self._chat.pane.hint.refuse(words)

    async def save_before_end(self) -> None:
        """Save the draft, and how far was read."""
        if self._chat is not None:
            for pane in self._chat.panes.all:
                await pane.composing.drafts.save()
                await pane.history.finish()

    # --- settings

    def watch_settings(self, settings: Settings) -> None:
        """Apply changed settings; a shorter time to keep messages applies at once."""
        if self.is_running:
            self.theming.apply(settings)
        if self.client is not None and self._chat is not None:
            self.client.history.keep(kept_seconds(settings))

    def watch_theme(self, theme: str) -> None:
        """Save a theme that was chosen in the palette."""
        self.theming.theme_changed(theme)

    def _follow_terminal(self, settings: Settings) -> None:
        self._direction.follow(settings.bidi)
        self.refresh(layout=True)

    # --- the terminal

    def _sees(self, room: RoomId) -> bool:
        """Say whether the person looks at a room: no page covers it, and the terminal has the focus."""
        return self.app_focus and isinstance(self.screen, ChatScreen) and self.screen.panes.show(room)

    def _in_background(self, program: tuple[str, ...]) -> None:
        """Start a program without waiting for it."""
        _worker: Worker[None] = self.run_worker(
            partial(run_program, program), group="notification", exclusive=True
        )

    # --- actions

    def other_accounts(self) -> Sequence[str]:
        """Return the names of accounts to switch to."""
        return self.accounts.others

    def action_account(self, name: str = "") -> None:
        """Switch to another account, or let the person choose one."""
        self.accounts.choose(name)

    def action_settings(self, key: str = "") -> None:
        """Show the settings, at one of them."""
        from parlour_client.ui.dialogs.settings import SettingsScreen  # noqa: PLC0415 - seldom needed

        if not isinstance(self.screen, SettingsScreen):
            _done = self.push_screen(SettingsScreen(self.theming.problems(), key))

    async def action_settings_file(self) -> None:
        """Open the settings file in the person's own editor, and apply what was saved. Raises SetupError."""
        if self.folder is None:
            raise SetupError(_("There is no settings file: settings last until Parlour ends."))
        command = command_of(self.settings.editor, os.environ)
        try:
            with self.lend_terminal():
                await edit_file(command, self.folder / FILE)
        except SuspendNotSupported:
            toast(self, Toast.NO_EDITOR)
        self.settings = self.read_settings()
        if self.theming.problems():
            self.action_settings()

    def action_editor(self) -> None:
        """Continue writing in the person's own editor."""
        if isinstance(self.screen, ChatScreen):
            self.screen.action_editor()


async def _stop(client: Client, chat: ChatScreen | None) -> None:
    if chat is not None:  # even if it is closed already: a draft must outlive its screen
        for pane in chat.panes.all:
            await pane.composing.drafts.leave(pane.composer.text)
            await pane.history.finish()
    await client.stop()
