"""Prints the result of a command on the command line: lines for people, or JSON for scripts.

Results go to standard output, notes about them to standard error.
"""

from functools import singledispatch

import click

from parlour_client.cli.output import Output, print_entry, print_json
from parlour_client.cli.send import delivered
from parlour_client.commands import results
from parlour_client.commands.front import Front
from parlour_client.commands.show import Aside, lines, records
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_client.kit.qr_code import qr_rows
from parlour_client.text.room_text import created_room
from parlour_protocol.rooms import RoomKind


@singledispatch
async def show(result: results.Result, out: Output) -> None:
    """Print the result of a command, or finish what it began."""
    _print_lines(result, out)


def _print_lines(result: results.Result, out: Output) -> None:
    found = records(result) if out.as_json else None
    if found is None:
        for line in lines(result, Front.CLI):
            echo(line, err=isinstance(line, Aside))
    else:
        for record in found:
            print_json(record)


@show.register
async def _room_opened(result: results.RoomOpened, out: Output) -> None:
    room = result.room
    match result.how:
        case results.Opened.CREATED:
            echo(created_room(room), err=True)
        case results.Opened.DIRECT:
            if result.sent is not None:
                await delivered(out.client, room, result.sent, as_json=False)
        case _:
            echo(_("You are in {title}.").format(title=room.title), err=True)
            if room.encrypted and room.kind is not RoomKind.DIRECT:
                echo(
                    _(
                        "This room is end-to-end encrypted: you can read and write once a member's device "
                        "has added this one, which happens automatically when someone is online or writes "
                        "there."
                    ),
                    err=True,
                )


@show.register
async def _room_left(_result: results.RoomLeft, _out: Output) -> None:
    """Print nothing: the exit status says that it succeeded."""


@show.register
async def _messages_found(result: results.MessagesFound, out: Output) -> None:
    names = await out.client.history.room_names()
    for entry in result.entries:
        known = out.client.rooms.get(entry.room)
        left = names.get(entry.room) or (entry.room if out.as_json else _("a room you left"))
        print_entry(known.title if known is not None else left, entry, as_json=out.as_json)
    if result.more:
        echo(_("parlour: There are more results; use --limit or before:DATE to see them."), err=True)


@show.register
async def _pins_listed(result: results.PinsListed, out: Output) -> None:
    for entry in result.entries:
        print_entry(result.room.title, entry, as_json=out.as_json)


@show.register
async def _queued(result: results.Queued, out: Output) -> None:
    """Wait for the server; a refused message is not sent later."""
    try:
        await out.client.messages.stored(result.request)
    except ParlourClientError:
        await out.client.messages.abandon([result.request])
        raise


@show.register
async def _transfer(result: results.Transfer, out: Output) -> None:
    await show(await result.run(lambda _done, _whole: None), out)


@show.register
async def _code_shown(result: results.CodeShown, out: Output) -> None:
    """Print it as a picture, too: another device's camera reads it."""
    for row in qr_rows(result.code) if not out.as_json else ():
        click.echo(click.style(row, fg="black", bg="bright_white"))  # dark on light, or some scanners fail
    _print_lines(result, out)
