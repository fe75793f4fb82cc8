"""The person's accounts by name: their homes, `parlour accounts`, and opening one for the screen.

The account without a name is `default`; every other one has a home folder of its own next to it, with an
archive, a key and settings of its own. Nothing is shared between two of them. The root resolves
``--account``; `chat` tells the screen how to switch.
"""

from collections.abc import Sequence
from pathlib import Path

import click

from parlour_client.core.account.chat_home import (
    ACCOUNT_NAME,
    DEFAULT_ACCOUNT,
    KEY,
    ChatHome,
    account_folder,
    default_folder,
)
from parlour_client.kit.account.profile import Account
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.kit.secret import Secret


def names() -> Sequence[str]:
    """Return the names of existing accounts: the homes that have a key."""
    first = (DEFAULT_ACCOUNT,) if (default_folder() / KEY).exists() else ()
    others = sorted(path.parent.name for path in (default_folder() / "accounts").glob(f"*/{KEY}"))
    return (*first, *(name for name in others if ACCOUNT_NAME.fullmatch(name)))


def name_of(folder: Path) -> str:
    """Return the name of a home folder; empty for one from `--home` elsewhere."""
    return next((name for name in names() if account_folder(name) == folder), "")


def is_locked(name: str) -> bool:
    """Say whether an account's archive needs a passphrase."""
    from parlour_client.core.archive.key import needs_passphrase  # noqa: PLC0415 - `--account` and `--help` need no archive

    return needs_passphrase(ChatHome(account_folder(name)).key)


async def account_in(home: ChatHome, passphrase: Secret | None) -> Account | None:
    """Return the account that is logged in in a home; None if there is none. It creates no archive."""
    if not home.key.exists():
        return None
    from parlour_client.core.account.sign_in import ChatSignIn, open_archive  # noqa: PLC0415 - the same

    archive = await open_archive(home, passphrase)
    try:
        return await ChatSignIn(archive).account.saved()
    finally:
        await archive.close()


@click.command(epilog="\b\nExample:\n  parlour accounts\n  parlour --account work")
def accounts() -> None:
    """List your accounts, each with its user name and server."""
    import asyncio  # noqa: PLC0415 - `--help` runs nothing

    found = names()
    if not found:
        echo(
            _("No accounts yet. Run parlour to create the first one; parlour --account NAME creates another.")
        )
    for name in found:
        echo(f"{name:<16} {asyncio.run(_words(name))}")


async def _words(name: str) -> str:
    if is_locked(name):
        return _("locked with a passphrase")
    try:
        account = await account_in(ChatHome(account_folder(name)), None)
    except ParlourClientError as error:
        return _("cannot be opened: {error}").format(error=error)
    return (
        _("{user} on {server}").format(user=account.user, server=account.server)
        if account is not None
        else _("logged out")
    )
