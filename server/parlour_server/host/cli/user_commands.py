"""`user`: manage accounts."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parlour_server.host.cli.command_options import (
    Duration,
    canonical,
    data_option,
    example,
    folder_of,
    json_option,
    known,
    name_argument,
    program,
    say,
    shown_time,
    tell,
    with_store,
)
from parlour_server.host.cli.session_commands import list_ as list_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_protocol.kit.secret import Secret
    from parlour_server.app.base_app import BaseApp
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.store.records import AccountOverview


@click.group()
def user() -> None:
    """List, create and disable accounts; reset passwords."""


@user.command(
    "list",
    epilog=example(
        "$command user list --data ~/$word --idle 90d\n$command user list --data ~/$word --online"
    ),
)
@data_option
@click.option("--deleted", "with_deleted", is_flag=True, help="Also list deleted accounts.")
@click.option("--idle", type=Duration(), help="Only accounts that nobody has used for so long: 90d, 12h.")
@click.option("--online", "only_online", is_flag=True, help="Only accounts that are connected now.")
@json_option
def list_(
    data: Path,
    with_deleted: bool,  # noqa: FBT001 - click
    idle: int | None,
    only_online: bool,  # noqa: FBT001 - click
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """List accounts: when they were seen last, their role, devices and more.

    An account was seen when a session or a device of it was used. A session that has ended is forgotten; who
    was never seen counts as idle since the account was created.
    """
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.host.online import online  # noqa: PLC0415

    app, folder, now = program(), folder_of(data), SystemClock().now()

    async def work(store: "KitStore") -> "list[tuple[dict[str, Any], list[str]]]":
        known, connected = await app.account_facts(store), await online(folder, store)
        return [
            _listed(
                app, _row(account, known.get(account.user, {}), connected.get(str(account.user), 0)), account
            )
            for account in await store.accounts.overview()
            if account.user not in app.own_accounts and (with_deleted or account.deleted is None)
        ]

    rows = [
        (row, words)
        for row, words in with_store(data, work, did=None)
        if (idle is None or (now - (row["last_seen"] or row["created"]) >= idle and not row["online"]))
        and (not only_online or row["online"])
    ]
    tell([row for row, _ in rows], (_line(row, words) for row, words in rows), as_json=as_json)


def _row(account: "AccountOverview", known: "Mapping[str, Any]", connections: int) -> "dict[str, Any]":
    """Return what the list says of an account, with what the program knows of it."""
    seen = max((at for at in (account.last_seen, known.get("last_seen")) if at is not None), default=None)
    return {
        "user": account.user,
        "created": account.created,
        "disabled": account.disabled,
        "deleted": account.deleted,
        "last_seen": seen,
        "online": connections,
        "sessions": account.sessions,
        "role": known.get("role"),
        "devices": known.get("devices"),
    }


def _listed(
    app: "BaseApp[Any, Any]", row: "dict[str, Any]", account: "AccountOverview"
) -> "tuple[dict[str, Any], list[str]]":
    """Return the row and words for it, with what capabilities add."""
    added = [having.listed(account) for having in app.capabilities if having.listed is not None]
    for fields, _ in added:
        row |= fields
    return row, [words for _, words in added if words]


def _line(row: "dict[str, Any]", words: "list[str]") -> str:
    parts = [str(row["user"]), f"since {shown_time(row['created'])}"]
    if row["deleted"] is not None:
        return "  ".join((*parts, f"DELETED {shown_time(row['deleted'])}"))
    parts.append("online" if row["online"] else f"seen {shown_time(row['last_seen'])}")
    if row["role"]:
        parts.append(str(row["role"]))
    count = row["devices"] if row["devices"] is not None else row["sessions"]
    what = "device" if row["devices"] is not None else "session"
    parts.append(f"{count} {what}{'' if count == 1 else 's'}")
    parts.extend(words)
    if row["disabled"]:
        parts.append("DISABLED")
    return "  ".join(parts)


@user.command(epilog=example("$command user create --data ~/$word anna\n… --password-stdin < file"))
@data_option
@click.option("--password-stdin", is_flag=True, help="Read the password as one line from standard input.")
@json_option
@name_argument
def create(data: Path, name: str, password_stdin: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Create an account without an invite. Prints a random password once, unless you give one."""
    from parlour_protocol.kit.names import parse_user_name  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415
    from parlour_server.core.accounts.password_hashing import HashingPool  # noqa: PLC0415
    from parlour_server.core.accounts.registration import Registration  # noqa: PLC0415
    from parlour_server.core.audit import Audit  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    chosen = parse_user_name(name)
    password = Secret(sys.stdin.readline().rstrip("\r\n")) if password_stdin else Secret.random()
    app, clock = program(), SystemClock()

    async def work(store: "KitStore") -> None:
        passwords = HashingPool(threads=1)
        maker = Registration(
            store.accounts,
            passwords,
            clock,
            Audit(write=lambda _event, **_fields: ""),  # this command has a record of its own
            (app.name.word,),
            refuse_reserved=app.refuse_reserved,
            account_made=partial(app.account_made, store, clock),
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

    What the account needs besides to log in stays as it is.
    """
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.accounts.password_hashing import HashingPool  # noqa: PLC0415
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415

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


@user.command("sessions", epilog=example("$command user sessions --data ~/$word anna"))
@data_option
@json_option
@name_argument
@click.pass_context
def sessions_(context: click.Context, data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the devices on which an account is logged in; the same as `session list`."""
    context.invoke(list_sessions, data=data, name=name, as_json=as_json)


def _set_disabled(data: Path, name: str, *, disabled: bool, as_json: bool) -> None:
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "KitStore") -> "UserName":
        chosen = await known(store, name)
        await store.accounts.set_disabled(ByOperator(chosen), disabled=disabled)
        return chosen

    did = "user disable" if disabled else "user enable"
    done = with_store(data, work, did=did, user=canonical(name))
    tell(
        {"user": done, "disabled": disabled},
        f"{done} is {'disabled' if disabled else 'enabled'}",
        as_json=as_json,
    )


def _print_once(name: "UserName", password: "Secret | None", *, as_json: bool) -> None:
    """Print a new password, unless the operator chose it."""
    if as_json:
        say({"user": name, "password": password and password.reveal()})
        return
    if password is None:
        return
    click.echo(f"The password of {name}. It is shown only once; change it after the first login:", err=True)
    click.echo(password.reveal())
