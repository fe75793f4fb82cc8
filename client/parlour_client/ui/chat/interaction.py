"""How the parts of the chat screen run an action, report the result, and ask for confirmation.

``run`` is the one place where a refusal by the server, a bad name or a text over a limit becomes a sentence
for the person; nothing else catches those errors. ``lead`` is the one way to a page, a dialog or another
room: if the person has done anything else since they asked for it, it is offered instead.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from textual.content import Content
from textual.css.query import NoMatches
from textual.dom import NoScreen
from textual.events import Key, Paste
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker

from parlour_client.core.setting import Value
from parlour_client.core.settings import Settings
from parlour_client.kit.answers import Yes
from parlour_client.kit.clipboard import copy_with, find_clipboard_program
from parlour_client.kit.errors import ParlourClientError, SessionEndedError, SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.questions import ConfirmScreen
from parlour_client.kit.widgets.safe import error_content, join, own, peer_line
from parlour_client.ui.app_settings import SettingsApp, settings_of
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.hint_line import HintLine
from parlour_client.ui.chat.initiative import NOBODY, comes_late, may_move, on_behalf_of, turn_of
from parlour_client.ui.dialogs.page import Page
from parlour_client.ui.dialogs.terminal_copy import TerminalCopyAnswer, TerminalCopyScreen
from parlour_client.ui.input.keymap import written
from parlour_client.ui.toasts import Toast, toast
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.text import SafeText

Answer = TypeVar("Answer")
REFUSALS: Final = (ParlourClientError, ParlourProtocolError, ValueError)
"""Errors of a command that are shown as a sentence."""
NO_ROOM: Final = N_("No room is open. /rooms lists the public ones.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A result that came too late to be shown by itself."""

    words: Content
    take: Callable[[], None]
    is_room: bool
    """Text typed meanwhile is meant for it, and goes there with the person."""
    stays: bool
    """The person did not ask for it, so it is there until they take it up or it is withdrawn."""


class Interaction:
    """One pane of the screen and its hint line."""

    def __init__(self, pane: Widget, hint: HintLine) -> None:
        self._pane = pane
        self._hint = hint
        self.offer: Offer | None = None
        """The offer that waits for a key of the person."""

    # --- what may move the focus

    def lead(
        self,
        there: Callable[[], None],
        words: Content | None = None,
        *,
        room: Callable[[], None] | None = None,
    ) -> bool:
        """Go where the person asked to, or offer it if they have done anything since; says whether it went.

        ``words`` name what is offered; ``room`` goes later to what is a room.
        """
        app = self._pane.app
        if may_move(app):
            before = app.screen
            there()
            if app.screen is not before and isinstance(app, SafeApp) and comes_late(app):
                app.keys.guard(app.screen, self._write_on)
            return True
        words = words or own(_("What you asked for is there"))
        stays = turn_of(self._pane.app) == NOBODY
        self._set_offer(Offer(words, room or there, is_room=room is not None, stays=stays))
        return False

    def _write_on(self, event: Key | Paste) -> None:
        """Write a letter that came while a dialog appeared: it was meant for the text.

        Where the dialog asks for a secret, it may have been meant for that, and is dropped.
        """
        asks_secret = any(field.password for field in self._pane.app.screen.query(Input))
        if isinstance(event, Key) and event.is_printable and event.character is not None and not asks_secret:
            for composer in self._pane.query(Composer):
                composer.insert(event.character)

    @property
    def is_asked_last(self) -> bool:
        """Whether the person has done nothing since they asked for what is running."""
        return may_move(self._pane.app)

    def offer_page(self, words: Content) -> None:
        """Offer a notice that the screen has no room for, as a page."""

        def show() -> None:
            _done = self._pane.app.push_screen(Page(own(_("Notice")), words))

        self._set_offer(Offer(own(_("A long message")), show, is_room=False, stays=False))

    def accept_offer(self) -> None:
        """Go there now: a key says so."""
        offer = self.offer
        if offer is not None:
            self._set_offer(None)
            offer.take()

    def drop_offer(self) -> None:
        """Stay here."""
        if self.offer is not None and not self.offer.stays:
            self._set_offer(None)

    def withdraw(self, there: Callable[[], None]) -> None:
        """Offer this no longer."""
        if self.offer is not None and self.offer.take == there:
            self._set_offer(None)

    def _set_offer(self, offer: Offer | None) -> None:
        self.offer = offer
        key = written(self._pane, "chat.take_offer", "alt+g")
        go = own(_(" ({key}: go there)").format(key=key), "dim")
        self._hint.offer(None if offer is None else join(offer.words, go))

    # --- running and showing

    def run(self, what: Callable[[], Awaitable[Any]], *, group: str = "ask") -> Worker[None]:
        """Run something in the background; show the person why it was refused."""

        async def shown() -> None:
            try:
                await what()
            except SessionEndedError as error:  # its hint is a command of the shell
                self._hint.refuse(join(peer_line(str(error)), own(_(" /login logs in again."), "dim")))
            except REFUSALS as error:
                self._hint.refuse(error_content(error))

        return self._work(shown, group=group)

    def replace(self, what: Callable[[], Coroutine[None, None, None]], *, group: str) -> None:
        """Run something in the background in place of the previous one in its group."""
        # the function, not its coroutine: a worker that is cancelled at once leaves none behind
        _done = self._work(what, group=group, exclusive=True)

    def _work(
        self, what: Callable[[], Coroutine[None, None, None]], *, group: str, exclusive: bool = False
    ) -> Worker[None]:
        turn = turn_of(self._pane.app)

        async def until_closed() -> None:
            try:
                with on_behalf_of(turn):
                    await what()
            except (NoScreen, NoMatches):
                # Closing takes the widgets away before it cancels the workers: quitting must not crash.
                if self._hint.is_attached:
                    raise

        return self._pane.run_worker(until_closed, group=group, exclusive=exclusive)

    def push(self, screen: Screen[Answer], answered: Callable[[Answer | None], None] | None = None) -> None:
        """Show a dialog or a page over the screen; ``answered`` gets its result."""

        def show() -> None:
            _done = self._pane.app.push_screen(screen, answered)

        _led = self.lead(show)

    def confirm(self, question: Content, yes: Yes, do: Callable[[], Awaitable[Any]]) -> None:
        """Ask first, and run it if the person says yes."""

        def answer(agreed: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if agreed:
                self.run(do)

        self.push(ConfirmScreen(question, yes), answer)

    def refuse(self, words: str) -> None:
        """Show, in our words, that something was not done."""
        self._hint.refuse(own(words))

    def attend(self, content: Content) -> None:
        """Show something that the person should look at, and did not do."""
        self._hint.refuse(content)

    def say(self, words: str) -> None:
        """Show, in our words, that something was done."""
        self._hint.say(own(words))

    def report(self, content: Content) -> None:
        """Show that something was done."""
        self._hint.say(content)

    def toast(self, what: Toast) -> None:
        """Show one of our sentences for a few seconds."""
        toast(self._pane.app, what)

    def copy(self, text: SafeText, start: int = 0, end: int | None = None) -> None:
        """Copy displayed text, or a part of it, never the raw one: pasting it must have no other effect."""
        self.copy_lines(text.plain[start:end])

    def copy_lines(self, shown: str) -> None:
        """Copy what was made of displayed text."""
        self.run(lambda: self._copy(shown), group="copy")

    async def _copy(self, shown: str) -> None:
        """Copy with a program, or with the terminal once the person agreed. Raises SetupError."""
        how = self.settings.clipboard
        program = find_clipboard_program() if how != "terminal" else None
        if program is not None:
            await copy_with(program, shown)
            self.toast(Toast.COPIED)
        elif how == "terminal":
            self._let_terminal_copy(shown)
        elif how == "program":
            raise SetupError(
                _("Nothing was copied: there is no clipboard program here."),
                _("Install wl-clipboard, xclip or xsel, or let the terminal copy: clipboard in /settings."),
            )
        else:
            self._ask_to_copy(shown)

    def _ask_to_copy(self, shown: str) -> None:
        def answered(answer: TerminalCopyAnswer | None) -> None:
            if answer is not None:
                self._let_terminal_copy(shown)
            if answer is TerminalCopyAnswer.ALWAYS:
                self.run(self._always_let_terminal_copy)

        self.push(TerminalCopyScreen(), answered)

    async def _always_let_terminal_copy(self) -> None:
        self.set_setting("clipboard", "terminal")

    def _let_terminal_copy(self, shown: str) -> None:
        self._pane.app.copy_to_clipboard(shown)
        self.toast(Toast.COPIED)

    @property
    def settings(self) -> Settings:
        """The current settings."""
        return settings_of(self._pane)

    def set_setting(self, key: str, value: Value) -> None:
        """Change a setting. Raises SetupError."""
        if isinstance(self._pane.app, SettingsApp):
            self._pane.app.set_setting(key, value)

    async def app_action(self, action: str) -> None:
        """Run an action of the app: settings, lock, quit."""
        _done = await self._pane.app.run_action(f"app.{action}")

    @property
    def has_focus(self) -> bool:
        """Whether the person looks at this pane, as far as is known: no page covers it, or another window."""
        pane = self._pane
        return pane.is_attached and pane.display and pane.app.screen is pane.screen and pane.app.app_focus

    @property
    def is_away(self) -> bool:
        """Whether another program has the terminal."""
        return isinstance(self._pane.app, SettingsApp) and self._pane.app.away
