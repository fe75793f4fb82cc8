"""`user second-factor`: show, require and reset the second factors of an account."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    canonical,
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
    from parlour_server.capabilities.second_factors.records import AccountFactors
    from parlour_server.capabilities.second_factors.store import FactorStore
    from parlour_server.core.kit_store import KitStore


@click.group()
def user() -> None:
    """Show, require and reset second factors."""


@user.group("second-factor")
def second_factor() -> None:
    """Show, require and reset the second factors of an account."""


@second_factor.command(epilog=example("$command user second-factor show --data ~/$word anna"))
@data_option
@json_option
@name_argument
def show(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Show which second factors an account has."""

    async def work(store: "KitStore") -> "AccountFactors":
        return await _factors(store).of(await known(store, name))

    found = with_store(data, work, did=None)
    if as_json:
        factors = [
            {
                "id": factor.id,
                "kind": factor.kind.value,
                "name": factor.name,
                "created": factor.created,
                "last_used": factor.last_used,
            }
            for factor in found.factors
        ]
        say([{"required": found.required, "recovery_codes": found.recovery_codes, "factors": factors}])
        return
    click.echo(
        "required of this account"
        if found.required
        else "not required of this account; the setting of the server applies"
    )
    for factor in found.factors:
        used = f"used {shown_time(factor.last_used)}" if factor.last_used else "never used"
        click.echo(f"{factor.id}  {factor.kind.value}  {used}  {factor.name!r}")
    if found.factors:
        click.echo(f"{found.recovery_codes} recovery codes left")


@second_factor.command(epilog=example("$command user second-factor require --data ~/$word anna"))
@data_option
@click.option("--undo", is_flag=True, help="Leave it to the server's setting again.")
@json_option
@name_argument
def require(data: Path, name: str, undo: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Require a second factor of an account. Without one its sessions end, and it must set one up."""
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "KitStore") -> str:
        chosen = await known(store, name)
        await _factors(store).require(ByOperator(chosen), required=not undo)
        return str(chosen)

    did = "user second-factor require"
    done = with_store(data, work, did=did, user=canonical(name), required="no" if undo else "yes")
    tell(
        {"user": done, "required": not undo},
        f"{done} {'need not have' if undo else 'must have'} a second factor",
        as_json=as_json,
    )


@second_factor.command(epilog=example("$command user second-factor reset --data ~/$word anna"))
@data_option
@json_option
@name_argument
def reset(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Remove all second factors and recovery codes of an account, and end all its sessions.

    Make sure who asks for it: from then on the password is enough to log in.
    """
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "KitStore") -> int:
        return await _factors(store).reset(ByOperator(await known(store, name)))

    removed = with_store(data, work, did="user second-factor reset", user=canonical(name))
    tell(
        {"user": canonical(name), "removed": removed},
        f"{removed} removed; all sessions ended",
        as_json=as_json,
    )


def _factors(store: "KitStore") -> "FactorStore":
    from parlour_server.capabilities.second_factors.store import FactorStore  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    return FactorStore(store, SystemClock())
