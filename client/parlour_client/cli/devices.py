"""`device` and `recovery`: the devices of one's own account, and the words for when all of them are lost.

A new device is approved on one that was there before, by the code that it shows, or with the recovery words.
The words are printed to a terminal alone and read without being shown; they are never an argument.
"""

import sys
from datetime import UTC, datetime
from typing import Final

import click

from parlour_client.cli.passwords import from_stdin, read_password
from parlour_client.cli.render import print_json
from parlour_client.cli.run_client import run_connected
from parlour_client.console.printing import echo
from parlour_client.core.client import Client
from parlour_client.core.errors import SetupError
from parlour_protocol.ids import DeviceId

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_WORDS: Final = 24


@click.group(epilog="\b\nExample:\n  parlour device list\n  parlour device approve abcd-efgh-ijkl-mnop")
def device() -> None:
    """See, approve and revoke the devices that can read your encrypted rooms."""


@device.command(name="list", epilog="\b\nExample:\n  parlour device list --json")
@_JSON
@click.pass_context
def list_devices(context: click.Context, *, as_json: bool) -> None:
    """List your devices; one that waits to be approved shows its code here."""

    async def work(client: Client) -> None:
        own = client.encryption.own()
        for one in await client.encryption.devices():
            code = own.code if one.current and one.status.value == "pending" else ""
            if as_json:
                fields = {"device": one.device, "name": one.name, "status": one.status.value}
                fields |= {"code": code} if code else {}
                print_json(fields | {"created": one.created, "seen": one.last_seen, "current": one.current})
                continue
            seen = datetime.fromtimestamp(one.last_seen / 1000, tz=UTC).astimezone()
            here = "  (this one)" if one.current else ""
            echo(f"{one.device}  {one.name}  {one.status.value}, seen {seen:%Y-%m-%d %H:%M}{here}")
            if code:
                echo(f"  On another of your devices: parlour device approve {code}")

    run_connected(context, work, follow=True)


@device.command(epilog="\b\nExample:\n  parlour device approve abcd-efgh-ijkl-mnop")
@click.argument("code")
@click.pass_context
def approve(context: click.Context, code: str) -> None:
    """Approve the new device of yours that shows CODE."""

    async def work(client: Client) -> None:
        approved = await client.encryption.approve(code)
        echo(f"Approved {approved.name}. Once it connects, it can read new messages.", err=True)

    run_connected(context, work, follow=True)


@device.command(epilog="\b\nExample:\n  parlour device revoke wrsbdoaig26q5uurgq6oh3c7ae")
@click.argument("which", metavar="DEVICE")
@click.pass_context
def revoke(context: click.Context, which: str) -> None:
    """Revoke a device for good: it is logged out, and removed from every encrypted room."""

    async def work(client: Client) -> None:
        if which not in {one.device for one in await client.encryption.devices()}:
            raise SetupError("You have no such device.", "See them: parlour device list")
        await client.encryption.revoke(DeviceId(which))
        echo("Revoked.", err=True)

    run_connected(context, work, follow=True)


@device.command(name="history", epilog="\b\nExample:\n  parlour device history wrsbdoaig26q5uurgq6oh3c7ae")
@click.argument("which", metavar="DEVICE")
@click.pass_context
def send_history(context: click.Context, which: str) -> None:
    """Hand what this device can read to another device of yours, encrypted."""

    async def work(client: Client) -> None:
        count = await client.encryption.send_history(DeviceId(which))
        echo(f"Sent {count} events.", err=True)

    run_connected(context, work, follow=True)


@click.group(epilog="\b\nExample:\n  parlour recovery show")
def recovery() -> None:
    """See or use the 24 words that approve a device when all others are lost."""


@recovery.command(epilog="\b\nExample:\n  parlour recovery show")
@click.pass_context
def show(context: click.Context) -> None:
    """Show the words, to be written on paper. Whoever has them can add devices to your account."""
    if not sys.stdout.isatty():
        raise SetupError("The words are shown on a terminal alone, so that no file keeps them.")

    async def work(client: Client) -> None:
        words = await client.encryption.recovery_words()
        for start in range(0, len(words), 6):
            echo("  " + " ".join(f"{start + i + 1:2}. {w}" for i, w in enumerate(words[start : start + 6])))
        echo("Write them on paper. They are the key of your account: keep them from everybody.", err=True)

    run_connected(context, work, follow=True)


@recovery.command(epilog="\b\nExample:\n  parlour recovery use")
@click.pass_context
def use(context: click.Context) -> None:
    """Approve this device with the words."""
    if sys.stdin.isatty():
        typed = click.prompt("The 24 words", hide_input=True, err=True)
    else:
        typed = sys.stdin.readline()
    words = typed.split()
    if len(words) != _WORDS:
        raise SetupError(f"{len(words)} words came in; there are {_WORDS}.")

    async def work(client: Client) -> None:
        await client.encryption.recover(words)
        echo("This device is approved.", err=True)

    run_connected(context, work, follow=True)


@recovery.command(epilog="\b\nExample:\n  parlour recovery reset\n  … --yes --password-stdin < file")
@click.confirmation_option(
    prompt="All your devices are revoked and everybody sees that your key changed. Go on?"
)
@from_stdin
@click.pass_context
def reset(context: click.Context, *, password_stdin: bool) -> None:
    """Make a new key for your account, when devices and words are lost."""
    password = read_password(stdin=password_stdin or not sys.stdin.isatty())

    async def work(client: Client) -> None:
        await client.encryption.reset_identity(password)
        echo(
            "Your account has a new key. Tell the people you talk with, and verify each other again.",
            err=True,
        )

    run_connected(context, work, follow=True)
