"""Notifies of new messages outside the screen: bell, OSC 9, 777 or 99, or the desktop, without their content.

Every word of it is from our catalogue but for one number, so no stranger's text can reach a terminal or a
desktop this way. It is only about messages the person does not see: in another room, or in any while the
terminal has no focus; and at most once in ``QUIET`` seconds.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final

from parlour_client.core.client import Client
from parlour_client.core.events import Change, CountsChanged, EntryAdded, RoomsChanged
from parlour_client.core.model import Delivery, Entry, Room
from parlour_client.core.settings import Settings
from parlour_client.kit.language import _, ngettext
from parlour_client.kit.programs import find_program
from parlour_protocol.frames.bodies import Banned, Kicked
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

QUIET: Final = 10.0
"""Seconds after a notification in which new messages are only counted."""
PATIENCE: Final = 5.0
"""Seconds for the program that shows desktop notifications."""
MOST: Final = 999


class Notifier:
    """Follows one client and notifies of its messages."""

    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        sees: Callable[[RoomId], bool],
        is_away: Callable[[], bool],
        ring: Callable[[], None],
        write: Callable[[str], None],
        run: Callable[[tuple[str, ...]], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``sees`` says whether the person looks at a room; ``is_away``, whether to stay silent.

        ``write`` takes escape sequences for the terminal, ``run`` a program to start without waiting for it.
        """
        self._settings, self._sees, self._is_away = settings, sees, is_away
        self._ring, self._write, self._run, self._now = ring, write, run, now
        self._end: Callable[[], None] | None = None
        self._client: Client | None = None
        self._mentions: dict[RoomId, int] = {}
        self._waiting = 0
        self._notified_at = -QUIET

    def follow(self, client: Client) -> None:
        """Notify of this client's messages."""
        self.forget()
        self._client = client
        self._mentions = {room.id: room.mentions for room in client.rooms.all}
        self._end = client.events.subscribe(self.changed, EntryAdded, RoomsChanged, CountsChanged)

    def forget(self) -> None:
        """Stop notifying."""
        if self._end is not None:
            self._end()
        self._end = self._client = None
        self._waiting = 0

    def changed(self, change: Change) -> None:
        """Decide about a change."""
        if not isinstance(change, EntryAdded):
            self._forget_read()
            return
        if self._client is None:
            return
        entry, room = change.entry, self._client.rooms.get(change.entry.room)
        if room is None:
            return
        named = room.mentions > self._mentions.get(room.id, 0)
        self._mentions[room.id] = room.mentions
        if not room.muted and _is_removal(entry, self._client.account.user) and not self._sees(room.id):
            self._notify(_("You were removed from a room in Parlour"))
        elif (
            not room.muted and self._is_wanted(room, named=named) and self._is_news(self._client, entry, room)
        ):
            self._waiting += 1
            self._notify()

    def _forget_read(self) -> None:
        """Reduce mention counts that were read, so that the next mention counts as new."""
        for room in self._client.rooms.all if self._client is not None else ():
            self._mentions[room.id] = min(room.mentions, self._mentions.get(room.id, 0))

    def _is_news(self, client: Client, entry: Entry, room: Room) -> bool:
        stored = entry.delivery is Delivery.STORED and entry.text is not None
        unread = stored and entry.seq is not None and entry.seq > room.read and not self._sees(entry.room)
        return unread and entry.author != client.account.user and entry.author not in client.people.ignored

    def _is_wanted(self, room: Room, *, named: bool) -> bool:
        if room.request:  # a stranger's first messages wait until the person looks at them
            return False
        match self._settings().notify_for:
            case "all":
                return True
            case "direct":
                return named or room.kind is RoomKind.DIRECT
            case _:
                return named

    def _notify(self, instead: str = "") -> None:
        if self._settings().notifications == "off" or self._is_away():
            return
        if self._now() - self._notified_at < QUIET:
            return
        self._notified_at = self._now()
        count, self._waiting = min(self._waiting, MOST), 0
        text = instead or words(count)
        match self._settings().notifications:
            case "bell":
                self._ring()
            case "desktop":
                if program := desktop_program(text):
                    self._run(program)
            case kind:
                self._write(sequence(kind, text))


def _is_removal(entry: Entry, me: UserName) -> bool:
    """Say whether someone removed this account from a room with this event."""
    return isinstance(entry.body, Kicked | Banned) and entry.body.who == me != entry.author


def words(count: int) -> str:
    """Return the text about messages."""
    if count == 1:
        return _("New message in Parlour")
    return ngettext("{count} new message in Parlour", "{count} new messages in Parlour", count).format(
        count=count
    )


def sequence(kind: str, text: str) -> str:
    """Return the escape sequence of a terminal's notification for our text."""
    forms = {
        "osc9": f"\x1b]9;{text}\x07",
        "osc777": f"\x1b]777;notify;Parlour;{text}\x07",
        "osc99": f"\x1b]99;i=parlour:d=1;{text}\x1b\\",
    }
    return forms[kind]


def desktop_program(text: str) -> tuple[str, ...]:
    """Return the program that shows our text on the desktop, as arguments; empty: there is none."""
    name = "osascript" if sys.platform == "darwin" else "notify-send"
    found = find_program(name)
    if found is None:
        return ()
    if sys.platform == "darwin":
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        return (found, "-e", f'display notification "{quoted}" with title "Parlour"')
    return (found, "--app-name=Parlour", "--", "Parlour", text)


async def run_program(program: tuple[str, ...]) -> None:
    """Run it without a shell and without our terminal; its result does not matter."""
    nothing = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *program, stdin=nothing, stdout=nothing, stderr=nothing
        )
    except OSError:
        return
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
