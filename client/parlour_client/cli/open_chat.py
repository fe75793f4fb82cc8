"""Opens the TUI or the line mode on the home's account, or the welcome screen if there is none.

Views and core are connected here: it makes the client, or functions that make one, and knows no widgets.
"""

import asyncio
import gc
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from parlour_client.cli.accounts import name_of, names
from parlour_client.cli.run_client import this_device
from parlour_client.core.account.chat_home import ChatHome, account_folder
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.core.archive import Archive
from parlour_client.core.archive.key import needs_passphrase, protection_of, rewrap
from parlour_client.core.client import Client
from parlour_client.core.settings import load
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.invite_link import DEFAULT_SCHEME
from parlour_protocol.kit.secret import Secret

if TYPE_CHECKING:
    from parlour_client.kit.account.entrance import Credentials, Entrance, Server
    from parlour_client.ui.account_switcher import Accounts


def open_chat(home: ChatHome, passphrase: Secret | None, *, plain: bool) -> int:
    """Open one of the two views, and return the exit status when it is closed."""
    if plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":  # it could not move the cursor
        from parlour_client.plain.line_mode import run as run_plain  # noqa: PLC0415 - one of two views

        gc.enable()  # the command turns it off while it loads
        return asyncio.run(
            run_plain(Client(home, passphrase=passphrase), settings=load(home.folder), folder=home.folder)
        )
    from parlour_client.ui import run as run_screen  # noqa: PLC0415 - Textual takes half a second

    accounts = _accounts(home)
    archive, is_logged_in = asyncio.run(_opened(home, passphrase))
    if archive is not None and is_logged_in:
        return run_screen(Client(home, archive=archive), folder=home.folder, accounts=accounts)
    entrance = _entrance(home, passphrase, archive)
    return run_screen(entrance=entrance, folder=home.folder, accounts=accounts, demo=_demo)


def _demo() -> None:
    from parlour_client.demo.screen import run_with_screen  # noqa: PLC0415 - one of three choices

    asyncio.run(run_with_screen())


async def _opened(home: ChatHome, passphrase: Secret | None) -> tuple[Archive | None, bool]:
    """Open the archive, if there is one, and return whether an account is logged in.

    It is opened once and handed on, because stretching a passphrase takes a second.
    """
    if not (home.key.exists() or home.archive.exists()):  # the welcome screen asks how to protect it first
        return None, False
    archive = await open_archive(home, passphrase)
    try:
        return archive, await ChatSignIn(archive).account.saved() is not None
    except BaseException:
        await archive.close()
        raise


def _accounts(home: ChatHome) -> "Accounts":
    """Return the accounts that the screen can switch to."""
    from parlour_client.ui.account_switcher import Accounts, OpenedAccount  # noqa: PLC0415 - the screen's own types

    current = name_of(home.folder)

    def home_of(name: str) -> ChatHome:  # a home from `--home` elsewhere has no name
        return home if name == current else ChatHome(account_folder(name))

    async def open_account(name: str, passphrase: Secret | None) -> OpenedAccount:
        other = home_of(name)
        archive, is_logged_in = await _opened(other, passphrase)
        if archive is not None and is_logged_in:
            return OpenedAccount(name, other.folder, Client(other, archive=archive))
        return OpenedAccount(name, other.folder, _entrance(other, passphrase, archive))

    def locked(name: str) -> bool:
        return needs_passphrase(home_of(name).key)

    return Accounts(current=current, names=names, locked=locked, open=open_account)


class _FirstLock:
    """The archive of a home without an account, opened once: the welcome screen's last answer locks it."""

    def __init__(self, home: ChatHome, passphrase: Secret | None, archive: Archive | None = None) -> None:
        self._home, self.passphrase, self._archive = home, passphrase, archive
        self.is_offered = not home.key.exists()

    async def archive(self, wished: Secret | None) -> Archive:
        """Return the archive, which stays open after a refused try; a new one is locked as requested now."""
        if self._archive is None:
            self.passphrase = wished if self.is_offered else self.passphrase
            self._archive = await open_archive(self._home, self.passphrase)
        elif self.is_offered and wished != self.passphrase:
            await asyncio.to_thread(rewrap, self._home.key, self._archive.key, wished)
            self._archive.key = replace(self._archive.key, protection=protection_of(self._home.key))
            self.passphrase = wished
        return self._archive

    def client(self) -> Client:
        """Return a client that takes the archive over."""
        archive, self._archive = self._archive, None
        return Client(self._home, archive=archive)


def _entrance(
    home: ChatHome, passphrase: Secret | None, archive: Archive | None
) -> "Entrance[ChatInviteLink, Client]":
    """Return the functions by which the welcome screen gets a client."""
    from parlour_client.kit.account.entrance import Entrance  # noqa: PLC0415 - seldom needed

    lock = _FirstLock(home, passphrase, archive)

    async def login(server: "Server", person: "Credentials") -> Client:
        await ChatSignIn(await lock.archive(person.passphrase)).log_in(
            server.address, server.trust, person.user, person.password, person.device, person.dialog
        )
        return lock.client()

    async def join(link: ChatInviteLink, person: "Credentials") -> Client:
        sign_in = ChatSignIn(await lock.archive(person.passphrase))
        await sign_in.join(link, person.user, person.password, person.device, person.dialog)
        return lock.client()

    return Entrance(
        login=login,
        join=join,
        parse=ChatInviteLink.parse,
        invite=lambda link: link.link,
        scheme=DEFAULT_SCHEME,
        device=this_device(),
        offers_passphrase=lock.is_offered,
    )
