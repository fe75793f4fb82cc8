"""`company-login`: log in with the company's account, in a browser on any device."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_client.cli.parameters import given_trust, login_options
from parlour_client.cli.run_client import first_passphrase, signing_in, the_home, this_device
from parlour_client.kit.console.printing import echo
from parlour_client.kit.language import _
from parlour_client.kit.qr_code import qr_rows
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import DeviceName
from parlour_protocol.kit.secret import Secret

if TYPE_CHECKING:
    from parlour_client.core.account.chat_home import ChatHome
    from parlour_client.extras.company_login.bodies import CompanyCode
    from parlour_client.kit.account.profile import Account
    from parlour_client.kit.transport.trust import Trust


@click.command("company-login", epilog="\b\nExample:\n  parlour company-login chat.example.org")
@click.argument("address")
@login_options
@click.pass_context
def company_login(
    context: click.Context, address: str, device: DeviceName | None, ca: Path | None, pin: str | None
) -> None:
    """Log in to the server at ADDRESS with your company's account, in a browser on any device.

    The first time this creates your account. Type the code only if you began the login yourself.
    """
    trust = given_trust(ca, pin)
    home = the_home(context)
    passphrase = first_passphrase(home, ask=True)
    where = ServerAddress.parse(address)
    account = asyncio.run(_log_in(home, passphrase, where, trust, device or this_device()))
    echo(_("Logged in as {user} on {server}.").format(user=account.user, server=account.server), err=True)


async def _log_in(
    home: "ChatHome",
    passphrase: Secret | None,
    address: ServerAddress,
    trust: "Trust | None",
    device: DeviceName,
) -> "Account":
    from parlour_client.extras.company_login.device_login import log_in  # noqa: PLC0415 - `--help` needs no TLS
    from parlour_client.kit.clock import SystemClock  # noqa: PLC0415 - as above

    async with signing_in(home, passphrase) as sign_in:
        return await sign_in.log_in_by(
            lambda api, key: log_in(api, device, key, show, SystemClock()), address, trust, device
        )


def show(code: "CompanyCode") -> None:
    """Print the address and the code, also as a QR code, and when not to type it."""
    from parlour_client.extras.company_login.device_login import to_scan  # noqa: PLC0415 - as above

    if sys.stderr.isatty():
        for row in qr_rows(to_scan(code)):
            click.echo(click.style(row, fg="black", bg="bright_white"), err=True)
    echo(_("Open this address in a browser, on any device:"), err=True)
    click.echo(code.address, err=True)
    echo(_("Check that it is your company's, and type this code:"), err=True)
    click.echo(code.code, err=True)
    echo(
        _(
            "Type it only because you began this login yourself, on this device. If someone sent you a code, "
            "don't type it: approving would let them in as you."
        ),
        err=True,
    )
    echo(_("Waiting until you have approved…"), err=True)
