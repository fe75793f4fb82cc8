"""`role`: give an account a role of the program."""

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
    program,
    tell,
    with_store,
)

if TYPE_CHECKING:
    from parlour_protocol.kit.names import UserName
    from parlour_server.core.kit_store import KitStore


@click.command("role", epilog=example("$command role --data ~/$word anna moderator"))
@data_option
@json_option
@name_argument
@click.argument("role")
def role_command(data: Path, name: str, role: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Give an account a role. It holds from its next request on, and so does the end of the old one."""
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415 - keeps `--help` quick

    roles = program().invite_roles
    if role not in roles:
        raise click.UsageError(f"There is no role {role}; ROLE is one of {', '.join(roles)}.")

    async def work(store: "KitStore") -> "UserName":
        chosen = await known(store, name)
        await store.accounts.set_role(ByOperator(chosen), chosen, role)
        return chosen

    done = with_store(data, work, did="role", user=canonical(name), role=role)
    tell({"user": done, "role": role}, f"{done} has the role {role}", as_json=as_json)
