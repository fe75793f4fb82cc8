"""Switching between accounts: one client is stopped, then another one is started; they are never both open.

A passphrase is asked for masked, and becomes a ``Secret`` at once. What cannot be opened leaves the person
where they were. ``ParlourApp`` inherits it.
"""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from parlour_client.core.errors import ParlourClientError
from parlour_client.core.interface import ChatClient
from parlour_client.ui.account_switcher import Accounts, Doors
from parlour_client.ui.chat.base import ChatParts, words_of
from parlour_client.ui.dialogs.overlay import Veiled
from parlour_client.ui.dialogs.questions import ChooseScreen
from parlour_client.ui.input.key_ordering import Field
from parlour_client.ui.safe import SafeStatic, lines, own, peer_line
from parlour_client.ui.theming import Dressed
from parlour_client.ui.toasts import Notice, notice
from parlour_protocol.secret import Secret


class PassphraseScreen(Veiled, ModalScreen[Secret | None]):
    """Asks for a passphrase, masked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="passphrase.leave"),
    ]

    def __init__(self, account: str) -> None:
        super().__init__(classes="dialog")
        self._account = account

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(lines(own("Passphrase of the account", "bold"), peer_line(self._account)))
            yield Field(password=True, compact=True)
            yield SafeStatic(own("esc leaves · enter opens it", "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leave with it."""
        _ = self.dismiss(Secret(event.value) if event.value else None)

    def action_leave(self) -> None:
        """Leave with nothing."""
        _ = self.dismiss(None)


class Switching(Dressed):
    """An app that can change the account."""

    accounts: Accounts | None = None

    async def leave_client(self) -> None:
        """Stop the client that is open."""
        raise NotImplementedError

    async def enter(self, inside: ChatClient | Doors | None) -> None:
        """Show what was opened."""
        raise NotImplementedError

    def other_accounts(self) -> list[str]:
        """Return the accounts that one can switch to."""
        return [n for n in self.accounts.names() if n != self.accounts.current] if self.accounts else []

    def action_account(self, name: str = "") -> None:
        """Switch to an account, or let the person choose one."""
        others = self.other_accounts()
        if not others:
            notice(self, Notice.ONE_ACCOUNT)
        elif name in others:
            self._ask_for(name)
        elif name:
            notice(self, Notice.NO_SUCH_ACCOUNT)
        else:
            choices = [(one, peer_line(one)) for one in others]
            screen = ChooseScreen(own("Switch to an account", "bold"), choices, "")
            _ = self.push_screen(screen, lambda chosen: self._ask_for(chosen) if chosen else None)

    def _ask_for(self, name: str) -> None:
        if self.accounts is not None and self.accounts.locked(name):

            def answer(passphrase: Secret | None) -> None:
                if passphrase is not None:
                    self._switch(name, passphrase)

            _ = self.push_screen(PassphraseScreen(name), answer)
        else:
            self._switch(name, None)

    @work(exclusive=True, group="account")
    async def _switch(self, name: str, passphrase: Secret | None) -> None:
        chat = self.screen
        if self.accounts is None:
            return
        try:
            opened = await self.accounts.open(name, passphrase)
        except ParlourClientError as error:
            if isinstance(chat, ChatParts):
                chat.hint.refuse(words_of(error))
            return
        await self.leave_client()
        while len(self.screen_stack) > 1:
            _ = await self.pop_screen()
        self.accounts = self.accounts.moved_to(opened.name)
        self.folder = opened.folder
        self.dress()
        await self.enter(opened.inside)
