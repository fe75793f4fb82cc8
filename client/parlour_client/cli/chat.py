"""`chat`: opens the chat. The root calls it if no command is given."""

import gc

import click

from parlour_client.cli.run_client import the_home, the_passphrase
from parlour_client.kit.language import N_


@click.command(epilog="\b\nExample:\n  parlour chat\n  parlour chat --plain")
@click.option(
    "--plain", is_flag=True, help=N_("Show it line by line, for screen readers, simple terminals and pipes.")
)
@click.pass_context
def chat(context: click.Context, *, plain: bool = False) -> int:
    """Open the chat."""
    gc.disable()  # modules leave no garbage; looking for it among them takes a tenth of the start
    try:
        from parlour_client.cli.open_chat import open_chat  # noqa: PLC0415 - it loads the whole client

        home = the_home(context)
        return open_chat(home, the_passphrase(home), plain=plain)
    finally:
        gc.enable()
