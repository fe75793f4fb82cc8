"""`session`: list and end the sessions of an account."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    canonical,
    command,
    data_option,
    example,
    json_option,
    known,
    name_argument,
    say,
    shown_time,
    tell,
    with_store,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.store.records import SessionRecord


@click.group()
def session() -> None:
    """List and end sessions. When a session ends, its connections close within a second."""


@session.command(
    "list", epilog=example("$command session list --data ~/$word anna\n$command session list --data ~/$word")
)
@data_option
@json_option
@click.argument("name", required=False)
def list_(data: Path, name: str | None, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the sessions of an account, or of all accounts."""
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "KitStore") -> "Sequence[SessionRecord]":
        now = SystemClock().now()
        if name is None:
            return await store.sessions.all(now)
        return await store.sessions.list(await known(store, name), now)

    found = with_store(data, work, did=None)
    if as_json:
        say(
            [
                {
                    "user": s.user,
                    "id": s.id,
                    "device": s.device,
                    "created": s.created,
                    "last_seen": s.last_seen,
                    "expires": s.expires,
                    "keyed": s.public_key is not None,
                }
                for s in found
            ]
        )
        return
    for record in found:
        key = "" if record.public_key else "  not bound to a key"
        of = "" if name is not None else f"{record.user}  "
        click.echo(f"{of}{record.id}  seen {shown_time(record.last_seen)}  {record.device!r}{key}")


@session.command(epilog=example("$command session end --data ~/$word anna --all"))
@data_option
@click.option("--all", "every", is_flag=True, help="End all sessions.")
@json_option
@name_argument
@click.argument("which", required=False)
def end(data: Path, name: str, which: str | None, every: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """End the session with the id WHICH (see `session list`), or all with --all."""
    from parlour_protocol.kit.ids import SessionId  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    if every is (which is not None):
        raise click.UsageError("Give the id of a session, or --all.")

    async def work(store: "KitStore") -> int:
        chosen = await known(store, name)
        if which is None:
            return await store.sessions.end_all(ByOperator(chosen))
        if not await store.sessions.end(ByOperator(chosen), SessionId(which)):
            raise SetupError(
                f"this account has no such session; `{command()} session list` shows its sessions"
            )
        return 1

    ended = with_store(data, work, did="session end", user=canonical(name), session=which or "all")
    tell({"user": canonical(name), "ended": ended}, f"{ended} ended", as_json=as_json)
