"""`rules`: write the rules of the server, and show them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    data_option,
    example,
    json_option,
    shown_time,
    tell,
    text_of,
    with_store,
)

if TYPE_CHECKING:
    from parlour_server.core.kit_store import KitStore

    from server_rules.store import Rules


@click.group()
def rules() -> None:
    """Write the rules of the server."""


@rules.command("set", epilog=example("$command rules set --data ~/$word 'Be kind.'"))
@data_option
@json_option
@click.argument("text")
def set_(data: Path, text: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Replace the rules by TEXT, a few lines."""
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick

    from server_rules.store import Rules, RulesStore, RulesText  # noqa: PLC0415

    made = Rules(text_of(RulesText, text, "text of rules"), SystemClock().now())
    with_store(data, lambda store: RulesStore(store).replace(made), did="rules set", text=text)
    tell(_as_json(made), "everyone can read the new rules", as_json=as_json)


@rules.command(epilog=example("$command rules show --data ~/$word"))
@data_option
@json_option
def show(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Show the rules."""
    from parlour_protocol.kit.text import safe_text  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    from server_rules.store import RulesStore  # noqa: PLC0415

    async def read(store: "KitStore") -> "Rules | None":
        return await RulesStore(store).current()

    found = with_store(data, read, did=None)
    if found is None:
        raise SetupError("this server has no rules; `rules set` writes them")
    tell(_as_json(found), (f"Since {shown_time(found.at)}:", *safe_text(found.text).lines), as_json=as_json)


def _as_json(found: "Rules") -> dict[str, object]:
    return {"text": str(found.text), "at": found.at}
