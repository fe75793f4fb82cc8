"""`room`: list, create, rename, archive and delete rooms, and appoint moderators."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    canonical,
    command,
    confirm,
    data_option,
    example,
    json_option,
    known,
    say,
    tell,
    text_of,
    with_store,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parlour_protocol.frames.bodies import AnyBody
    from parlour_protocol.ids import RoomId
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.types import AppendEvent, Decide, RoomFacts, RoomFactsForOperator


@click.group()
def room() -> None:
    """List, create, rename, archive and delete rooms; appoint people to moderate them."""


@room.command(
    "list",
    epilog=example(
        "parlour-server room list --data ~/parlour\n"
        "parlour-server room list --data ~/parlour --private --json"
    ),
)
@data_option
@click.option("--private", is_flag=True, help="List the private rooms instead, with their ids.")
@json_option
def list_(data: Path, private: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the public rooms, or the private ones."""

    async def work(store: "ChatStore") -> "Sequence[RoomFactsForOperator]":
        return await store.rooms.for_operator(private=private)

    found = with_store(data, work, did=None)
    if as_json:
        say([_as_json(facts) for facts in found])
        return
    for facts in found:
        marks = "  encrypted" * facts.encrypted + "  archived" * facts.archived
        shown = f"{facts.room}  {facts.name}" if private else str(facts.name)
        members = f"{facts.members} member{'s' * (facts.members != 1)}"
        click.echo(f"{shown}  {members}  {str(facts.topic)!r}{marks}")


@room.command(epilog=example("parlour-server room show --data ~/parlour lobby"))
@data_option
@json_option
@click.argument("name")
def show(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Show what the server knows of the room NAME (its name or id), besides what is written in it."""
    from parlour_server.chat.system_account import system_account  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "ChatStore") -> "RoomFactsForOperator":
        return await _described(store, name)

    facts = with_store(data, work, did=None)
    owners = ["server" if owner == system_account() else owner for owner in facts.owners]
    if as_json:
        say({**_as_json(facts), "owners": owners})
        return
    state = "archived" if facts.archived else "active"
    click.echo(f"{facts.name or 'a direct room'} ({facts.room}): {facts.kind.value}, {state}")
    click.echo(f"  topic      {str(facts.topic)!r}")
    click.echo(f"  members    {facts.members}, of whom owners: {', '.join(owners) or 'none'}")
    click.echo(f"  encrypted  {'yes' if facts.encrypted else 'no'}")
    numbers = "".join(f"; {words}" for _, words in facts.numbers.values())
    click.echo(f"  events     {facts.events}, {facts.bytes} bytes{numbers}")


@room.command(epilog=example("parlour-server room rename --data ~/parlour kitchen dining"))
@data_option
@json_option
@click.argument("name")
@click.argument("new")
def rename(data: Path, name: str, new: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Rename the room NAME (its name or id). Its members are told."""
    from parlour_protocol.frames.bodies import Renamed  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.room_name import parse_room_name  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    chosen = parse_room_name(new)
    if with_store(data, lambda store: _described(store, name), did=None).name == chosen:
        raise SetupError(f"the room is already called {chosen}")
    room = _append(data, name, Renamed(chosen), _if_named, did="room rename", new=str(chosen))
    _print_result(room, f"{name} is now called {chosen}", as_json=as_json, name=str(chosen))
    _warn_without_lobby(data)


@room.command(epilog=example("parlour-server room archive --data ~/parlour kitchen"))
@data_option
@json_option
@click.argument("name")
def archive(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Archive the room NAME (its name or id): members can read it, but no one can write in it."""
    _set_archived(data, name, on=True, as_json=as_json)


@room.command(epilog=example("parlour-server room unarchive --data ~/parlour kitchen"))
@data_option
@json_option
@click.argument("name")
def unarchive(data: Path, name: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Make an archived room active again."""
    _set_archived(data, name, on=False, as_json=as_json)


@room.command(epilog=example("parlour-server room delete --data ~/parlour kitchen --yes"))
@data_option
@json_option
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.argument("name")
def delete(data: Path, name: str, yes: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Delete the room NAME (its name or id) with its messages and files. This can't be undone.

    Its members are told and lose it at once; the running server removes its data in the minutes after.
    People's devices keep the copies that they have.
    """
    from parlour_protocol.frames.bodies import RoomDeleted  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.chat.rooms.operator_rules import allow_anything  # noqa: PLC0415

    async def look(store: "ChatStore") -> "RoomFactsForOperator":
        return await _described(store, name)

    facts = with_store(data, look, did=None)
    which = f"{facts.name or 'the direct room'} ({facts.room})"
    confirm(f"Delete {which} with {facts.events} events, for good?", yes=yes)
    title = str(facts.name or "")
    room = _append(data, facts.room, RoomDeleted(), allow_anything, did="room delete", title=title)
    _print_result(room, f"{facts.name or room} is deleted", as_json=as_json, deleted=True)
    _warn_without_lobby(data)


@room.command(
    epilog=example("parlour-server room create --data ~/parlour kitchen --topic 'What is for dinner'")
)
@data_option
@json_option
@click.option("--topic", default="", help="A one-line topic.")
@click.argument("name")
def create(data: Path, name: str, topic: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Create a public room that belongs to the server."""
    from parlour_protocol.frames.fields import TopicText  # noqa: PLC0415
    from parlour_protocol.ids import new_room_id  # noqa: PLC0415
    from parlour_protocol.kit.ids import new_request_id  # noqa: PLC0415
    from parlour_protocol.room_name import parse_room_name  # noqa: PLC0415
    from parlour_protocol.rooms import RoomKind  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.chat.store.types import NewRoom  # noqa: PLC0415
    from parlour_server.chat.system_account import system_account, system_device  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    chosen = parse_room_name(name)
    new = NewRoom(
        room=new_room_id(),
        kind=RoomKind.PUBLIC,
        author=system_account(),
        session=None,
        device=system_device(),
        request=new_request_id(),
        at=SystemClock().now(),
        name=chosen,
        topic=text_of(TopicText, topic, "topic"),
    )
    made = with_store(data, lambda store: store.rooms.create(new), did="room create", room=str(chosen))
    _print_result(made.room, f"{chosen} exists; anyone can join it", as_json=as_json, name=str(chosen))


@room.command(epilog=example("parlour-server room appoint --data ~/parlour lobby anna --role moderator"))
@data_option
@json_option
@click.option(
    "--role",
    type=click.Choice(["owner", "moderator", "member"]),
    default="moderator",
    show_default=True,
    help="The role to give.",
)
@click.argument("name")
@click.argument("who")
def appoint(data: Path, name: str, who: str, role: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Give WHO a role in the room NAME (its name or id). They must be a member."""
    from parlour_protocol.frames.bodies import RoleSet  # noqa: PLC0415
    from parlour_protocol.rooms import Role  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.chat.operator_rooms import find_room, server_event  # noqa: PLC0415
    from parlour_server.chat.rooms.operator_rules import decide_appointment  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    async def work(store: "ChatStore") -> "RoomId":
        room = await find_room(store, name)
        chosen = await known(store, who)
        body = RoleSet(chosen, Role(role))
        await store.log.append(server_event(room, SystemClock().now(), body), decide_appointment)
        return room

    room = with_store(data, work, did="room appoint", room=name, user=canonical(who), role=role)
    _print_result(room, f"{who} is {role} of {name}", as_json=as_json, user=canonical(who), role=role)


def _set_archived(data: Path, name: str, *, on: bool, as_json: bool) -> None:
    from parlour_protocol.frames.bodies import Archived  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.chat.rooms.rights import refuse_same_archived  # noqa: PLC0415

    def decide(_event: "AppendEvent", facts: "RoomFacts") -> None:
        refuse_same_archived(facts, on=on)

    did = "room archive" if on else "room unarchive"
    room = _append(data, name, Archived(on), decide, did=did)
    _print_result(room, f"{name} is {'archived' if on else 'active again'}", as_json=as_json, archived=on)


def _append(data: Path, name: str, body: "AnyBody", decide: "Decide", *, did: str, **about: str) -> "RoomId":
    """Append the operator's event to the log of the room with this name or id."""
    from parlour_server.chat.operator_rooms import server_event  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    async def work(store: "ChatStore") -> "RoomId":
        room = (await _described(store, name)).room
        await store.log.append(server_event(room, SystemClock().now(), body), decide)
        return room

    return with_store(data, work, did=did, room=name, **about)


def _warn_without_lobby(data: Path) -> None:
    from parlour_server.chat.system_account import lobby  # noqa: PLC0415 - keeps `--help` quick

    if with_store(data, lambda store: store.rooms.find_public(lobby()), did=None) is None:
        click.echo(
            f"There is no public room called {lobby()} now: new accounts join no room. "
            f"`{command()} room create {lobby()}` makes one.",
            err=True,
        )


def _print_result(room: "RoomId", sentence: str, *, as_json: bool, **fields: object) -> None:
    tell({"room": room, **fields}, sentence, as_json=as_json)


def _as_json(facts: "RoomFactsForOperator") -> dict[str, object]:
    return {
        "room": facts.room,
        "name": facts.name,
        "kind": facts.kind.value,
        "members": facts.members,
        "topic": facts.topic,
        "encrypted": facts.encrypted,
        "archived": facts.archived,
        "events": facts.events,
        "bytes": facts.bytes,
        **{name: number for name, (number, _) in facts.numbers.items()},
    }


async def _described(store: "ChatStore", name: str) -> "RoomFactsForOperator":
    """Return the room with this name or id. Raises SetupError."""
    from parlour_server.chat.operator_rooms import find_room, no_such_room  # noqa: PLC0415 - keeps `--help` quick

    found = await store.rooms.describe(await find_room(store, name))
    if found is None:
        raise no_such_room()
    return found


def _if_named(_event: "AppendEvent", facts: "RoomFacts") -> None:
    """Allow it for a room that has a name."""
    from parlour_protocol.errors import ErrorCode  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.rooms import RoomKind  # noqa: PLC0415
    from parlour_server.core.errors import RefusedError  # noqa: PLC0415

    if facts.kind is RoomKind.DIRECT:
        raise RefusedError(ErrorCode.FORBIDDEN, "a direct room has no name")
