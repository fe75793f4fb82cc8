"""`receiver`: servers elsewhere that are sent what happens in a room. A signing secret is shown once.

Of a receiver's URL only the server is shown later: the rest may be a secret, too.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
    from parlour_server.chat.capabilities.event_receivers.queue import EventQueue, Receiver
    from parlour_server.chat.store.chat_store import ChatStore

EVENTS: Final = ("message.posted", "message.edited", "message.deleted", "member.joined", "member.left")
_MOST: Final = 100
_FAILED: Final = ("receiver", "seq", "attempts", "at", "problem")


@click.group()
def receiver() -> None:
    """Send what happens in rooms to servers elsewhere."""


@receiver.command(
    epilog=example("parlour-server receiver add --data ~/parlour lobby https://hooks.example.org/parlour")
)
@data_option
@click.option(
    "--event", "events", type=click.Choice(EVENTS), multiple=True, help="Send only these; all without it."
)
@json_option
@click.argument("room")
@click.argument("url")
def add(data: Path, room: str, url: str, events: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click
    """Send what happens from now on in ROOM (its name or id), which must not be encrypted, to URL.

    Its server must be one of `receivers.servers`. The secret that signs what is sent is shown once.
    """
    import base64  # noqa: PLC0415 - keeps `--help` quick
    import secrets  # noqa: PLC0415

    from parlour_protocol.kit.ids import Seq  # noqa: PLC0415
    from parlour_server.app.short_ids import new_short_id  # noqa: PLC0415
    from parlour_server.chat.capabilities.event_receivers.queue import Receiver  # noqa: PLC0415
    from parlour_server.chat.capabilities.event_receivers.settings import ReceiverSettings  # noqa: PLC0415
    from parlour_server.chat.operator_rooms import find_unencrypted_room  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    server, secret = _server_of(url), secrets.token_bytes(32)
    if server not in section(settings_of(folder_of(data)), ReceiverSettings).servers:
        raise SetupError(f"receivers.servers does not name {server}: add it there, and reload the server")

    async def work(store: "ChatStore") -> "Receiver":
        facts, queue = await find_unencrypted_room(store, room), _queue(store)
        if len(await queue.list()) >= _MOST:
            raise SetupError(f"there are {_MOST} receivers already: remove one first")
        wanted = " ".join(events or EVENTS)
        made = Receiver(new_short_id(), facts.room, url, wanted, Seq(facts.events), secret)
        await queue.add(made, SystemClock().now())
        return made

    made = with_store(data, work, did="receiver add", room=room, server=server)
    shown = f"whsec_{base64.b64encode(secret).decode()}"
    lines = (f"{made.id} is sent to {server}. The secret that signs, which is shown once:", shown)
    tell({**_as_json(made), "secret": shown}, lines, as_json=as_json)


@receiver.command("list", epilog=example("parlour-server receiver list --data ~/parlour"))
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the receivers: their rooms, servers and events."""

    async def work(store: "ChatStore") -> "list[tuple[Receiver, str]]":
        from parlour_server.chat.operator_rooms import room_name  # noqa: PLC0415 - keeps `--help` quick

        return [(each, await room_name(store, each.room)) for each in await _queue(store).list()]

    found = with_store(data, work, did=None)
    if as_json:
        say([{**_as_json(each), "room_name": room} for each, room in found])
        return
    for each, room in found:
        click.echo(f"{each.id}  {room} to {_server_of(each.url)}: {each.events}")


@receiver.command(epilog=example("parlour-server receiver remove --data ~/parlour 7kq2m9x4tb"))
@data_option
@json_option
@click.argument("which")
def remove(data: Path, which: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Remove the receiver with the id WHICH, with what it has still to be sent."""
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "ChatStore") -> None:
        await _refuse_unknown(store, which)
        await _queue(store).remove(which, SystemClock().now())

    with_store(data, work, did="receiver remove", receiver=which)
    tell({"receiver": which, "removed": True}, f"{which} is removed", as_json=as_json)


@receiver.command(epilog=example("parlour-server receiver failed --data ~/parlour"))
@data_option
@json_option
def failed(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List events that could not be sent and were given up, oldest first."""
    found = with_store(data, lambda store: _queue(store).failed(), did=None)
    if as_json:
        say([dict(zip(_FAILED, row, strict=True)) for row in found])
        return
    for which, seq, attempts, at, problem in found:
        click.echo(f"{which}  #{seq}  {shown_time(at)}  after {attempts} attempts: {problem}")


@receiver.command(epilog=example("parlour-server receiver retry --data ~/parlour 7kq2m9x4tb"))
@data_option
@json_option
@click.argument("which")
def retry(data: Path, which: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Send again what was given up for the receiver with the id WHICH; a running server begins at once."""
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "ChatStore") -> int:
        await _refuse_unknown(store, which)
        return await _queue(store).retry(which, SystemClock().now())

    count = with_store(data, work, did="receiver retry", receiver=which)
    tell({"receiver": which, "again": count}, f"{count} will be sent again", as_json=as_json)


def _queue(store: "ChatStore") -> "EventQueue":
    from parlour_server.chat.capabilities.event_receivers.queue import EventQueue  # noqa: PLC0415 - keeps `--help` quick

    return EventQueue(store)


async def _refuse_unknown(store: "ChatStore", which: str) -> None:
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    if which not in {each.id for each in await _queue(store).list()}:
        raise SetupError(f"there is no such receiver; `{command()} receiver list` shows all")


def _server_of(url: str) -> str:
    """Return the server of a URL. Raises SetupError."""
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.outgoing import Url  # noqa: PLC0415

    try:
        return Url.parse(url).origin
    except ValueError as error:
        raise SetupError(f"this URL can't be a receiver's: {error}") from None


def _as_json(made: "Receiver") -> dict[str, Any]:
    events = made.events.split()
    return {"receiver": made.id, "room": made.room, "server": _server_of(made.url), "events": events}
