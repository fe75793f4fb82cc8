"""`invitations`, `room accept`, `room decline`, `block`: what people are asked, and their answers.

Room and user names are checked types; whoever is declined or blocked is not told. ``room`` and the root list
the commands.
"""

from typing import Final

import click

from parlour_client.cli.render import USER, find_room, print_json
from parlour_client.cli.run_client import run_connected
from parlour_client.console.printing import echo
from parlour_client.core.client import Client
from parlour_client.core.errors import SetupError
from parlour_client.core.model import Invitation
from parlour_client.core.room_names import find_room as find
from parlour_client.plain.line_text import day_and_time
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.names import UserName

WAITS: Final = (
    "It is end-to-end encrypted: you can read and write once a member's device has added this one, "
    "which happens by itself when somebody is online, or writes there."
)


@click.command(epilog="\b\nExample:\n  parlour invitations --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def invitations(context: click.Context, *, as_json: bool) -> None:
    """List who invites you into which room, and who wants to write to you directly."""

    async def work(client: Client) -> None:
        for one in client.invitations:
            if as_json:
                fields = {
                    "room": one.title,
                    "room_id": one.id,
                    "kind": one.kind.value,
                    "inviter": one.inviter,
                }
                print_json(fields | {"at": one.at or None, "encrypted": one.encrypted})
            else:
                echo(_line(one))

    run_connected(context, work)


def _line(one: Invitation) -> str:
    kind = (
        "wants to write to you"
        if one.kind is RoomKind.DIRECT
        else f"{one.kind.value}, invited by {one.inviter}"
    )
    when = f"  {day_and_time(one.at)}" if one.at else ""  # a direct room's is not known before it was read
    return f"{one.title}  {kind}{', encrypted' * one.encrypted}{when}"


def _invitation(client: Client, wanted: str) -> Invitation:
    found = find(client.invitations, wanted)
    if found is None:
        raise SetupError("You have no such invitation.", "See them: parlour invitations")
    return found


@click.command(epilog="\b\nExample:\n  parlour room accept garden\n  parlour room accept @ben")
@click.argument("name")
@click.pass_context
def accept(context: click.Context, name: str) -> None:
    """Enter a room that you are invited into, or say yes to a direct room (@USER)."""

    async def work(client: Client) -> None:
        invitation = _invitation(client, name)
        room = await client.accept(invitation.id)
        echo(f"You are in {room.title}.", err=True)
        if room.encrypted and room.kind is not RoomKind.DIRECT:
            echo(WAITS, err=True)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour room decline garden")
@click.argument("name")
@click.pass_context
def decline(context: click.Context, name: str) -> None:
    """Turn an invitation down, or hide a direct room (@USER). Nobody is told."""

    async def work(client: Client) -> None:
        await client.decline(_invitation(client, name).id)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour room uninvite garden ben")
@click.argument("name")
@click.argument("user", type=USER)
@click.pass_context
def uninvite(context: click.Context, name: str, user: UserName) -> None:
    """Take your invitation of somebody back; moderators take everybody's."""

    async def work(client: Client) -> None:
        await client.uninvite(find_room(client, name).id, user)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour block mallory\n  parlour block mallory --off")
@click.argument("user", type=USER, required=False)
@click.option("--off", is_flag=True, help="See their invitations and new direct rooms again.")
@click.pass_context
def block(context: click.Context, user: UserName | None, *, off: bool) -> None:
    """See no invitation and no direct room of USER any more; they are not told.

    Without USER: list whom you block.
    """

    async def work(client: Client) -> None:
        if user is not None:
            await client.block(user, on=not off)
        else:
            for one in await client.blocked():
                echo(one)

    run_connected(context, work)
