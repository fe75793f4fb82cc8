"""`parlour demo`: the command itself."""

import asyncio
import sys

import click

from parlour_client.kit.language import _


@click.command(epilog="\b\nExample:\n  parlour demo\n  parlour demo --headless")
@click.option(
    "--headless", is_flag=True, help=_("Run the script without a screen and print which checks passed.")
)
def demo(*, headless: bool) -> None:
    """Chat with simulated people on a real server that lives only for this demo.

    Starts a server process on a free loopback port, in a temporary folder with its own CA; cora, ben and
    mallory (who is hostile) are real clients. Everything is removed at the end. Without a terminal it runs
    the script, as with --headless.
    """
    if headless or not (sys.stdin.isatty() and sys.stderr.isatty()):
        from parlour_client.demo.headless import run_headless  # noqa: PLC0415 - the server's start is heavy

        sys.exit(0 if asyncio.run(run_headless(click.echo)) else 1)
    from parlour_client.demo.screen import run_with_screen  # noqa: PLC0415

    asyncio.run(run_with_screen())
