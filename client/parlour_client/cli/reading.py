"""`search` and `export`: what the archive holds, for people and for scripts.

Both read the archive and fetch what it misses while there is a connection; search works without one. Text
goes through the rule unless it is JSON, which is ASCII-escaped.
"""

import click

from parlour_client.cli.render import find_room, print_entry, tell_claims
from parlour_client.cli.run_client import connected, run, the_home, the_passphrase
from parlour_client.cli.tail import print_event, said_of
from parlour_client.console.printing import echo
from parlour_client.core.account.home import Home
from parlour_client.core.client import Client
from parlour_client.core.errors import SessionEndedError, UnreachableError
from parlour_protocol.ids import Seq

_PATIENCE = 5.0


@click.command(
    epilog="\b\nExample:\n  parlour search bees\n"
    "  parlour search --in garden '\"first honey\"' from:bob after:7d --json\n"
    "  parlour search is:unread has:link"
)
@click.argument("words", nargs=-1, required=True)
@click.option("--in", "room", metavar="ROOM", help="In this room alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, ASCII only.")
@click.pass_context
def search(
    context: click.Context, words: tuple[str, ...], room: str | None, limit: int, *, as_json: bool
) -> None:
    """Search all messages that this device has, newest first. Works without a connection.

    WORDS are found in any order; the last one may be unfinished. Beside them, or alone: from:NAME, in:ROOM,
    before:DATE, after:DATE, has:link|file|reaction, is:unread|mention|starred|edited|mine, "exact words".
    """
    run(_search(the_home(context), " ".join(words), room, limit, as_json=as_json))


async def _search(home: Home, words: str, wanted: str | None, limit: int, *, as_json: bool) -> None:
    client = Client(home, passphrase=the_passphrase(home), adopt=False)
    await client.start()
    try:
        await _catch_up(client)
        room = find_room(client, wanted).id if wanted is not None else None
        names = await client.room_names()
        found = await client.search(words, room=room, limit=limit + 1)
        for entry in found[:limit]:
            known = client.room(entry.room)
            left = names.get(entry.room) or (entry.room if as_json else "a room that you left")
            print_entry(known.title if known is not None else left, entry, as_json=as_json)
        if len(found) > limit:
            echo("parlour: There are more; --limit or before:DATE shows them.", err=True)
    finally:
        await client.stop()


async def _catch_up(client: Client) -> None:
    try:
        await client.ready(_PATIENCE)
    except (UnreachableError, SessionEndedError) as error:
        echo(f"parlour: {error} Only what is on this device is searched.", err=True)


@click.command(epilog="\b\nExample:\n  parlour export lobby --json > lobby.jsonl")
@click.argument("room")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, ASCII only.")
@click.pass_context
def export(context: click.Context, room: str, *, as_json: bool) -> None:
    """Print the whole history of ROOM, each event once, in order."""
    run(_export(the_home(context), room, as_json=as_json))


async def _export(home: Home, wanted: str, *, as_json: bool) -> None:
    async with connected(home, follow=True) as client:
        room = find_room(client, wanted)
        after = Seq(0)
        while events := await client.log(room.id, after=after):
            for event in events:
                print_event(room, event, await said_of(client, event), as_json=as_json)
            after = events[-1].seq
        await client.finish(room.id)
        await tell_claims(client, room, look=True)
