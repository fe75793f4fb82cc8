"""Looking: search, mentions, unread, starred, threads, earlier texts, the outbox, people, sessions.

Each view reads what the client says and none marks anything as read; going to a message from one is a peek.
The chat screen inherits it.
"""

from functools import partial
from typing import Final

from parlour_client.core.errors import SetupError
from parlour_client.core.model import Entry
from parlour_client.ui.chat.outbox import OutboxScreen
from parlour_client.ui.chat.people import PersonWish, ProfileScreen, SessionsScreen
from parlour_client.ui.chat.pins import PinsScreen
from parlour_client.ui.chat.reading_part import ReadingPart
from parlour_client.ui.chat.search import MOST_FOUND, SearchScreen
from parlour_client.ui.chat.thread import ThreadScreen, history_page
from parlour_client.ui.dialogs.questions import ChooseScreen, ConfirmScreen
from parlour_client.ui.safe import join, lines, own, peer_line
from parlour_protocol.ids import SessionId
from parlour_protocol.names import UserName, parse_user_name

VIEWS: Final = (
    ("mentions", "Mentions: messages that name you"),
    ("unread", "Unread: everything that you have not read"),
    ("starred", "Starred: what you put a star to"),
    ("pins", "Pinned: what everybody in this room finds"),
    ("outbox", "Outbox: what is on its way"),
    ("ignored", "Ignored people"),
    ("sessions", "Devices that are logged in"),
)


class LookingPart(ReadingPart):
    """Views of what there is."""

    # --- messages

    def search(self, words: str = "") -> None:
        """Open the search."""

        def name(entry: Entry) -> str:
            room = self.client.room(entry.room)
            return room.title if room is not None else "a room that you left"

        find = partial(self.client.search, limit=MOST_FOUND + 1)
        self.push(SearchScreen(find, name, words), self._go)

    def _go(self, entry: Entry | None) -> None:
        """Go to a message in its room; nothing is marked read by it."""
        if entry is not None and (seq := entry.seq) is not None:
            self.ask(lambda: self.reveal(entry.room, seq, peek=True), group="reveal")

    def action_views(self) -> None:
        """Choose a view."""

        def take(chosen: str | None) -> None:
            if chosen is not None:
                self.ask(lambda: getattr(self, f"_do_{chosen}")(""))

        self.push(ChooseScreen(own("Views", "bold"), [(key, own(words)) for key, words in VIEWS], ""), take)

    def action_outbox(self) -> None:
        """Show what is on its way."""
        self.push(OutboxScreen(self.client, self.ask))

    async def _do_mentions(self, _rest: str) -> None:
        self.search("is:mention")

    async def _do_unread(self, _rest: str) -> None:
        self.search("is:unread")

    async def _do_starred(self, _rest: str) -> None:
        self.search("is:starred")

    async def _do_outbox(self, _rest: str) -> None:
        self.action_outbox()

    async def _do_thread(self, _rest: str) -> None:
        await self.show_thread(self._one())

    async def _do_star(self, _rest: str) -> None:
        await self.star(self._one())

    async def _do_pin(self, _rest: str) -> None:
        await self.pin(self._one())

    async def _do_pins(self, _rest: str) -> None:
        room = self.room
        if room is None:
            raise SetupError("No room is open.", "/rooms shows which there are.")
        self.push(PinsScreen(await self.client.pins(room.id), self._take_off), self._go)

    def _take_off(self, entry: Entry) -> None:
        if (seq := entry.seq) is not None:
            self.ask(lambda: self.client.pin(entry.room, seq, on=False))

    async def _do_history(self, _rest: str) -> None:
        await self.show_history(self._one())

    def _one(self) -> Entry:
        """Return the selected message, or the newest. Raises SetupError."""
        newest = next((e for e in reversed(self.timeline.entries) if e.text and e.seq), None)
        entry = self.timeline.selected or newest
        if entry is None:
            raise SetupError("There is no message here yet.")
        return entry

    async def show_thread(self, entry: Entry) -> None:
        """Show the thread of a message."""
        if entry.seq is not None:
            self.push(ThreadScreen(await self.client.thread(entry.room, entry.seq)), self._go)

    async def show_history(self, entry: Entry) -> None:
        """Show the texts that a message had."""
        if entry.seq is not None:
            self.push(history_page(entry, tuple(await self.client.versions(entry.room, entry.seq))))

    async def star(self, entry: Entry) -> None:
        """Put a star to a message, or take it off."""
        if entry.seq is not None:
            await self.client.star(entry.room, entry.seq, on=not entry.starred)

    async def pin(self, entry: Entry) -> None:
        """Pin a message for everybody in the room, which is asked first, or take it off."""
        room, seq = entry.room, entry.seq
        if seq is None:
            return
        if entry.pinned:
            await self.client.pin(room, seq, on=False)
            return
        shown = join(own("│ ", "dim"), peer_line(entry.text or "", limit=120))
        question = lines(own("Pin this message for everybody here?", "bold"), peer_line(entry.author), shown)
        self.ask_first(question, lambda: self.client.pin(room, seq))

    # --- people

    async def show_author(self, entry: Entry) -> None:
        """Show the card of who wrote a message."""
        await self.show_person(entry.author)

    async def show_person(self, user: UserName) -> None:
        """Show the card of a person."""
        person = await self.client.person(user)

        def take(wish: PersonWish | None) -> None:
            match wish:
                case PersonWish.WRITE if user != self.client.account.user:
                    self.ask(lambda: self._write_to(user))
                case PersonWish.IGNORE:
                    self.ask(lambda: self.client.ignore(user, on=not person.ignored))
                case PersonWish.MESSAGES:
                    self.search(f"from:{user}")
                case PersonWish.LAST:
                    self._go(person.last)
                case _:
                    pass

        self.push(ProfileScreen(person), take)

    async def _write_to(self, user: UserName) -> None:
        room = await self.client.open_direct(user)
        await self.open_room(room.id)

    async def _do_whois(self, rest: str) -> None:
        word = rest.strip().lstrip("@")
        room = self.room
        peer = room.peer if room is not None else None
        await self.show_person(parse_user_name(word) if word or peer is None else peer)

    async def _do_ignore(self, rest: str) -> None:
        await self.client.ignore(parse_user_name(rest.strip().lstrip("@")))
        self.say("What they say is folded on this device; /unignore shows it again. They are not told.")

    async def _do_unignore(self, rest: str) -> None:
        await self.client.ignore(parse_user_name(rest.strip().lstrip("@")), on=False)
        self.say("What they say is shown again.")

    async def _do_ignored(self, _rest: str) -> None:
        def take(chosen: str | None) -> None:
            if chosen is not None:
                self.ask(lambda: self.client.ignore(parse_user_name(chosen), on=False))

        people = [(str(user), peer_line(user)) for user in sorted(self.client.ignored)]
        title = own("Ignored: enter takes somebody out", "bold")
        self.push(ChooseScreen(title, people, "You ignore nobody. /ignore PERSON does."), take)

    async def _do_sessions(self, _rest: str) -> None:
        sessions = await self.client.sessions()
        names = {one.id: one.device for one in sessions}

        def take(chosen: SessionId | None) -> None:
            if chosen is None:
                return

            def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
                if yes:
                    self.ask(lambda: self._end_session(chosen))

            question = own("Log this device out? It must log in again with the password.", "bold")
            self.push(ConfirmScreen(lines(question, peer_line(names[chosen]))), answer)

        self.push(SessionsScreen(sessions), take)

    async def _end_session(self, which: SessionId) -> None:
        await self.client.end_session(which)
        await self._do_sessions("")
