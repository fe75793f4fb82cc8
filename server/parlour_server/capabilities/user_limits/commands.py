"""`user limits`: give an account limits of its own."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_server.host.cli.command_options import (
    canonical,
    data_option,
    example,
    folder_of,
    json_option,
    known,
    name_argument,
    say,
    settings_of,
    with_store,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_server.capabilities.user_limits.store import UserLimits
    from parlour_server.core.config.settings_table import Row
    from parlour_server.core.kit_store import KitStore

_MOST: Final = 10**15 - 1
"""More would not fit the database's numbers."""
_NUMBER: Final = re.compile(r"[0-9]{1,50}|[0-9]{1,3}(,[0-9]{3}){1,12}|[0-9]{1,3}(_[0-9]{3}){1,12}")


@click.group()
def user() -> None:
    """Limit accounts."""


@user.command(
    epilog=example(
        "$command user limits --data ~/$word anna\n"
        "$command user limits --data ~/$word anna --set rates.messages_per_minute=20\n"
        "$command user limits --data ~/$word anna --reset rates.messages_per_minute"
    )
)
@data_option
@click.option("--set", "given", multiple=True, metavar="LIMIT=NUMBER", help="Give the account this limit.")
@click.option("--reset", "taken", multiple=True, metavar="LIMIT", help="Give it everyone's limit again.")
@json_option
@name_argument
def limits(
    data: Path,
    name: str,
    given: tuple[str, ...],
    taken: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """Show the limits of an account; give it some of its own, higher or lower than the configuration's.

    A running server applies them within a second. Connections, sessions and files over a lower limit stay.
    """
    everyone = {row.name: row for row in _limits_of(data)}
    changes: dict[str, int | None] = dict.fromkeys(taken)
    for text in given:
        which, _, number = text.partition("=")
        if which in changes:
            raise click.UsageError(f"{which} is there twice; give each limit once.")
        changes[which] = _number(number, text)
    for which, value in changes.items():
        if which not in everyone:
            raise click.UsageError(f"{which!r} is not a limit of accounts: {', '.join(everyone)}.")
        if value is not None and value < everyone[which].least:
            raise click.UsageError(f"{which} must be at least {everyone[which].least:,}.")

    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "KitStore") -> "tuple[UserName, Mapping[str, int]]":
        chosen = await known(store, name)
        if changes:
            await _limits(store).change(chosen, changes, SystemClock().now())
        return chosen, await _limits(store).of(chosen)

    about = {which.replace(".", "_"): "reset" if n is None else str(n) for which, n in changes.items()}
    did = "user limits" if changes else None
    user_name, own = with_store(data, work, did=did, user=canonical(name), **about)
    if as_json:
        rows = {
            which: {"limit": own.get(which, row.value), "everyone": row.value, "own": which in own}
            for which, row in everyone.items()
        }
        say({"user": user_name, "limits": rows})
        return
    for which, row in everyone.items():
        mine = own.get(which)
        text = f"{row.value:,}" if mine is None else f"{mine:,} (everyone: {row.value:,})"
        click.echo(f"{which}  {text}  {row.unit}")


def _limits(store: "KitStore") -> "UserLimits":
    from parlour_server.capabilities.user_limits.store import UserLimits  # noqa: PLC0415 - keeps `--help` quick

    return UserLimits(store)


def _limits_of(data: Path) -> "list[Row]":
    """Return the settings that an account can have for itself, as they are for everyone."""
    from parlour_server.core.config.settings_table import rows  # noqa: PLC0415 - keeps `--help` quick

    return [row for row in rows(settings_of(folder_of(data))) if row.of_account]


def _number(text: str, whole: str) -> int:
    """Return a number as people write it: 20000, 20_000 or 20,000."""
    if not _NUMBER.fullmatch(text.strip()):
        raise click.UsageError(f"{whole!r} is not LIMIT=NUMBER, such as rates.messages_per_minute=20.")
    number = int(text.strip().replace(",", "").replace("_", ""))
    if number > _MOST:
        raise click.UsageError(f"{whole!r} is too much: a limit is at most {_MOST:,}.")
    return number
