"""`room pins` and `room pin`: what stands where everybody in a room finds it.

Both catch up first: what is pinned in an encrypted room only this device can tell. ``room`` adds them to
its group.
"""

import click

from parlour_client.cli.render import find_room, print_entry
from parlour_client.cli.run_client import connected, run, the_home
from parlour_client.core.account.home import Home
from parlour_client.core.errors import ParlourClientError
from parlour_protocol.ids import Seq


@click.command(epilog="\b\nExample:\n  parlour room pins lobby --json")
@click.argument("room")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, ASCII only.")
@click.pass_context
def pins(context: click.Context, room: str, *, as_json: bool) -> None:
    """List what is pinned in ROOM, what was pinned last first."""
    run(_list(the_home(context), room, as_json=as_json))


async def _list(home: Home, wanted: str, *, as_json: bool) -> None:
    async with connected(home, follow=True) as client:
        room = find_room(client, wanted)
        for entry in await client.pins(room.id):
            print_entry(room.title, entry, as_json=as_json)


@click.command(epilog="\b\nExample:\n  parlour room pin lobby 42\n  parlour room pin lobby 42 --off")
@click.argument("room")
@click.argument("number", type=click.IntRange(min=1), metavar="SEQ")
@click.option("--off", is_flag=True, help="Take it off.")
@click.pass_context
def pin(context: click.Context, room: str, number: int, *, off: bool) -> None:
    """Let everybody in ROOM find the message with this number."""
    run(_pin(the_home(context), room, Seq(number), on=not off))


async def _pin(home: Home, wanted: str, seq: Seq, *, on: bool) -> None:
    async with connected(home, follow=True) as client:
        request = await client.pin(find_room(client, wanted).id, seq, on=on)
        try:
            await client.stored(request)
        except ParlourClientError:
            await client.abandon([request])
            raise
