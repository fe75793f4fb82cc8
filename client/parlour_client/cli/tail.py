"""`tail`: a room's messages as they arrive, each once, in order, across reconnections.

It reads the log by number, so that nothing is left out between history and live events. JSON is
ASCII-escaped; text for people is sanitised. Scripts call it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec.structs import asdict

from parlour_client.cli.output import FURTHER, file_words, print_json
from parlour_client.cli.parameters import ROOM
from parlour_client.cli.run_client import connected, the_home
from parlour_client.commands.find import find_room
from parlour_client.commands.front import Front
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.events import Change
from parlour_client.core.model import BEFORE_JOIN, UNREADABLE, Room, display_name
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import UnreachableError
from parlour_client.kit.language import N_, _
from parlour_client.text.date_text import day_and_time
from parlour_client.text.event_text import event_sentence
from parlour_client.text.note_text import note_words
from parlour_client.text.untrusted_text import shown
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    Blank,
    Contested,
    EncryptedMessage,
    GroupCreated,
    Handshake,
    Message,
    Unreadable,
)
from parlour_protocol.kit.ids import MAX_INT, Seq

if TYPE_CHECKING:
    from parlour_client.core.client import Client

_WITH_OWN_ROW = Blank | Contested | GroupCreated | Handshake | EncryptedMessage | Unreadable


@click.command(
    epilog="\b\nExample:\n  parlour tail lobby --json\n  parlour tail lobby --json --from 1 --count 10"
)
@click.argument("room", type=ROOM)
@click.option("--json", "as_json", is_flag=True, help=N_("Print one JSON object per line, in ASCII."))
@click.option("--count", type=click.IntRange(min=1), metavar="N", help=N_("Stop after N."))
@click.option(
    "--from",
    "first",
    type=click.IntRange(0, MAX_INT),
    metavar="SEQ",
    help=N_("Start at this number in the history."),
)
@click.option(
    "--events", is_flag=True, help=N_("Show everything that happens in the room, not only messages.")
)
@click.pass_context
def tail(
    context: click.Context, room: str, count: int | None, first: int | None, *, as_json: bool, events: bool
) -> None:
    """Print the messages in ROOM (a name, or @user) as they arrive, from now on or from a given number."""
    asyncio.run(_tail(the_home(context), room, count, first, as_json=as_json, events=events))


async def _tail(
    home: ChatHome, wanted: str, count: int | None, first: int | None, *, as_json: bool, events: bool
) -> None:
    async with connected(home, follow=True) as client:
        room = find_room(client, Front.CLI, wanted)
        left = count
        async for event in follow(client, room, Seq(max(0, first - 1)) if first is not None else room.head):
            note = await note_of(client, event)
            if events or isinstance(event.body, Message):
                print_event(room, event, note, as_json=as_json)
                left = left - 1 if left is not None else None
                if left == 0:
                    return
            elif note and note != BEFORE_JOIN:  # always visible; earlier events have their one divider
                echo(f"parlour: #{event.seq} {shown(_(note))}", err=True)


async def follow(client: "Client", room: Room, after: Seq) -> AsyncIterator[LogEvent]:
    """Yield the room's events over ``after``, each number in turn, for ever; raises why it cannot."""
    news = asyncio.Event()

    def wake(_change: Change) -> None:
        news.set()

    unsubscribe = client.events.subscribe(wake)
    try:
        while True:
            news.clear()
            for event in await client.history.log(room.id, after=after):
                after = event.seq
                news.set()
                yield event
            if client.connection.status.state is LinkState.STOPPED:
                raise UnreachableError(
                    client.connection.status.problem, _("Log in again, then continue with --from.")
                )
            await news.wait()
    finally:
        unsubscribe()


async def note_of(client: "Client", event: LogEvent) -> str:
    """Return this client's note on an event: why it cannot be read, who joined."""
    if not isinstance(event.body, _WITH_OWN_ROW):
        note = await client.history.note_at(event.room, event.seq)
        return note.detail if note is not None else ""
    entries = await client.history.timeline(event.room, before=Seq(event.seq + 1), limit=1)
    entry = next((entry for entry in entries if entry.seq == event.seq), None)
    if entry is None:
        return await client.history.trouble_of(event.room, event.seq)
    if isinstance(event.body, Unreadable) and entry.note is None:
        return _(UNREADABLE)
    return note_words(entry) if entry.note is not None else entry.trouble


def print_event(room: Room, event: LogEvent, note: str = "", *, as_json: bool) -> None:
    """Print one event for a script or for a person, with this client's note on it."""
    if as_json:
        print_json(event_fields(room, event) | ({"note": note} if note else {}))
    else:
        time = f"{day_and_time(event.at)} #{event.seq}"
        if isinstance(event.body, Message):
            if note:
                echo(_("{time} (note) {note}").format(time=time, note=shown(_(note))))
            text = shown(event.body.text, indent=FURTHER)
            echo(f"{time} {display_name(event.author)}: {text}{file_words(event.body)}")
        elif note:
            note = shown(_(note), indent=FURTHER)
            author = display_name(event.author)
            echo(_("{time} (note) {author}: {note}").format(time=time, author=author, note=note))
        else:
            sentence, words = event_sentence(event.author, event.body, event.at)
            more = f": {shown(words, indent=FURTHER)}" if words is not None else ""
            echo(f"{time} {sentence}{more}")


def event_fields(room: Room, event: LogEvent) -> dict[str, Any]:
    """Return an event's fields for scripts: the envelope, then the body's own fields.

    ``device`` is the name of the author's device in all of them; the id in the creation of a group is
    ``device_id``.
    """
    body = event.body
    fields: dict[str, Any] = {"seq": event.seq, "room": room.title, "room_id": room.id, "at": event.at}
    fields |= {
        "author": display_name(event.author),
        "device": event.device,
        "kind": body.__struct_config__.tag,
    }
    own = _plain(body)
    if isinstance(body, GroupCreated):
        own["device_id"] = own.pop("device")
    return fields | own


def _plain(part: msgspec.Struct) -> dict[str, Any]:
    """Return a body's fields as JSON has them; bytes are of no use to a script, and are left out."""
    return {
        name: _plain(value) if isinstance(value, msgspec.Struct) else value
        for name, value in asdict(part).items()
        if not isinstance(value, bytes)
    }
