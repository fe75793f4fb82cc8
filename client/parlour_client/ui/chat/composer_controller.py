"""Sends messages, replies and edits to the room that they were written for.

The composer's current purpose is one value (``Aim``), and the hint line always shows it. A draft stays with
the room that it was typed in, however fast rooms are opened. A refused text goes back into the composer.
"""

import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from textual.app import SuspendNotSupported
from textual.content import Content

from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.model import Entry, Room, display_name
from parlour_client.kit.errors import SetupError, WrongUseError
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import error_content, filled, own, peer_line
from parlour_client.text.date_text import clock
from parlour_client.text.emoji_names import with_emoji
from parlour_client.text.formatting import preview
from parlour_client.ui.chat.aim import Aim, Edit, Reply, is_message, opens_room
from parlour_client.ui.chat.composer import WRITE, Composer
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.chat.drafts import NOWHERE, SOON, Drafts
from parlour_client.ui.chat.interaction import NO_ROOM, REFUSALS
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.removal import Removal
from parlour_client.ui.chat.timeline_controller import TimelineController
from parlour_client.ui.dialogs.paste import Choice, PasteScreen
from parlour_client.ui.input.argument_help import argument_help
from parlour_client.ui.input.editor import command_of, edit, in_memory
from parlour_client.ui.input.keymap import written
from parlour_client.ui.toasts import Toast
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import Role

TYPING_EVERY: Final = 5.0
"""Seconds between two typing notifications."""


_LEAVE: Final = ("composer.leave", "escape")
_Mode = tuple[Content, Content | None]
"""What the hint line says of a reply or an edit, and the text that is answered."""
Run = Callable[[str, Aim], Awaitable[None]]
"""Runs a line: a command or a message. Raises why it was refused."""


class ComposerController:
    """The composer of one screen, with the drafts of all rooms."""

    def __init__(
        self,
        pane: Pane,
        history: TimelineController,
        run: Run,
        of_room: "ComposerController | None" = None,
    ) -> None:
        """``of_room`` is that of the pane that shows all of the room, if this one is for a thread."""
        self._of_room = of_room
        self._client, self._current, self._interaction = pane.client, pane.current, pane.interaction
        self._composer, self._timeline, self._hint = pane.composer, pane.timeline, pane.hint
        self._history, self._run = history, run
        self._around = pane.around
        self.drafts = Drafts(self._save, self._read, pane.around.writing)
        self._mode: _Mode | None = None  # what the hint line says of a reply or an edit
        self._draft_save = Deferred(pane.widget, self.save_draft)
        self._told_typing_at = 0.0
        self._opening: object = None  # the latest opening: an older one has no effect any more
        self._awaited: object = None  # the command that will open another room
        self._knows = False  # the people of the archive were read, to complete their names
        self._failed = False  # it opened none, and something was typed since

    def _read(self, room: RoomId) -> Awaitable[str]:
        return self._client.messages.draft(room, self._current.thread)

    def _save(self, room: RoomId, text: str) -> Awaitable[None]:
        return self._client.messages.save_draft(room, text, self._current.thread)

    def show_room(self, room: Room | None, lost: Removal | None = None) -> None:
        """Say in the empty composer what can be written here, and above it that the room is lost."""
        words = own(_("Nothing can be sent here any more; what you write is kept · Esc: what you can do"))
        self._hint.closed(words if lost is not None else None)
        if lost is not None:
            self._composer.placeholder = _("Nothing can be sent here any more. Esc: what you can do")
        elif room is None:
            self._composer.placeholder = _(WRITE)
        elif not room.archived:
            is_open = self._client.encryption.room(room.id).state is RoomState.OPEN
            if self._current.thread is None:
                write = _("Write to {room} (not encrypted)") if is_open else _("Write to {room} (encrypted)")
                self._composer.placeholder = write.format(room=room.signed_title)
            elif is_open:
                self._composer.placeholder = _("Reply in the thread (not encrypted)")
            else:
                self._composer.placeholder = _("Reply in the thread (encrypted)")
        elif room.role is Role.OWNER:
            self._composer.placeholder = _("Archived: read only. /archive off opens it again.")
        else:
            self._composer.placeholder = _("Archived: read only. An owner can open it again.")

    def focus(self) -> None:
        """Focus the composer at once: ``focus()`` waits, and the next key would go elsewhere."""
        self._composer.screen.set_focus(self._composer)

    # --- sending

    @property
    def aim(self) -> Aim:
        """Where Enter sends now."""
        return self._composer.aim

    def sent(self, text: str, aim: Aim) -> None:
        """Send the text of the moment when Enter was pressed."""
        self._hint.forget()
        if self._awaited is not None:
            self._wait_for_room(text, aim)
            return
        if self._current.lost is not None and not text.startswith("/"):
            self._composer.bring_back(text)
            self._composer.aim = aim
            self._interaction.refuse(_("Not sent: you are no longer in this room. What you wrote is kept."))
            return
        mode, awaited = self._mode, object()
        if opens_room(text):
            self._awaited, self._failed = awaited, False
        if is_message(text) and self.aim == aim.after(text):
            self._make_plain(aim)
        self._interaction.run(lambda: self._submit(text, aim, mode, awaited), group="send")
        if self._client.connection.status.session_ended and not text.startswith("/"):
            self._interaction.say(_("Kept until you log in again: /login"))
        self._told_typing_at = 0.0

    @property
    def awaits_room(self) -> bool:
        """Whether a command that was typed will open a room: what is typed since is meant for it."""
        return self._awaited is not None

    def _wait_for_room(self, text: str, aim: Aim) -> None:
        """Keep a text that is meant for the awaited room; once that is there, Enter goes there with it."""
        self._composer.bring_back(f"{text}\n")
        self._composer.aim = aim
        if self._offers_room:
            self._interaction.accept_offer()
        elif self._failed:
            self._stop_waiting()
            self._interaction.refuse(
                _("Not sent: no other room was opened. Enter sends it to {room}.").format(room=self._here())
            )
        else:
            self._interaction.refuse(
                _("Not sent: the room is still being opened. Press Enter again when it is there.")
            )

    def stay(self) -> bool:
        """Stay here after all, whatever is still being opened; says whether something was."""
        waited = self._awaited is not None or self._offers_room
        self._stop_waiting()
        self._interaction.drop_offer()
        if waited:
            self._interaction.say(_("You stay in {room}.").format(room=self._here()))
        return waited

    @property
    def _offers_room(self) -> bool:
        return self._interaction.offer is not None and self._interaction.offer.is_room

    def _stop_waiting(self) -> None:
        self._awaited, self._failed = None, False

    def _here(self) -> str:
        room = self._current.room or self._current.lost
        return room.title if room is not None else _("no room")

    def opening(self, open_room: Callable[[], Awaitable[Any]]) -> None:
        """Open a room that has to be asked for: what is typed until then is not sent to this one."""
        self._awaited, self._failed = awaited, _failed = object(), False

        async def opened() -> None:
            try:
                await open_room()
            finally:
                self._answered(awaited)

        self._interaction.run(opened, group="send")

    def _answered(self, awaited: object) -> None:
        """Go on as before, unless something was typed meanwhile: then a key decides where it goes."""
        if self._awaited is awaited:
            self._failed = not self._offers_room
            if self._failed and self._interaction.is_asked_last:
                self._stop_waiting()

    def _make_plain(self, sent: Aim) -> None:
        """Write on: what ``sent`` was for is under way, and the next text is a plain message."""
        if isinstance(sent.mode, Edit):
            self._composer.put(self.drafts.restore() + self._composer.text)
        self.plain()
        self._timeline.clear_selection()
        self._history.follow()

    async def _submit(self, text: str, aim: Aim, mode: _Mode | None, awaited: object) -> None:
        self._composer.remember(text)
        try:
            await self._run(text, aim)
        except WrongUseError:
            if not self._composer.text:  # to be completed; Up would bring it back, too
                await self.give_back(aim.room, text)
            raise
        except REFUSALS:
            if aim.mode is not None and self.aim == aim.after(text) != aim:
                self._resume(aim.mode, mode)
            if not text.startswith("/") or is_message(text):  # Up brings a command back
                await self.give_back(aim.room, text)
            raise
        finally:
            self._answered(awaited)

    def _resume(self, mode: Reply | Edit, words: _Mode | None) -> None:
        """Begin a reply or an edit again whose text was refused."""
        self._set(mode, words)
        if isinstance(mode, Edit):
            self._set_aside("")

    async def send(self, text: str, aim: Aim) -> None:
        """Send a message to the room where it was written. Raises why it was refused."""
        room, mode = aim.room, aim.mode
        if self._interaction.settings.shortcodes and ":" in text:
            text = with_emoji(text)
        if room is None:
            raise ValueError(_(NO_ROOM))
        if self._client.rooms.get(room) is None:  # also if the screen does not show it yet
            raise SetupError(_("You are no longer in this room, so nothing was sent."))
        if isinstance(mode, Edit):
            await self._client.messages.edit(room, mode.target, text)
        else:
            await self._client.messages.send(room, text, reply_to=aim.reply_to)
        if self.aim.room == room:  # else another one was opened meanwhile, with a draft of its own
            self.drafts.typed(self._composer.text)
            await self.drafts.save()

    async def cancel(self, entry: Entry) -> None:
        """Don't send an unsent message; its text goes back to where it was written."""
        if entry.request is None:
            return
        await self._client.messages.cancel(entry.request)
        if entry.text:
            there = self._of_room if self._of_room and not self._timeline.holds(entry) else self
            await there.give_back(entry.room, entry.text)

    async def give_back(self, room: RoomId | None, text: str) -> None:
        """Put a text that is not sent back where it was written."""
        if room is None:
            self._composer.bring_back(text)
            return
        async with self._around.writing:
            composer = self._around.composer_of(room, self._current.thread)
            if composer is not None:
                composer.bring_back(text)
            else:  # another room is open, or the thread was closed: it waits where it was written
                draft = await self._read(room)
                await self._save(room, f"{text}\n{draft}" if draft else text)

    # --- modes

    def plain(self) -> None:
        """From now on send plain messages to the open room."""
        self._set(None, None)

    def reply_to(self, entry: Entry, seq: Seq) -> None:
        """Reply to a message with the next Enter; an edit that was begun is given up."""
        if isinstance(self.aim.mode, Edit):
            self._composer.exchange(self.drafts.restore())
        author = peer_line(display_name(entry.author), style="bold")
        words = _("Reply to {user} ({key}: no reply)")
        about = filled(words, user=author, key=own(written(self._composer, *_LEAVE)))
        self._set(Reply(seq), (about, peer_line(preview(entry.text or ""))))
        self.focus()

    def edit(self, entry: Entry, seq: Seq) -> None:
        """Edit a message with the next Enter; the draft is set aside."""
        words = _("Edit your message of {time} ({key}: leave it as it is)")
        key = written(self._composer, *_LEAVE)
        self._set(Edit(seq), (own(words.format(time=clock(entry.at), key=key)), None))
        self.focus()
        self._set_aside(entry.text or "")

    def _set_aside(self, text: str) -> None:
        """Write something else than the draft."""
        self.drafts.typed(self._composer.text)
        self.drafts.set_aside()
        self._composer.put(text)

    def _set(self, mode: Reply | Edit | None, words: _Mode | None) -> None:
        # the room at the time of the key: rooms change fast
        self._composer.aim = Aim(self._current.id, mode, self._current.thread)
        self._mode = words
        self._hint.mode(*(words or (None,)))

    def give_up(self) -> bool:
        """Cancel what is awaited, the reply or the edit, or select nothing; says whether there was anything.

        Undo brings an edited text back.
        """
        if self.stay():
            return True
        was_plain = self.aim.mode is None and self._timeline.selected is None
        if isinstance(self.aim.mode, Edit):
            self._composer.exchange(self.drafts.restore())
        self.plain()
        self._timeline.clear_selection()
        self._hint.forget()
        return not was_plain

    def thread_is(self, root: Seq) -> None:
        """Reply from now on to the first message of the thread, which was found meanwhile."""
        self._current.thread = root
        self._composer.aim = replace(self.aim, thread=root)

    # --- drafts

    def wrote(self, text: str, warning: str) -> None:
        """Save the current text soon, and send a typing notification if the settings say so."""
        now = time.monotonic()
        open_ = self._current.room
        if open_ is not None and open_.archived and text and not text.startswith("/"):
            warning = warning or _("This room is archived: nobody can write here.")
        self._hint.warn(warning)
        before = self._composer.before_cursor
        is_command = before.startswith("/")
        self._hint.argument(argument_help(before, self._composer.takes_offer) if is_command else None)
        self._hint.long(on=not is_command and self._composer.wrapped_document.height > 1)
        if not self._knows and text:
            self._knows = True
            self._interaction.run(self._complete_known, group="known")
        if self.drafts.typed(self._composer.text):  # the current text, not the event's
            self._draft_save.schedule(SOON)
        room = self._current.id
        wants = self._interaction.settings.typing and open_ is not None and not open_.archived and text
        if wants and room is not None and now - self._told_typing_at > TYPING_EVERY:
            self._told_typing_at = now
            self._interaction.run(lambda: self._client.messages.typing(room, on=True), group="typing")

    async def _complete_known(self) -> None:
        self._composer.known = await self._client.people.known() - {self._client.account.user}

    def save_draft(self) -> None:
        """Write the draft to the archive."""
        self._interaction.run(self.drafts.save, group="draft")

    def take_text(self) -> str:
        """Return what was written here, which is meant for another place; nothing of it stays."""
        text = self._composer.text
        self._composer.put("")
        return text

    def change_room(
        self, room: RoomId, *, carry: bool = False, brought: str = ""
    ) -> Callable[[], Awaitable[bool]]:
        """Keep the text with its room, at once: the next key belongs to the new one.

        Returns what loads the new room's draft, and says False if another room was opened meanwhile. Text
        that was written before any room was open is moved to the first one; with ``carry`` the text is meant
        for the new room, too, and so is what is ``brought`` from elsewhere.
        """
        self._opening = opening = object()
        self._stop_waiting()
        nowhere, written = self.drafts.place in {None, NOWHERE}, self._composer.text
        moves = nowhere or carry
        if not moves:
            self._composer.put(brought)
        left = self.drafts.leave("" if moves else written, room)

        async def load() -> bool:
            await left
            async with self._around.writing:
                draft = await self._read(room)  # first: a room that cannot be read keeps its text too
                kept = await self._client.messages.draft(NOWHERE) if nowhere and room != NOWHERE else ""
                if self._opening is not opening:
                    return False
                self._take_draft(room, draft, kept, apart=bool(brought or (moves and (written or kept))))
            if kept:
                await self._client.messages.save_draft(NOWHERE, "")
            return True

        return load

    async def leave_rooms(self) -> None:
        """Keep a draft even without a room."""
        if self.drafts.place != NOWHERE and await self.change_room(NOWHERE)():
            self.drafts.typed(self._composer.text)

    def _take_draft(self, room: RoomId, draft: str, kept: str, *, apart: bool) -> None:
        """Put the room's draft before text typed meanwhile, or ``apart`` from it, on a line above.

        ``kept`` is text that was typed without a room.
        """
        typed = kept + self._composer.text
        self._composer.put(f"{draft}\n{typed}" if apart and draft else draft + typed)
        self.drafts.open(room, draft)
        self.drafts.typed(self._composer.text)

    # --- pasting, the editor, and starting a command

    def begin_command(self, text: str) -> None:
        """Put a command into the composer, to be completed; existing text stays."""
        if self._composer.text.strip():
            self._interaction.refuse(_("You are writing something: send or delete it first."))
        else:
            self._composer.put(f"{text} ")
        self.focus()

    def ask_about(self, event: Composer.Doubtful) -> None:
        """Show a paste or a possible secret before it is sent, and ask."""

        def answer(choice: Choice | None) -> None:
            if event.pasted and choice in {Choice.SEND, Choice.EDIT}:
                self._composer.insert_paste(event.text)
            elif choice is Choice.DROP and not event.pasted:
                self._composer.exchange("")
            if choice is Choice.SEND and (text := self._composer.text.strip("\n")).strip():
                self._composer.send(text)
            self.focus()

        self._interaction.push(PasteScreen(event.text, event.findings, pasted=event.pasted), answer)

    async def open_editor(self, lend: Callable[[], AbstractContextManager[None]]) -> None:
        """Continue in the person's own editor, which has the terminal while ``lend`` lends it."""
        if self.drafts.room is None:
            return  # a room is just being opened, and its draft is not loaded yet
        lent = self._composer.text
        try:
            command = command_of(self._interaction.settings.editor, os.environ)
            with lend():
                text = await edit(command, lent, in_memory(os.environ))
        except SetupError as error:
            self._hint.refuse(error_content(error))
        except SuspendNotSupported:
            self._interaction.toast(Toast.NO_EDITOR)
        else:
            self._composer.put_edited(lent, text)
            self.focus()
