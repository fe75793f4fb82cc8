"""The person's accounts by name: their homes, `parlour accounts`, and opening one for the screen.

The account without a name is `default`; every other one has a home folder of its own next to it, with an
archive, a key and settings of its own. Nothing is shared between two of them. The root resolves
``--account``; `chat` tells the screen how to switch.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from parlour_client.core.account.chat_home import KEY, ChatHome, default_folder
from parlour_client.kit.account.profile import Account
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_protocol.kit.secret import Secret

DEFAULT: Final = "default"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def folder_of(name: str) -> Path:
    """Return the home folder of an account, existing or not. Raises SetupError for an invalid name."""
    if not _NAME.fullmatch(name):  # a name is one folder below ours: no dots and no slashes lead out of it
        raise SetupError(
            "Account names use lowercase letters, digits, hyphens and underscores only.",
            "For example: parlour --account work",
        )
    return default_folder() if name == DEFAULT else default_folder() / "accounts" / name


def names() -> Sequence[str]:
    """Return the names of existing accounts: the homes that have a key."""
    first = (DEFAULT,) if (default_folder() / KEY).exists() else ()
    others = sorted(path.parent.name for path in (default_folder() / "accounts").glob(f"*/{KEY}"))
    return (*first, *(name for name in others if _NAME.fullmatch(name)))


def name_of(folder: Path) -> str:
    """Return the name of a home folder; empty for one from `--home` elsewhere."""
    return next((name for name in names() if folder_of(name) == folder), "")


def is_locked(name: str) -> bool:
    """Say whether an account's archive needs a passphrase."""
    from parlour_client.core.archive.key import needs_passphrase  # noqa: PLC0415 - `--account` and `--help` need no archive

    return needs_passphrase(ChatHome(folder_of(name)).key)


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
        echo("No accounts yet. Run parlour to create the first one; parlour --account NAME creates another.")
    for name in found:
        echo(f"{name:<16} {asyncio.run(_words(name))}")


async def _words(name: str) -> str:
    if is_locked(name):
        return "locked with a passphrase"
    try:
        account = await account_in(ChatHome(folder_of(name)), None)
    except ParlourClientError as error:
        return f"cannot be opened: {error}"
    return f"{account.user} on {account.server}" if account is not None else "logged out"
