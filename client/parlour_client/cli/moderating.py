"""`room role`, `kick`, `ban` and `mute`: what owners and moderators do. ``room`` adds them to its group."""

from typing import Final

import click

from parlour_client.cli.render import USER, find_room
from parlour_client.cli.run_client import run_connected
from parlour_client.core.client import Client
from parlour_protocol.frames.base import Role
from parlour_protocol.names import UserName

_FOR: Final = click.option(
    "--for",
    "seconds",
    type=click.IntRange(1, 366 * 86_400),
    metavar="SECONDS",
    help="For so long; default: for good.",
)
_REASON: Final = click.option("--reason", default="", help="What to say to it; everybody sees it.")


@click.command(epilog="\b\nExample:\n  parlour room role garden ben moderator")
@click.argument("name")
@click.argument("user", type=USER)
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.pass_context
def role(context: click.Context, name: str, user: UserName, role: str) -> None:
    """Give a member a role."""

    async def work(client: Client) -> None:
        await client.set_role(find_room(client, name).id, user, Role(role))

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour room kick garden mallory --reason 'see the house rules'")
@click.argument("name")
@click.argument("user", type=USER)
@_REASON
@click.pass_context
def kick(context: click.Context, name: str, user: UserName, reason: str) -> None:
    """Put somebody out; they may come back."""

    async def work(client: Client) -> None:
        await client.kick(find_room(client, name).id, user, reason)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour room ban garden mallory --for 86400")
@click.argument("name")
@click.argument("user", type=USER)
@_FOR
@_REASON
@click.pass_context
def ban(context: click.Context, name: str, user: UserName, seconds: int | None, reason: str) -> None:
    """Put somebody out and keep them out."""

    async def work(client: Client) -> None:
        await client.ban(find_room(client, name).id, user, seconds=seconds, reason=reason)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour room unban garden mallory")
@click.argument("name")
@click.argument("user", type=USER)
@click.pass_context
def unban(context: click.Context, name: str, user: UserName) -> None:
    """Lift a ban."""

    async def work(client: Client) -> None:
        await client.unban(find_room(client, name).id, user)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour room mute garden mallory --for 600")
@click.argument("name")
@click.argument("user", type=USER)
@_FOR
@click.pass_context
def mute(context: click.Context, name: str, user: UserName, seconds: int | None) -> None:
    """Let a member read but not write."""

    async def work(client: Client) -> None:
        await client.mute(find_room(client, name).id, user, seconds=seconds)

    run_connected(context, work)


@click.command(epilog="\b\nExample:\n  parlour room unmute garden mallory")
@click.argument("name")
@click.argument("user", type=USER)
@click.pass_context
def unmute(context: click.Context, name: str, user: UserName) -> None:
    """Let a muted member write again."""

    async def work(client: Client) -> None:
        await client.unmute(find_room(client, name).id, user)

    run_connected(context, work)
