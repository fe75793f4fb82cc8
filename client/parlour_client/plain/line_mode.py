"""The loop of the line mode: lines in, lines out, on a core that goes on by itself.

It moves no cursor and rewrites nothing, so a screen reader, a dumb terminal and a pipe all work; each message
is printed once. What is typed goes to the current room, a line that begins with / is a command, and what
looks like a secret is held back until it is confirmed. `parlour --plain` runs it.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from parlour_client.commands.command import FOR_GOOD, YES, Call, Command, Front, View
from parlour_client.commands.parse import names, read_arguments, read_line
from parlour_client.commands.results import EncryptQuestion, Question
from parlour_client.console.input_lines import read_lines
from parlour_client.console.printing import say
from parlour_client.core.client import Client
from parlour_client.core.errors import ParlourClientError, SetupError
from parlour_client.core.events import (
    Change,
    EncryptionChanged,
    EntryAdded,
    EntryChanged,
    HistoryChanged,
    HistoryWithheld,
    InvitationsChanged,
    RoomForgotten,
    RoomsChanged,
    StatusChanged,
)
from parlour_client.core.model import Delivery, Entry, LinkState, Room
from parlour_client.core.settings import Settings, Value, kept_seconds, save
from parlour_client.plain.encryption_status import EncryptionStatus
from parlour_client.plain.file_transfer import Transfers
from parlour_client.plain.line_text import (
    change_line,
    entry_line,
    invitation_line,
    room_line,
    shown,
    status_line,
)
from parlour_client.plain.password_line import HiddenLine, take_password
from parlour_client.plain.printed_messages import PrintedMessages
from parlour_client.plain.render import explain, show
from parlour_client.text.secret_guard import look_at_text
from parlour_protocol.errors import ParlourProtocolError
from parlour_protocol.ids import DeviceId, RoomId, Seq
from parlour_protocol.names import UserName

_PATIENCE: Final = 10.0


class LineMode:
    """One run of the line mode."""

    def __init__(
        self,
        client: Client,
        out: Callable[[str], None],
        settings: Settings,
        folder: Path | None = None,
        source: int = 0,
    ) -> None:
        """Say everything through ``out``, a line at a time; ``folder`` holds the settings."""
        self._folder = folder
        self.hidden = HiddenLine(source)
        self.client, self.settings = client, settings
        self.current: Room | None = None
        self.over = False
        self.oldest: dict[RoomId, Seq] = {}
        """The oldest message of each room that was said."""
        self._out = out
        self.listed: tuple[DeviceId, ...] = ()
        """One's devices, as they were last printed with their numbers."""
        self._named: dict[RoomId, set[UserName]] = {}
        """Whom the question about encrypting a room named."""
        self.encryption_status = EncryptionStatus()
        self.transfers = Transfers(self.say)
        self._memory = PrintedMessages()
        self._asks = os.isatty(source)
        self._question: Question | None = None
        """What the next line answers."""
        self._held: tuple[RoomId, str, Seq | None] | None = None
        self._begun = False
        self._last_status = ""
        self._invitations: set[tuple[RoomId, UserName]] = set()
        """Invitations that were said."""
        self._bursts: set[RoomId] = set()
        """Rooms of which a burst was told, since anything was typed or said one by one."""

    # --- saying

    def say(self, line: str) -> None:
        """Print one line, or a message of several."""
        self._out(line)

    def say_entries(self, entries: Iterable[Entry], *, again: bool = False) -> None:
        """Say rows of a timeline, and remember them; ``again``: they are not a part of it in order."""
        found = list(entries)
        self._memory.note_all(found)
        for entry in found:
            if entry.seq is not None and not again:
                self.oldest[entry.room] = min(entry.seq, self.oldest.get(entry.room, entry.seq))
            self.say(entry_line(self.title(entry.room), entry, self._memory.answered(entry)))

    def say_status(self) -> None:
        """Say how the connection stands."""
        self.say(status_line(self.client.connection.status))

    def title(self, room: RoomId) -> str:
        """Return what to call a room."""
        known = self.client.rooms.get(room)
        return known.title if known is not None else "a room that you left"

    def say_newest(self, room: Room, entries: Sequence[Entry]) -> None:
        """Print the end of a room's timeline: older ones are counted from here."""
        _ = self.oldest.pop(room.id, None)
        self.say_entries(entries)

    async def mark_read(self, room: Room, entries: Sequence[Entry]) -> None:
        """Mark what was printed as read, unless the settings say that looking marks nothing."""
        seen = next((entry.seq for entry in reversed(entries) if entry.seq is not None), None)
        if seen is not None and not self.settings.peek:
            await self.client.messages.mark_read(room.id, seen, share=self.settings.receipts)

    def enter(self, room: Room, words: str = "") -> None:
        """Write in this room from now on; who can read it is said first."""
        self.current = room
        self.say(words or f"You write in {room.title}.")
        self.say(self.encryption_status.room_line(self.client.encryption, room))

    def say_invitations(self, *, again: bool = False) -> None:
        """Say which invitations wait; only those that were not said yet, unless ``again``."""
        waiting = {(one.id, one.inviter): one for one in self.client.invitations}
        for key, one in waiting.items():
            if again or key not in self._invitations:
                self.say(invitation_line(one))
        self._invitations = set(waiting)

    def say_encryption(self) -> None:
        """Say what changed about encryption."""
        room = self.client.rooms.get(self.current.id) if self.current is not None else None
        for line in self.encryption_status.changes(self.client.encryption, room):
            self.say(line)

    def set_setting(self, key: str, value: Value) -> None:
        """Change a setting, in the file too where there is one. Raises SetupError."""
        if self._folder is not None:
            save(self._folder, key, value)
        self.settings = replace(self.settings, **{key: value})  # type: ignore[arg-type]  # its command checked it

    # --- doing

    async def begin(self) -> None:
        """Say where things stand, and go to the room that was open last, or the first."""
        for problem in self.settings.problems:
            self.say(f"Settings: {shown(problem)}")
        for room in self.client.rooms:
            self.say(room_line(room))
        last = (
            self.client.rooms.get(self.client.preferences.last_room)
            if self.client.preferences.last_room is not None
            else None
        )
        first = last or next(iter(self.client.rooms), None)
        if first is not None:
            self.enter(first, f"You write in {first.title}. /help says what else there is.")
        else:
            self.say("You are in no room yet. /public lists the public ones, /help says what else there is.")
        self.say_encryption()
        self.say_invitations()
        self._begun = True

    async def take(self, line: str) -> None:
        """Send a line, or do what it says; a refusal is told and nothing ends."""
        self._bursts.clear()
        try:
            if self.hidden.wanted:
                await take_password(self, line)
            elif self._question is not None and await self._answered(line):
                return
            elif line.startswith("/") and not line.startswith("//"):
                await self._obey(line)
            elif line.strip():
                await self.send(read_line(line, Front.LINE).rest)
            if self.current is not None:
                await self.client.preferences.remember_open(self.current.id)
        except ParlourClientError as error:
            self.say(f"Not done: {error} {error.hint}".rstrip())
        except (ParlourProtocolError, ValueError) as error:
            self.say(f"Not done: {error}")

    async def _obey(self, line: str) -> None:
        """Run a command. Raises ParlourClientError, ParlourProtocolError."""
        read = read_line(line, Front.LINE)
        if read.command is None:
            raise SetupError(
                f"There is no command /{shown(read.unknown)}.",
                "/help lists them; // begins a message with /.",
            )
        if read.command.view in VIEWS:
            await VIEWS[read.command.view](self, read.rest)
            return
        call = self._call()
        given = read_arguments(read.command, read.rest, call)
        result = await read.command(call, **given.values)
        if isinstance(result, Question):
            await self._ask(read.command, result, line, sure=given.sure)
        elif result is not None:
            await show(result, self)

    def _call(self) -> Call:
        """Return where a command is given now."""
        return Call(
            self.client,
            Front.LINE,
            self.settings,
            room=self.current,
            devices=self.listed,
            oldest=self.oldest.get(self.current.id) if self.current is not None else None,
        )

    async def _ask(self, command: Command[..., Any], question: Question, line: str, *, sure: bool) -> None:
        """Do what everyone sees, or can't be undone, after a yes. Raises SetupError where nobody answers."""
        for_good = command.asks is not None and command.asks.for_good
        if self._is_named(question) and sure:
            await self._do(question)
        elif for_good:
            bare = line.strip().removesuffix(FOR_GOOD).rstrip()
            for sentence in explain(question, f"{bare} {FOR_GOOD}"):
                self.say(sentence)
        elif self._asks:
            self._question = question
            self.say(f"{question.text} y/N")
        else:
            raise SetupError(question.text, f"In a script, write {YES} at the end of the command.")

    def _is_named(self, question: Question) -> bool:
        """Say whether everyone whom a yes would admit was named before; from now on they are."""
        if not isinstance(question, EncryptQuestion):
            return True
        before = self._named.get(question.room.id)
        self._named[question.room.id] = set(question.people)
        return before is not None and set(question.people) <= before

    async def _do(self, question: Question) -> None:
        result = await question.do()
        if result is not None:
            await show(result, self)

    async def _answered(self, line: str) -> bool:
        """Take an answer. False for a line that is none: nothing is done, and the line is what it is."""
        question, self._question = self._question, None
        answer = line.strip().lower()
        if question is not None and answer in {"y", "yes"}:
            await self._do(question)
            return True
        self.say("Not done.")
        return answer in {"", "n", "no"}

    async def send(self, text: str, *, reply_to: Seq | None = None) -> None:
        """Send to the current room, unless it looks like a secret: then it is held back."""
        room = self._call().here()
        findings = look_at_text(text) if self.settings.paste_guard else ()
        if findings:
            self._held = (room.id, text, reply_to)
            what = ", ".join(finding.what for finding in findings)
            self.say(f"Held back: this looks like {what}. /yes sends it to {room.title}, /no drops it.")
            return
        await self.client.messages.send(room.id, text, reply_to=reply_to)

    async def send_held(self) -> None:
        """Send what was held back, to the room that it was written in. Raises SetupError."""
        if self._held is None:
            raise SetupError("Nothing is held back.")
        (room, text, reply_to), self._held = self._held, None
        await self.client.messages.send(room, text, reply_to=reply_to)

    def drop_held(self) -> None:
        """Drop what was held back."""
        self._held = None
        self.say("Dropped.")

    # --- changes

    def on_change(self, change: Change) -> None:
        """Say what a person should know of a change."""
        match change:
            case EntryAdded(entry=entry):
                self._added(entry)
            case EntryChanged(entry=entry):
                self._changed(entry)
            case StatusChanged(status=status) if status.state is not LinkState.CONNECTING:
                self._say_status_change(status_line(status))
                waits = status.session_ended and self.hidden.is_possible
                self.over = self.over or (status.state is LinkState.STOPPED and not waits)
            case EncryptionChanged():
                self.say_encryption()
            case InvitationsChanged() | RoomsChanged() if self._begun:
                self.say_invitations()
            case HistoryChanged(room=room):
                self._many(room)
            case HistoryWithheld(room=room, words=words):
                self.say(f"{self.title(room)}, {words}")
            case RoomForgotten(room=room):
                self._memory.forget(room)
            case _:
                pass

    def _added(self, entry: Entry) -> None:
        if entry.request is not None and entry.seq is None:
            if (
                entry.delivery is Delivery.QUEUED
                and self.client.connection.status.state is not LinkState.ONLINE
            ):
                waits = (
                    "your login: /login" if self.client.connection.status.session_ended else "the connection"
                )
                self.say(f"{self.title(entry.room)}, not sent yet: waiting for {waits}.")
            return
        room = self.client.rooms.get(entry.room)
        self._bursts.discard(entry.room)
        self._memory.note(entry)
        if room is None or not room.muted:
            self.say(entry_line(self.title(entry.room), entry, self._memory.answered(entry)))

    def _say_status_change(self, line: str) -> None:
        """Say where the connection stands once, not again with each try."""
        if line != self._last_status:
            self._last_status = line
            self.say(line)

    def _many(self, room: RoomId) -> None:
        """Say once of a burst that it came: its messages are not told one by one."""
        known = self.client.rooms.get(room)
        is_news = self._begun and room not in self._bursts
        if is_news and known is not None and known.unread and not known.muted:
            self._bursts.add(room)
            self.say(
                f"{known.title}, {known.unread} unread messages came at once and are not shown. "
                "/unread shows them, /last the newest."
            )

    def _changed(self, entry: Entry) -> None:
        title = self.title(entry.room)
        if entry.delivery is Delivery.FAILED:
            self.say(f"{title}, not sent: {shown(entry.problem)} /unsent shows what you can do.")
        elif entry.problem and entry.seq is not None:  # of an edit, a deletion, a reaction or a pin
            self.say(f"{title}, #{entry.seq}, not done: {shown(entry.problem)}")
        elif entry.seq is not None:
            before = self._memory.note(entry)
            if before is None and entry.request is not None:
                self.say(f"{title}, sent as #{entry.seq}.")
            elif line := change_line(title, before, entry, self._memory.answered(entry)):
                self.say(line)


async def _help(mode: LineMode, rest: str) -> None:
    known = names(Front.LINE)
    one = known.get(rest.removeprefix("/"))
    for command in (one,) if one is not None else known.values():
        mode.say(f"{command.usage(Front.LINE)}: {command.help}")


async def _send_held(mode: LineMode, _: str) -> None:
    await mode.send_held()


async def _drop_held(mode: LineMode, _: str) -> None:
    mode.drop_held()


async def _cancel_transfer(mode: LineMode, _: str) -> None:
    mode.transfers.cancel()


async def _quit(mode: LineMode, _: str) -> None:
    mode.over = True


VIEWS: Final[Mapping[View | None, Callable[[LineMode, str], Awaitable[None]]]] = {
    View.HELP: _help,
    View.SEND_HELD: _send_held,
    View.DROP_HELD: _drop_held,
    View.CANCEL_TRANSFER: _cancel_transfer,
    View.QUIT: _quit,
    View.LOCK: _quit,
}
"""What the line mode does by itself; locking ends it, since a passphrase is asked for at the start."""


async def run(
    client: Client,
    source: int = 0,
    out: Callable[[str], None] = say,
    settings: Settings | None = None,
    folder: Path | None = None,
) -> int:
    """Run until the input ends or the person quits; returns the exit status."""
    mode = LineMode(client, out, settings or Settings(), folder, source)
    await client.start()
    client.history.keep(kept_seconds(mode.settings))
    unsubscribe = client.events.subscribe(mode.on_change)
    try:
        try:
            async with asyncio.timeout(_PATIENCE):
                await client.connection.ready()
        except TimeoutError:
            mode.say_status()
        except ParlourClientError as error:
            if mode.over or (error.stops and not client.connection.status.session_ended):
                raise
        await mode.begin()
        async for lines in read_lines(source):
            for line in lines:
                await mode.take(line.decode(errors="replace"))
                if mode.over:
                    break
            if mode.over:
                break
        if not mode.over:
            await mode.transfers.finished()  # the input ended: what was asked for is done
        if client.connection.status.session_ended and not mode.hidden.is_possible:
            await client.connection.ready()  # raises the error, with the command to log in
        await _let_go(client)
    finally:
        mode.hidden.end()
        mode.transfers.cancel()
        await mode.transfers.finished()
        unsubscribe()
        await client.stop()
    return 0


async def _let_go(client: Client) -> None:
    """Give what was just typed a moment to get out; what does not stays in the outbox."""
    for one in client.messages.outgoing():
        entry = one.entry
        if entry.request is not None and entry.delivery in {Delivery.QUEUED, Delivery.SENT}:
            try:
                async with asyncio.timeout(2):
                    await client.messages.stored(entry.request)
            except (TimeoutError, ParlourClientError):
                return
