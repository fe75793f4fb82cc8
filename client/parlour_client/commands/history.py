"""Commands for history: show it again, search it, mark it read, delete it on this device."""

import time
from typing import TYPE_CHECKING, Annotated

from parlour_client.commands.command import (
    SCREEN_ONLY,
    SHELL,
    Call,
    Connect,
    Count,
    Elsewhere,
    Here,
    Kind,
    Message,
    On,
    Takes,
    View,
    command,
    shown_by,
)
from parlour_client.commands.find import find_message
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    DateFound,
    Done,
    MessagesFound,
    MessageShown,
    MessagesListed,
    Opened,
    Question,
    ReceiptsShown,
    RoomOpened,
    SettingChosen,
    ThreadShown,
    VersionsShown,
)
from parlour_client.core.search_query import days
from parlour_client.kit.answers import Letter
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import Millis, Seq

if TYPE_CHECKING:
    from parlour_client.core.model import Room

FOUND_IN_LINE_MODE = 20
"""Messages that a search shows there: more would be a flood of lines."""
_MOST = 200
_SHOWN_OF_A_DAY = 10
_SCROLL = Elsewhere(N_("Scroll up."))
_TAIL = Elsewhere("parlour tail ROOM --from NUMBER")
_FIND = Elsewhere("parlour search")
_READ = Elsewhere(N_("Shell commands never mark anything as read."))


def _count(number: int) -> int:
    if not 0 < number <= _MOST:
        raise SetupError(_("Write a number from 1 to {most}.").format(most=_MOST))
    return number


@command("last", ui=_SCROLL, cli=_TAIL)
async def last(call: Call, room: Here, count: Count = 10) -> MessagesListed:
    """Show the last messages of this room again."""
    entries = await call.client.history.timeline(room.id, limit=_count(count))
    return MessagesListed(room, entries, newest=True)


@command("older", ui=_SCROLL, cli=_TAIL)
async def older(call: Call, room: Here, count: Count = 10) -> MessagesListed:
    """Show the messages before the oldest one shown so far."""
    return MessagesListed(
        room, await call.client.history.timeline(room.id, before=call.oldest, limit=_count(count))
    )


@command("goto", cli=Elsewhere("parlour search --in ROOM on:DATE"))
async def goto(call: Call, room: Here, date: Annotated[str, Takes(Kind.WORD, "DATE")]) -> DateFound:
    """Go to a day in this room: 2026-11-24, 2026-11, today, yesterday, 7d."""
    begin, end = days(date, Millis(int(time.time() * 1000)))
    first = await call.client.history.since(room.id, begin)
    if first is None or first.seq is None:
        return DateFound(room, begin, is_that_day=False, entries=())
    following = await call.client.history.timeline(room.id, after=Seq(first.seq - 1), limit=_SHOWN_OF_A_DAY)
    return DateFound(room, begin, is_that_day=first.at < end, entries=following)


@command("next", cli=Elsewhere("parlour search is:unread"))
async def next_unread(call: Call) -> RoomOpened | Done:
    """Go to the next unread room and show what is new."""
    rooms = [room for room in call.client.rooms.all if room.unread]
    room = next((room for room in rooms if room.mentions), None) or next(iter(rooms), None)
    if room is None:
        return Done(_("No unread messages."))
    entries = await call.client.history.timeline(room.id, after=Seq(room.read), limit=_MOST)
    return RoomOpened(room, Opened.UNREAD, entries)


@command("show", ui=Elsewhere(N_("p on a message goes to the one it replies to.")), cli=_TAIL)
async def show(call: Call, room: Here, message: Message) -> MessageShown:
    """Show one message, and the one it replies to."""
    entry = await find_message(call, room, message)
    answered = entry.reply_to
    return MessageShown(
        entry, await call.client.history.entry(room.id, answered) if answered is not None else None
    )


@command("thread", cli=_TAIL)
async def thread(call: Call, room: Here, message: Message) -> ThreadShown:
    """Show the whole thread that a message belongs to."""
    return ThreadShown(room, await call.client.history.thread(room.id, message))


close = shown_by(
    View.CLOSE_THREAD,
    N_("Close the thread beside the room; what you are writing in it is kept"),
    "close",
    line=SCREEN_ONLY,
    cli=SCREEN_ONLY,
)


@command("history", cli=_TAIL)
async def history(call: Call, room: Here, message: Message) -> VersionsShown:
    """Show the earlier versions of a message."""
    entry = await find_message(call, room, message)
    return VersionsShown(entry, await call.client.history.versions(room.id, message))


@command(
    "search",
    aliases=("find",),
    cli="search",
    connect=Connect.IF_POSSIBLE,
    json=True,
    examples=(
        "search bees",
        "search --in garden '\"first honey\"' from:bob after:7d --json",
        "search is:unread has:link",
    ),
)
async def search(
    call: Call,
    words: Annotated[str, Takes(Kind.QUERY, "WORDS")] = "",
    *,
    room: Annotated[
        "Room | None", Takes(Kind.ROOM, "ROOM", N_("Search only this room."), option="in", fronts=SHELL)
    ] = None,
    limit: Annotated[int, Takes(Kind.COUNT, "NUMBER", N_("Show at most this many."), fronts=SHELL)] = 50,
) -> MessagesFound:
    """Search your messages: words, from:NAME in:ROOM on:DATE has:link is:unread.

    Works offline; the newest message comes first. WORDS match in any order, and the last one may be
    incomplete. You can add, or use instead: from:NAME, in:ROOM, on:DATE, before:DATE, after:DATE,
    has:link|file|reaction, is:unread|mention|starred|edited|mine, "exact words".
    """
    if not words and call.front is Front.UI:
        return MessagesFound("", ())
    most = FOUND_IN_LINE_MODE if call.front is Front.LINE else limit
    inside = room.id if room is not None else None
    found = await call.client.history.search(words, room=inside, limit=most + 1)
    return MessagesFound(words, found[:most], more=len(found) > most)


@command("mentions", cli=_FIND)
async def mentions(call: Call) -> MessagesFound:
    """Show the messages that mention you."""
    return await search(call, "is:mention")


@command("starred", cli=_FIND)
async def starred(call: Call) -> MessagesFound:
    """Show the messages that you starred."""
    return await search(call, "is:starred")


@command("unread", cli=_FIND)
async def unread(call: Call) -> MessagesFound:
    """Show everything that you have not read."""
    return await search(call, "is:unread")


@command("read", cli=_READ)
async def read(call: Call, *, everywhere: Annotated[bool, Takes(Kind.FLAG, word="all")] = False) -> None:
    """Mark this room as read, or all rooms."""
    rooms = [room for room in call.client.rooms.all if room.unread] if everywhere else [call.here()]
    for room in rooms:
        await call.client.messages.mark_read(room.id, room.head, share=call.settings.receipts)


@command("mark", undoes="read", ui=Elsewhere(N_("u on the message.")), cli=_READ)
async def mark(call: Call, room: Here, message: Message) -> None:
    """Mark this room as unread, starting at a message."""
    await call.client.messages.mark_read(room.id, Seq(message - 1))


@command("receipts", cli=Elsewhere(N_("the setting `receipts`")))
async def receipts(call: Call, *, on: On = None) -> SettingChosen | ReceiptsShown:
    """Show how far others have read; on lets them see how far you have (off by default)."""
    if on is not None:
        return SettingChosen("receipts", on)
    room = call.here()
    return ReceiptsShown(room, call.client.messages.receipts(room.id))


@command("forget", cli=Elsewhere(N_("the setting `keep`")))
async def forget(
    call: Call,
    room: Here,
    *,
    everything: Annotated[bool, Takes(Kind.FLAG, word="all")] = False,
    age: Annotated[int | None, Takes(Kind.DURATION, "12h|30d")] = None,
) -> Question | Done:
    """Forget this room's messages, or only older ones, on this device."""
    before = None if age is None else Millis(int(time.time() - age) * 1000)

    async def do() -> Done:
        gone = await call.client.history.forget(room.id, before=before)
        return Done(
            _("{title}: forgotten on this device.").format(title=room.title)
            if gone
            else _("{title}: nothing that old on this device.").format(title=room.title)
        )

    if call.front is Front.LINE:  # the answer is in the word
        if age is None and not everything:
            raise SetupError(_("Write /forget all, or an age, such as /forget 30d."), _("You can't undo it."))
        return await do()
    what = _("all messages") if age is None else _("older messages")
    kept = _("Others keep them; this device won't load them again.")
    return Question(
        _("Forget {what} in {title} on this device?").format(what=what, title=room.title),
        Letter("f", _("forget them")),
        do,
        details=(kept,),
    )
