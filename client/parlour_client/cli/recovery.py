"""`recovery use` and `recovery reset`: regain access to an account whose devices are lost.

The 24 words and the password are read without being shown; they are never an argument.
"""

import sys
from typing import TYPE_CHECKING, Final

import click

from parlour_client.cli.passwords import from_stdin, read_password
from parlour_client.cli.run_client import run_connected
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _

if TYPE_CHECKING:
    from parlour_client.core.client import Client

_WORDS: Final = 24


@click.command(epilog="\b\nExample:\n  parlour recovery use")
@click.pass_context
def use(context: click.Context) -> None:
    """Approve this device with your 24 recovery words."""
    if sys.stdin.isatty():
        typed = click.prompt(_("The 24 words"), hide_input=True, err=True)
    else:
        typed = sys.stdin.readline()
    words = typed.split()
    if len(words) != _WORDS:
        raise SetupError(
            _("There should be {words} words, not {count}.").format(words=_WORDS, count=len(words)),
            _("Type them all on one line."),
        )

    async def work(client: "Client") -> None:
        await client.encryption.recover(words)
        echo(_("This device is approved."), err=True)

    run_connected(context, work, follow=True)


@click.command(epilog="\b\nExample:\n  parlour recovery reset\n  … --yes --password-stdin < file")
@click.option("--yes", is_flag=True, help=N_("Don't ask for confirmation; scripts need this."))
@from_stdin
@click.pass_context
def reset(context: click.Context, *, yes: bool, password_stdin: bool) -> None:
    """Make a new key for your account if you have lost all devices and the recovery words."""
    password = read_password(stdin=password_stdin or not sys.stdin.isatty())

    async def work(client: "Client") -> None:
        if not yes:
            from parlour_client.cli.confirmation import require_yes  # noqa: PLC0415 - `--help` asks nothing
            from parlour_client.kit.answers import TypedName  # noqa: PLC0415 - the same

            require_yes(
                _("All your devices are revoked, and everyone sees that your key changed."),
                TypedName(client.account.user, _("make a new key")),
            )
        await client.encryption.reset_identity(password)
        echo(
            _("Your account has a new key. Tell the people you talk to, then verify each other again."),
            err=True,
        )

    run_connected(context, work, follow=True)
