"""The loop of the line mode: lines in, lines out, while the core runs by itself.

It moves no cursor and rewrites nothing, so a screen reader, a dumb terminal and a pipe all work; each message
is printed once. Typed lines go to the current room, a line that begins with / is a command, and a possible
secret is held back until it is confirmed. `parlour --plain` runs it.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, assert_never

from parlour_client.commands.command import (
    FOR_GOOD,
    YES,
    Call,
    Command,
    View,
)
from parlour_client.commands.front import Front
from parlour_client.commands.parse import read_arguments, read_line, unknown_command, unknown_help
from parlour_client.commands.results import (
    EncryptQuestion,
    LoginWanted,
    Question,
    Result,
    RevokeQuestion,
    RoomOpened,
    SendWanted,
    SettingChosen,
    Transfer,
)
from parlour_client.commands.rooms import peek
from parlour_client.commands.table import OPENS, names, see_also, spellings, topics
from parlour_client.core.attachments import Progress
from parlour_client.core.client import Client
from parlour_client.core.events import (
    Change,
    CountsChanged,
    EncryptionChanged,
    EntryAdded,
    EntryChanged,
    EntryRemoved,
    HistoryChanged,
    HistoryReplaced,
    HistoryWithheld,
    IgnoredChanged,
    InvitationsChanged,
    NoticesChanged,
    PresenceChanged,
    ReceiptsChanged,
    RoomDeletion,
    RoomForgotten,
    RoomsChanged,
    StatusChanged,
    TextInspected,
    TypingChanged,
)
from parlour_client.core.model import Delivery, Entry, display_name
from parlour_client.core.setting import Value
from parlour_client.core.settings import Settings, changed, kept_seconds, save
from parlour_client.kit.answers import Harmless, Letter, TypedName, Yes
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.console.printing import say
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_client.kit.language import _
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_client.plain.file_transfer import Transfers
from parlour_client.plain.input_lines import read_lines
from parlour_client.plain.line_text import INDENT, Ours, counts_line, more, status_line
from parlour_client.plain.password_line import HiddenLine
from parlour_client.plain.printer import Printer
from parlour_client.plain.render import explain, show, transfer_line
from parlour_client.plain.second_factor import LineDialog
from parlour_client.text.secret_guard import look_at_text
from parlour_client.text.setting_text import changed_line
from parlour_client.text.untrusted_text import shown
from parlour_protocol.frames.bodies import Created, EncryptionOn, GroupCreated, Joined
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.secret import Secret

_PATIENCE: Final = 10.0
_LAST_SECONDS: Final = 2.0
"""For what was written last, when the input ends."""
REFUSALS: Final = (ParlourClientError, ParlourProtocolError, ValueError)
"""Errors of a command that are printed as a sentence."""
QUIET: Final = 0.5
"""Seconds after a question in which a line does not answer it: it was typed before."""
EVERYTHING: Final = "all"
"""The word for `/help` besides a command and a topic."""
_ENDS: Final = frozenset(".?!:")
_READ_AT_START: Final = 10
"""The newest messages of the room that is open, which are read first."""


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
        self._folder = folder
        self.client = client
        self.printer = Printer(client, out, settings)
        self.hidden = HiddenLine(source)
        self.dialog = LineDialog(self.printer.say)
        self.over = False
        self.transfers = Transfers(self.printer.say)
        self._named: dict[RoomId, set[UserName]] = {}
        """Whom the question about encrypting a room named."""
        self._asks = os.isatty(source)
        self._question: Question | None = None
        """The question that the next line answers."""
        self._asked_at = 0.0
        self.now: Callable[[], float] = time.monotonic
        self._held: tuple[RoomId, str, Seq | None] | None = None
        self._begun = False
        self._early: list[Entry] = []
        """Messages that came before the beginning said where one is."""
        self._known: set[RoomId] | None = None
        """The rooms when the command that is running was begun."""
        self._told: set[RoomId] = set()
        """Rooms that a command said were created or joined: the events of it are not told again."""
        self._first: list[Entry] = []
        """Events of other rooms since then."""
        self._sent: list[Entry] = []
        """Messages written in this run."""
        self._last_status = ""
        self._bursts: set[RoomId] = set()
        """Rooms of which a burst was reported, since anything was typed or printed one by one."""

    @property
    def settings(self) -> Settings:
        """The current settings."""
        return self.printer.settings

    def set_setting(self, key: str, value: Value) -> None:
        """Change a setting, in the file too where there is one. Raises SetupError."""
        if self._folder is not None:
            save(self._folder, key, value)
        self.printer.settings = changed(self.settings, key, value)
        self.client.history.keep(kept_seconds(self.settings))

    # --- input

    async def start(self) -> None:
        """Print the state, and go to the room that was open last, or the first."""
        for problem in self.settings.problems:
            self.printer.say(_("Settings: {problem}").format(problem=shown(problem)))
        last = (
            self.client.rooms.get(self.client.preferences.last_room)
            if self.client.preferences.last_room is not None
            else None
        )
        first = last or next(iter(self.client.rooms.all), None)
        self._begun = True
        early, self._early = self._early, []
        opened = first.id if first is not None else None
        for entry in early:
            if entry.room != opened:  # those are read below, with what was before them
                self._print_new(entry)
        if first is not None:
            self.printer.say_ours(counts_line(self.client.rooms.all))
            self.printer.enter(
                first, _("You are writing in {title}. /help shows what you can do.").format(title=first.title)
            )
            new = sum(entry.room == first.id for entry in early)
            entries = await self.client.history.timeline(first.id, limit=max(_READ_AT_START, new))
            self.printer.newest(first, entries)
            if first.unread <= len(entries):  # else some of them were not shown
                await self.printer.mark_read(first, entries)
        else:
            self.printer.say_ours(
                _("You have not joined a room yet. /rooms lists public ones. /help shows what you can do.")
            )
        self.printer.encryption()
        self.printer.invitations()
        self.printer.notices(self.client.notices.unread)

    async def handle(self, line: str) -> None:
        """Send a line, or run its command; a refusal is printed and nothing ends."""
        self._bursts.clear()
        try:
            if self.dialog.is_waiting:
                await self.dialog.answer(line)
            elif self.hidden.wanted:
                await self._log_in(line)
            elif self._question is not None and await self._answered(line):
                return
            elif line.startswith("/") and not line.startswith("//"):
                await self._obey(line)
            elif line.strip():
                await self.send(read_line(line, Front.LINE).rest)
            if self.printer.current is not None:
                await self.client.preferences.remember_open(self.printer.current.id)
        except REFUSALS as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Say why something was not done."""
        if isinstance(error, ParlourClientError):
            self.printer.say(_("Not done: {error} {hint}").format(error=error, hint=error.hint).rstrip())
        else:
            self.printer.say(_("Not done: {error}").format(error=protocol_sentence(error)))

    async def _log_in(self, password: str) -> None:
        """Log in with a hidden line. Raises ParlourClientError."""
        self.hidden.end()
        if password:
            await self.dialog.run(self.client.connection.log_in_again(Secret(password), self.dialog))
        else:
            self.printer.say(_("You are still logged out. Write /login to try again."))

    async def _obey(self, line: str) -> None:
        """Run a command. Raises ParlourClientError, ParlourProtocolError."""
        read = read_line(line, Front.LINE)
        if read.command is None:
            raise unknown_command(read.unknown, Front.LINE)
        if read.command.view in VIEWS:
            read_arguments(read.command, read.rest, self._call())  # it may take none
            await VIEWS[read.command.view](self, read.rest)
            return
        call = self._call()
        try:
            given = read_arguments(read.command, read.rest, call)
            result = await self._run(read.command, call, given.values)
        except REFUSALS as error:
            self._refuse(error)
            if read.command in OPENS - {peek}:  # the next lines may have been written for that room
                self.printer.leave()
            return
        if isinstance(result, Question):
            await self._ask(read.command, result, line, sure=given.sure)
        elif result is not None:
            await self._show(result)

    async def _run(self, command: Command[..., Any], call: Call, given: Mapping[str, Any]) -> Result | None:
        """Run a command; the first events of a room that it opens are printed with the room, and once."""
        result: Result | None = None
        self._known = {room.id for room in self.client.rooms.all}
        try:
            result = await command(call, **given)
        finally:
            first, self._first = self._first, []
            read = result.entries if isinstance(result, RoomOpened) else ()
            below = {(entry.room, entry.seq) for entry in read}
            if isinstance(result, RoomOpened) and result.room.id not in self._known:
                self._told.add(result.room.id)
            self._known = None
            for entry in first:
                if (entry.room, entry.seq) not in below:
                    self._print_new(entry)
        return result

    def _call(self) -> Call:
        """Return the context of a command given now."""
        return Call(
            self.client,
            Front.LINE,
            self.settings,
            room=self.printer.current,
            devices=self.printer.listed,
            oldest=self.printer.oldest.get(self.printer.current.id)
            if self.printer.current is not None
            else None,
        )

    async def _ask(self, command: Command[..., Any], question: Question, line: str, *, sure: bool) -> None:
        """Ask before an action that everyone sees or that can't be undone. Raises SetupError if it can't."""
        for_good = command.asks is not None and command.asks.for_good
        if self._is_named(question) and sure:
            await self._do(question)
        elif for_good:
            bare = line.strip().removesuffix(FOR_GOOD).rstrip()
            for sentence in explain(question, f"{bare} {FOR_GOOD}"):
                self.printer.say(sentence)
        elif self._asks:
            self._question, self._asked_at = question, self.now()
            parts = (question.text, *question.details, _how(question.yes))
            line = " ".join(part if part[-1:] in _ENDS else f"{part}." for part in parts)
            # of others' words only a device has any in its question
            (self.printer.say if isinstance(question, RevokeQuestion) else self.printer.say_ours)(line)
        else:
            raise SetupError(
                question.text, _("In a script, write {yes} at the end of the command.").format(yes=YES)
            )

    def _is_named(self, question: Question) -> bool:
        """Say whether everyone whom a yes would admit was named before; from now on they are."""
        if not isinstance(question, EncryptQuestion):
            return True
        before = self._named.get(question.room.id)
        self._named[question.room.id] = set(question.people)
        return before is not None and set(question.people) <= before

    async def _show(self, result: Result) -> None:
        """Print the result of a command, or do what it asks of the line mode."""
        match result:
            case SendWanted(text=text, reply_to=reply_to):
                await self.send(text, reply_to=reply_to)
            case SettingChosen(key=key, value=value):
                self.set_setting(key, value)
                self.printer.say(changed_line(key, value))
            case LoginWanted():
                self.printer.say(self.hidden.ask(self.client.account))
            case Transfer():
                self.transfers.start(transfer_line(result), partial(self._run_transfer, result))
            case _:
                await show(result, self.printer)

    async def _run_transfer(self, transfer: Transfer, progress: Progress) -> None:
        await show(await transfer.run(progress), self.printer)

    async def _do(self, question: Question) -> None:
        result = await question.do()
        if result is not None:
            await self._show(result)

    async def _answered(self, line: str) -> bool:
        """Handle an answer. False if the line is none: nothing is done, and the line is processed normally.

        A line that came with the question, or right behind it, was written before the question was read.
        """
        question, self._question = self._question, None
        if question is None:
            return False
        answer, agrees = line.strip().lower(), _agrees(question.yes, line)
        if agrees and self.now() - self._asked_at >= QUIET:
            await self._do(question)
            return True
        if agrees:
            self.printer.say(_("Not done: that was written before the question. Give the command again."))
            return True
        self.printer.say(_("Not done."))
        return answer in {"", "n", "no", "y", "yes"}

    async def send(self, text: str, *, reply_to: Seq | None = None) -> None:
        """Send to the current room, unless it looks like a secret: then it is held back."""
        call = self._call()
        room, text = call.here(), call.with_emoji(text)
        findings = look_at_text(text) if self.settings.paste_guard else ()
        if findings:
            self._held = (room.id, text, reply_to)
            what = ", ".join(finding.what for finding in findings)
            self.printer.say(
                _("Held back: this looks like {what}. /yes sends it to {title}, /no discards it.").format(
                    what=what, title=room.title
                )
            )
            return
        self._sent.append(await self.client.messages.send(room.id, text, reply_to=reply_to))

    async def send_held(self) -> None:
        """Send the held line to the room that it was written in. Raises SetupError."""
        if self._held is None:
            raise SetupError(_("Nothing is held back."))
        (room, text, reply_to), self._held = self._held, None
        self._sent.append(await self.client.messages.send(room, text, reply_to=reply_to))

    def drop_held(self) -> None:
        """Drop the held line."""
        self._held = None
        self.printer.say(_("Dropped."))

    async def let_go(self) -> int:
        """Give the last messages a moment to be sent, and say what became of each; returns the exit status.

        What the server does not have stays in the outbox.
        """
        end, unsent = asyncio.get_running_loop().time() + _LAST_SECONDS, 0
        for entry in self._sent:
            assert entry.request is not None  # noqa: S101 - a message that was just queued has one
            try:
                async with asyncio.timeout_at(end):
                    self.printer.sent(entry.room, await self.client.messages.stored(entry.request))
            except ParlourClientError:
                unsent += 1  # that was said when it was refused
            except TimeoutError:
                unsent += 1
                words = _("not sent yet: it is sent the next time.")
                self.printer.say(f"{self.printer.where(entry.room)}{words}")
        return 1 if unsent else 0

    # --- changes

    def on_change(self, change: Change) -> None:  # noqa: C901, PLR0912 - one case each
        """Print a change if a person should know of it."""
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
                self.printer.encryption()
            case InvitationsChanged() | RoomsChanged() if self._begun:
                self.printer.invitations()
                self.printer.notice_loss()
            case RoomDeletion(title=title, by=by):
                self.printer.say(
                    _("{author} deleted the room {title}.").format(
                        author=display_name(by), title=shown(title)
                    )
                )
            case NoticesChanged():
                self.printer.notices(self.client.notices.unread)
            case HistoryChanged(room=room):
                self._many(room)
            case HistoryWithheld(room=room, words=words) | TextInspected(room=room, words=words):
                self.printer.say(f"{self.printer.where(room)}{words}")
            case RoomForgotten(room=room):
                self.printer.messages.forget(room)
            case RoomsChanged() | CountsChanged() | InvitationsChanged() | StatusChanged():
                pass
            case EntryRemoved() | HistoryReplaced() | ReceiptsChanged() | IgnoredChanged():
                pass  # lines that were printed stay
            case TypingChanged() | PresenceChanged():
                pass  # no one is interrupted for these
            case _:
                assert_never(change)

    def _added(self, entry: Entry) -> None:
        if entry.request is not None and entry.seq is None:
            if (
                entry.delivery is Delivery.QUEUED
                and self.client.connection.status.state is not LinkState.ONLINE
            ):
                waits = (
                    _("your login: /login")
                    if self.client.connection.status.session_ended
                    else _("the connection")
                )
                words = _("not sent yet: waiting for {waits}.").format(waits=waits)
                self.printer.say(f"{self.printer.where(entry.room)}{words}")
            return
        if not self._begun:
            self._early.append(entry)
        elif self._known is not None and entry.room not in self._known:
            self._first.append(entry)
        else:
            self._print_new(entry)

    def _print_new(self, entry: Entry) -> None:
        room = self.client.rooms.get(entry.room)
        self._bursts.discard(entry.room)
        told = entry.room in self._told and _is_own_beginning(entry, self.client.account.user)
        if not told and (room is None or not room.muted):
            self.printer.entry(entry)
        else:
            self.printer.messages.remember(entry)

    def _say_status_change(self, line: str) -> None:
        """Print the connection's state once, not again with each try."""
        if line != self._last_status:
            self._last_status = line
            self.printer.say(line)

    def _many(self, room: RoomId) -> None:
        """Report a burst once: its messages are not printed one by one."""
        known = self.client.rooms.get(room)
        is_news = self._begun and room not in self._bursts
        if is_news and known is not None and known.unread and not known.muted:
            self._bursts.add(room)
            self.printer.say(
                _(
                    "{title}, {unread} unread messages arrived at once and are not shown. /next shows "
                    "them, /last the newest."
                ).format(title=known.title, unread=known.unread)
            )

    def _changed(self, entry: Entry) -> None:
        problem, words = shown(entry.problem), ""
        if entry.failed:
            words = _("not sent: {problem} /outbox shows what you can do.").format(problem=problem)
        elif entry.problem and entry.seq is not None:  # of an edit, a deletion, a reaction or a pin
            words = _("message {seq}, not done: {problem}").format(seq=entry.seq, problem=problem)
        elif entry.seq is not None:
            self.printer.change(entry)
        elif entry.problem:
            words = _("not sent yet: {problem}").format(problem=problem)
        if words:
            self.printer.say(f"{self.printer.where(entry.room)}{words}")


_BEGINNINGS: Final = Created | Joined | EncryptionOn | GroupCreated


def _is_own_beginning(entry: Entry, me: UserName) -> bool:
    """Say whether an event only tells what its person has just done: created a room, or joined it."""
    return entry.author == me and isinstance(entry.body, _BEGINNINGS)


def speak(line: str) -> None:
    """Print a line on the terminal; someone's text goes on behind a word that can be heard."""
    say(line, INDENT if isinstance(line, Ours) else more())


def _how(yes: Yes) -> str:
    """Say which line agrees."""
    match yes:
        case Harmless():
            return _("Type y for yes, anything else for no:")
        case Letter(key=key, does=does):
            return _("Type {key} to {do}, anything else to change nothing:").format(key=key, do=does)
        case TypedName(name=name, does=does):
            return _("Type {key} to {do}, anything else to change nothing:").format(key=name, do=does)


def _agrees(yes: Yes, line: str) -> bool:
    match yes:
        case Harmless():
            return line.strip().lower() in {"y", "yes"}
        case Letter(key=key):
            return line.strip().lower() == key
        case TypedName():
            return yes.is_typed(line)


async def _help(mode: LineMode, rest: str) -> None:
    """Print the topics, the commands of one topic, or one command."""
    known, asked = names(Front.LINE), rest.removeprefix("/").strip().lower()
    known_topics = {
        _(topic): [command for command in commands if command.name(Front.LINE)]
        for topic, commands in topics().items()
    }
    named = spellings(Front.LINE).get(asked)
    if asked == EVERYTHING:
        commands = list(known.values())
    elif named is not None:
        commands = [named]
    else:
        commands = known_topics.get(asked, known_topics.get(_(asked), []))
    for command in commands:
        mode.printer.say_ours(_help_line(command))
    if commands:
        return
    if asked:
        raise unknown_help(asked, Front.LINE)
    for topic, listed in known_topics.items():
        words = ", ".join(f"/{command.name(Front.LINE)}" for command in listed)
        mode.printer.say_ours(_("{topic}: {commands}").format(topic=topic, commands=words))
    mode.printer.say_ours(
        _("/help and one of these topics or commands explains it; /help all explains every command.")
    )


def _help_line(command: Command[..., Any]) -> str:
    line = f"{command.usage(Front.LINE)}: {command.help}"
    also = see_also(command, Front.LINE)
    return f"{line} ({also})" if also else line


async def _send_held(mode: LineMode, _: str) -> None:
    await mode.send_held()


async def _drop_held(mode: LineMode, _: str) -> None:
    mode.drop_held()


async def _cancel_transfer(mode: LineMode, _: str) -> None:
    mode.transfers.cancel()


async def _quit(mode: LineMode, _: str) -> None:
    mode.over = True


DONE_HERE: Final = (SendWanted, SettingChosen, LoginWanted, Transfer)
"""Results that ask something of the line mode, besides printing."""
VIEWS: Final[Mapping[View | None, Callable[[LineMode, str], Awaitable[None]]]] = {
    View.HELP: _help,
    View.SEND_HELD: _send_held,
    View.DROP_HELD: _drop_held,
    View.CANCEL_TRANSFER: _cancel_transfer,
    View.QUIT: _quit,
}
"""Views of the line mode itself."""


async def run(
    client: Client,
    source: int = 0,
    out: Callable[[str], None] = speak,
    settings: Settings | None = None,
    folder: Path | None = None,
) -> int:
    """Run until the input ends or the person quits.

    Returns the exit status: 1 if something that was written is not on the server.
    """
    mode = LineMode(client, out, settings or Settings(), folder, source)
    await client.start()
    client.history.keep(kept_seconds(mode.settings))
    unsubscribe = client.events.subscribe(mode.on_change)
    try:
        try:
            async with asyncio.timeout(_PATIENCE):
                await client.connection.ready()
        except TimeoutError:
            mode.printer.status()
        except ParlourClientError as error:
            if mode.over or (error.stops and not client.connection.status.session_ended):
                raise
        await mode.start()
        async for lines in read_lines(source):
            for line in lines:
                await mode.handle(line.decode(errors="replace"))
                if mode.over:
                    break
            if mode.over:
                break
        if not mode.over:
            await mode.transfers.finished()  # the input ended: its requests were processed
        if client.connection.status.session_ended and not mode.hidden.is_possible:
            await client.connection.ready()  # raises the error, with the command to log in
        return await mode.let_go()
    finally:
        mode.hidden.end()
        await mode.dialog.stop()
        mode.transfers.cancel()
        await mode.transfers.finished()
        unsubscribe()
        await client.stop()
