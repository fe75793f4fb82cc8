"""`webhook`: addresses by which programs write into open rooms. An address is shown once."""

from pathlib import Path
from typing import TYPE_CHECKING

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
    from parlour_protocol.ids import RoomId
    from parlour_protocol.kit.names import UserName
    from parlour_protocol.kit.secret import Secret
    from parlour_server.chat.capabilities.webhooks.incoming import IncomingHook, IncomingHooks
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.types import RoomFactsForOperator


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
    from parlour_server.chat.capabilities.webhooks.incoming import (  # noqa: PLC0415
        MOST,
        IncomingHook,
        bot_named,
    )
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    secret = Secret.random()

    async def work(store: "ChatStore") -> "IncomingHook":
        facts = await _open_room(store, room)
        hooks = _incoming(store)
        if len(await hooks.list()) >= MOST:
            raise SetupError(f"there are {MOST} webhooks already: delete one first")
        now = SystemClock().now()
        hook = IncomingHook(new_short_id(), facts.room, bot_named(name or str(facts.name)), now)
        await _make_bot(store, hook)
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
        found = []
        for hook in await _incoming(store).list():
            facts = await store.rooms.describe(hook.room)
            found.append((hook, str(hook.room if facts is None else facts.name)))
        return found

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
        from parlour_server.core.accounts.tables.authority import ByOperator  # noqa: PLC0415 - keeps `--help` quick

        hook = await _known(store, which)
        await _incoming(store).delete(hook.id)
        await _leave(store, hook.room, hook.bot)
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


async def _open_room(store: "ChatStore", name: str) -> "RoomFactsForOperator":
    """Return a room that webhooks can have. Raises SetupError."""
    from parlour_protocol.rooms import RoomKind  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.chat.operator_rooms import find_room, no_such_room  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    facts = await store.rooms.describe(await find_room(store, name))
    if facts is None:
        raise no_such_room()
    if facts.encrypted:
        raise SetupError(f"{name} is end-to-end encrypted, and a webhook has no key of it: use an open room")
    if facts.archived or facts.kind is RoomKind.DIRECT:
        raise SetupError(f"{name} is archived, or a direct room: use a room that people write in together")
    return facts


async def _make_bot(store: "ChatStore", hook: "IncomingHook") -> None:
    """Create the account, which no password opens, and let it into the room. Raises NameTakenError."""
    from parlour_protocol.frames.bodies import Joined  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.ids import new_request_id  # noqa: PLC0415
    from parlour_protocol.kit.names import skeleton  # noqa: PLC0415
    from parlour_server.chat.capabilities.webhooks.incoming import bot_device  # noqa: PLC0415
    from parlour_server.chat.rooms.operator_rules import allow_anything  # noqa: PLC0415
    from parlour_server.chat.store.types import AppendEvent  # noqa: PLC0415
    from parlour_server.core.accounts.password_hashing import HashingPool  # noqa: PLC0415
    from parlour_server.core.store.records import NewAccountRecord  # noqa: PLC0415

    passwords = HashingPool(threads=1)
    try:
        record = NewAccountRecord(hook.bot, skeleton(hook.bot), passwords.unusable(), hook.created)
    finally:
        passwords.close()
    await store.accounts.create(record, None)
    joined = AppendEvent(hook.room, hook.bot, bot_device(), new_request_id(), hook.created, Joined(), None)
    await store.log.commit(joined, allow_anything)


async def _leave(store: "ChatStore", room: "RoomId", bot: "UserName") -> None:
    from parlour_protocol.frames.bodies import Left  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.ids import new_request_id  # noqa: PLC0415
    from parlour_server.chat.capabilities.webhooks.incoming import bot_device  # noqa: PLC0415
    from parlour_server.chat.rooms.operator_rules import allow_anything  # noqa: PLC0415
    from parlour_server.chat.store.types import AppendEvent  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    if await store.rooms.membership(room, bot) is not None:
        now = SystemClock().now()
        left = AppendEvent(room, bot, bot_device(), new_request_id(), now, Left(), None)
        await store.log.commit(left, allow_anything)


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
