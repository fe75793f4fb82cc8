"""Encryption on the chat screen: the line in the header, alarms, and questions to the person.

The line is text and is there in every room, encrypted or not. A decision about a person's key is made in one
of the dialogs, never here.
"""

from collections.abc import Sequence
from contextlib import suppress

from textual.content import Content

from parlour_client.commands.command import Call
from parlour_client.commands.front import Front
from parlour_client.commands.results import ComparisonShown, KeyDecided
from parlour_client.commands.verification import NO, Decision, decide_about
from parlour_client.core.e2ee.trust.sas import VERIFIED
from parlour_client.core.e2ee.values import Alarm, PersonReport, RoomReport, SasVerification, Trust
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import Room
from parlour_client.kit.answers import Letter
from parlour_client.kit.language import _
from parlour_client.kit.qr_code import qr_rows
from parlour_client.kit.widgets.safe import join, lines, own, peer_line
from parlour_client.ui.chat.encryption import devices
from parlour_client.ui.chat.encryption.alarms import alarm_screen
from parlour_client.ui.chat.encryption.report import report_page
from parlour_client.ui.chat.encryption.sas import WordsScreen, asking, ended_line, still
from parlour_client.ui.chat.encryption.verify import PersonScreen
from parlour_client.ui.chat.pane import Pane
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import UserName


class EncryptionPrompts:
    """Shows the encryption of the open room, and asks about it."""

    def __init__(self, pane: Pane) -> None:
        self._client, self._current, self._header = pane.client, pane.current, pane.header
        self._timeline, self._hint, self._interaction = pane.timeline, pane.hint, pane.interaction
        self._comparing = frozenset[RequestId]()  # the verifications in progress at the last check
        self._words: WordsScreen | None = None  # the dialog of a verification
        pane.timeline.verified = self._is_verified

    # --- always visible

    def changed(self) -> None:
        """Update after keys, groups or trust changed."""
        self.refresh()
        self._timeline.trust_changed()
        self._follow_words()

    def refresh(self) -> None:
        """Update the line in the header and the alarms."""
        room = self._current.room
        self._header.show_encryption(self._client.encryption.room(room.id) if room is not None else None)
        if self._current.in_front:
            self._show_alarms()
        else:
            self._header.show_alarms([])

    def _is_verified(self, user: UserName) -> bool:
        return self._client.encryption.trust(user) is Trust.VERIFIED

    def _show_alarms(self) -> None:
        """Show the newest alarm, a pending device, and requests to compare short words."""
        alarms = self._client.encryption.alarms()
        self._client.encryption.shown(alarms)
        rows: list[Content] = []
        if alarms:
            newest = peer_line(alarms[-1].text, limit=400, style="bold $text-error")
            more = _(" ({count} more)").format(count=len(alarms) - 1) if len(alarms) > 1 else ""
            where = own(f"{more} /alarms", "dim")
            rows.append(join(own("! ", "bold $text-error"), newest, where))
        with suppress(EncryptionError):  # no keys yet, or a server without encryption
            rows.extend(devices.waits(self._client.encryption.own()))
        rows.extend(map(devices.waiting_row, devices.waiting(self._client)))
        if asked := asking(self._client.encryption.sas_verifications()):
            rows.append(asked)
        self._header.show_alarms(rows)

    def list_alarms(self, alarms: Sequence[Alarm]) -> None:
        """List the alarms; Enter dismisses one."""

        def answered(chosen: str | None) -> None:
            alarm = next((alarm for alarm in alarms if str(alarm.id) == chosen), None)
            if alarm is not None:
                question = lines(own(_("Dismiss this alarm?"), "bold"), peer_line(alarm.text, limit=400))
                self._interaction.confirm(
                    question,
                    Letter("d", _("dismiss it")),
                    lambda: self._client.encryption.dismiss(alarm.id),
                )

        self._interaction.push(alarm_screen(alarms), answered)

    def show_report(self, room: Room, report: RoomReport) -> None:
        """Show everything that is known of a room's encryption."""
        self._interaction.push(report_page(room.title, report))

    def show_person(self, report: PersonReport) -> None:
        """Show someone's safety number, and apply the decision about their key."""
        self.refresh()

        def answer(decision: Decision | None) -> None:
            if decision is not None:
                self._interaction.run(lambda: self._decided(report.user, decision))

        self._interaction.push(PersonScreen(report), answer)

    async def _decided(self, user: UserName, decision: Decision) -> None:
        call = Call(self._client, Front.UI, self._interaction.settings)
        match await decide_about(call, user, decision):
            case ComparisonShown(process=process):
                self.show_words(process)
            case KeyDecided(report=report):
                self.show_person(report)

    def show_code(self, code: str) -> None:
        """Show this account's code, for others to scan or copy."""
        self._interaction.push(devices.code_page(code, qr_rows(code)))

    # --- short words

    def show_words(self, process: SasVerification) -> None:
        """Show a verification by short words, and update it."""
        self._words = screen = WordsScreen(process)

        def answer(typed: str | None) -> None:
            self._words = None
            if typed is not None:
                self._interaction.run(lambda: self._words_typed(screen.process, typed))

        self._interaction.push(screen, answer)

    async def _words_typed(self, process: SasVerification, typed: str) -> None:
        if typed.lower() == NO:
            await self._client.encryption.cancel_sas(process.process)
        else:
            self.words_confirmed(await self._client.encryption.confirm_sas(process.process, typed))

    def words_confirmed(self, process: SasVerification) -> None:
        """Say what is missing after the person confirmed."""
        if not process.they_confirmed:
            self._interaction.say(_("Waiting for them to confirm too."))

    def _follow_words(self) -> None:
        """Update the open dialog of short words; without one, say that a verification ended."""
        processes = self._client.encryption.sas_verifications()
        if self._words is not None and self._words.is_attached:
            self._words.show_process(still(self._words.process, processes))
        else:
            for process in processes:
                if process.ended and process.process in self._comparing:
                    show = self._hint.say if process.ended == VERIFIED else self._hint.refuse
                    show(ended_line(process))
        self._comparing = frozenset(process.process for process in processes if not process.ended)
