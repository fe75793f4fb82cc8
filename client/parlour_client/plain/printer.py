"""Prints for the line mode, and remembers what it has printed: rooms, messages, the connection, encryption.

Each message is printed once; a label or an alarm again only when it changes. Numbers that a person types
later (of a device, of the oldest message) refer to what was printed here.
"""

from collections.abc import Callable, Iterable, Sequence

from parlour_client.core.client import Client
from parlour_client.core.model import Entry, Room
from parlour_client.core.settings import Settings
from parlour_client.kit.language import _
from parlour_client.plain.encryption_status import EncryptionStatus
from parlour_client.plain.line_text import Ours, change_line, entry_line, invitation_line, spoken, status_line
from parlour_client.plain.printed_messages import PrintedMessages
from parlour_client.text.date_text import clock
from parlour_client.text.server_notice_text import notice_heading
from parlour_client.text.untrusted_text import shown
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.server_notices import NoticeId, ServerNotice


class Printer:
    """Prints lines, and remembers their subjects."""

    def __init__(self, client: Client, out: Callable[[str], None], settings: Settings) -> None:
        self.client, self.settings = client, settings
        self.current: Room | None = None
        """The open room."""
        self.listed: tuple[DeviceId, ...] = ()
        """One's devices, as they were last printed with their numbers."""
        self.oldest: dict[RoomId, Seq] = {}
        """The oldest message of each room that was printed."""
        self.encryption_status = EncryptionStatus()
        self.messages = PrintedMessages()
        self._out = out
        self._invitations: set[tuple[RoomId, UserName]] = set()
        """Invitations that were printed."""
        self._printed_notices: set[NoticeId] = set()
        self._titles: dict[RoomId, str] = {}
        """Of rooms that something was printed of, also when they were left since."""

    def say(self, line: str) -> None:
        """Print one line, or a message of several."""
        self._out(line if isinstance(line, Ours) else spoken(line))

    def say_ours(self, line: str) -> None:
        """Print one line that has no text of others in it, but for checked names."""
        self._out(Ours(line))

    def title(self, room: RoomId) -> str:
        """Return a room's title."""
        known = self.client.rooms.get(room)
        if known is not None:
            self._titles[room] = known.title
        return self._titles.get(room) or _("a room you left")

    def where(self, room: RoomId) -> str:
        """Return the beginning of a line about a room: nothing if it is the open one."""
        return "" if self.current is not None and self.current.id == room else f"{self.title(room)}, "

    def enter(self, room: Room, words: str = "") -> None:
        """Write in this room from now on; first, print who can read it."""
        self.current = room
        self.say_ours(words or _("You are writing in {title}.").format(title=room.title))
        self.say_ours(self.encryption_status.room_line(self.client.encryption, room))

    def leave(self) -> None:
        """Write nowhere from now on: a room was to be opened instead of this one."""
        before, self.current = self.current, None
        if before is not None:
            words = _(
                "No room is open now: what is meant for another one is not sent here. /go {title} goes back."
            )
            self.say_ours(words.format(title=before.title))

    def notice_loss(self) -> None:
        """Write nowhere from now on if the open room was lost: only the person opens one."""
        if self.current is not None and self.client.rooms.get(self.current.id) is None:
            before, self.current = self.current, None
            words = _(
                "You are no longer in {title}. Nothing is sent until you go to a room: /go ROOM. "
                "/joined lists yours."
            )
            self.say_ours(words.format(title=before.title))

    def entry(self, entry: Entry) -> None:
        """Print a new row."""
        self.messages.remember(entry)
        self.say(self._line(entry))

    def skip(self, entries: Iterable[Entry]) -> None:
        """Remember rows as printed: what they tell was said in other words."""
        for entry in entries:
            self.messages.remember(entry)

    def entries(self, entries: Iterable[Entry], *, again: bool = False, covered: bool = True) -> None:
        """Print rows of a timeline; ``again``: they are not consecutive; ``covered``: without spoilers."""
        found = list(entries)
        for entry in found:  # first all of them: a reply may be printed before its parent
            self.messages.remember(entry)
        for entry in found:
            if entry.seq is not None and not again:
                self.oldest[entry.room] = min(entry.seq, self.oldest.get(entry.room, entry.seq))
            self.say(self._line(entry, covered=covered))

    def newest(self, room: Room, entries: Sequence[Entry]) -> None:
        """Print the end of a room's timeline: older ones are counted from here."""
        _ = self.oldest.pop(room.id, None)
        self.entries(entries)

    def change(self, entry: Entry) -> None:
        """Print the change of a message, or the number that ours was stored under."""
        before = self.messages.remember(entry)
        title = self._title(entry.room)
        if before is None and entry.seq is not None and entry.request is not None:
            self.sent_as(entry.room, entry.seq)
        elif line := change_line(
            title, before, entry, self.messages.answered(entry), covered=self._covers_spoilers
        ):
            self.say(line)

    def sent(self, room: RoomId, seq: Seq) -> None:
        """Print the number that a message of ours was stored under, unless it was printed."""
        if not self.messages.knows(room, seq):
            self.sent_as(room, seq)

    def sent_as(self, room: RoomId, seq: Seq) -> None:
        """Print the number of a message of ours, by which it can be changed."""
        self.say(f"{self.where(room)}{_('sent as {seq}.').format(seq=seq)}")

    def _title(self, room: RoomId) -> str:
        """Return a room's title, if it is not the open one."""
        return "" if self.current is not None and self.current.id == room else self.title(room)

    def _line(self, entry: Entry, *, covered: bool = True) -> str:
        answered = self.messages.answered(entry)
        covered = covered and self._covers_spoilers
        me = self.client.account.user
        line = entry_line(self._title(entry.room), entry, answered, covered=covered, me=me)
        return f"{clock(entry.at)}, {line}" if self.settings.line_times else line

    @property
    def _covers_spoilers(self) -> bool:
        return self.settings.formatting != "off"

    async def mark_read(self, room: Room, entries: Sequence[Entry]) -> None:
        """Mark printed messages as read, unless the settings say that looking marks nothing."""
        seen = next((entry.seq for entry in reversed(entries) if entry.seq is not None), None)
        if seen is not None and not self.settings.peek:
            await self.client.messages.mark_read(room.id, seen, share=self.settings.receipts)

    def status(self) -> None:
        """Print the state of the connection."""
        self.say(status_line(self.client.connection.status))

    def invitations(self, *, again: bool = False) -> None:
        """Print the invitations; only those that were not printed yet, unless ``again``."""
        waiting = {
            (invitation.id, invitation.inviter): invitation for invitation in self.client.invitations.all
        }
        for key, invitation in waiting.items():
            if again or key not in self._invitations:
                self.say_ours(invitation_line(invitation))
        self._invitations = set(waiting)

    def notices(self, unread: Sequence[ServerNotice]) -> None:
        """Print what the operator tells everyone, each once."""
        for notice in unread:
            if notice.notice not in self._printed_notices:
                heading = notice_heading(notice, self.client.account.server)
                self.say(f"{heading}: {shown(notice.text)}")
        self._printed_notices = {notice.notice for notice in unread}

    def encryption(self) -> None:
        """Print changes of encryption."""
        room = self.client.rooms.get(self.current.id) if self.current is not None else None
        for line in self.encryption_status.changes(self.client.encryption, room):
            self.say(line)
