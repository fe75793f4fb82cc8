"""`join`, `login`, `logout`, `passwd`, `passphrase`: the account of one home folder.

A password is read without being shown, used once and never stored. The commands only read input and print
results; ``core.account.sign_in`` does the work.
"""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_client.cli.parameters import DEVICE, NEW_USER, given_trust, login_options
from parlour_client.cli.passwords import from_stdin, read_password, second_factor
from parlour_client.cli.run_client import (
    first_passphrase,
    signing_in,
    the_home,
    the_passphrase,
    this_device,
)
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.e2ee.values import Trust as PersonTrust
from parlour_client.kit.account.profile import Account
from parlour_client.kit.console.printing import echo
from parlour_client.kit.console.second_factor import ConsoleDialog
from parlour_client.kit.language import N_, _
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.invite_link import LoginLink, ServerAddress
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret

if TYPE_CHECKING:
    from parlour_client.kit.transport.trust import Trust


@click.command(
    epilog="\b\nExample:\n  parlour join 'parlour://chat.example.org:8443/join#code=…&pin=…' --username ada"
)
@click.argument("link")
@click.option("--username", type=NEW_USER, help=N_("Your name, as others will see it; asked for if missing."))
@click.option("--device", type=DEVICE, help=N_("What to call this device. Default: the machine's name."))
@click.option("--no-open", is_flag=True, help=N_("Don't open the chat afterwards."))
@from_stdin
@click.pass_context
def join(
    context: click.Context,
    link: str,
    username: UserName | None,
    device: DeviceName | None,
    *,
    no_open: bool,
    password_stdin: bool,
) -> int:
    """Create an account with an invite LINK, log in, and open the chat.

    If the link contains the key of the person who invited you, they are verified from the start. The chat is
    opened only in a terminal, and not with --no-open or --password-stdin.
    """
    invite = ChatInviteLink.parse(link)
    home = the_home(context)
    if username is None and (password_stdin or not sys.stdin.isatty()):
        raise click.UsageError(_("Add --username NAME."))
    user = username or click.prompt(_("Your name, as others will see it"), type=NEW_USER, err=True)
    password = read_password(
        stdin=password_stdin, words=_("New password (15 characters or more)"), twice=True
    )
    wrapping = first_passphrase(home, ask=not password_stdin)
    dialog = second_factor(stdin=password_stdin)
    fine = asyncio.run(_join(home, wrapping, invite, user, password, device or this_device(), dialog))
    if no_open or password_stdin or not fine or not _in_terminal():
        return 0
    from parlour_client.cli.open_chat import open_chat  # noqa: PLC0415 - it loads the whole client

    return open_chat(home, wrapping, plain=False)


def _in_terminal() -> bool:
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


async def _join(
    home: ChatHome,
    wrapping: Secret | None,
    link: ChatInviteLink,
    user: UserName,
    password: Secret,
    device: DeviceName,
    dialog: ConsoleDialog,
) -> bool:
    """Join; returns False after an alarm, which a chat that opened at once would hide."""
    async with signing_in(home, wrapping) as sign_in:
        _welcome(await sign_in.join(link, user, password, device, dialog))
        if link.by is None:
            return True
        is_verified = await sign_in.trust(link.by.user) is PersonTrust.VERIFIED
        echo(_(_INVITED[is_verified]).format(user=link.by.user), err=True)
        return is_verified


_INVITED: Final = {
    True: N_("{user}, who invited you, is verified by the key in the link."),
    False: N_(
        "ALARM: the server shows a different key for {user} than the invite link does. Nothing "
        "is sent to {user} until you decide: parlour verify {user}"
    ),
}


@click.command(
    epilog=(
        "\b\nExample:\n  parlour login chat.example.org --username ada\n  parlour login "
        "192.0.2.7:8443 --username ada --ca friends-ca.pem"
    )
)
@click.argument("address")
@click.option("--username", type=NEW_USER, help=N_("Your name on that server; a link has it."))
@login_options
@from_stdin
@click.pass_context
def login(
    context: click.Context,
    address: str,
    username: UserName | None,
    device: DeviceName | None,
    ca: Path | None,
    pin: str | None,
    *,
    password_stdin: bool,
) -> None:
    """Log in to the server at ADDRESS: HOST, HOST:PORT, or the link that `parlour device add` shows.

    A server that this home folder already knows is checked as before, unless you give --ca or --pin. If your
    account has a second factor you are asked for it; with --password-stdin it is on the second line.
    """
    trust = given_trust(ca, pin)
    from parlour_client.kit.account.sign_in import pinned  # noqa: PLC0415 - `--help` needs no TLS

    link = LoginLink.parse(address) if LoginLink.is_one(address) else None
    where = ServerAddress.parse(address) if link is None else link.address
    user = username or (link.user if link is not None else None)
    if user is None:
        raise click.UsageError(_("Add --username NAME."))
    trust = trust or pinned(link)
    home = the_home(context)
    password = read_password(stdin=password_stdin)
    dialog = second_factor(stdin=password_stdin)
    _welcome(asyncio.run(_login(home, where, trust, user, password, device or this_device(), dialog)))


async def _login(
    home: ChatHome,
    where: ServerAddress,
    trust: "Trust | None",
    user: UserName,
    password: Secret,
    device: DeviceName,
    dialog: ConsoleDialog,
) -> Account:
    async with signing_in(home, the_passphrase(home)) as sign_in:
        return await sign_in.log_in(where, trust, user, password, device, dialog)


def _welcome(account: Account) -> None:
    echo(_("Logged in as {user} on {server}.").format(user=account.user, server=account.server), err=True)


@click.command(epilog="\b\nExample:\n  parlour logout")
@click.pass_context
def logout(context: click.Context) -> None:
    """Log out on this device. Your history stays in the archive."""
    asyncio.run(_logout(the_home(context)))
    echo(_("Logged out."), err=True)


async def _logout(home: ChatHome) -> None:
    async with signing_in(home, the_passphrase(home)) as sign_in:
        await sign_in.account.log_out()


@click.command(
    epilog="\b\nExample:\n  parlour passwd\n  printf 'OLD\\nNEW\\n' | parlour passwd --password-stdin"
)
@click.option("--password-stdin", is_flag=True, help=N_("Read the old and the new password from two lines."))
@click.pass_context
def passwd(context: click.Context, *, password_stdin: bool) -> None:
    """Change your password, and end every other session.

    With --password-stdin a second factor is on the third line.
    """
    home = the_home(context)
    old = read_password(stdin=password_stdin, words=_("Old password"))
    new = read_password(stdin=password_stdin, words=_("New password (15 characters or more)"), twice=True)
    asyncio.run(_passwd(home, old, new, second_factor(stdin=password_stdin)))
    echo(_("Password changed; every other session has ended."), err=True)


async def _passwd(home: ChatHome, old: Secret, new: Secret, dialog: ConsoleDialog) -> None:
    async with signing_in(home, the_passphrase(home)) as sign_in:
        await sign_in.account.change_password(old, new, dialog)


@click.command(
    epilog="\b\nExample:\n  parlour passphrase\n  parlour passphrase --keyring\n  parlour passphrase --remove"
)
@click.option(
    "--remove", is_flag=True, help=N_("Keep the key in a file that only you can read, without a passphrase.")
)
@click.option(
    "--keyring",
    is_flag=True,
    help=N_("Let the system keyring open the archive; a passphrase keeps working, too."),
)
@click.pass_context
def passphrase(context: click.Context, *, remove: bool, keyring: bool) -> None:
    """Protect the archive with a passphrase or the system keyring, or change or remove that protection."""
    if remove and keyring:
        raise click.UsageError(_("--remove and --keyring can't be used together."))
    from parlour_client.core.archive.key import into_keyring, open_key, rewrap  # noqa: PLC0415 - `--help` needs no keys

    home = the_home(context)
    key = open_key(home.key, the_passphrase(home))
    if keyring:
        echo(_(_IN_KEYRING[into_keyring(home.key, key)]), err=True)
        return
    new = (
        None
        if remove
        else read_password(stdin=False, words=_("New passphrase"), twice=True, otherwise=_("run this in one"))
    )
    asyncio.run(asyncio.to_thread(rewrap, home.key, key, new))
    echo(_(_NOT_PROTECTED).format(key=home.key) if remove else _("Passphrase set."), err=True)


_IN_KEYRING = {
    True: N_("The system keyring now opens the archive; where there is none, the passphrase does."),
    False: N_(
        "Only the system keyring opens the archive now: where there is none (over SSH, for "
        "example) the archive stays locked. To have both, set a passphrase first, then use "
        "--keyring."
    ),
}
_NOT_PROTECTED = N_(
    "Passphrase removed: the key is in {key}, not protected by a passphrase. Anyone who can "
    "read your files can read the archive."
)
