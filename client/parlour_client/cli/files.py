"""`save`: the file of a message into a folder, in open and in encrypted rooms.

The name that its sender gave it chooses no place: it cannot leave the folder, and nothing is overwritten;
where it lies is printed. Scripts and people call it.
"""

import asyncio
from pathlib import Path
from typing import Final

import click

from parlour_client.cli.render import find_room, print_json, shown
from parlour_client.cli.run_client import PATIENCE, connected, run, the_home
from parlour_client.console.printing import echo
from parlour_client.core.account.home import Home
from parlour_client.core.client import Client
from parlour_client.core.errors import SetupError
from parlour_client.core.model import Entry, Room
from parlour_client.core.settings import load
from parlour_client.text.file_text import downloads_folder
from parlour_protocol.ids import Seq

_NUMBERS: Final = "parlour tail ROOM --json says the numbers."


@click.command(epilog="\b\nExample:\n  parlour save lobby 17 --to .")
@click.argument("room")
@click.argument("seq", type=click.IntRange(min=1))
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Default: your downloads folder."
)
@click.option("--json", "as_json", is_flag=True, help='Print {"path": …}.')
@click.pass_context
def save(context: click.Context, room: str, seq: int, folder: Path | None, *, as_json: bool) -> None:
    """Save the file of message SEQ of ROOM, and print where it lies."""
    run(_save(the_home(context), room, Seq(seq), folder, as_json=as_json))


async def _save(home: Home, wanted: str, seq: Seq, folder: Path | None, *, as_json: bool) -> None:
    into = folder if folder is not None else downloads_folder(load(home.folder))
    async with connected(home, follow=True) as client:
        entry = await _found(client, find_room(client, wanted), seq)
        path = await client.save_file(entry, into)
    if as_json:
        print_json({"path": str(path)})
    else:
        echo(shown(str(path)))


async def _found(client: Client, room: Room, seq: Seq) -> Entry:
    """Return the message; in an encrypted room it may still be on its way through the keys."""
    if seq > room.head:
        raise SetupError(
            f"{room.title} has no message {seq} yet.", "parlour tail ROOM --json says the numbers."
        )
    changed = asyncio.Event()
    unsubscribe = client.subscribe(lambda _: changed.set())
    try:
        async with asyncio.timeout(PATIENCE):
            while (entry := await client.entry(room.id, seq)) is None:
                await changed.wait()
                changed.clear()
    except TimeoutError:
        raise SetupError("That message cannot be had.", _NUMBERS) from None
    finally:
        unsubscribe()
    return entry
