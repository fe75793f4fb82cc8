"""Actions on one message: reply, react, edit, delete, inspect, copy, retry, star, pin, report.

Actions that everyone sees, or that can't be undone, are confirmed first. Copying copies the displayed text,
not the raw one.
"""

from typing import Any, Final

from parlour_client.commands import files, history, messages, people
from parlour_client.commands.command import Command
from parlour_client.commands.links import links_of
from parlour_client.core.model import Entry
from parlour_client.kit.language import _
from parlour_client.text.formatting import code_blocks
from parlour_client.text.transcript import transcript
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.links import LinkActions
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.slash_commands import SlashCommands
from parlour_client.ui.chat.timeline.keys import MessageAction
from parlour_client.ui.chat.timeline.store import Key, key_of
from parlour_client.ui.dialogs.inspector import inspector_page
from parlour_client.ui.dialogs.reaction import ReactScreen
from parlour_client.ui.toasts import Toast
from parlour_protocol.frames.bodies import Pinned
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.text import safe_text


class MessageActions:
    """The actions on the messages of one timeline."""

    def __init__(
        self,
        pane: Pane,
        composing: ComposerController,
        navigation: Navigation,
        commands: SlashCommands,
        links: LinkActions,
    ) -> None:
        self._client, self._interaction = pane.client, pane.interaction
        self._composing, self._navigation, self._commands = composing, navigation, commands
        self._links = links
        self._copied_code: tuple[Key | None, int] = None, 0
        """The message whose code was copied last, and which of its blocks."""
        self._do = {
            MessageAction.REPLY: self.reply,
            MessageAction.REACT: self.ask_reaction,
            MessageAction.EDIT: self.edit,
            MessageAction.INSPECT: self.inspect,
            MessageAction.COPY: self.copy,
            MessageAction.COPY_CODE: self.copy_code,
            MessageAction.PARENT: self.go_to_parent,
            MessageAction.RETRY: self.retry,
            MessageAction.CANCEL: self.cancel,
            MessageAction.UNREAD: self.mark_unread,
            MessageAction.PERSON: self.show_author,
            MessageAction.LINKS: self.show_links,
        }

    def act(self, action: MessageAction, entry: Entry, others: tuple[Entry, ...] = ()) -> None:
        """Run an action on a message; copy all of ``others`` if there are any."""
        if action is MessageAction.COPY and others:
            self._interaction.copy_lines(transcript(others))
        elif action in self._do:
            self._do[action](entry)
        elif (seq := self._stored(entry)) is not None and (
            room := self._client.rooms.get(entry.room)
        ) is not None:
            self._commands.act_soon(_COMMANDS[action], room=room, message=seq)

    def _stored(self, entry: Entry) -> Seq | None:
        if entry.seq is None:
            self._interaction.toast(Toast.NOT_STORED)
        return entry.seq

    def reply(self, entry: Entry) -> None:
        """Reply to it."""
        if (seq := self._stored(entry)) is not None:
            self._composing.reply_to(entry, seq)

    def edit(self, entry: Entry) -> None:
        """Change its text, if it is the person's own."""
        if entry.author != self._client.account.user or entry.text is None:
            self._interaction.toast(Toast.NOT_YOURS)
        elif (seq := self._stored(entry)) is not None:
            self._composing.edit(entry, seq)

    def ask_reaction(self, entry: Entry) -> None:
        """Ask for a reaction."""
        if self._stored(entry) is None:
            return

        def answered(reaction: str | None) -> None:
            room, seq = self._client.rooms.get(entry.room), entry.seq
            if reaction and room is not None and seq is not None:
                self._commands.act_soon(messages.react, room=room, message=seq, emoji=reaction)

        self._interaction.push(ReactScreen(), answered)

    def inspect(self, entry: Entry) -> None:
        """Show its code points, and the server's JSON."""
        self._interaction.push(inspector_page(entry, self._client.history.wire_form(entry)))

    def copy(self, entry: Entry) -> None:
        """Copy its displayed text."""
        if entry.text is not None:
            self._interaction.copy(safe_text(entry.text))

    def show_links(self, entry: Entry) -> None:
        """Show its links."""
        self._links.choose(list(links_of([entry])), _("There is no link in this message."))

    def copy_code(self, entry: Entry) -> None:
        """Copy its code without fences, as one piece; the same key again copies its next code block."""
        safe = safe_text(entry.text or "")
        blocks = code_blocks(safe)
        if not blocks:
            self._interaction.say(_("This message has no code block."))
            return
        last, number = self._copied_code
        number = (number + 1) % len(blocks) if last == key_of(entry) else 0
        self._copied_code = key_of(entry), number
        self._interaction.copy(safe, blocks[number].start, blocks[number].end)
        if len(blocks) > 1:
            self._interaction.say(
                _("Code block {number} of {count} (c: the next one)").format(
                    number=number + 1, count=len(blocks)
                )
            )

    def go_to_parent(self, entry: Entry) -> None:
        """Go to the message that it replies to, or that it pinned."""
        body = entry.body
        parent = body.target if isinstance(body, Pinned) else entry.reply_to
        if parent is not None:
            self._interaction.run(lambda: self._navigation.reveal(entry.room, parent), group="reveal")

    def retry(self, entry: Entry) -> None:
        """Send it again."""
        request = entry.request
        if request is not None and entry.seq is None:
            self._interaction.run(lambda: self._client.messages.retry(request))

    def cancel(self, entry: Entry) -> None:
        """Don't send it."""
        if entry.seq is None:
            self._interaction.run(lambda: self._composing.cancel(entry))

    def mark_unread(self, entry: Entry) -> None:
        """Mark it and all after it as unread."""
        seq = self._stored(entry)
        if seq is not None:
            self._interaction.run(lambda: self._navigation.mark_unread(seq))

    def show_author(self, entry: Entry) -> None:
        """Show who wrote it."""
        self._commands.act_soon(people.whois, user=entry.author)


_COMMANDS: Final[dict[MessageAction, Command[..., Any]]] = {
    MessageAction.DELETE: messages.delete,
    MessageAction.STAR: messages.star,
    MessageAction.PIN: messages.pin,
    MessageAction.HISTORY: history.history,
    MessageAction.SAVE: files.save,
    MessageAction.REPORT: messages.report,
}
"""Actions that are commands on a message."""
