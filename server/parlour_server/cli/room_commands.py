"""`room`: list and create public rooms, and appoint moderators."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.kit.cli.command_options import (
    canonical,
    data_option,
    example,
    folder_of,
    json_option,
    known,
    say,
    settings_of,
    shown_time,
    with_store,
)

if TYPE_CHECKING:
    from parlour_protocol.frames.replies import RoomListing
    from parlour_protocol.ids import RoomId
    from parlour_server.store.interface import Store
    from parlour_server.store.types import AppendEvent, Facts

_PAGE = 100


@click.group()
def room() -> None:
    """List and create rooms that belong to the server; appoint people to moderate them."""


@room.command("list", epilog=example("parlour-server room list --data ~/parlour"))
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the public rooms."""

    async def work(store: "Store") -> "list[RoomListing]":
        found: list[RoomListing] = []
        more = True
        while more:
            page, more = await store.rooms.directory(after=found[-1].name if found else None, limit=_PAGE)
            found += page
        return found

    found = with_store(data, work, did=None)
    if as_json:
        say(
            [
                {"room": one.room, "name": one.name, "members": one.members, "topic": one.topic}
                for one in found
            ]
        )
        return
    for one in found:
        click.echo(f"{one.name}  {one.members} members  {str(one.topic)!r}")


@room.command(
    epilog=example("parlour-server room create --data ~/parlour kitchen --topic 'What is for dinner'")
)
@data_option
@click.option("--topic", default="", help="A one-line topic.")
@click.argument("name")
def create(data: Path, name: str, topic: str) -> None:
    """Create a public room that belongs to the server."""
    from parlour_protocol.frames.fields import TopicText  # noqa: PLC0415
    from parlour_protocol.ids import new_room_id  # noqa: PLC0415
    from parlour_protocol.kit.ids import new_request_id  # noqa: PLC0415
    from parlour_protocol.kit.names import skeleton  # noqa: PLC0415
    from parlour_protocol.room_name import parse_room_name  # noqa: PLC0415
    from parlour_protocol.rooms import RoomKind  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.clock import SystemClock  # noqa: PLC0415
    from parlour_server.store.types import NewRoom  # noqa: PLC0415
    from parlour_server.system_account import system_account, system_device  # noqa: PLC0415

    chosen = parse_room_name(name)
    new = NewRoom(
        room=new_room_id(),
        kind=RoomKind.PUBLIC,
        author=system_account(),
        device=system_device(),
        request=new_request_id(),
        at=SystemClock().now(),
        name=chosen,
        skeleton=skeleton(chosen),
        topic=TopicText.parse(topic),
    )
    with_store(data, lambda store: store.rooms.create(new), did="room create", room=str(chosen))
    click.echo(f"{chosen} exists; anyone can join it")


@room.command(epilog=example("parlour-server room appoint --data ~/parlour lobby anna --role moderator"))
@data_option
@click.option(
    "--role", type=click.Choice(["owner", "moderator", "member"]), default="moderator", show_default=True
)
@click.argument("name")
@click.argument("who")
def appoint(data: Path, name: str, who: str, role: str) -> None:
    """Give WHO a role in the room NAME (or with this id). They must be a member."""
    from parlour_protocol.frames.bodies import RoleSet  # noqa: PLC0415
    from parlour_protocol.kit.ids import new_request_id  # noqa: PLC0415
    from parlour_protocol.rooms import Role  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.clock import SystemClock  # noqa: PLC0415
    from parlour_server.store.types import AppendEvent  # noqa: PLC0415
    from parlour_server.system_account import system_account, system_device  # noqa: PLC0415

    async def work(store: "Store") -> None:
        room = await _find(store, name)
        chosen = await known(store, who)
        body = RoleSet(chosen, Role(role))
        event = AppendEvent(
            room, system_account(), system_device(), new_request_id(), SystemClock().now(), body
        )
        await store.log.append(event, _if_member)

    with_store(data, work, did="room appoint", room=name, user=canonical(who), role=role)
    click.echo(f"{who} is {role} of {name}")


@room.command(
    epilog=example(
        "parlour-server room retention --data ~/parlour lobby\nparlour-server room retention "
        "--data ~/parlour lobby --days 30"
    )
)
@data_option
@json_option
@click.option("--days", type=click.IntRange(1, 36_500), help="Remove messages after so many days.")
@click.option("--clear", is_flag=True, help="Keep messages as long as the server keeps any.")
@click.argument("name")
def retention(data: Path, name: str, days: int | None, clear: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Show how long messages of the room NAME (or with this id) are kept, or set it.

    Members are told at once. A shorter time applies after `messages.notice_days`.
    """
    from parlour_protocol.frames.bodies import RetentionSet  # noqa: PLC0415
    from parlour_protocol.kit.ids import Millis, new_request_id  # noqa: PLC0415
    from parlour_server.chat_settings import ChatSettings  # noqa: PLC0415
    from parlour_server.kit.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.store.types import AppendEvent, RetentionPolicy, shorter  # noqa: PLC0415
    from parlour_server.system_account import system_account, system_device  # noqa: PLC0415

    if days is not None and clear:
        raise click.UsageError("--days and --clear can't be used together")
    changes = days is not None or clear
    settings = settings_of(folder_of(data))
    assert isinstance(settings, ChatSettings)  # noqa: S101 - it is the chat's command
    now = SystemClock().now()
    applies = Millis(now + settings.messages.notice_days * 86_400_000)

    async def work(store: "Store") -> "tuple[RoomId, RetentionPolicy, RetentionPolicy]":
        room = await _find(store, name)
        if changes:
            body = RetentionSet(days, applies)
            event = AppendEvent(room, system_account(), system_device(), new_request_id(), now, body)
            await store.log.append(event, _if_exists)
        return room, await store.retention.policy(None), await store.retention.policy(room)

    did = "room retention" if changes else None
    about = {"room": name, "days": str(days or "clear")} if changes else {}
    found, of_server, of_room = with_store(data, work, did=did, **about)
    shown = shorter(of_server.settled(now), of_room.settled(now), None)
    in_force, later = (None, None) if shown is None else (shown.days, shown.next_days)
    starts = None if shown is None else shown.next_from
    if as_json:
        say({"room": found, "days": in_force, "next_days": later, "next_from": starts})
        return
    click.echo(f"messages of {name} are kept {_kept(in_force)}")
    if starts is not None:
        click.echo(f"from {shown_time(starts)} on: {_kept(later)}")


def _kept(days: int | None) -> str:
    return "for ever" if days is None else f"for {days} day{'' if days == 1 else 's'}"


async def _find(store: "Store", name: str) -> "RoomId":
    """Return the room with this name or id. Raises SetupError."""
    from parlour_protocol.ids import RoomId  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.names import NameRefusedError  # noqa: PLC0415
    from parlour_protocol.room_name import parse_room_name  # noqa: PLC0415
    from parlour_server.kit.errors import SetupError  # noqa: PLC0415

    try:
        found = await store.rooms.find_named(parse_room_name(name))
    except NameRefusedError:  # an id may begin with a dash
        found = ()
    if len(found) > 1:
        raise SetupError(f"several rooms have this name: give one of their ids instead ({', '.join(found)})")
    room = found[0] if found else RoomId(name)
    if not await store.log.heads([room]):
        raise SetupError("no such room; `parlour-server room list` shows the public ones")
    return room


def _if_exists(_event: "AppendEvent", _facts: "Facts") -> None:
    """Allow it: the operator is not bound by the room's permissions."""


def _if_member(_: "AppendEvent", facts: "Facts") -> None:
    """Allow it for a member: the operator is not bound by the room's permissions."""
    from parlour_protocol.errors import ErrorCode  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.errors import RefusedError  # noqa: PLC0415

    if facts.subject is None:
        hint = "no such room (see `parlour-server room list`), or they are not a member of it"
        raise RefusedError(ErrorCode.NOT_FOUND, hint)
