"""The stages of views that list messages, texts, devices: all of them at once, read to the end.

``furnish`` fills the rooms before the client comes; ``terminal_oracle.py`` runs the stages.
"""

from collections.abc import Sequence
from functools import partial

from tests.e2e.oracle.hostile_server import BEGIN, BOB, HostileServer
from tests.e2e.oracle.places import ESCAPE, device_name, fits
from tests.e2e.oracle.reading import page_through, read_log, room_of, scroll, scroll_through
from tests.e2e.oracle.run import Run, groups
from tests.e2e.oracle.stages import open_room
from tests.e2e.oracle.terminal import MARK
from tests.protocol.kit.text.corpus import Entry

from parlour_protocol.frames.bodies import Edited, Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Ban
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, RequestId
from parlour_protocol.kit.names import parse_user_name

THREAD, HISTORY, OUTBOX, PINS = "g-thread", "h-history", "i-outbox", "j-pins"
SHOWN = 150
"""Characters of a message in a list."""
REPLIES = 150
"""Replies of one thread: its view has 200."""
PINNED = 50
"""Pins of one room."""


def furnish(server: HostileServer, entries: Sequence[Entry], part: int) -> None:
    """Fill the rooms of the views."""
    texts = {number: entry.text for number, entry in enumerate(entries) if fits(MessageText, entry.text)}
    for begin in range(0, len(texts), REPLIES):
        room = server.room(f"{THREAD}{begin // REPLIES}")
        root = server.append(room, Message(MessageText("the root"))).seq
        for number, text in list(texts.items())[begin : begin + REPLIES]:
            marked = f"#{number}; {text}"
            server.append(room, Message(MessageText(marked if fits(MessageText, marked) else text), root))
    room = server.room(HISTORY)
    first = server.append(room, Message(MessageText("the first text"))).seq
    for text in texts.values():
        server.append(room, Edited(first, MessageText(text)))
    _queue(server, entries)
    server.sessions = [name for one in entries if (name := device_name(one.text)) is not None]
    packed = groups(entries, partial(fits, MessageText), SHOWN)[part::2]
    for begin in range(0, len(packed), PINNED):
        room = server.room(f"{PINS}{begin // PINNED}")
        events = [
            server.append(room, Message(MessageText("\n".join(entries[number].text for number in numbers))))
            for numbers in packed[begin : begin + PINNED]
        ]
        server.pinned[room] = tuple(event.seq for event in events)


def _queue(server: HostileServer, entries: Sequence[Entry]) -> None:
    """Put messages into the client's outbox that the server refuses, each with a reason of its own."""
    room, hints = server.room(OUTBOX), dict[RequestId, str]()
    for number, entry in enumerate(entries):
        request = RequestId(f"q{number:06}".ljust(22, "_"))
        marked = f"#{number}; {entry.text}"
        text = MessageText(marked if fits(MessageText, marked) else f"#{number};")
        hints[request] = entry.text if fits(ReasonText, entry.text) and entry.text.strip() else "no"
        server.queued.append(Send(request, room, text))
    server.hints = hints


async def thread(run: Run[HostileServer]) -> None:
    """Show each text in the view of a thread."""
    for name in [name for name in run.server.names.values() if name.startswith(THREAD)]:
        await open_room(run, name)
        run.terminal.press("/thread\r")
        await run.terminal.until("Thread of")
        replies = run.server.logs[room_of(run, name)][2:]
        texts = [one.body.text for one in replies if isinstance(one.body, Message)]
        await scroll(run, "thread", [mark[0] for text in texts if (mark := MARK.match(text))])
        await run.terminal.leave(ESCAPE, "Thread of")


async def history(run: Run[HostileServer]) -> None:
    """Show each text among the earlier ones of a message."""
    await open_room(run, HISTORY)
    run.terminal.press("/history\r")
    await run.terminal.until("Edit history of a message")
    await page_through(run, "edit history")
    await run.terminal.leave(ESCAPE, "Esc: close")


async def pins(run: Run[HostileServer]) -> None:
    """Show each text among what is pinned."""
    for name in [name for name in run.server.names.values() if name.startswith(PINS)]:
        await open_room(run, name)
        run.terminal.press("/pins\r")
        await run.terminal.until("Pinned in this room")
        await scroll_through(run, "pins")
        await run.terminal.leave(ESCAPE, "Pinned in this room")


async def outbox(run: Run[HostileServer]) -> None:
    """Show each text as a message that was refused, and as the reason: in the timeline and in the outbox."""
    await open_room(run, OUTBOX)
    await read_log(run, "refused message")
    run.terminal.press("/outbox\r")
    await run.terminal.until("Outbox: ")
    await scroll(run, "outbox", [f"#{number};" for number in range(len(run.entries))])
    await run.terminal.leave(ESCAPE, "Outbox: ")


async def sessions(run: Run[HostileServer]) -> None:
    """Show the names of devices among those that are logged in."""
    run.terminal.press("/sessions\r")
    await run.terminal.until("where you are logged in")
    await scroll_through(run, "sessions")
    await run.terminal.leave(ESCAPE, "where you are logged in")


async def bans(run: Run[HostileServer]) -> None:
    """Show each text as the reason of a ban, among all bans of a room."""
    run.server.bans = [
        Ban(
            parse_user_name(f"mallory{number}"),
            BOB,
            Millis(BEGIN),
            None,
            ReasonText(f"#{number}; {one.text}"),
        )
        for number, one in enumerate(run.entries)
        if fits(ReasonText, f"#{number}; {one.text}")
    ]
    await open_room(run, HISTORY)
    run.terminal.press("/bans\r")
    await run.terminal.until("Banned from")
    await scroll_through(run, "bans")
    await run.terminal.leave(ESCAPE, "Banned from")
