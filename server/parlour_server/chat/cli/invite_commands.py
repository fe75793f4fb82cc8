"""`invite` of the chat: its links can have the inviter in them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import command, data_option, json_option, with_store
from parlour_server.host.cli.invite_commands import (
    address_option,
    create_example,
    create_invite,
    days_option,
    each_option,
    expires_option,
    list_,
    revoke,
    uses_option,
)

if TYPE_CHECKING:
    from typing import TextIO

    from parlour_protocol.kit.ids import Millis
    from parlour_protocol.kit.invite_link import InviteLink


@click.group(commands=[list_, revoke])
def invite() -> None:
    """Create, list and revoke invite links."""


@invite.command(epilog=create_example)
@data_option
@uses_option
@days_option
@expires_option
@click.option(
    "--role",
    type=click.Choice(["moderator", "owner"]),
    help="The role that the accounts get in the lobby; default: member.",
)
@address_option
@click.option(
    "--by",
    metavar="NAME.KEY",
    help="The inviter and their account key (see `parlour invite-link`). Newcomers have them verified.",
)
@each_option
@json_option
def create(
    data: Path,
    uses: int,
    days: int | None,
    expires: "Millis | None",
    role: str | None,
    address: str | None,
    by: str | None,
    each: "TextIO | None",
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """Create an invite link. Anyone who has the link can use it, so send it privately."""
    from parlour_protocol.invite_link import ChatInviteLink, Inviter  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.chat.system_account import lobby  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    inviter = Inviter.parse(by) if by is not None else None
    if role and with_store(data, lambda store: store.rooms.find_public(lobby()), did=None) is None:
        raise SetupError(
            f"--role is for the public room called {lobby()}, and there is none;"
            f" `{command()} room create {lobby()}` makes one"
        )

    def text(link: "InviteLink") -> str:
        return str(ChatInviteLink(link, inviter))

    create_invite(data, uses, days, expires, role, address, each=each, as_json=as_json, text=text)
