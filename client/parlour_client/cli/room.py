"""`room …` and `dm`: make, find, enter and look after rooms.

Each command connects, asks once, prints the answer and ends; what the server refuses is told in words.
Topics are strangers' text and go through the rule.
"""

import sys
from typing import Final

import click

from parlour_client.cli.invitations import WAITS, accept, decline, uninvite
from parlour_client.cli.moderating import ban, kick, mute, role, unban, unmute
from parlour_client.cli.pins import pin, pins
from parlour_client.cli.render import ROOM_NAME, USER, find_room, print_json, shown
from parlour_client.cli.run_client import run_connected
from parlour_client.cli.send import delivered
from parlour_client.console.printing import echo
from parlour_client.core.checked_text import message_text
from parlour_client.core.client import Client
from parlour_client.core.errors import EncryptionError, SetupError
from parlour_client.core.model import Room
from parlour_protocol.frames.base import RoomKind, RoomSuite
from parlour_protocol.names import RoomName, UserName

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group(
    epilog="\b\nExample:\n  parlour room create garden --topic 'plants and bees'\n  parlour room join garden"
)
def room() -> None:
    """Make, find, enter and look after rooms."""


for command in (accept, decline, uninvite, pins, pin, role, kick, ban, unban, mute, unmute):
    room.add_command(command)


@room.command(
    name="create", epilog="\b\nExample:\n  parlour room create garden --private --topic 'plants and bees'"
)
@click.argument("name", type=ROOM_NAME)
@click.option("--private", is_flag=True, help="Entered by invitation alone, and not listed.")
@click.option("--encrypted", is_flag=True, help="End-to-end encrypted, for good: the server cannot read it.")
@click.option(
    "--post-quantum",
    is_flag=True,
    help="With --encrypted: keys that a later quantum computer does not open either. Experimental.",
)
@click.option("--topic", default="", help="One line that stands above the messages.")
@click.pass_context
def create(
    context: click.Context,
    name: RoomName,
    topic: str,
    *,
    private: bool,
    encrypted: bool,
    post_quantum: bool,
) -> None:
    """Make a room and be its owner."""
    if post_quantum and not encrypted:
        raise click.UsageError("--post-quantum goes with --encrypted.")

    async def work(client: Client) -> None:
        kind = RoomKind.PRIVATE if private else RoomKind.PUBLIC
        suite = RoomSuite.X_WING if post_quantum else RoomSuite.X25519
        made = await client.create_room(name, kind, topic, encrypted=encrypted, suite=suite)
        echo(f"Made {made.title}.", err=True)

    run_connected(context, work)


@room.command(name="list", epilog="\b\nExample:\n  parlour room list --all")
@click.option("--all", "everything", is_flag=True, help="Also the public rooms that you are not in.")
@_JSON
@click.pass_context
def list_rooms(context: click.Context, *, everything: bool, as_json: bool) -> None:
    """List your rooms."""

    async def work(client: Client) -> None:
        for mine in client.rooms:
            _print_room(mine, as_json=as_json)
        if everything:
            known = {mine.id for mine in client.rooms}
            for listing in await client.directory():
                if listing.room not in known:
                    fields = {
                        "room": listing.name,
                        "room_id": listing.room,
                        "kind": "public",
                        "member": False,
                    }
                    fields |= {"members": listing.members, "topic": listing.topic}
                    _print_listing(fields, as_json=as_json)

    run_connected(context, work)


def _print_room(mine: Room, *, as_json: bool) -> None:
    fields: dict[str, object] = {
        "room": mine.title,
        "room_id": mine.id,
        "kind": mine.kind.value,
        "member": True,
    }
    fields |= {"members": mine.members, "topic": mine.topic, "role": mine.role.value, "head": mine.head}
    _print_listing(fields, as_json=as_json)


def _print_listing(fields: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(fields)
        return
    topic = f"  {shown(str(fields['topic']))}" if fields["topic"] else ""
    outside = "" if fields["member"] else "  (not joined)"
    echo(f"{fields['room']}  {fields['kind']}, {fields['members']} people{topic}{outside}")


@room.command(name="join", epilog="\b\nExample:\n  parlour room join garden")
@click.argument("name", type=ROOM_NAME)
@click.pass_context
def join_room(context: click.Context, name: RoomName) -> None:
    """Enter a public room."""

    async def work(client: Client) -> None:
        found = next((listing for listing in await client.directory() if listing.name == name), None)
        if found is None:
            raise SetupError(f"There is no public room called {name}.", "See them: parlour room list --all")
        entered = await client.join(found.room)
        echo(f"You are in {entered.title}.", err=True)
        if entered.encrypted:
            echo(WAITS, err=True)

    run_connected(context, work)


@room.command(
    name="leave", epilog="\b\nExample:\n  parlour room leave garden\n  parlour room leave garden --yes"
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask; a script needs it.")
@click.pass_context
def leave(context: click.Context, name: str, *, yes: bool) -> None:
    """Leave a room; you are asked once."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("No terminal to ask for confirmation on; use --yes.")
        click.confirm(f"Leave {shown(name)}?", abort=True, err=True)

    async def work(client: Client) -> None:
        await client.leave(find_room(client, name).id)

    run_connected(context, work)


@room.command(name="members", epilog="\b\nExample:\n  parlour room members lobby")
@click.argument("name")
@_JSON
@click.pass_context
def members(context: click.Context, name: str, *, as_json: bool) -> None:
    """List who is in a room."""

    async def work(client: Client) -> None:
        for member in await client.members(find_room(client, name).id):
            if as_json:
                fields: dict[str, object] = {
                    "user": member.user,
                    "role": member.role.value,
                    "status": member.status.value,
                }
                print_json(fields | {"muted": member.muted})
            else:
                muted = ", muted" if member.muted else ""
                echo(f"{member.user}  {member.role.value}, {member.status.value}{muted}")

    run_connected(context, work)


@room.command(
    name="topic",
    epilog="\b\nExample:\n  parlour room topic garden\n  parlour room topic garden 'bees only'\n"
    "  parlour room topic garden --clear",
)
@click.argument("name")
@click.argument("topic", required=False)
@click.option("--clear", is_flag=True, help="Take the topic away.")
@click.pass_context
def set_topic(context: click.Context, name: str, topic: str | None, *, clear: bool) -> None:
    """Print the topic, or set it."""
    if clear and topic is not None:
        raise click.UsageError("A TOPIC and --clear exclude each other.")
    if topic is not None and not topic.strip():
        raise click.UsageError("The topic is empty; to take it away, use --clear.")

    async def work(client: Client) -> None:
        found = find_room(client, name)
        if topic is not None or clear:
            await client.set_topic(found.id, topic or "")
        else:
            echo(shown(found.topic) if found.topic else "")

    run_connected(context, work)


@room.command(name="invite", epilog="\b\nExample:\n  parlour room invite garden ben")
@click.argument("name")
@click.argument("user", type=USER)
@click.pass_context
def invite(context: click.Context, name: str, user: UserName) -> None:
    """Invite somebody into a room; they enter it by accepting."""

    async def work(client: Client) -> None:
        await client.invite(find_room(client, name).id, user)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour dm ben 'are you there?'")
@click.argument("user", type=USER)
@click.argument("text", required=False)
@click.option(
    "--open",
    "is_open",
    is_flag=True,
    help="NOT end-to-end encrypted, unless the room is encrypted already: the server can read it.",
)
@click.option(
    "--post-quantum",
    is_flag=True,
    help="Keys that a later quantum computer does not open either, if the room is made now. Experimental.",
)
@click.pass_context
def dm(
    context: click.Context, user: UserName, text: str | None, *, is_open: bool, post_quantum: bool
) -> None:
    """Open the direct room with USER, and say TEXT there: end-to-end encrypted, or not at all."""
    if is_open and post_quantum:
        raise click.UsageError("--open and --post-quantum exclude each other.")
    if text is not None:
        message_text(text)  # refuse before connecting

    async def work(client: Client) -> None:
        suite = RoomSuite.X_WING if post_quantum else RoomSuite.X25519
        opened = await client.open_direct(user, encrypted=not is_open, suite=suite)
        if not opened.encrypted and not is_open:
            raise EncryptionError(
                f"The direct room with {user} was opened without encryption: the server can read it.",
                "With --open it goes there as it is; in the chat, /encrypt turns encryption on.",
            )
        if text is not None:
            await delivered(client, opened, await client.send(opened.id, text), as_json=False)

    run_connected(context, work)
