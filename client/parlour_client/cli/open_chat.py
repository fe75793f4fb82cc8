"""Opens the TUI or the line mode on the home's account, or the welcome screen if there is none.

Views and core are connected here: it makes the client, or functions that make one, and knows no widgets.
"""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from parlour_client.cli.accounts import account_in, name_of, names
from parlour_client.cli.run_client import signing_in, the_passphrase
from parlour_client.cli.sign_in import this_device
from parlour_client.core.account.chat_home import ChatHome, account_folder
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.core.archive import Archive
from parlour_client.core.archive.key import needs_passphrase, open_key, rewrap
from parlour_client.core.client import Client
from parlour_client.core.settings import load
from parlour_client.kit.account.profile import Account
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.invite_link import DEFAULT_SCHEME
from parlour_protocol.kit.secret import Secret

if TYPE_CHECKING:
    from parlour_client.kit.account.entrance import Credentials, Entrance, Server
    from parlour_client.ui.account_switcher import Accounts


def open_chat(home: ChatHome, *, plain: bool) -> int:
    """Open one of the two views, and return the exit status when it is closed."""
    passphrase = the_passphrase(home)
    if plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":  # it could not move the cursor
        from parlour_client.plain.line_mode import run as run_plain  # noqa: PLC0415 - one of two views

        gc.enable()  # the command turns it off while it loads
        return asyncio.run(
            run_plain(Client(home, passphrase=passphrase), settings=load(home.folder), folder=home.folder)
        )
    from parlour_client.ui import run as run_screen  # noqa: PLC0415 - Textual takes half a second

    accounts = _accounts(home)
    if asyncio.run(_saved(home, passphrase)) is not None:
        return run_screen(Client(home, passphrase=passphrase), folder=home.folder, accounts=accounts)
    return run_screen(entrance=_entrance(home, passphrase), folder=home.folder, accounts=accounts)


async def _saved(home: ChatHome, passphrase: Secret | None) -> Account | None:
    if not (home.key.exists() or home.archive.exists()):  # the welcome screen asks how to protect it first
        return None
    async with signing_in(home, passphrase) as sign_in:
        return await sign_in.account.saved()


def _accounts(home: ChatHome) -> "Accounts":
    """Return the accounts that the screen can switch to."""
    from parlour_client.ui.account_switcher import Accounts, OpenedAccount  # noqa: PLC0415 - the screen's own types

    current = name_of(home.folder)

    def home_of(name: str) -> ChatHome:  # a home from `--home` elsewhere has no name
        return home if name == current else ChatHome(account_folder(name))

    async def open_account(name: str, passphrase: Secret | None) -> OpenedAccount:
        other = home_of(name)
        if await account_in(other, passphrase) is None:
            return OpenedAccount(name, other.folder, _entrance(other, passphrase))
        return OpenedAccount(name, other.folder, Client(other, passphrase=passphrase))

    def locked(name: str) -> bool:
        return needs_passphrase(home_of(name).key)

    return Accounts(current=current, names=names, locked=locked, open=open_account)


class _FirstLock:
    """The passphrase for a home without an account: the welcome screen's last answer counts."""

    def __init__(self, home: ChatHome, passphrase: Secret | None) -> None:
        self._home, self.passphrase = home, passphrase
        self.is_offered = not home.key.exists()

    @asynccontextmanager
    async def archive(self, wished: Secret | None) -> AsyncIterator[Archive]:
        """Open the archive, or create it; one that a refused try has left is locked as requested now."""
        if self.is_offered and self._home.key.exists() and wished != self.passphrase:
            key = await asyncio.to_thread(open_key, self._home.key, self.passphrase)
            await asyncio.to_thread(rewrap, self._home.key, key, wished)
        if self.is_offered:
            self.passphrase = wished
        archive = await open_archive(self._home, self.passphrase)
        try:
            yield archive
        finally:
            await archive.close()


def _entrance(home: ChatHome, passphrase: Secret | None) -> "Entrance[ChatInviteLink, Client]":
    """Return the functions by which the welcome screen gets a client."""
    from parlour_client.kit.account.entrance import Entrance  # noqa: PLC0415 - seldom needed

    lock = _FirstLock(home, passphrase)

    async def login(server: "Server", person: "Credentials") -> Client:
        async with lock.archive(person.passphrase) as archive:
            await ChatSignIn(archive).log_in(
                server.address, server.trust, person.user, person.password, person.device, person.dialog
            )
        return Client(home, passphrase=lock.passphrase)

    async def join(link: ChatInviteLink, person: "Credentials") -> Client:
        async with lock.archive(person.passphrase) as archive:
            await ChatSignIn(archive).join(link, person.user, person.password, person.device, person.dialog)
        return Client(home, passphrase=lock.passphrase)

    return Entrance(
        login=login,
        join=join,
        parse=ChatInviteLink.parse,
        invite=lambda link: link.link,
        scheme=DEFAULT_SCHEME,
        device=this_device(),
        offers_passphrase=lock.is_offered,
    )
