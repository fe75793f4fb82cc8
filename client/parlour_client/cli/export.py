"""`export`: the whole history of a room, each event once, for people and for scripts.

It fetches events that the archive lacks. Text is sanitised unless it is JSON, which is ASCII-escaped.
"""

import asyncio

import click

from parlour_client.cli.output import tell_claims
from parlour_client.cli.parameters import ROOM
from parlour_client.cli.run_client import connected, the_home
from parlour_client.cli.tail import note_of, print_event
from parlour_client.commands.find import find_room
from parlour_client.commands.front import Front
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.kit.language import N_
from parlour_protocol.kit.ids import Seq

_PATIENCE = 5.0


@click.command(epilog="\b\nExample:\n  parlour export lobby --json > lobby.jsonl")
@click.argument("room", type=ROOM)
@click.option("--json", "as_json", is_flag=True, help=N_("Print one JSON object per line, in ASCII."))
@click.pass_context
def export(context: click.Context, room: str, *, as_json: bool) -> None:
    """Print the whole history of ROOM, each event once, in order."""
    asyncio.run(_export(the_home(context), room, as_json=as_json))


async def _export(home: ChatHome, wanted: str, *, as_json: bool) -> None:
    async with connected(home, follow=True) as client:
        room = find_room(client, Front.CLI, wanted)
        after = Seq(0)
        while events := await client.history.log(room.id, after=after):
            for event in events:
                print_event(room, event, await note_of(client, event), as_json=as_json)
            after = events[-1].seq
        await client.finish(room.id)
        await tell_claims(client, room, look=True)
