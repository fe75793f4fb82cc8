"""`user delete` and `user export`: what the server has of a person, removed or written to a file."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parlour_server.host.cli.command_options import (
    account_named,
    canonical,
    confirm,
    data_option,
    example,
    folder_of,
    json_option,
    name_argument,
    program,
    say,
    tell,
    with_store,
)

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_server.app.account_data import AccountData, ExportedFile
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.store.records import Account

_SPOOLED = 1_048_576
"""Bytes of a file of an export that are kept in memory; larger ones are on disk until they are in it."""


@click.group()
def user() -> None:
    """Export and delete accounts."""


@user.command(
    epilog=example(
        "$command user delete --data ~/$word anna\n"
        "$command user delete --data ~/$word anna --messages remove --yes --json"
    )
)
@data_option
@click.option(
    "--messages",
    type=click.Choice(["keep", "remove"]),
    default="keep",
    show_default=True,
    help="Keep what they wrote under another name, or remove what the server can.",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
@name_argument
def delete(data: Path, name: str, messages: str, yes: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Delete an account with its data, for good. It first says what goes, what stays, and why.

    If it is interrupted, run it again: it goes on. Nobody can use the account from its first moment on.
    """
    from parlour_protocol.kit.names import is_pseudonym, parse_user_name  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.app.account_data import Deletion  # noqa: PLC0415
    from parlour_server.core.accounts.password_hashing import HashingPool  # noqa: PLC0415
    from parlour_server.core.accounts.tables.accounts import new_pseudonym  # noqa: PLC0415
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    app = program()
    account_data = _account_data()

    async def look(store: "KitStore") -> "tuple[Account, Mapping[str, int]]":
        found = await account_named(store, name)
        return found, await account_data.count(store, found.user)

    account, counts = with_store(data, look, did=None)
    user, keeps = account.user, messages == "keep"
    for line in _consequences(user, counts, keeps=keeps):
        click.echo(line, err=True)
    confirm(f"Delete {user} for good?", yes=yes)

    async def remove(store: "KitStore") -> "dict[str, Any]":
        passwords = HashingPool(threads=1)
        try:
            unusable = passwords.unusable()
        finally:
            passwords.close()
        ended = await store.accounts.close(ByOperator(user), unusable, app.schema.of_accounts)
        pseudonym = user
        if not is_pseudonym(user) and await account_data.is_author(store, user):
            pseudonym = parse_user_name(new_pseudonym())
            await store.accounts.add_pseudonym(pseudonym, unusable)
        deletion = Deletion(user, pseudonym, keeps)
        done = await account_data.delete(store, SystemClock(), deletion)
        return {"user": user, "author": pseudonym, "sessions_ended": ended, **done}

    done = with_store(data, remove, did="user delete", user=str(user), messages=messages)
    _print_deleted(user, done, as_json=as_json)


def _account_data() -> "AccountData[Any]":
    """Return what the program has of accounts. Raises SetupError: half of a deletion would look like one."""
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    app = program()
    found = app.account_data()
    if found is None:
        raise SetupError(
            f"this server can't delete or export what {app.name.title} has of an account: it lacks the "
            f"capability that does; `{app.name.command} user disable` closes an account"
        )
    return found


def _print_deleted(user: "UserName", done: "dict[str, Any]", *, as_json: bool) -> None:
    if as_json:
        say({**done, "stays": list(_account_data().stays)})
        return
    author = done.pop("author")
    click.echo(f"{user} is deleted{'' if author == user else f'; what stays is by {author}'}")
    for key, value in done.items():
        if isinstance(value, list):
            for item in value:
                click.echo(f"{key.replace('_', ' ')}: {_words(item)}")
        elif key != "user":
            click.echo(f"{key.replace('_', ' ')}: {value:,}")


def _consequences(user: "UserName", counts: "Mapping[str, int]", *, keeps: bool) -> list[str]:
    """Return what will go and what will stay, as lines."""
    data = _account_data()
    there = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
    goes = [
        f"{user}: their password, sessions and all that the account has go at once, and no one can log in.",
        *([f"What the server has of them: {there}."] if there else []),
        *([data.goes] if data.goes else []),
    ]
    if counts:
        goes.append(
            "What they wrote stays, under another name."
            if keeps
            else "What they wrote goes, where the server can remove it."
        )
    return [*goes, "What stays:", *(f"- {sentence}" for sentence in data.stays)]


def _words(value: object) -> str:
    return ", ".join(f"{item}" for item in value.values() if item) if isinstance(value, dict) else str(value)


@user.command(epilog=example("$command user export --data ~/$word anna --output anna.tar"))
@data_option
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it; only you can read the file. It must not exist.",
)
@json_option
@name_argument
def export(data: Path, name: str, output: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Write everything that the server has of a person to a tar file of JSON files and uploaded files.

    It has no password hashes, secrets or tokens in it.
    """
    import tarfile  # noqa: PLC0415 - keeps `--help` quick

    from parlour_server.core.errors import SetupError  # noqa: PLC0415
    from parlour_server.core.private_file import private_file  # noqa: PLC0415

    if output.exists() or output.is_symlink():
        raise SetupError(f"{output} exists; choose another name, or remove it")
    folder, account_data = folder_of(data), _account_data()

    async def work(store: "KitStore") -> int:
        found, files = await account_named(store, name), 0
        with private_file(output, replace=False) as out, tarfile.open(fileobj=out, mode="w") as tar:
            for source in (_own_files(store, found), account_data.export(store, folder, found.user)):
                async for file in source:
                    await _add(tar, file)
                    files += 1
        return files

    files = with_store(data, work, did="user export", user=canonical(name), file=output.name)
    size = output.stat().st_size
    tell(
        {"user": canonical(name), "file": output, "bytes": size, "files": files},
        f"{output}: {files} files, {size:,} bytes",
        as_json=as_json,
    )


async def _own_files(store: "KitStore", account: "Account") -> "AsyncIterator[ExportedFile]":
    """Yield what every server has of an account."""
    from parlour_server.app.account_data import ExportedFile  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    about = {
        "user": account.user,
        "created": account.created,
        "disabled": account.disabled,
        "deleted": account.deleted,
        "role": (await store.accounts.roles()).get(account.user),
    }
    for rows in program().schema.of_accounts:
        about |= await rows.export(store, account.user) if rows.export is not None else {}
    sessions = [
        {"id": s.id, "device": s.device, "created": s.created, "last_seen": s.last_seen, "expires": s.expires}
        for s in await store.sessions.list(account.user, SystemClock().now())
    ]
    for name, value in (("account.json", about), ("sessions.json", sessions)):
        yield ExportedFile.of_json(name, value)


async def _add(tar: "tarfile.TarFile", file: "ExportedFile") -> None:
    """Add a file to a tar, which needs its size first."""
    import tarfile  # noqa: PLC0415 - keeps `--help` quick
    import tempfile  # noqa: PLC0415
    import time  # noqa: PLC0415

    with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as kept:
        async for piece in file.pieces:
            kept.write(piece)
        about = tarfile.TarInfo(file.name)
        about.size, about.mode, about.mtime = kept.tell(), 0o600, int(time.time())
        kept.seek(0)
        tar.addfile(about, kept)
