"""Switches between accounts: one client is stopped, then another is started; they are never both open.

``Accounts`` says how an account is opened. If an account can't be opened, the person stays where they were.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textual.content import Content

from parlour_client.core.client import Client
from parlour_client.kit.account.entrance import Entrance
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import error_content, own, peer_line
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.dialogs.passphrase import PassphraseScreen
from parlour_client.ui.toasts import Toast, toast
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.secret import Secret


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """An account that was opened: its name, its home folder, and a client or a function that makes one."""

    name: str
    folder: Path
    inside: Client | Entrance[ChatInviteLink, Client]


@dataclass(frozen=True, slots=True)
class Accounts:
    """The person's accounts, by name."""

    current: str
    names: Callable[[], Sequence[str]]
    locked: Callable[[str], bool]
    """Whether a passphrase is needed."""
    open: Callable[[str, Secret | None], Awaitable[OpenedAccount]]
    """Opens one; the name of ``current`` opens that one again. Raises ParlourClientError, nothing changed."""


class AccountSwitcher:
    """The accounts of one app."""

    def __init__(
        self,
        app: SettingsApp,
        accounts: Accounts | None,
        *,
        switch: Callable[[OpenedAccount], Awaitable[None]],
        refuse: Callable[[Content], None],
    ) -> None:
        """``switch`` opens another account; ``refuse`` says why one can't be opened."""
        self._app, self._accounts = app, accounts
        self._switch_to, self._refuse = switch, refuse

    @property
    def others(self) -> Sequence[str]:
        """The accounts to switch to."""
        accounts = self._accounts
        return [name for name in accounts.names() if name != accounts.current] if accounts else ()

    @property
    def needs_passphrase(self) -> bool:
        """Whether the open account can be locked."""
        return self._accounts is not None and self._accounts.locked(self._accounts.current)

    async def open_again(self, passphrase: Secret) -> OpenedAccount | None:
        """Open the account that was open. Raises ParlourClientError."""
        accounts = self._accounts
        return await accounts.open(accounts.current, passphrase) if accounts is not None else None

    def choose(self, name: str = "") -> None:
        """Switch to an account, or let the person choose one."""
        others = self.others
        if not others:
            toast(self._app, Toast.ONE_ACCOUNT)
        elif name in others:
            self._ask_for(name)
        elif name:
            toast(self._app, Toast.NO_SUCH_ACCOUNT)
        else:
            choices = [(other, peer_line(other)) for other in others]
            screen = ChooseScreen(own(_("Switch to an account"), "bold"), choices, "")
            _done = self._app.push_screen(screen, lambda chosen: self._ask_for(chosen) if chosen else None)

    def _ask_for(self, name: str) -> None:
        if self._accounts is not None and self._accounts.locked(name):

            def answer(passphrase: Secret | None) -> None:
                if passphrase is not None:
                    self._switch_soon(name, passphrase)

            _done = self._app.push_screen(PassphraseScreen(name), answer)
        else:
            self._switch_soon(name, None)

    def _switch_soon(self, name: str, passphrase: Secret | None) -> None:
        _done = self._app.run_worker(
            self._switch(name, passphrase, self._app.keys.turn), group="account", exclusive=True
        )

    async def _switch(self, name: str, passphrase: Secret | None, asked: int) -> None:
        if self._accounts is None:
            return
        try:
            opened = await self._accounts.open(name, passphrase)
        except ParlourClientError as error:
            self._refuse(error_content(error))
            return
        if not self._app.keys.is_last(asked):  # the rest of a sentence is not for the other account
            self._refuse(own(_("Not switched: you went on writing. Switch again.")))
            return
        self._accounts = replace(self._accounts, current=opened.name)
        await self._switch_to(opened)
