"""`address`: ban addresses and networks, lift bans, and list them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_server.host.cli.command_options import (
    When,
    command,
    data_option,
    example,
    json_option,
    say,
    shown_time,
    tell,
    with_database,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parlour_protocol.kit.ids import Millis
    from parlour_server.capabilities.address_bans.store import AddressBan, AddressBans
    from parlour_server.core.store.database import Database

_LONGEST_REASON: Final = 200


@click.group()
def address() -> None:
    """Ban addresses and networks, lift bans, and list them.

    A running server refuses a banned address within a second, before TLS, and closes its open connections; so
    do all servers that share the database. Accounts are not affected: see `user disable`.
    """


@address.command(
    epilog=example(
        "$command address ban --data ~/$word 203.0.113.7 --expires 7d --reason 'guesses passwords'\n"
        "$command address ban --data ~/$word 198.51.100.0/24\n"
        "$command address ban --data ~/$word 2001:db8:5::/64"
    )
)
@data_option
@click.option("--reason", default="", help="Why, for the list and the audit log.")
@click.option("--expires", type=When(), help="When the ban ends: 12h, 7d, 2030-01-31. Default: never.")
@click.option(
    "--including-loopback",
    is_flag=True,
    help="Also ban this machine's own addresses, if the network has them in it.",
)
@json_option
@click.argument("network")
def ban(
    data: Path,
    network: str,
    reason: str,
    expires: "Millis | None",
    including_loopback: bool,  # noqa: FBT001 - click
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """Ban an address or NETWORK. It replaces an earlier ban of the same one.

    One customer usually has a whole /64 of IPv6: ban that, not an address.
    """
    from parlour_server.capabilities.address_bans.networks import (  # noqa: PLC0415 - keeps `--help` quick
        ban_network,
        has_loopback,
        network_text,
    )
    from parlour_server.capabilities.address_bans.store import AddressBan  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    chosen = ban_network(network)
    shown = network_text(chosen)
    if not including_loopback and has_loopback(chosen):
        raise click.UsageError(
            f"{shown} has addresses of this machine in it, which commands and monitors use to reach the"
            " server; add --including-loopback if you mean that."
        )
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise click.UsageError(
            f"The reason must be one line of at most {_LONGEST_REASON} characters, all of them visible."
        )
    made = AddressBan(chosen, reason, SystemClock().now(), expires)
    until = "never" if expires is None else shown_time(expires)
    with_database(
        data, lambda store: _bans(store).put(made),
        did="address ban", address=shown, expires=until, reason=reason,
    )  # fmt: skip
    tell(_row(made), f"{shown} is banned{'' if expires is None else f' until {until}'}", as_json=as_json)


@address.command(epilog=example("$command address unban --data ~/$word 203.0.113.7"))
@data_option
@json_option
@click.argument("network")
def unban(data: Path, network: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Lift the ban of exactly this address or NETWORK."""
    from parlour_server.capabilities.address_bans.networks import ban_network, network_text  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    chosen = ban_network(network)
    shown = network_text(chosen)

    async def work(store: "Database") -> None:
        bans = _bans(store)
        if await bans.remove(chosen):
            return
        if wider := [network_text(banned.network) for banned in await bans.all() if _is_in(chosen, banned)]:
            raise SetupError(f"{shown} is banned as a part of {', '.join(wider)}; lift that ban")
        raise SetupError(f"{shown} is not banned; `{command()} address list` shows all bans")

    with_database(data, work, did="address unban", address=shown)
    tell({"network": shown}, f"{shown} is not banned any more", as_json=as_json)


@address.command("list", epilog=example("$command address list --data ~/$word"))
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the bans that have not ended."""
    from parlour_server.capabilities.address_bans.networks import network_text  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "Database") -> "Sequence[AddressBan]":
        return await _bans(store).all()

    found = with_database(data, work, did=None)
    if as_json:
        say([_row(banned) for banned in found])
        return
    for banned in found:
        end = "for good" if banned.expires is None else f"until {shown_time(banned.expires)}"
        click.echo(f"{network_text(banned.network)}  {end}  {banned.reason}".rstrip())


def _bans(store: "Database") -> "AddressBans":
    from parlour_server.capabilities.address_bans.store import AddressBans  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    return AddressBans(store, SystemClock())


def _row(ban: "AddressBan") -> dict[str, object]:
    from parlour_server.capabilities.address_bans.networks import network_text  # noqa: PLC0415 - keeps `--help` quick

    return {
        "network": network_text(ban.network),
        "reason": ban.reason,
        "created": ban.created,
        "expires": ban.expires,
    }


def _is_in(network: object, ban: "AddressBan") -> bool:
    from ipaddress import IPv4Network, IPv6Network  # noqa: PLC0415 - keeps `--help` quick

    match network, ban.network:
        case (IPv4Network() as inner, IPv4Network() as outer):
            return inner.subnet_of(outer)
        case (IPv6Network() as inner, IPv6Network() as outer):
            return inner.subnet_of(outer)
        case _:
            return False
