"""`parlour demo`: the command itself."""

import asyncio
import sys

import click


@click.command()
@click.option("--headless", is_flag=True, help="Play the script without a screen and report what held.")
def demo(*, headless: bool) -> None:
    r"""Chat with simulated people through a real server that lives only for this demo.

    Starts a server process on a free port of loopback, in a temporary folder with its own CA; cora, ben and
    mallory (who is hostile) are real clients. Everything is removed at the end.

    \b
    Example: parlour demo
             parlour demo --headless
    """
    if headless:
        from parlour_client.demo.headless import perform  # noqa: PLC0415 - the server's start is heavy

        sys.exit(0 if asyncio.run(perform(click.echo)) else 1)
    from parlour_client.demo.stage import open_stage  # noqa: PLC0415

    asyncio.run(open_stage())
