"""`keys audit`: reads the server's whole key log, and says what an honest server's would not have."""

import asyncio

import click

from parlour_client.cli.output import print_json
from parlour_client.cli.run_client import connected, the_home
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.text.date_text import day_and_time


@click.command(epilog="\b\nExamples:\n  parlour keys audit\n  parlour keys audit chat.example --after 1200")
@click.argument("server", required=False)
@click.option(
    "--after",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help=N_("Report nothing about the first N entries, which an earlier audit reported. All are read."),
)
@click.option("--json", "as_json", is_flag=True, help=N_("Print one JSON object per line, in ASCII."))
@click.pass_context
def audit(context: click.Context, server: str | None, *, after: int, as_json: bool) -> None:
    """Read the whole key log of the server, and check every entry.

    The log has everyone's account keys and devices, in order. It names each account key that was replaced:
    ask those people whether they did that. The status is 1 if anything was found. SERVER, if it is given, has
    to be the one of this account.
    """
    if asyncio.run(_audit(the_home(context), server, after=after, as_json=as_json)):
        context.exit(1)


async def _audit(home: ChatHome, server: str | None, *, after: int, as_json: bool) -> bool:
    """Print the audit; says whether anything was found."""
    from parlour_client.core.e2ee.identity.key_log_audit import audit as read  # noqa: PLC0415 - `--help` needs none
    from parlour_protocol.identity import DeviceEntry, RevocationEntry  # noqa: PLC0415

    async with connected(home) as client:
        world = client.encryption.world
        log = await read(world.archive, world.delivery)
    if server is not None and server not in {log.check.server, log.check.server.partition(":")[0]}:
        raise SetupError(_("This account is at {server}.").format(server=log.check.server))
    found = [one for one in log.findings if not one.number or one.number > after]
    devices, revocations = log.check.valid[DeviceEntry], log.check.valid[RevocationEntry]
    root = log.tree.root.hex()
    if as_json:
        print_json({"server": log.check.server, "size": log.tree.size, "root": root,
                    "accounts": len(log.check.accounts), "certificates": devices,
                    "revocations": revocations})  # fmt: skip
    else:
        counts = _(
            "The key log of {server}: entries {size}, accounts {accounts}, devices {devices}, "
            "revocations {revocations}."
        )
        echo(
            counts.format(
                server=log.check.server,
                size=log.tree.size,
                accounts=len(log.check.accounts),
                devices=devices,
                revocations=revocations,
            )
        )
        echo(_("Root: {root}").format(root=root))
    for one in found:
        if as_json:
            print_json({"entry": one.number or None, "at": one.at, "found": one.words})
        elif one.number:
            when = "" if one.at is None else f" ({day_and_time(one.at)})"
            echo(_("Entry {number}{when}: {words}").format(number=one.number, when=when, words=one.words))
        else:
            echo(one.words)
    if not found and not as_json:
        echo(_("Nothing was found."))
    return bool(found)
