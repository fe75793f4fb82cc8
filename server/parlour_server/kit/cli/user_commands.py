"""`user`: manage accounts."""

import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_server.kit.cli.account_data_commands import delete, export
from parlour_server.kit.cli.command_options import (
    canonical,
    data_option,
    example,
    folder_of,
    json_option,
    known,
    name_argument,
    program,
    say,
    settings_of,
    shown_time,
    with_store,
)
from parlour_server.kit.cli.second_factor_commands import second_factor
from parlour_server.kit.cli.session_commands import list_ as list_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_protocol.kit.secret import Secret
    from parlour_server.kit.config.settings_table import Row
    from parlour_server.kit.store.interface import KitStore

_MOST: Final = 10**15 - 1
"""More would not fit the database's numbers."""
_NUMBER: Final = re.compile(r"[0-9]{1,50}|[0-9]{1,3}(,[0-9]{3}){1,12}|[0-9]{1,3}(_[0-9]{3}){1,12}")


@click.group()
def user() -> None:
    """List, create, limit, disable, export and delete accounts; reset passwords and second factors."""


user.add_command(second_factor)
user.add_command(delete)
user.add_command(export)


@user.command("list", epilog=example("$command user list --data ~/$word"))
@data_option
@click.option("--deleted", "with_deleted", is_flag=True, help="Also list deleted accounts.")
@json_option
def list_(data: Path, with_deleted: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """List all accounts."""
    hidden = program().own_accounts
    accounts = [
        one
        for one in with_store(data, lambda store: store.accounts.list(), did=None)
        if one.user not in hidden and (with_deleted or one.deleted is None)
    ]
    if as_json:
        say(
            [
                {
                    "user": one.user,
                    "created": one.created,
                    "disabled": one.disabled,
                    "deleted": one.deleted,
                }
                for one in accounts
            ]
        )
        return
    for one in accounts:
        state = "  DISABLED" if one.disabled else ""
        if one.deleted is not None:
            state = f"  DELETED {shown_time(one.deleted)}"
        click.echo(f"{one.user}  since {shown_time(one.created)}{state}")


@user.command(epilog=example("$command user create --data ~/$word anna\n… --password-stdin < file"))
@data_option
@click.option("--password-stdin", is_flag=True, help="Read the password as one line from standard input.")
@json_option
@name_argument
def create(data: Path, name: str, password_stdin: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Create an account without an invite. Prints a random password once, unless you give one."""
    from parlour_protocol.kit.names import parse_user_name  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415
    from parlour_server.kit.audit import Audit  # noqa: PLC0415
    from parlour_server.kit.auth.password_hashing import HashingPool  # noqa: PLC0415
    from parlour_server.kit.auth.registration import Registration  # noqa: PLC0415
    from parlour_server.kit.bus.local_bus import LocalBus  # noqa: PLC0415
    from parlour_server.kit.clock import SystemClock  # noqa: PLC0415

    chosen = parse_user_name(name)
    password = Secret(sys.stdin.readline().rstrip("\r\n")) if password_stdin else Secret.random()
    spec, clock = program(), SystemClock()

    async def work(store: "KitStore") -> None:
        passwords = HashingPool(threads=1)
        maker = Registration(
            store.accounts,
            passwords,
            clock,
            Audit(write=lambda _event, **_fields: ""),  # this command has a record of its own
            (spec.name.word,),
            refuse_reserved=spec.refuse_reserved,
            account_made=partial(spec.account_made, store, LocalBus(), clock),
        )
        try:
            await maker.make(chosen, password, invite=None)
        finally:
            passwords.close()

    with_store(data, work, did="user create", user=str(chosen))
    _print_once(chosen, None if password_stdin else password, as_json=as_json)


@user.command("reset-password", epilog=example("$command user reset-password --data ~/$word anna"))
@data_option
@json_option
@name_argument
def reset_password(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Give an account a new random password, end all its sessions, and print the password once.

    Its second factor stays, and is asked for at the next login.
    """
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.auth.password_hashing import HashingPool  # noqa: PLC0415
    from parlour_server.kit.store.accounts.authority import ByOperator  # noqa: PLC0415

    password = Secret.random()

    async def work(store: "KitStore") -> "UserName":
        chosen = await known(store, name)
        passwords = HashingPool(threads=1)
        try:
            hashed = await passwords.hash(password, address="local")
            await store.accounts.set_password(ByOperator(chosen), hashed)
        finally:
            passwords.close()
        return chosen

    chosen = with_store(data, work, did="user reset-password", user=canonical(name))
    _print_once(chosen, password, as_json=as_json)


@user.command(epilog=example("$command user disable --data ~/$word anna"))
@data_option
@json_option
@name_argument
def disable(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Disable an account: end all its sessions and connections, and refuse new logins."""
    _set_disabled(data, name, disabled=True, as_json=as_json)


@user.command(epilog=example("$command user enable --data ~/$word anna"))
@data_option
@json_option
@name_argument
def enable(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Let an account log in again."""
    _set_disabled(data, name, disabled=False, as_json=as_json)


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

    async def work(store: "KitStore") -> "tuple[UserName, Mapping[str, int]]":
        chosen = await known(store, name)
        if changes:
            await store.account_limits.change(chosen, changes)
        return chosen, await store.account_limits.of(chosen)

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


@user.command("sessions", epilog=example("$command user sessions --data ~/$word anna"))
@data_option
@json_option
@name_argument
@click.pass_context
def sessions_(context: click.Context, data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the devices on which an account is logged in; the same as `session list`."""
    context.invoke(list_sessions, data=data, name=name, as_json=as_json)


def _limits_of(data: Path) -> "list[Row]":
    """Return the settings that an account can have for itself, as they are for everyone."""
    from parlour_server.kit.config.settings_table import rows  # noqa: PLC0415 - keeps `--help` quick

    return [row for row in rows(settings_of(folder_of(data))) if row.of_account]


def _number(text: str, whole: str) -> int:
    """Return a number as people write it: 20000, 20_000 or 20,000."""
    if not _NUMBER.fullmatch(text.strip()):
        raise click.UsageError(f"{whole!r} is not LIMIT=NUMBER, such as rates.messages_per_minute=20.")
    number = int(text.strip().replace(",", "").replace("_", ""))
    if number > _MOST:
        raise click.UsageError(f"{whole!r} is too much: a limit is at most {_MOST:,}.")
    return number


def _set_disabled(data: Path, name: str, *, disabled: bool, as_json: bool) -> None:
    from parlour_server.kit.store.accounts.authority import ByOperator  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "KitStore") -> "UserName":
        chosen = await known(store, name)
        await store.accounts.set_disabled(ByOperator(chosen), disabled=disabled)
        return chosen

    did = "user disable" if disabled else "user enable"
    done = with_store(data, work, did=did, user=canonical(name))
    if as_json:
        say({"user": done, "disabled": disabled})
    else:
        click.echo(f"{done} is {'disabled' if disabled else 'enabled'}")


def _print_once(name: "UserName", password: "Secret | None", *, as_json: bool) -> None:
    """Print a new password, unless the operator chose it."""
    if as_json:
        say({"user": name, "password": password and password.reveal()})
        return
    if password is None:
        return
    click.echo(f"The password of {name}. It is shown only once; change it after the first login:", err=True)
    click.echo(password.reveal())
