"""Shows each result of a command on the chat screen: a page, a dialog, or a line; and questions first.

Every result that a command can give here has one method in one table. Nothing is done before the person
answers its question with yes.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from textual.content import Content

from parlour_client.commands import backup, results, witnesses
from parlour_client.commands.front import Front
from parlour_client.commands.results import Question, Result
from parlour_client.core.client import Client
from parlour_client.core.model import display_name
from parlour_client.kit.language import _
from parlour_client.kit.widgets.box import GUTTER, quoted
from parlour_client.kit.widgets.login_again import LoginAgainScreen
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import filled, join, lines, own, peer, peer_line
from parlour_client.text.backup_text import exported_lines, restored_lines, status_line, verified_lines
from parlour_client.text.date_text import day_found
from parlour_client.text.encryption_text import LOST, WON, admitted_by_encrypting
from parlour_client.text.formatting import preview
from parlour_client.text.retention_text import retention_sentences
from parlour_client.text.room_text import created_room
from parlour_client.text.setting_text import changed_line, setting_line
from parlour_client.text.witness_text import witness_lines
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.encryption.devices import DevicePrompts, code_page, link_page, recovery_page
from parlour_client.ui.chat.encryption.prompts import EncryptionPrompts
from parlour_client.ui.chat.encryption.report import report_page
from parlour_client.ui.chat.files import FileTransfers
from parlour_client.ui.chat.invitations import InvitationPrompts
from parlour_client.ui.chat.links import LinkActions
from parlour_client.ui.chat.member_list import how_many
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.timeline_controller import TimelineController
from parlour_client.ui.chat.views import Views
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

Show = Callable[[Any], Awaitable[None] | None]


class ResultViews:
    """Shows the results of commands on one pane; owns the pages and dialogs of results."""

    def __init__(
        self,
        pane: Pane,
        history: TimelineController,
        composing: ComposerController,
        navigation: Navigation,
        encryption: EncryptionPrompts,
        open_thread: Callable[[Seq], Awaitable[None]],
    ) -> None:
        self._open_thread = open_thread
        self._client, self._interaction, self._navigation = pane.client, pane.interaction, navigation
        self._composing, self._encryption = composing, encryption
        self.invitations = invitations = InvitationPrompts(pane, composing, navigation.open)
        self.files = FileTransfers(pane, history)
        self.views = views = Views(pane, navigation, composing)
        self.links = links = LinkActions(pane.interaction)
        self.devices = devices = DevicePrompts(pane.client, pane.interaction)
        client, interaction, people = pane.client, pane.interaction, views.people
        self.shown: Mapping[type[Result], Show] = {
            results.Done: lambda done: interaction.say(done.sentence),
            results.Queued: _nothing,  # the timeline shows it
            results.RoomLeft: _nothing,
            results.RoomEncrypted: _nothing,
            Question: self._ask,
            results.ChoiceWanted: self._choose,
            results.EncryptQuestion: self._ask_to_encrypt,
            results.RevokeQuestion: lambda asked: devices.ask_revoke(asked.device),
            results.RoomOpened: self._open,
            results.PublicRoomsListed: self._public_rooms,
            results.TopicShown: self._topic,
            results.RetentionShown: self._retention,
            results.InvitationsListed: lambda _: invitations.choose(),
            results.BlockedListed: self._blocked,
            results.BansListed: lambda found: views.people.list_bans(found.room, found.bans),
            results.ReceiptsShown: self._receipts,
            results.SettingChosen: self._set,
            results.SettingShown: lambda found: interaction.say(setting_line(found.setting, found.value)),
            results.SettingsListed: lambda _: interaction.app_action("settings"),
            results.LoginWanted: lambda _: interaction.push(_log_in_again(client)),
            results.MessagesFound: lambda found: views.search(found.words, found if found.words else None),
            results.LinksListed: lambda found: links.choose(
                found.links,
                _("There are no links in the last messages of this room."),
            ),
            results.DateFound: self._go_to_day,
            results.PinsListed: lambda found: views.show_pins(found.entries),
            results.ThreadShown: self._thread,
            results.VersionsShown: lambda found: views.show_versions(found.entry, found.versions),
            results.OutgoingListed: lambda _: views.outbox(),
            results.Transfer: self._transfer,
            results.FileSaved: self._saved,
            results.FileSent: _nothing,
            results.PersonShown: lambda found: people.show_card(found.profile),
            results.IgnoredListed: lambda found: people.list_ignored(found.people),
            results.SessionsListed: lambda found: people.list_sessions(found.sessions),
            results.EncryptionShown: lambda found: interaction.push(report_page(found)),
            results.KeyShown: lambda found: encryption.show_person(found.report),
            results.KeyDecided: lambda found: encryption.show_person(found.report),
            results.ComparisonShown: lambda found: encryption.show_words(found.process),
            results.ComparisonConfirmed: lambda found: encryption.words_confirmed(found.process),
            results.CodeShown: lambda found: interaction.push(code_page(found.code)),
            results.AlarmsListed: lambda found: encryption.list_alarms(found.alarms),
            results.DevicesListed: lambda found: devices.choose(found.devices, found.own),
            results.DeviceLinkShown: lambda found: interaction.push(link_page(str(found.link))),
            results.DeviceApproved: lambda found: devices.offer_history(found.device),
            results.BackupStatus: lambda found: interaction.say(
                status_line(found.last, backup.export.usage(Front.UI))
            ),
            results.BackupWritten: lambda found: interaction.say(" ".join(exported_lines(found.done))),
            results.BackupRestored: lambda found: interaction.say(" ".join(restored_lines(found.done))),
            results.BackupVerified: lambda found: interaction.say(" ".join(verified_lines(found.done))),
            results.WitnessesListed: lambda found: interaction.push(_witnesses(found)),
            results.RecoveryWordsShown: lambda found: interaction.push(recovery_page(found.words)),
        }

    async def show(self, result: Result | None) -> None:
        """Show the result of a command."""
        if result is not None:
            waiting = self.shown[type(result)](result)
            if waiting is not None:
                await waiting

    # --- questions

    def _ask(self, question: Question) -> None:
        parts = [peer_line(question.text, style="bold")]
        if question.message is not None:
            shown = peer_line(preview(question.message.text or ""), limit=120)
            parts += [peer_line(display_name(question.message.author)), quoted(shown)]
        parts += [peer_line(detail) for detail in question.details]
        self._interaction.confirm(lines(*parts), question.yes, lambda: self._done(question))

    def _choose(self, wanted: results.ChoiceWanted) -> None:
        async def do(chosen: str) -> None:
            await self.show(await wanted.do(chosen))

        def answered(chosen: str | None) -> None:
            if chosen:
                self._interaction.run(lambda: do(chosen))

        choices = [(word, own(shown)) for word, shown in wanted.choices]
        self._interaction.push(ChooseScreen(peer_line(wanted.text, style="bold"), choices, ""), answered)

    def _ask_to_encrypt(self, question: results.EncryptQuestion) -> None:
        self._interaction.confirm(_turn_on(question), question.yes, lambda: self._done(question))

    async def _done(self, question: Question) -> None:
        await self.show(await question.do())

    def _set(self, chosen: results.SettingChosen) -> None:
        self._interaction.set_setting(chosen.key, chosen.value)
        self._interaction.say(changed_line(chosen.key, chosen.value))

    # --- rooms

    def _thread(self, result: results.ThreadShown) -> None:
        def open_it() -> None:
            self._interaction.run(lambda: self._open_thread(result.thread.root), group="thread")

        self._interaction.lead(open_it, own(_("The thread is there")))

    async def _open(self, result: results.RoomOpened) -> None:
        await self._navigation.open(result.room.id, peek=result.peek)
        if result.how is results.Opened.CREATED:
            self._interaction.report(peer_line(created_room(result.room)))

    async def _go_to_day(self, result: results.DateFound) -> None:
        first = result.entries[0] if result.entries else None
        if first is not None and first.seq is not None:
            await self._navigation.reveal(result.room.id, first.seq)
        words = day_found(
            result.wanted, first.at if first is not None else None, is_that_day=result.is_that_day
        )
        if words:
            self._interaction.say(words)

    def _public_rooms(self, result: results.PublicRoomsListed) -> None:
        choices = []
        for room in result.rooms:
            facts = f"  {how_many(room.members)}{', joined' if room.room in result.joined else ''}"
            rows = [join(peer_line(room.name, style="bold"), own(facts, "dim"))]
            if room.topic:
                rows.append(join(own(GUTTER, "dim"), peer_line(room.topic)))
            choices.append((room.room, lines(*rows)))

        def answered(chosen: str | None) -> None:
            if chosen:
                self._composing.opening(lambda: self._enter(RoomId(chosen)))

        empty = _("No public rooms yet. /create NAME creates one.")
        self._interaction.push(ChooseScreen(own(_("Public rooms"), "bold"), choices, empty), answered)

    async def _enter(self, room: RoomId) -> None:
        if self._client.rooms.get(room) is None:
            await self._client.rooms.join(room)
        await self._navigation.open(room)

    def _retention(self, result: results.RetentionShown) -> None:
        sentences = retention_sentences(result.room.retention)
        title = peer_line(result.room.title, style="bold")
        self._interaction.push(Page(title, lines(*map(own, sentences))))

    def _topic(self, result: results.TopicShown) -> None:
        if result.room.topic:
            title = join(peer_line(result.room.title, style="bold"), own("  "), own(_("topic"), "dim"))
            self._interaction.push(Page(title, quoted(peer(result.room.topic))))
        else:
            self._interaction.say(_("This room has no topic. /topic TEXT sets one."))

    def _blocked(self, result: results.BlockedListed) -> None:
        choices = [(person, peer_line(display_name(person))) for person in result.people]
        self._interaction.push(
            ChooseScreen(own(_("Blocked people"), "bold"), choices, _("You have not blocked anyone."))
        )

    def _receipts(self, result: results.ReceiptsShown) -> None:
        choices = [
            (
                user,
                join(
                    peer_line(display_name(user)), own(_("  read up to message {seq}").format(seq=seq), "dim")
                ),
            )
            for user, seq in sorted(result.read.items())
        ]
        empty = _("No one shares how far they have read. /receipts on shares how far you have read.")
        self._interaction.push(ChooseScreen(own(_("Read receipts"), "bold"), choices, empty))

    # --- files

    def _transfer(self, result: results.Transfer) -> None:
        self.files.start(result, self.show)

    def _saved(self, result: results.FileSaved) -> None:
        self._interaction.report(filled(_("Saved: {path}"), path=peer_line(str(result.path), limit=400)))


def _log_in_again(client: Client) -> LoginAgainScreen:
    return LoginAgainScreen(
        client.connection,
        kept=_("Your drafts and unsent messages are kept."),
        later=_("later, with /login"),
    )


def _witnesses(found: results.WitnessesListed) -> Page:
    said = witness_lines(found.witnesses, witnesses.add.usage(Front.UI))
    return Page(own(_("Witnesses of the key log"), "bold"), lines(*map(peer_line, said)))


def _turn_on(question: results.EncryptQuestion) -> Content:
    """Return the question: who is admitted, what changes, and that it can't be undone."""
    title = peer_line(question.room.title, style="bold")
    head = filled(_("Encrypt {room} end to end?"), "bold", room=title)
    names = own(admitted_by_encrypting(question.people))
    return lines(head, names, own(""), own(_(WON)), *(own(f"· {_(sentence)}") for sentence in LOST))


def _nothing(_: Result) -> None:
    """Show nothing: the change itself is visible."""
