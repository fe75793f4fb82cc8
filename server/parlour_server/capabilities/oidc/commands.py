"""`oidc`: say which account is a person's of the company."""

from pathlib import Path
from typing import TYPE_CHECKING

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
    shown_time,
    with_store,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parlour_server.capabilities.oidc.settings import OidcSettings
    from parlour_server.capabilities.oidc.store import Linked, OidcStore
    from parlour_server.core.kit_store import KitStore


@click.group()
def oidc() -> None:
    """Link accounts to people of the company, who log in with its account."""


@oidc.command("list", epilog=example("$command oidc list --data ~/$word"))
@data_option
@json_option
def list_linked(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the accounts that are linked, and when the provider was last asked about each."""

    async def work(store: "KitStore") -> "Sequence[Linked]":
        return await _links(store).linked()

    for one in with_store(data, work, did=None):
        about = {"user": one.user, "issuer": one.identity.issuer, "subject": one.identity.subject}
        if as_json:
            say({**about, "checked": one.checked})
        else:
            click.echo(f"{'  '.join(about.values())}  checked {shown_time(one.checked)}")


@oidc.command(epilog=example("$command oidc link --data ~/$word anna 248289761001"))
@data_option
@name_argument
@click.argument("subject")
@json_option
def link(data: Path, name: str, subject: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Link an account to the person whom the provider knows by this SUBJECT.

    The audit log has the subject of everyone whose login was refused. The account's sessions end, and its
    password no longer works, unless oidc.passwords is `linked`.
    """
    from parlour_server.core.accounts.password_hashing import HashingPool  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415
    from parlour_server.core.errors import RefusedError, SetupError  # noqa: PLC0415

    settings = _settings(data)

    async def work(store: "KitStore") -> None:
        from parlour_server.capabilities.oidc.store import Identity  # noqa: PLC0415

        user = await known(store, name)
        try:
            await _links(store).link(user, Identity(settings.issuer, subject))
        except RefusedError as error:
            raise SetupError(error.hint) from error
        if settings.passwords == "linked":
            return
        passwords = HashingPool(threads=1)
        try:
            await store.accounts.set_password(ByOperator(user), passwords.unusable())
        finally:
            passwords.close()

    with_store(data, work, did="oidc link", user=canonical(name), subject=subject)
    if as_json:
        say({"user": canonical(name), "issuer": settings.issuer, "subject": subject})
    else:
        click.echo(f"{canonical(name)} logs in with the company's account from now on.")


@oidc.command(epilog=example("$command oidc unlink --data ~/$word anna"))
@data_option
@name_argument
@json_option
def unlink(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Take the link of an account away, and end all its sessions."""
    from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    async def work(store: "KitStore") -> None:
        if not await _links(store).unlink(ByOperator(await known(store, name))):
            raise SetupError("this account is not linked")

    with_store(data, work, did="oidc unlink", user=canonical(name))
    if as_json:
        say({"user": canonical(name), "linked": False})
    else:
        click.echo(f"{canonical(name)} is not linked any more; `user reset-password` gives it a password.")


def _links(store: "KitStore") -> "OidcStore":
    from parlour_server.capabilities.oidc.store import OidcStore  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    return OidcStore(store, SystemClock())


def _settings(data: Path) -> "OidcSettings":
    from parlour_server.capabilities.oidc.settings import OidcSettings  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    settings = section(settings_of(folder_of(data)), OidcSettings)
    if not settings.issuer:
        raise SetupError("oidc.issuer is not set: there is no provider whose people could be linked")
    return settings
