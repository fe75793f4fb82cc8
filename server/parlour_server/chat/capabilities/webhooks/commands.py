"""`webhook`: addresses by which programs write into unencrypted rooms. An address is shown once."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_server.host.cli.command_options import (
    command,
    data_option,
    example,
    folder_of,
    json_option,
    say,
    settings_of,
    shown_time,
    tell,
    with_store,
)

if TYPE_CHECKING:
    from parlour_protocol.kit.secret import Secret
    from parlour_server.chat.capabilities.webhooks.incoming import IncomingHook, IncomingHooks
    from parlour_server.chat.store.chat_store import ChatStore

_MOST: Final = 100


@click.group()
def webhook() -> None:
    """Let programs elsewhere write into rooms."""


@webhook.command(
    epilog=example(
        "parlour-server webhook create --data ~/parlour lobby --name builds\n"
        "curl --data-binary 'All tests pass' --header 'Content-Type: text/plain' ADDRESS"
    )
)
@data_option
@click.option("--name", help="The bot's name, without its ending `-webhook`; the room's if absent.")
@json_option
@click.argument("room")
def create(data: Path, room: str, name: str | None, as_json: bool) -> None:  # noqa: FBT001 - click
    """Make an address by which a program writes into ROOM (its name or id), which must not be encrypted.

    The address is shown once: whoever has it can write there as the bot NAME-webhook.
    """
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.app.short_ids import new_short_id  # noqa: PLC0415
    from parlour_server.chat.capabilities.webhooks.bots import make_bot  # noqa: PLC0415
    from parlour_server.chat.capabilities.webhooks.incoming import IncomingHook, bot_named  # noqa: PLC0415
    from parlour_server.chat.operator_rooms import find_unencrypted_room  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    secret = Secret.random()

    async def work(store: "ChatStore") -> "IncomingHook":
        facts = await find_unencrypted_room(store, room)
        hooks = _incoming(store)
        if len(await hooks.list()) >= _MOST:
            raise SetupError(f"there are {_MOST} webhooks already: delete one first")
        now = SystemClock().now()
        hook = IncomingHook(new_short_id(), facts.room, bot_named(name or str(facts.name)), now)
        await make_bot(store, hook)
        await hooks.add(hook, secret)
        return hook

    made = with_store(data, work, did="webhook create", room=room, name=name or "")
    _print_address(data, made, secret, as_json=as_json)


@webhook.command("list", epilog=example("parlour-server webhook list --data ~/parlour"))
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the webhooks, without their addresses."""

    async def work(store: "ChatStore") -> "list[tuple[IncomingHook, str]]":
        from parlour_server.chat.operator_rooms import room_name  # noqa: PLC0415 - keeps `--help` quick

        return [(hook, await room_name(store, hook.room)) for hook in await _incoming(store).list()]

    found = with_store(data, work, did=None)
    if as_json:
        say([_as_json(hook) | {"room_name": room} for hook, room in found])
        return
    for hook, room in found:
        click.echo(f"{hook.id}  {hook.bot}  in {room}  since {shown_time(hook.created)}")


@webhook.command(epilog=example("parlour-server webhook renew --data ~/parlour 7kq2m9x4tb"))
@data_option
@json_option
@click.argument("which")
def renew(data: Path, which: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Give the webhook with the id WHICH another address; the old one ends at once."""
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415 - keeps `--help` quick

    secret = Secret.random()

    async def work(store: "ChatStore") -> "IncomingHook":
        hook = await _known(store, which)
        await _incoming(store).renew(hook.id, secret)
        return hook

    _print_address(data, with_store(data, work, did="webhook renew", webhook=which), secret, as_json=as_json)


@webhook.command(epilog=example("parlour-server webhook delete --data ~/parlour 7kq2m9x4tb"))
@data_option
@json_option
@click.argument("which")
def delete(data: Path, which: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Delete the webhook with the id WHICH. Its bot leaves the room; what it wrote stays."""

    async def work(store: "ChatStore") -> "IncomingHook":
        from parlour_server.chat.capabilities.webhooks.bots import leave_room  # noqa: PLC0415 - keeps `--help` quick
        from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415
        from parlour_server.core.clock import SystemClock  # noqa: PLC0415

        hook = await _known(store, which)
        await _incoming(store).delete(hook.id)
        await leave_room(store, hook, SystemClock().now())
        await store.accounts.set_disabled(ByOperator(hook.bot), disabled=True)
        return hook

    gone = with_store(data, work, did="webhook delete", webhook=which)
    tell(_as_json(gone), f"{gone.id} is deleted, and {gone.bot} is disabled", as_json=as_json)


def _incoming(store: "ChatStore") -> "IncomingHooks":
    from parlour_server.chat.capabilities.webhooks.incoming import IncomingHooks  # noqa: PLC0415 - keeps `--help` quick

    return IncomingHooks(store)


async def _known(store: "ChatStore", which: str) -> "IncomingHook":
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    for hook in await _incoming(store).list():
        if hook.id == which:
            return hook
    raise SetupError(f"there is no such webhook; `{command()} webhook list` shows all")


def _print_address(data: Path, hook: "IncomingHook", secret: "Secret", *, as_json: bool) -> None:
    from parlour_server.core.addresses import in_url  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.host.setup.public_address import reachable_at  # noqa: PLC0415

    folder = folder_of(data)
    at = reachable_at(folder, settings_of(folder))
    address = f"https://{in_url(at.host)}:{at.port}/v1/webhooks/{secret.reveal()}"
    lines = (f"{hook.id} writes as {hook.bot}. Its address, which is shown once and is a secret:", address)
    tell({**_as_json(hook), "address": address}, lines, as_json=as_json)


def _as_json(hook: "IncomingHook") -> dict[str, object]:
    return {"webhook": hook.id, "room": hook.room, "bot": hook.bot, "created": hook.created}
