"""Questions about encryption on the chat screen: alarms, someone's key, short words.

A decision about a person's key is made in one of the dialogs, never here.
"""

from collections.abc import Sequence

from parlour_client.commands.command import Call
from parlour_client.commands.front import Front
from parlour_client.commands.results import ComparisonShown, KeyDecided
from parlour_client.commands.verification import NO, Decision, decide_about
from parlour_client.core.e2ee.values import Alarm, PersonReport, SasVerification
from parlour_client.kit.answers import Letter
from parlour_client.kit.language import _
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import join, lines, own, peer_line
from parlour_client.text.date_text import clock, day
from parlour_client.ui.chat.encryption.sas import WordsScreen, still
from parlour_client.ui.chat.encryption.status import EncryptionStatus
from parlour_client.ui.chat.encryption.verify import PersonScreen
from parlour_client.ui.chat.pane import Pane
from parlour_protocol.kit.names import UserName


class EncryptionPrompts:
    """Shows keys, alarms and verifications of one pane, and asks about them."""

    def __init__(self, pane: Pane, status: EncryptionStatus) -> None:
        self._client, self._interaction, self._status = pane.client, pane.interaction, status

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

        self._interaction.push(_alarm_screen(alarms), answered)

    def show_person(self, report: PersonReport) -> None:
        """Show someone's safety number, and apply the decision about their key."""
        self._status.refresh()

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

    # --- short words

    def show_words(self, process: SasVerification) -> None:
        """Show a verification by short words, and update it."""
        screen = WordsScreen(process)

        def follow(processes: Sequence[SasVerification]) -> None:
            if screen.is_attached:
                screen.show_process(still(screen.process, processes))

        def answer(typed: str | None) -> None:
            self._status.follow_words = None
            if typed is not None:
                self._interaction.run(lambda: self._words_typed(screen.process, typed))

        self._status.follow_words = follow
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


def _alarm_screen(alarms: Sequence[Alarm]) -> ChooseScreen:
    """Return the list: Enter dismisses an alarm; a permanent one stays, because its cause can't be undone."""
    head = lines(
        own(_("Alarms"), "bold"), own(_("Enter asks whether to dismiss one that you have read."), "dim")
    )
    rows = [
        (
            str(alarm.id),
            lines(
                join(
                    own(f"{day(alarm.at)} {clock(alarm.at)}", "dim"),
                    own(f"  {_('permanent')}" if alarm.permanent else "", "bold"),
                ),
                peer_line(alarm.text, limit=400),
            ),
        )
        for alarm in alarms
    ]
    return ChooseScreen(head, rows, _("No alarms on this device."))
