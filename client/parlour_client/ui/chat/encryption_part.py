"""What the chat screen does about encryption: the label above the timeline, and the commands around it.

The label is words and stands there in every room, encrypted or not. Each command asks ``Client.encryption``
and shows a screen; a decision about a person's key is made in one of those, never here. The chat screen
inherits it.
"""

from contextlib import suppress

from textual.content import Content

from parlour_client.core.e2ee.status import RoomState, Trust, WordsProcess
from parlour_client.core.e2ee.verification.sas import VERIFIED
from parlour_client.core.e2ee.verification.verification_code import qr_rows
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import Change, EncryptionChanged
from parlour_client.core.model import Room
from parlour_client.text.encryption_text import NO, NOTHING_TO_RENEW, RENEWED, Decision, Way
from parlour_client.ui.chat.encryption import devices as device_views
from parlour_client.ui.chat.encryption.alarms import alarm_screen
from parlour_client.ui.chat.encryption.renew import renew_question
from parlour_client.ui.chat.encryption.report import report_page
from parlour_client.ui.chat.encryption.sas import WordsScreen, asking, ended_line, still
from parlour_client.ui.chat.encryption.turn_on import turn_on_question
from parlour_client.ui.chat.encryption.verify import PersonScreen
from parlour_client.ui.chat.messages_part import MessagesPart
from parlour_client.ui.dialogs.questions import ConfirmScreen
from parlour_client.ui.safe import SafeStatic, join, lines, own, peer_line
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.ids import RequestId
from parlour_protocol.names import UserName, parse_user_name

_STYLES = {
    RoomState.OPEN: "$text-warning",
    RoomState.ACTIVE: "$text-success",
    RoomState.WAITING: "$text-warning",
    RoomState.PENDING_DEVICE: "$text-warning",
    RoomState.CONTESTED: "bold $text-error",
    RoomState.BLOCKED: "bold $text-error",
}


class EncryptionPart(MessagesPart):
    """Encryption: say it, look at it, decide about it."""

    _comparing: frozenset[RequestId] = frozenset()
    """The comparisons of short words that were under way at the last look."""

    def on_change(self, change: Change) -> None:
        """Show a change."""
        if isinstance(change, EncryptionChanged):
            self.show_lock()
            self.timeline.trust_changed()
            self._follow_words()
        else:
            super().on_change(change)

    def show_lock(self) -> None:
        """Bring the label up to date, and who is marked as not verified."""
        self.timeline.verified = self._is_verified
        self._show_alarms()
        lock = self.query_one("#lock", SafeStatic)
        room = self.room
        lock.display = room is not None
        if room is None:
            return
        standing = self.client.encryption.room(room.id)
        words = f"{standing.label} · {standing.problem}" if standing.problem else standing.label
        lock.show(peer_line(words, limit=400, style=_STYLES[standing.state]))

    def _show_alarms(self) -> None:
        """Show what must not be missed: the newest alarm, a device that waits, who wants to compare words."""
        alarms = self.client.encryption.alarms()
        rows: list[Content] = []
        if alarms:
            newest = peer_line(alarms[-1].text, limit=400, style="bold $text-error")
            more = f" ({len(alarms) - 1} more)" if len(alarms) > 1 else ""
            rows.append(join(own("! ", "bold $text-error"), newest, own(f"{more} /alarms", "dim")))
        with suppress(EncryptionError):  # no keys yet, or a server without encryption
            rows.extend(device_views.waits(self.client.encryption.own()))
        if asked := asking(self.client.encryption.words()):
            rows.append(asked)
        told = self.query_one("#alarm", SafeStatic)
        told.display = bool(rows)
        told.show(lines(*rows))

    async def _do_alarms(self, _rest: str) -> None:
        alarms = self.client.encryption.alarms()

        def take(chosen: str | None) -> None:
            if chosen is not None:
                self.ask(lambda: self.client.encryption.dismiss(int(chosen)))

        self.push(alarm_screen(alarms), take)

    def _is_verified(self, user: UserName) -> bool:
        return self.client.encryption.trust(user) is Trust.VERIFIED

    def _open_one(self) -> Room:
        room = self.room
        if room is None:
            raise ValueError("No room is open. /rooms shows which there are.")
        return room

    # --- a room

    async def _do_encryption(self, rest: str) -> None:
        room = self._open_one()
        match rest.strip():
            case "":
                self.push(report_page(room.title, await self.client.encryption.report(room.id)))
            case "renew":
                await self._renew_room(room)
            case _:
                raise ValueError("Write /encryption, or /encryption renew.")

    async def _renew_room(self, room: Room) -> None:
        """Let the members of an older room decide who is in it, after its owner has looked who that is."""
        people = await self.client.encryption.adoptable(room.id)
        if not people:
            raise ValueError(NOTHING_TO_RENEW)

        async def renew() -> None:
            await self.client.encryption.adopt(room.id, people)
            self.say(RENEWED)

        def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if yes:
                self.ask(renew)

        self.push(ConfirmScreen(renew_question(room.title, people)), answer)

    async def _do_encrypt(self, _rest: str) -> None:
        room = self._open_one()
        if room.encrypted:
            raise ValueError("This room is encrypted already. /encryption shows how.")
        people = [
            one.user for one in await self.client.members(room.id) if one.user != self.client.account.user
        ]

        def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if yes:
                self.ask(lambda: self.client.encryption.turn_on(room.id, people))

        self.push(ConfirmScreen(turn_on_question(room.title, people)), answer)

    async def _do_strict(self, rest: str) -> None:
        if rest.strip() not in {"on", "off"}:
            raise ValueError("Write /strict on or /strict off.")
        await self.client.keep_strict(self._open_one().id, on=rest.strip() == "on")

    async def _do_refound(self, _rest: str) -> None:
        await self.client.encryption.refound(self._open_one().id)

    # --- people

    async def _do_verify(self, rest: str) -> None:
        user = self._whom(rest)
        report = await self.client.encryption.person(user)

        def answer(decision: Decision | None) -> None:
            if decision is not None:
                self.ask(lambda: self._decided(user, decision))

        self.push(PersonScreen(report), answer)

    def _whom(self, rest: str) -> UserName:
        room = self.room
        if not rest.strip() and room is not None and room.kind is RoomKind.DIRECT and room.peer is not None:
            return room.peer
        if not rest.strip():
            raise ValueError("Write /verify PERSON.")
        return parse_user_name(rest.strip().removeprefix("@"))

    async def _decided(self, user: UserName, decision: Decision) -> None:
        people = self.client.encryption
        match decision.way:
            case Way.DIGITS:
                await people.confirm(user, decision.typed)
            case Way.CODE:
                await people.check_code(user, decision.typed)
            case Way.ACCEPT:
                await people.accept_key(user)
            case Way.WORDS:
                self._show_words(await people.start_words(user))
                return
        self.show_lock()
        await self._do_verify(user)

    async def _do_words(self, _rest: str) -> None:
        under_way = [one for one in self.client.encryption.words() if not one.ended]
        if not under_way:
            raise ValueError("Nobody is comparing words with you. /verify PERSON begins.")
        process = under_way[-1]
        if not process.started_by_us and not process.words:
            process = await self.client.encryption.answer_words(process.process)
        self._show_words(process)

    def _show_words(self, process: WordsProcess) -> None:
        screen = WordsScreen(process)

        def answer(typed: str | None) -> None:
            if typed is not None:
                self.ask(lambda: self._words_decided(screen.process, typed))

        self.push(screen, answer)

    async def _words_decided(self, process: WordsProcess, typed: str) -> None:
        if typed.lower() == NO:
            await self.client.encryption.cancel_words(process.process)
            return
        await self.client.encryption.confirm_words(process.process, typed)
        if not process.they_confirmed:
            self.say("Waiting for them to confirm too.")

    def _follow_words(self) -> None:
        """Show in an open dialog of short words how far they are; without one, that they ended."""
        screen, processes = self.app.screen, self.client.encryption.words()
        if isinstance(screen, WordsScreen):
            screen.show_process(still(screen.process, processes))
        else:
            for process in processes:
                if process.ended and process.process in self._comparing:
                    sign = "· " if process.ended == VERIFIED else "! "
                    self.hint.refuse(ended_line(process), sign=sign)
        self._comparing = frozenset(one.process for one in processes if not one.ended)

    async def _do_mycode(self, _rest: str) -> None:
        code = self.client.encryption.own_code()
        self.push(device_views.code_page(code, qr_rows(code)))
