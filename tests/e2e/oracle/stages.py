"""The stages of a run: each shows every text in a group of places and lets the run judge what was drawn.

A stage presses keys as a person does and waits for the client's own words. Texts that the wire would refuse
in a place are left to ``refusals.py``. ``terminal_oracle.py`` runs them in order.
"""

import re
from collections.abc import Sequence

from msgspec.structs import replace
from tests.e2e.oracle.hostile_server import BEGIN, BOB, CAROL, HostileServer, listing
from tests.e2e.oracle.places import ESCAPE, TIMELINE, fits, room_name, user_name
from tests.e2e.oracle.reading import read_log, room_of, scroll
from tests.e2e.oracle.run import Run
from tests.e2e.oracle.terminal import PLACEHOLDER
from tests.protocol.kit.text.corpus import Entry

from parlour_protocol.frames.bodies import Invited, Joined, Message, Uninvited
from parlour_protocol.frames.fields import MessageText, TopicText
from parlour_protocol.frames.replies import (
    Invitation,
    InvitationReceived,
    InvitationWithdrawn,
    LogEvent,
    Member,
    RoomEntered,
    RoomListing,
    StatusUpdate,
    TypingUpdate,
)
from parlour_protocol.frames.requests import ListMembers
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind, Status

JUMP = "\x0f"
COMPOSER = f"\u258c {PLACEHOLDER}"
PALETTE, WORD_BACK = "\x10", "\x17"
MEMBERS = 200
NOTICES = 20
"""How many of the texts are notices too; the client keeps no more."""
LATER = Millis(4_102_444_800_000)
"""The year 2100."""
"""In one answer of a server."""
GROUP = 12
FOUND = 40
"""Results of one search."""
COUNTED = 99
"""Unread messages that the list of rooms counts."""


def furnish(server: HostileServer, entries: Sequence[Entry]) -> None:
    """Fill the rooms before the client comes."""
    room = server.room("a-timeline")
    for number, entry in enumerate(entries):
        fill(server, room, number, entry.text)
    for name in ("b-slots", "c-dialogs", "d-library", "e-names", "f-files"):
        server.room(name)


def fill(server: HostileServer, room: RoomId, number: int, text: str) -> list[LogEvent]:
    """Put a text into every place of the timeline, and its mark below; return the events."""
    events: list[LogEvent] = []
    target: Seq | None = None
    for place in TIMELINE:
        if not place.takes(text):
            continue
        if place.name == "edit":
            events.append(server.append(room, Message(MessageText("as it was before the edit"))))
        events.append(server.append(room, place.make(text, Seq(len(server.logs[room])))))
        target = target or events[-1].seq
    return [*events, server.append(room, Message(MessageText(f"#{number};"), target), CAROL)]


async def timeline(run: Run[HostileServer]) -> None:
    """Read the whole log, page by page: messages, edits, quotes, reactions, topics, reasons, file names."""

    async def again(number: int) -> None:
        room = room_of(run, "a-timeline")
        await run.server.say(*fill(run.server, room, number, run.entries[number].text))

    await read_log(run, "timeline", again)
    await run.terminal.shows(COMPOSER)
    run.terminal.press(JUMP)  # a letter lies over the composer's edge, too
    await run.terminal.until(lambda _text: not run.terminal.has(COMPOSER), "the letters of jump mode")
    run.blame("jump mode")
    run.terminal.press(ESCAPE)
    await run.terminal.shows(COMPOSER)


async def open_room(run: Run[HostileServer], name: str) -> None:
    """Go to a room; that the client asks for its members is the last thing of it."""
    run.server.forget()
    run.terminal.press(f"/join {name}\r")
    await run.terminal.shows(f"{name}  Not encrypted")
    await run.server.was_asked(ListMembers)
    await run.terminal.quiet()


async def slots(run: Run[HostileServer]) -> None:
    """Show each text as the topic in the heading, and as the hint of a refusal to list the members."""
    server, room = run.server, room_of(run, "b-slots")
    await open_room(run, "b-slots")
    known: set[str] = set()
    for number, entry in enumerate(run.entries):
        if entry.text in known or not fits(TopicText, entry.text):
            continue  # the same hint again would draw nothing
        known.add(entry.text)
        is_hint = fits(ReasonText, entry.text)
        server.refuse[ListMembers] = entry.text if is_hint else f"#{number};"
        run.terminal.forget()
        summary = replace(server.summary(room), topic=TopicText(entry.text))
        await server.say(RoomEntered(summary), StatusUpdate(BOB, (Status.AWAY, Status.ONLINE)[number % 2]))
        await run.terminal.until("! " if is_hint else f"#{number};")
        run.blame("heading topic, error hint", number)
    server.refuse.clear()


def listed(entries: Sequence[Entry]) -> list[RoomListing]:
    """Return a directory whose rooms have the texts as topics."""
    return [
        listing(f"r{number:05}", entry.text)
        for number, entry in enumerate(entries)
        if fits(TopicText, entry.text)
    ]


async def directory(run: Run[HostileServer]) -> None:
    """Show each text as the topic of a public room in the directory."""
    run.server.listing = listed(run.entries)
    wanted = {one.name for one in run.server.listing if one.topic.strip()}
    run.terminal.press("/rooms\r")
    await run.terminal.until("Public rooms")
    await scroll(run, "directory topic", wanted)
    await run.terminal.leave(ESCAPE, "Public rooms")


async def search(run: Run[HostileServer]) -> None:
    """Show each text among the results of a search, in messages that came while another room was open."""
    room = room_of(run, "d-library")
    numbers = [
        number for number, entry in enumerate(run.entries) if fits(MessageText, f"needle\n{entry.text}")
    ]
    for number in numbers:
        text = f"needle{number // FOUND:05} #{number};\n{run.entries[number].text}"
        await run.server.say(run.server.append(room, Message(MessageText(text))))
    count = str(len(numbers)) if len(numbers) <= COUNTED else f"{COUNTED}+"
    listed = re.compile(rf"#d-library +{re.escape(count)}" if numbers else "#d-library")
    await run.terminal.until(lambda _text: any(map(listed.search, run.terminal.lines())), "all, to be found")
    for needle in sorted({number // FOUND for number in numbers}):
        run.terminal.press(f"/search needle{needle:05}\r")
        await run.terminal.until(" found · Esc")
        wanted = {f"#{number};" for number in numbers if number // FOUND == needle}
        await scroll(run, "search result", wanted)
        await run.terminal.leave(ESCAPE, " found · Esc")


async def notices(run: Run[HostileServer]) -> None:
    """Show some of the texts as notices of the server's operator, in the bar and on their page."""
    server, terminal = run.server, run.terminal
    texts = [number for number, entry in enumerate(run.entries) if fits(NoticeText, entry.text)]
    for number in texts[:: max(1, len(texts) // NOTICES)]:
        one = ServerNotice(
            NoticeId(f"{number:010}"), Millis(BEGIN), LATER, NoticeText.parse(run.entries[number].text)
        )
        await server.say(one)
        await terminal.drawn()
        run.blame("notices", number)
    terminal.press("/notices\r")
    await terminal.shows("─ Notices ─")
    await terminal.drawn()
    run.blame("notices")
    await terminal.leave(ESCAPE, "─ Notices ─")


async def invited(run: Run[HostileServer], people: Sequence[UserName]) -> None:
    """Show each name as a room that one is invited to and as who invites; all of them as blocked people."""
    server, terminal = run.server, run.terminal
    elsewhere = RoomId("i" * 22)
    for number, entry in enumerate(run.entries):
        name, inviter = room_name(entry.text), user_name(entry.text)
        if name is None and inviter is None:
            continue
        shown = name or parse_room_name("g-invited")
        one = Invitation(elsewhere, RoomKind.PRIVATE, shown, inviter or BOB, Millis(BEGIN), Millis(2 * BEGIN))
        await server.say(InvitationReceived(one))
        await terminal.drawn()
        run.blame("invitation", number)
        await server.say(InvitationWithdrawn(elsewhere))
    server.blocked = list(people[:MEMBERS])
    terminal.press("/blocked\r")
    await terminal.shows("Blocked people")
    await terminal.drawn()
    run.blame("blocked people")
    await terminal.leave(ESCAPE, "Blocked people")


async def names(run: Run[HostileServer]) -> None:
    """Show each text that is a name as a person in every place, as a room, and in the palette."""
    server, terminal = run.server, run.terminal
    known = [(n, name) for n, e in enumerate(run.entries) if (name := user_name(e.text)) is not None]
    server.members = [Member(name, Role.MEMBER, Status.ONLINE) for _, name in known][:MEMBERS]
    await open_room(run, "e-names")
    room = room_of(run, "e-names")
    for number, name in known:
        events = [server.append(room, body) for body in (Invited(name), Uninvited(name))]
        await server.say(TypingUpdate(room, name, on=True), server.append(room, Joined(), name), *events)
        await terminal.drawn()
        run.blame("member list, typing line, system line, author", number)
        await server.say(TypingUpdate(room, name, on=False))
    for number, entry in enumerate(run.entries):
        if (of_room := room_name(entry.text)) is not None and of_room not in server.names.values():
            await server.say(RoomEntered(server.summary(server.room(of_room))))
            await terminal.drawn()
            run.blame("room list", number)
    await invited(run, [name for _, name in known])
    for start in dict.fromkeys(name[0] for _, name in known):
        terminal.press(f"@{start}")
        await terminal.drawn()
        run.blame("completion")
        terminal.press(WORD_BACK * 2)
    await terminal.shows(PLACEHOLDER)
    terminal.press(PALETTE)
    await terminal.shows("Room, person or command")
    for words in ("#", "@"):
        terminal.press(words)
        await terminal.drawn()
        await terminal.shows(words)
        run.blame("palette")
        terminal.press(WORD_BACK * 2)
    await terminal.leave(ESCAPE, "Room, person or command")
