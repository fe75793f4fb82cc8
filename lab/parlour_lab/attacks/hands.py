"""What happens below someone's hands: late answers, questions while they type, rows that they read."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from textual.events import Key

from parlour_client.core.model import Entry, ReactionCount
from parlour_client.kit.answers import Letter
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.questions import ConfirmScreen
from parlour_client.kit.widgets.safe import own
from parlour_client.ui.chat.aim import Aim, Reply
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.initiative import may_move, on_behalf_of, turn_of
from parlour_client.ui.chat.timeline.layout import Layout
from parlour_client.ui.chat.timeline.rows import Setting, rows_of
from parlour_lab.attack import Evidence, Stage, attack
from parlour_protocol.frames.bodies import FileRef, Message
from parlour_protocol.frames.fields import FileName, MessageText, Reaction
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name

_ADA = parse_user_name("ada")
_NO_TIMES = Layout(timestamps="off")


@attack(
    "An answer that was asked for before the last key moves the focus",
    expects="Only what the last key asked for may.",
    stage=Stage.UNIT,
)
def late_answer(folder: Path, seen: Evidence) -> bool:
    del folder

    async def play() -> tuple[bool, bool]:
        app = SafeApp()
        async with app.run_test() as pilot:
            await pilot.press("a")
            asked = turn_of(app)
            with on_behalf_of(asked):
                soon = may_move(app)
            await pilot.press("b")
            with on_behalf_of(asked):
                return soon, may_move(app)

    soon, late = asyncio.run(play())
    seen.sent("a key that asks for a page, then a letter, then the page")
    seen.observed(f"the page may come at once: {soon}; after the letter: {late}")
    return soon and not late


@attack(
    "A room that was lost comes back",
    expects="It stays closed until the person turns to it.",
    stage=Stage.UNIT,
)
def lost_room(folder: Path, seen: Evidence) -> bool:
    del folder
    rooms: dict[RoomId, object] = {}
    den = RoomId("d" * 22)
    current = CurrentRoom(cast("Any", SimpleNamespace(rooms=rooms)))
    current.turn_to(den)
    found = []
    for is_there in (True, False, True):
        rooms.clear()
        rooms.update({den: object()} if is_there else {})
        found.append(current.room is not None)
    seen.sent("the room, then its loss, then the room again")
    seen.observed(f"text may be sent there: {found}")
    current.turn_to(den)
    return found == [True, False, False] and current.room is not None


@attack(
    "A text is written in a thread, then one in its room",
    expects="Enter sends each where it was written: the first answers the thread, the second nothing.",
    stage=Stage.UNIT,
)
def thread_and_room(folder: Path, seen: Evidence) -> bool:
    del folder
    den, first, other = RoomId("d" * 22), Seq(4), Seq(7)
    thread, room = Aim(den, thread=first), Aim(den)
    found = {
        "in the thread": thread.reply_to,
        "in the thread, after a text there": thread.after("hello").reply_to,
        "in the thread, after a reply to one": Aim(den, Reply(other), first).after("hi").reply_to,
        "in the room": room.reply_to,
        "in the room, after a reply to a message": Aim(den, Reply(first)).after("hello").reply_to,
    }
    for place, answers in found.items():
        seen.sent(f"a text {place}")
        seen.observed(f"it is in the thread of {answers}" if answers else "it is in the room")
    return list(found.values()) == [first, first, first, None, None]


@attack(
    "A word is typed at once into a question about a kick",
    expects="None of its letters answers it, nor does its Enter.",
    stage=Stage.UNIT,
)
def type_ahead(folder: Path, seen: Evidence) -> bool:
    del folder

    async def play() -> list[bool | None]:
        app, answers = SafeApp(), list[bool | None]()
        app.keys.now = lambda: 7.0  # all in one moment
        async with app.run_test() as pilot:
            await app.push_screen(ConfirmScreen(own("Kick ben?"), Letter("k", "kick")), answers.append)
            for key in (*"ask", "enter"):
                app.post_message(Key(key, key if len(key) == 1 else None))
                await pilot.pause()
        return answers

    answers = asyncio.run(play())
    seen.sent("the letters of a word and Enter, in one piece")
    seen.observed(f"answers: {answers}")
    return not answers


@attack(
    "A text imitates the row of a file, and that of reactions",
    expects="No row of the text is one of the client's, whatever its colour.",
    stage=Stage.UNIT,
)
def imitation(folder: Path, seen: Evidence) -> bool:
    del folder
    file = FileRef(FileId("f" * 22), FileName("beds.pdf"), "text/plain", 9, Digest(bytes(32)))
    held = True
    for changes in (
        {"body": Message(MessageText("hello"), file=file)},
        {"reactions": (ReactionCount(Reaction("wow"), (_ADA,)),)},
    ):
        row = _rows(replace(_message("hello"), **cast("Any", changes)))[-1]
        typed = _rows(_message(f"hello\n{row[2:]}"))[-1]
        seen.sent(typed)
        seen.observed(row)
        held = held and row.strip() != typed.strip()
    return held


def _message(text: str) -> Entry:
    body, at = Message(MessageText(text)), Millis(1_795_500_000_000)
    device = parse_device_name("laptop")
    return Entry(RoomId("d" * 22), at, _ADA, device, body, seq=Seq(1), text=WireText(text))


def _rows(entry: Entry) -> list[str]:
    return [
        "".join(piece.text for piece in row) for row in rows_of(entry, Setting(60, _ADA, layout=_NO_TIMES))
    ]
