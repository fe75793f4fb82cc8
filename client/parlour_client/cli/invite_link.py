"""`invite-link`: adds the account key to an invite link, so that people who join with it know the key.

It creates no link (only the operator can) and needs no connection. It prints the key that this approved
device has for its own account, and nothing that a server could choose.
"""

import asyncio
import sys

import click

from parlour_client.cli.run_client import signing_in, the_home, the_passphrase
from parlour_client.core.account.chat_home import ChatHome
from parlour_protocol.invite_link import ChatInviteLink


@click.command(
    name="invite-link",
    epilog=(
        "\b\nExample:\n  parlour invite-link 'parlour://chat.example.org:8443/join#code=…&pin=…'\n  "
        'parlour-server invite create --data ~/parlour --by "$(parlour invite-link)"'
    ),
)
@click.argument("link", required=False)
@click.pass_context
def invite_link(context: click.Context, link: str | None) -> None:
    """Print LINK (or `-`: standard input) with your name and account key in it.

    Anyone who joins with it has verified you, instead of trusting the key the server shows. Without LINK,
    print NAME.KEY for the operator who creates the link.
    """
    text = sys.stdin.readline() if link == "-" else link
    wanted = ChatInviteLink.parse(text) if text is not None else None
    click.echo(asyncio.run(_linked(the_home(context), wanted)))


async def _linked(home: ChatHome, link: ChatInviteLink | None) -> str:
    async with signing_in(home, the_passphrase(home)) as sign_in:
        return str(await sign_in.inviter() if link is None else await sign_in.invite(link))
