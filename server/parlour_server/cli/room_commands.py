"""`room`: list and create public rooms, and appoint moderators."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.kit.cli.command_options import (
    canonical,
    data_option,
    example,
    json_option,
    known,
    say,
    with_store,
)

if TYPE_CHECKING:
    from parlour_protocol.frames.replies import RoomListing
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
    from parlour_protocol.ids import RoomId  # noqa: PLC0415
    from parlour_protocol.kit.ids import new_request_id  # noqa: PLC0415
    from parlour_protocol.kit.names import NameRefusedError  # noqa: PLC0415
    from parlour_protocol.room_name import parse_room_name  # noqa: PLC0415
    from parlour_protocol.rooms import Role  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.clock import SystemClock  # noqa: PLC0415
    from parlour_server.kit.errors import SetupError  # noqa: PLC0415
    from parlour_server.store.types import AppendEvent  # noqa: PLC0415
    from parlour_server.system_account import system_account, system_device  # noqa: PLC0415

    async def work(store: "Store") -> None:
        try:
            found = await store.rooms.find_named(parse_room_name(name))
        except NameRefusedError:  # an id may begin with a dash
            found = ()
        if len(found) > 1:
            raise SetupError(
                f"several rooms have this name: give one of their ids instead ({', '.join(found)})"
            )
        chosen = await known(store, who)
        body = RoleSet(chosen, Role(role))
        room = found[0] if found else RoomId(name)
        event = AppendEvent(
            room, system_account(), system_device(), new_request_id(), SystemClock().now(), body
        )
        await store.log.append(event, _if_member)

    with_store(data, work, did="room appoint", room=name, user=canonical(who), role=role)
    click.echo(f"{who} is {role} of {name}")


def _if_member(_: "AppendEvent", facts: "Facts") -> None:
    """Allow it for a member: the operator is not bound by the room's permissions."""
    from parlour_protocol.errors import ErrorCode  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.errors import RefusedError  # noqa: PLC0415

    if facts.subject is None:
        hint = "no such room (see `parlour-server room list`), or they are not a member of it"
        raise RefusedError(ErrorCode.NOT_FOUND, hint)
