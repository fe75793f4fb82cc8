"""`invite`: make, list and revoke the links with which people join."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.cli.command_options import (
    data_option,
    example,
    folder_of,
    json_option,
    say,
    settings_of,
    shown_time,
    with_store,
)

if TYPE_CHECKING:
    from parlour_protocol.invite_link import InviteLink, Inviter
    from parlour_protocol.secret import Secret

_DAY = 86_400_000
_SHOWN = 12


@click.group()
def invite() -> None:
    """Make, list and revoke invite links."""


@invite.command(
    epilog=example(
        "parlour-server invite create --data ~/parlour --uses 5 --days 7\n"
        "parlour-server invite create --data ~/parlour --address chat.example.org:8443 --json"
    )
)
@data_option
@click.option(
    "--uses", default=1, show_default=True, type=click.IntRange(1, 10_000), help="Accounts it makes."
)
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, 3650), help="Days until it ends."
)
@click.option("--address", metavar="HOST:PORT", help="The address in the link; else the server's own.")
@click.option(
    "--by",
    metavar="NAME.KEY",
    help="Who invites, and their account key, as `parlour invite-link` prints them: verified for who joins.",
)
@json_option
def create(
    data: Path,
    uses: int,
    days: int,
    address: str | None,
    by: str | None,
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """Print a link that makes accounts. Whoever has the link can use it: send it privately."""
    from parlour_protocol.ids import Millis  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.invite_link import Inviter  # noqa: PLC0415
    from parlour_protocol.secret import Secret  # noqa: PLC0415
    from parlour_server.clock import SystemClock  # noqa: PLC0415
    from parlour_server.store.types import InviteRecord  # noqa: PLC0415

    code, now = Secret.random(), SystemClock().now()
    link = _link(data, code, address, Inviter.parse(by) if by is not None else None)
    record = InviteRecord(code.digest(), uses, now, Millis(now + days * _DAY))
    invite = record.digest.hex()[:_SHOWN]
    with_store(
        data, lambda store: store.accounts.add_invite(record),
        did="invite create", invite=invite, uses=str(uses), days=str(days),
    )  # fmt: skip
    if as_json:
        say({"link": str(link), "uses": uses, "expires": record.expires})
    else:
        click.echo(str(link))


@invite.command("list", epilog=example("parlour-server invite list --data ~/parlour"))
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the invites that can still be used. Their codes are not stored, only digests."""
    records = with_store(data, lambda store: store.accounts.list_invites(), did=None)
    rows = [
        {"id": r.digest.hex()[:_SHOWN], "uses": r.uses, "created": r.created, "expires": r.expires}
        for r in records
    ]
    if as_json:
        say(rows)
        return
    for row, record in zip(rows, records, strict=True):
        click.echo(f"{row['id']}  {record.uses} left  until {shown_time(record.expires)}")


@invite.command(epilog=example("parlour-server invite revoke --data ~/parlour 3fa94c0d11e2"))
@data_option
@click.argument("which")
def revoke(data: Path, which: str) -> None:
    """Take an invite away: WHICH is its id from `invite list`, or its whole link."""
    from parlour_protocol.invite_link import InviteLink  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.errors import SetupError  # noqa: PLC0415
    from parlour_server.store.interface import Store  # noqa: PLC0415

    wanted = InviteLink.parse(which).code.digest().hex() if which.startswith("parlour:") else which

    async def work(store: Store) -> None:
        found = [r for r in await store.accounts.list_invites() if r.digest.hex().startswith(wanted)]
        if len(found) != 1 or not wanted:
            raise SetupError(f"{len(found)} invites begin so; `parlour-server invite list` shows their ids")
        await store.accounts.revoke_invite(found[0].digest)

    with_store(data, work, did="invite revoke", invite=wanted[:_SHOWN])
    click.echo("revoked")


def _link(data: Path, code: "Secret", address: str | None, by: "Inviter | None") -> "InviteLink":
    from parlour_protocol.invite_link import InviteLink, ServerAddress  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.setup.certificates import is_own, pin_of, read_certificate  # noqa: PLC0415
    from parlour_server.setup.public_address import reachable_at, running  # noqa: PLC0415

    folder = folder_of(data)
    if address is None and running(folder) is None:
        click.echo("no server runs on this folder: the link has the address of the configuration", err=True)
    server = ServerAddress.parse(address) if address else reachable_at(folder, settings_of(folder))
    leaf = read_certificate(folder.certificate)
    # A certificate that a public CA signed changes its key when it is renewed: its pin would break links.
    return InviteLink(server, code, pin_of(leaf) if is_own(folder, leaf) else None, by)
