"""The slash commands of the line mode: what each does, its help, and how its words are read.

Each command takes the line mode and the rest of the line. A wrong use is told in a sentence and changes
nothing. ``line_mode`` calls ``obey``.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from parlour_client.core.errors import SetupError
from parlour_client.core.model import Room
from parlour_client.plain.speech import entry_line, room_line, shown
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.ids import Seq
from parlour_protocol.names import parse_room_name, parse_user_name

if TYPE_CHECKING:
    from parlour_client.plain.line_mode import LineMode

Command = Callable[["LineMode", str], Awaitable[None]]


async def help_(mode: "LineMode", _: str) -> None:
    """/help: say what there is."""
    for command in COMMANDS.values():
        mode.say((command.__doc__ or "").rstrip("."))


async def rooms(mode: "LineMode", _: str) -> None:
    """/rooms: your rooms, and what is unread."""
    for room in mode.client.rooms:
        mode.say(room_line(room))


async def go(mode: "LineMode", rest: str) -> None:
    """/go ROOM: write there from now on, and hear its last ten messages."""
    mode.current = find(mode, rest)
    await last(mode, "10")


async def last(mode: "LineMode", rest: str) -> None:
    """/last [NUMBER]: hear the last messages of this room again."""
    room = mode.here()
    entries = await mode.client.timeline(room.id, limit=number(rest or "10", most=200))
    for entry in entries:
        mode.say(entry_line(room.title, entry))
    if entries and entries[-1].seq is not None:
        await mode.client.mark_read(room.id, entries[-1].seq)


async def who(mode: "LineMode", _: str) -> None:
    """/who: who is in this room."""
    for member in await mode.client.members(mode.here().id):
        mode.say(f"{member.user}, {member.role.value}, {member.status.value}")


async def reply(mode: "LineMode", rest: str) -> None:
    """/reply NUMBER TEXT: answer the message with this number."""
    target, text = two(rest, "/reply NUMBER TEXT")
    await mode.client.send(mode.here().id, text, reply_to=Seq(number(target)))


async def edit(mode: "LineMode", rest: str) -> None:
    """/edit NUMBER TEXT: give a message of yours another text."""
    target, text = two(rest, "/edit NUMBER TEXT")
    await mode.client.edit(mode.here().id, Seq(number(target)), text)


async def delete(mode: "LineMode", rest: str) -> None:
    """/delete NUMBER: delete a message of yours."""
    await mode.client.delete(mode.here().id, Seq(number(rest)))


async def react(mode: "LineMode", rest: str) -> None:
    """/react NUMBER EMOJI: put a reaction to a message."""
    target, reaction = two(rest, "/react NUMBER EMOJI")
    await mode.client.react(mode.here().id, Seq(number(target)), reaction)


async def join(mode: "LineMode", rest: str) -> None:
    """/join ROOM: enter a public room."""
    name = parse_room_name(rest.removeprefix("#"))
    found = next((listing for listing in await mode.client.directory() if listing.name == name), None)
    if found is None:
        raise SetupError(f"There is no public room called {name}.")
    mode.current = await mode.client.join(found.room)
    mode.say(f"You are in {mode.current.title}.")


async def create(mode: "LineMode", rest: str) -> None:
    """/create ROOM [TOPIC]: make a public room."""
    name, _, topic = rest.partition(" ")
    mode.current = await mode.client.create_room(parse_room_name(name), RoomKind.PUBLIC, topic.strip())
    mode.say(f"You are in {mode.current.title}.")


async def leave(mode: "LineMode", _: str) -> None:
    """/leave: leave this room."""
    await mode.client.leave(mode.here().id)
    mode.current = None


async def invite(mode: "LineMode", rest: str) -> None:
    """/invite USER: bring somebody into this room."""
    await mode.client.invite(mode.here().id, parse_user_name(rest.removeprefix("@")))


async def dm(mode: "LineMode", rest: str) -> None:
    """/dm USER: open the room with one person."""
    mode.current = await mode.client.open_direct(parse_user_name(rest.removeprefix("@")))
    await last(mode, "10")


async def topic(mode: "LineMode", rest: str) -> None:
    """/topic TEXT: set this room's topic."""
    await mode.client.set_topic(mode.here().id, rest)


async def search(mode: "LineMode", rest: str) -> None:
    """/search WORDS: search all rooms."""
    for entry in await mode.client.search(rest, limit=20):
        room = mode.client.room(entry.room)
        mode.say(entry_line(room.title if room else "a room that you left", entry))


async def quit_(mode: "LineMode", _: str) -> None:
    """/quit: end."""
    mode.over = True


COMMANDS: Final[dict[str, Command]] = {
    "help": help_,
    "rooms": rooms,
    "go": go,
    "last": last,
    "who": who,
    "reply": reply,
    "edit": edit,
    "delete": delete,
    "react": react,
    "join": join,
    "create": create,
    "leave": leave,
    "invite": invite,
    "dm": dm,
    "topic": topic,
    "search": search,
    "quit": quit_,
}


async def obey(mode: "LineMode", line: str) -> None:
    """Do what a line that begins with / says. Raises ParlourClientError, ParlourProtocolError."""
    name, _, rest = line.removeprefix("/").partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        raise SetupError(
            f"There is no command /{shown(name)}.", "/help says what there is; // begins a message with /."
        )
    await command(mode, rest.strip())


def find(mode: "LineMode", wanted: str) -> Room:
    """Return the room of this name or `@user`."""
    for room in mode.client.rooms:
        if wanted.removeprefix("#").lower() == room.title.lower():
            return room
    raise SetupError(
        f"You are not in a room called {shown(wanted)}.", "/rooms lists yours, /join enters another."
    )


def number(text: str, *, most: int = 2**53 - 1) -> int:
    """Read a number."""
    digits = text.strip().removeprefix("#")
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits[:17]) <= most:
        raise SetupError("There should be the number of a message.", "Each message begins with its number.")
    return int(digits)


def two(rest: str, usage: str) -> tuple[str, str]:
    """Read a word and the rest of the line."""
    first, _, second = rest.partition(" ")
    if not second.strip():
        raise SetupError(f"Use it like this: {usage}")
    return first, second.strip()
