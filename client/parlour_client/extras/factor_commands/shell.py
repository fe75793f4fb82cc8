"""`security add-app`, `add-key`, `remove`, `recovery-codes`: change the second factors of the account."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from parlour_client.cli.passwords import from_stdin, second_factor
from parlour_client.cli.run_client import signing_in, the_home, the_passphrase
from parlour_client.kit.console.printing import echo
from parlour_client.kit.language import N_, _

if TYPE_CHECKING:
    from parlour_client.kit.account.second_factor import Factors


@click.command("add-app", epilog="\b\nExample:\n  parlour security add-app")
@click.option("--name", default="app", help=N_("What to call it."))
@from_stdin
@click.pass_context
def add_app(context: click.Context, name: str, *, password_stdin: bool) -> None:
    """Set up an app that shows codes (TOTP). It is active once you have typed its first code."""
    _run(context, lambda factors: factors.add_app(name), stdin=password_stdin, done=_("The app is set up."))


@click.command("add-key", epilog="\b\nExample:\n  parlour security add-key --name blue")
@click.option("--name", default="key", help=N_("What to call it."))
@from_stdin
@click.pass_context
def add_key(context: click.Context, name: str, *, password_stdin: bool) -> None:
    """Set up a security key (FIDO2) that is plugged in."""
    _run(
        context,
        lambda factors: factors.add_key(name),
        stdin=password_stdin,
        done=_("The key is set up."),
    )


@click.command(epilog="\b\nExample:\n  parlour security remove app")
@click.argument("which")
@from_stdin
@click.pass_context
def remove(context: click.Context, which: str, *, password_stdin: bool) -> None:
    """Remove the second factor with the name or id WHICH."""

    async def work(factors: "Factors") -> None:
        await factors.remove(await factors.named(which))

    _run(context, work, stdin=password_stdin, done=_("Removed."))


@click.command("recovery-codes", epilog="\b\nExample:\n  parlour security recovery-codes")
@from_stdin
@click.pass_context
def recovery_codes(context: click.Context, *, password_stdin: bool) -> None:
    """Print new recovery codes; the old ones no longer work."""
    _run(context, lambda factors: factors.replace_recovery_codes(), stdin=password_stdin)


def _run(
    context: click.Context,
    work: "Callable[[Factors], Awaitable[None]]",
    *,
    stdin: bool,
    done: str = "",
) -> None:
    home = the_home(context)

    async def run() -> None:
        async with (
            signing_in(home, the_passphrase(home)) as sign_in,
            sign_in.account.factors(second_factor(stdin=stdin)) as factors,
        ):
            await work(factors)

    asyncio.run(run())
    if done:
        echo(done, err=True)
