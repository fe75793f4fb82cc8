"""`room retention`: how long a room keeps messages."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    confirm,
    data_option,
    example,
    folder_of,
    json_option,
    say,
    settings_of,
    shown_time,
    with_store,
)

if TYPE_CHECKING:
    from parlour_protocol.ids import RoomId
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.retention_policy import RetentionPolicy


@click.group()
def room() -> None:
    """Be joined with the chat's own group."""


@room.command(
    epilog=example(
        "parlour-server room retention --data ~/parlour lobby\nparlour-server room retention "
        "--data ~/parlour lobby --days 30 --yes"
    )
)
@data_option
@json_option
@click.option("--days", type=click.IntRange(1, 36_500), help="Delete messages after so many days.")
@click.option("--clear", is_flag=True, help="Keep messages as long as the server keeps any.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.argument("name")
def retention(
    data: Path,
    name: str,
    days: int | None,
    clear: bool,  # noqa: FBT001 - click
    yes: bool,  # noqa: FBT001 - click
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """Show how long messages of the room NAME (its name or id) are kept, or set it.

    Members are told at once. A shorter time applies after `messages.notice_days`; it deletes messages for
    good, so it asks first.
    """
    from parlour_protocol.frames.bodies import RetentionSet  # noqa: PLC0415
    from parlour_protocol.kit.ids import Millis  # noqa: PLC0415
    from parlour_server.chat.capabilities.message_retention.settings import KeepSettings  # noqa: PLC0415
    from parlour_server.chat.capabilities.message_retention.store import RetentionStore  # noqa: PLC0415
    from parlour_server.chat.operator_rooms import find_room, server_event  # noqa: PLC0415
    from parlour_server.chat.rooms.operator_rules import allow_anything  # noqa: PLC0415
    from parlour_server.chat.store.retention_policy import shorter, shortest  # noqa: PLC0415
    from parlour_server.core.clock import DAY_MILLIS, SystemClock  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415

    if days is not None and clear:
        raise click.UsageError("--days and --clear can't be used together")
    changes = days is not None or clear
    notice = section(settings_of(folder_of(data)), KeepSettings).notice_days
    now = SystemClock().now()
    applies = Millis(now + notice * DAY_MILLIS)

    async def look(store: "ChatStore") -> "RetentionPolicy":
        return (await RetentionStore(store).policy(await find_room(store, name))).settled(now)

    if days is not None:
        before = with_store(data, look, did=None).days
        if before != days and shortest(before, days) == days:
            kept = f"{days} day{'' if days == 1 else 's'}"
            confirm(f"Remove messages of {name} for good after {kept}?", yes=yes)

    async def work(store: "ChatStore") -> "tuple[RoomId, RetentionPolicy, RetentionPolicy]":
        room = await find_room(store, name)
        if changes:
            await store.log.append(server_event(room, now, RetentionSet(days, applies)), allow_anything)
        return room, await RetentionStore(store).policy(None), await RetentionStore(store).policy(room)

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
