"""The line mode's commands for messages: hear, search, answer, change, react, and what is not sent yet.

Each takes the line mode and the rest of the line; its docstring is its help. ``commands`` lists them.
"""

import time
from typing import TYPE_CHECKING, Final

from parlour_client.core.errors import SetupError
from parlour_client.core.model import Delivery, Entry, Outgoing, Room
from parlour_client.core.room_names import find_room
from parlour_client.plain.line_text import outgoing_line, shown
from parlour_client.plain.words import number, on_or_off, seconds, two, without_yes
from parlour_protocol.ids import Millis, Seq

if TYPE_CHECKING:
    from parlour_client.plain.line_mode import LineMode

_MOST_FOUND: Final = 20
"""Messages that a search says; one more is asked for, to know whether these are all."""


async def last(mode: "LineMode", rest: str) -> None:
    """/last [NUMBER]: hear the last messages of this room again."""
    room = mode.here()
    entries = await mode.client.timeline(room.id, limit=number(rest or "10", most=200))
    _ = mode.oldest.pop(room.id, None)
    mode.say_entries(entries)
    seen = next((entry.seq for entry in reversed(entries) if entry.seq is not None), None)
    if seen is not None and not mode.settings.peek:
        await mode.client.mark_read(room.id, seen, share=mode.settings.receipts)


async def older(mode: "LineMode", rest: str) -> None:
    """/older [NUMBER]: hear what was said before the oldest message that you heard here."""
    room = mode.here()
    before = mode.oldest.get(room.id)
    entries = await mode.client.timeline(room.id, before=before, limit=number(rest or "10", most=200))
    if entries:
        mode.say_entries(entries)
    else:
        mode.say(f"{room.title}, nothing older.")


async def unread(mode: "LineMode", _: str) -> None:
    """/unread: go to the next room with something unread, and hear it."""
    rooms = [room for room in mode.client.rooms if room.unread]
    room = next((room for room in rooms if room.mentions), None) or next(iter(rooms), None)
    if room is None:
        mode.say("Nothing is unread.")
        return
    mode.enter(room, f"{room.title}, {room.unread} unread.")
    entries = await mode.client.timeline(room.id, after=Seq(room.read), limit=200)
    mode.say_entries(entries)
    seen = next((entry.seq for entry in reversed(entries) if entry.seq is not None), None)
    if seen is not None and not mode.settings.peek:
        await mode.client.mark_read(room.id, seen, share=mode.settings.receipts)


async def peek(mode: "LineMode", rest: str) -> None:
    """/peek ROOM: hear the last ten messages of a room without marking anything read."""
    room = find(mode, rest)
    mode.say_entries(await mode.client.timeline(room.id, limit=10), again=True)


async def read(mode: "LineMode", _: str) -> None:
    """/read: mark this room as read."""
    room = mode.here()
    await mode.client.mark_read(room.id, room.head, share=mode.settings.receipts)


async def mark(mode: "LineMode", rest: str) -> None:
    """/mark NUMBER: mark this room as unread from that message on."""
    await mode.client.mark_read(mode.here().id, Seq(number(rest) - 1))


async def reply(mode: "LineMode", rest: str) -> None:
    """/reply NUMBER TEXT: answer the message with this number."""
    target, text = two(rest, "/reply NUMBER TEXT")
    await mode.send(text, reply_to=Seq(number(target)))


async def edit(mode: "LineMode", rest: str) -> None:
    """/edit NUMBER TEXT: give a message of yours another text."""
    target, text = two(rest, "/edit NUMBER TEXT")
    await mode.client.edit(mode.here().id, await _message(mode, target), text)


async def delete(mode: "LineMode", rest: str) -> None:
    """/delete NUMBER [--yes]: delete a message for everybody; you are asked once."""
    words, yes = without_yes(rest)
    room, seq = mode.here(), await _message(mode, words)
    question = f"Delete #{seq} in {room.title} for everybody? It cannot be brought back."
    await mode.ask_first(question, lambda: mode.client.delete(room.id, seq), yes=yes)


async def react(mode: "LineMode", rest: str) -> None:
    """/react NUMBER EMOJI: put a reaction to a message."""
    target, reaction = two(rest, "/react NUMBER EMOJI")
    await mode.client.react(mode.here().id, await _message(mode, target), reaction)


async def unreact(mode: "LineMode", rest: str) -> None:
    """/unreact NUMBER EMOJI: take your reaction back."""
    target, reaction = two(rest, "/unreact NUMBER EMOJI")
    await mode.client.react(mode.here().id, await _message(mode, target), reaction, on=False)


async def star(mode: "LineMode", rest: str) -> None:
    """/star NUMBER [off]: keep a message to find it again with /search is:starred."""
    target, _, how = rest.partition(" ")
    await mode.client.star(
        mode.here().id, Seq(number(target)), on=on_or_off(how.strip(), "/star NUMBER [off]")
    )


async def pin(mode: "LineMode", rest: str) -> None:
    """/pin NUMBER [off] [--yes]: let everybody here find a message, or no longer; you are asked once."""
    words, yes = without_yes(rest)
    target, _, how = words.partition(" ")
    room, on = mode.here(), on_or_off(how.strip(), "/pin NUMBER [off] [--yes]")
    seq = await _message(mode, target)
    question = f"Pin #{seq} for everybody in {room.title}?"
    await mode.ask_first(question, lambda: mode.client.pin(room.id, seq, on=on), yes=yes or not on)


async def pins(mode: "LineMode", _: str) -> None:
    """/pins: hear what is pinned in this room."""
    found = await mode.client.pins(mode.here().id)
    mode.say(f"{len(found)} pinned." if found else "Nothing is pinned here. /pin NUMBER pins a message.")
    mode.say_entries(found, again=True)


async def receipts(mode: "LineMode", rest: str) -> None:
    """/receipts [on|off]: how far others read, as they let it be known; on lets them see how far you read."""
    if rest:
        mode.set_setting("receipts", value=on_or_off(rest, "/receipts [on|off]"))
        return
    room = mode.here()
    said = [f"{user} up to #{seq}" for user, seq in sorted(mode.client.receipts(room.id).items())]
    mode.say(f"{room.title}, read by {', '.join(said)}." if said else "Nobody lets it be known here.")


async def forget(mode: "LineMode", rest: str) -> None:
    """/forget all|AGE: forget what was said here, or what is older (12h, 30d), on this device alone."""
    room, span = mode.here(), seconds(rest)
    if span is None and rest != "all":
        raise SetupError("Write /forget all, or how old it is: /forget 30d.", "It cannot be taken back.")
    before = None if span is None else Millis(int(time.time()) * 1000 - span * 1000)
    gone = await mode.client.forget(room.id, before=before)
    mode.say(
        f"{room.title}, forgotten on this device." if gone else f"{room.title}, nothing of that age is here."
    )


async def show(mode: "LineMode", rest: str) -> None:
    """/show NUMBER: hear one message, and what it answers."""
    room = mode.here()
    entry = await mode.client.entry(room.id, Seq(number(rest)))
    if entry is None:
        raise SetupError("That message cannot be had.", "Look at the number.")
    if (
        entry.reply_to is not None
        and (parent := await mode.client.entry(room.id, entry.reply_to)) is not None
    ):
        mode.say_entries([parent])
    mode.say_entries([entry])


async def thread(mode: "LineMode", rest: str) -> None:
    """/thread NUMBER: hear all messages that belong together by their replies."""
    found = await mode.client.thread(mode.here().id, Seq(number(rest)))
    if found.missing is not None:
        mode.say(f"It begins with #{found.missing}, which cannot be had.")
    mode.say_entries(found.entries)


async def history(mode: "LineMode", rest: str) -> None:
    """/history NUMBER: hear the texts that an edited message had."""
    for at, version in enumerate(await mode.client.versions(mode.here().id, Seq(number(rest))), 1):
        mode.say_text(f"version {at}: ", version.text)


async def search(mode: "LineMode", rest: str) -> None:
    """/search WORDS: search all rooms; also from:NAME in:ROOM before:DATE after:DATE has:link is:unread."""
    found = await mode.client.search(rest, limit=_MOST_FOUND + 1)
    if len(found) > _MOST_FOUND:
        mode.say(f"The newest {_MOST_FOUND}. There are more: before:DATE finds older ones.")
    else:
        mode.say(f"{len(found)} found, newest first." if found else "Nothing found.")
    mode.say_entries(found[:_MOST_FOUND], again=True)


async def mentions(mode: "LineMode", _: str) -> None:
    """/mentions: hear where you are named."""
    await search(mode, "is:mention")


async def starred(mode: "LineMode", _: str) -> None:
    """/starred: hear the messages that you put a star to."""
    await search(mode, "is:starred")


async def unsent(mode: "LineMode", _: str) -> None:
    """/unsent: hear what is not sent yet, and why."""
    waiting = mode.client.outgoing()
    for at, one in enumerate(waiting, 1):
        mode.say(outgoing_line(mode.title(one.entry.room), at, one))
    if not waiting:
        mode.say("Everything is sent.")


async def retry(mode: "LineMode", rest: str) -> None:
    """/retry NUMBER: send a failed one of /unsent again."""
    entry = _unsent(mode, rest).entry
    if entry.request is None or entry.delivery is not Delivery.FAILED:
        raise SetupError("That one has not failed: it is sent by itself.")
    await mode.client.retry(entry.request)


async def cancel(mode: "LineMode", rest: str) -> None:
    """/cancel NUMBER|file: take back one of /unsent, or end the file that is on its way."""
    if rest == "file":
        mode.transfers.cancel()
        return
    entry: Entry = _unsent(mode, rest).entry
    if entry.request is not None:
        await mode.client.cancel(entry.request)


def find(mode: "LineMode", wanted: str) -> Room:
    """Return the room of this title, name or `@user`. Raises SetupError."""
    found = find_room(mode.client.rooms, wanted)
    if found is not None:
        return found
    raise SetupError(
        f"You are not in a room called {shown(wanted)}.", "/rooms lists yours, /join enters another."
    )


async def _message(mode: "LineMode", at: str) -> Seq:
    """Return the number of a message that is there: a refusal is told at the message, and else nowhere."""
    entry = await mode.client.entry(mode.here().id, Seq(number(at)))
    if entry is None or entry.seq is None:
        raise SetupError("That message cannot be had.", "Look at the number.")
    return entry.seq


def _unsent(mode: "LineMode", rest: str) -> Outgoing:
    waiting = mode.client.outgoing()
    at = number(rest)
    if at > len(waiting):
        raise SetupError("There is no such number among the unsent.", "/unsent lists them.")
    return waiting[at - 1]
