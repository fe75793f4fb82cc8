"""Acting on messages: reply, react, edit, delete, inspect, copy, send again; and what Enter sends.

What the composer is doing (a plain message, a reply, an edit) is one value; the hint line always says it.
Copying copies what is shown, never the raw text. The chat screen inherits it.
"""

from dataclasses import dataclass

from textual import on

from parlour_client.core.model import Entry
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.files import FilesPart
from parlour_client.ui.chat.timeline.keys import TimelineKeys, Wish
from parlour_client.ui.dialogs.inspector import inspector_page
from parlour_client.ui.dialogs.questions import ConfirmScreen
from parlour_client.ui.dialogs.reaction import ReactScreen
from parlour_client.ui.safe import join, lines, own, peer_line
from parlour_client.ui.toasts import Notice, notice
from parlour_protocol.frames.bodies import Pinned
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.text import safe_text


@dataclass(frozen=True, slots=True)
class Reply:
    """Enter answers this message."""

    to: Seq


@dataclass(frozen=True, slots=True)
class Change:
    """Enter gives this message a new text."""

    target: Seq


@dataclass(frozen=True, slots=True)
class Aim:
    """Where Enter sends, and as what."""

    room: RoomId | None
    mode: Reply | Change | None


class MessagesPart(FilesPart):
    """Messages: send and act on them."""

    _mode: Reply | Change | None = None
    _wished: Entry | None = None

    def enter_mode(self, mode: Reply | Change | None, entry: Entry | None = None) -> None:
        """Say what Enter will do."""
        self._mode = mode
        self.composer.aim = self.aim  # of the key, not of when it is dealt with: rooms change fast
        if mode is None or entry is None:
            self.hint.mode(None)
            return
        words = own("reply to ", "bold") if isinstance(mode, Reply) else own("edit ", "bold")
        quote = peer_line(entry.text or "", limit=40)
        keys = own("  esc leaves", "dim")
        self.hint.mode(join(words, peer_line(entry.author, style="bold"), own(": "), quote, keys))

    @property
    def aim(self) -> Aim:
        """Where Enter sends now."""
        return Aim(self.current, self._mode)

    async def send_text(self, text: str, aim: Aim) -> None:
        """Send what was written to where it was written; raises what it was refused with."""
        room, mode = aim.room, aim.mode
        if room is None:
            raise ValueError("No room is open. /rooms shows which there are.")
        if isinstance(mode, Change):
            await self.client.edit(room, mode.target, text)
        else:
            await self.client.send(room, text, reply_to=mode.to if isinstance(mode, Reply) else None)
        if self.aim != aim:  # another room was opened meanwhile, with a draft of its own; or another mode
            return
        if isinstance(mode, Change):
            self.composer.put(self.drafts.take_back() + self.composer.text)
        self.enter_mode(None)
        self.timeline.clear_selection()
        self.timeline.follow()
        self.drafts.typed(self.composer.text)
        await self.drafts.save()

    @on(Composer.GaveUp)
    def _gave_up(self) -> None:
        if isinstance(self._mode, Change):
            self.composer.put(self.drafts.take_back())
        self.enter_mode(None)
        self.timeline.clear_selection()
        self.hint.forget()

    # --- wishes of the timeline

    @on(TimelineKeys.Action)
    def _wish(self, event: TimelineKeys.Action) -> None:
        entry = event.entry
        handlers = {
            Wish.REPLY: self._wish_reply,
            Wish.REACT: self._wish_react,
            Wish.EDIT: self._wish_edit,
            Wish.DELETE: self._wish_delete,
            Wish.INSPECT: self._wish_inspect,
            Wish.COPY: self._wish_copy,
            Wish.PARENT: self._wish_parent,
            Wish.RETRY: self._wish_retry,
            Wish.CANCEL: self._wish_cancel,
            Wish.UNREAD: self._wish_unread,
        }
        views = {
            Wish.THREAD: self.show_thread,
            Wish.STAR: self.star,
            Wish.PIN: self.pin,
            Wish.HISTORY: self.show_history,
            Wish.PERSON: self.show_author,
            Wish.SAVE: self.save,
        }
        if event.wish in views:
            self.ask(lambda: views[event.wish](entry))
        else:
            handlers[event.wish](entry)

    def _stored(self, entry: Entry) -> Seq | None:
        if entry.seq is None:
            notice(self.app, Notice.NOT_STORED)
        return entry.seq

    def _wish_reply(self, entry: Entry) -> None:
        if (seq := self._stored(entry)) is not None:
            self.enter_mode(Reply(seq), entry)
            self.write()

    def _wish_edit(self, entry: Entry) -> None:
        if entry.author != self.client.account.user or entry.text is None:
            notice(self.app, Notice.NOT_YOURS)
        elif (seq := self._stored(entry)) is not None:
            self.enter_mode(Change(seq), entry)
            self.drafts.set_aside()
            self.composer.put(entry.text)
            self.write()

    def _wish_react(self, entry: Entry) -> None:
        seq = self._stored(entry)
        if seq is None:
            return

        def take(reaction: str | None) -> None:
            if reaction:
                self.react_to(entry, reaction)

        self.push(ReactScreen(), take)

    def react_to(self, entry: Entry, reaction: str) -> None:
        """Put a reaction, or take it back when it is there already."""
        room, seq, me = self.current, entry.seq, self.client.account.user
        if room is not None and seq is not None:
            on_already = any(one.reaction == reaction and me in one.users for one in entry.reactions)
            self.ask(lambda: self.client.react(room, seq, reaction, on=not on_already))

    def _wish_delete(self, entry: Entry) -> None:
        room, seq = self.current, self._stored(entry)
        if room is None or seq is None:
            return

        def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if yes:
                self.ask(lambda: self.client.delete(room, seq))

        question = own("Delete this message for everybody? It cannot be brought back.", "bold")
        shown = join(own("│ ", "dim"), peer_line(entry.text or "", limit=120))
        self.push(ConfirmScreen(lines(question, peer_line(entry.author), shown)), answer)

    def _wish_inspect(self, entry: Entry) -> None:
        self.push(inspector_page(entry, self.client.wire_form(entry)))

    def _wish_copy(self, entry: Entry) -> None:
        if entry.text is not None:
            self.app.copy_to_clipboard(safe_text(entry.text).plain)  # never the raw text: paste-jacking
            notice(self.app, Notice.COPIED)

    def _wish_parent(self, entry: Entry) -> None:
        body = entry.body
        room, parent = self.current, body.target if isinstance(body, Pinned) else entry.reply_to
        if room is not None and parent is not None:
            self.ask(lambda: self.reveal(room, parent), group="reveal")

    def _wish_retry(self, entry: Entry) -> None:
        request = entry.request
        if request is not None and entry.seq is None:
            self.ask(lambda: self.client.retry(request))

    def _wish_cancel(self, entry: Entry) -> None:
        request = entry.request
        if request is not None and entry.seq is None:
            self.ask(lambda: self.client.cancel(request))

    def _wish_unread(self, entry: Entry) -> None:
        seq = self._stored(entry)
        if seq is not None:
            self.ask(lambda: self.mark_unread(seq))
