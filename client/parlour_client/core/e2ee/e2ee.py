"""End-to-end encryption of one account on this device: the one object that the client and its views use.

It makes the parts, passes them the server's frames and the results of events, and answers views: labels,
reports, a person's decisions. Every label keeps two facts apart: whether a room is encrypted, and how many of
its people are verified. Keys that cannot be loaded now never keep unencrypted rooms from working: encrypted
rooms wait and say why. Methods that are not awaited answer from memory; the others raise
ParlourClientError with a sentence.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

import apsw
from msgspec.structs import replace as replace_fields

from parlour_client.core.archive import key_log_copy, own_keys
from parlour_client.core.archive.divergence import Divergence
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.closed_accounts import ClosedAccounts
from parlour_client.core.e2ee.decisions import Membership
from parlour_client.core.e2ee.errors import KeyLogError
from parlour_client.core.e2ee.group import rollback, statements
from parlour_client.core.e2ee.group.contents import known
from parlour_client.core.e2ee.group.report import GroupReport, ServerClaims, claim_words, claims_of
from parlour_client.core.e2ee.group.run import Receipt, Received
from parlour_client.core.e2ee.group.store import GroupStatus, known_roster
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.inspection import OutgoingInspection
from parlour_client.core.e2ee.keep.keys import Keys, RoomStatuses
from parlour_client.core.e2ee.keep.reconcile import Reconciler, is_ours
from parlour_client.core.e2ee.keep.renew import Erasure, Renewal
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.labels import RoomLabels
from parlour_client.core.e2ee.messages.history import HistoryTransfer
from parlour_client.core.e2ee.messages.incoming import Incoming
from parlour_client.core.e2ee.messages.outgoing import Outgoing
from parlour_client.core.e2ee.messages.receipts import ReadReceipts
from parlour_client.core.e2ee.trust.compare import Contacts
from parlour_client.core.e2ee.trust.sas import SasSessions
from parlour_client.core.e2ee.values import (
    ASSURANCE,
    CHECKED,
    KEYS,
    OPEN,
    OPEN_SHORT,
    SERVER_SEES,
    SERVER_SEES_OPEN,
    Alarm,
    OwnDevice,
    OwnKeys,
    PersonReport,
    RoomEncryption,
    RoomReport,
    RoomState,
    SasVerification,
    Trust,
)
from parlour_client.core.e2ee.world import World, quietly
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import EncryptionChanged, HistoryReplaced
from parlour_client.core.model import NoteKind
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.encrypted import HistoryContent, ReadContent, VerifyContent
from parlour_protocol.frames import Hello, LogEvent, RoomSummary
from parlour_protocol.frames.bodies import EncryptionOn
from parlour_protocol.frames.replies import GroupChanged, KeyLogAppended, KeyPackagesLow
from parlour_protocol.frames.requests import Encrypt
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId, Seq, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomKind

if TYPE_CHECKING:
    from parlour_client.core.e2ee.backup.backup import Backup
    from parlour_client.core.e2ee.identity.witnesses import Witnesses

_LOOK_SECONDS: Final = 10.0
"""Seconds that a report waits for a room to catch up."""
SETTLE_SECONDS: Final = 30.0
"""Seconds that a command waits until the keys of a room are up to date."""
_ADD_SECONDS: Final = 5.0
"""Seconds that an approval waits for the new device to upload key packages, which takes an instant if it is
connected; a later one is added by the first member's device that is online or sends."""


class E2ee:
    """The encryption of one account."""

    def __init__(self, world: World) -> None:
        """Make the parts; ``load`` comes next."""
        self.world = world
        self.identity = Identity(
            world.archive,
            world.me,
            world.account.device,
            world.delivery,
            world.clock,
            self._device_replaced,
            self._identity_changed,
        )
        self.inspection = OutgoingInspection(world, self.identity.policy)
        self.contacts = Contacts(self.identity)
        self.keys = Keys(world, self.identity)
        self.room_statuses = RoomStatuses(world, self.keys, self.contacts)
        self.reconciler = Reconciler(world, self.keys, self.room_statuses)
        self.scheduler = Scheduler(
            world,
            self.reconciler,
            self.room_statuses.changed,
            lambda room: self.closed_accounts.remove(room),  # noqa: PLW0108 - made below
        )
        self.incoming = Incoming(world, self.keys, self.scheduler, self._stored)
        self.renewal = Renewal(world, self.keys, self.scheduler)
        self.erasure = Erasure(world, self.keys)
        self.outgoing = Outgoing(world, self.keys, self.scheduler, self.renewal, self.incoming)
        self.membership = Membership(world, self.keys, self.scheduler, self.incoming)
        self.closed_accounts = ClosedAccounts(
            world, self.keys, self.scheduler, self.membership, self.room_statuses
        )
        self.read_receipts = ReadReceipts(world)
        self.sas = SasSessions(
            self.identity, self.contacts, self._direct_room, world.say, self._identity_changed
        )
        self.history = HistoryTransfer(world, self.keys, self.scheduler)
        self._labels = RoomLabels(world, self.keys, self.reconciler, self.scheduler, self.closed_accounts)
        self._signed_in_now = False
        self._late: asyncio.Future[None] | None = None

    @cached_property
    def witnesses(self) -> "Witnesses":
        """The witnesses that the person wants; first used when connected."""
        from parlour_client.core.e2ee.identity.witnesses import Witnesses  # noqa: PLC0415 - not for the first paint

        world = self.world
        return Witnesses(world.archive, world.delivery, world.clock, self.identity, world.tasks.run)

    @cached_property
    def backup(self) -> "Backup":
        """Backups of what was read here."""
        from parlour_client.core.e2ee.backup.backup import Backup  # noqa: PLC0415 - seldom needed

        return Backup(self.world, self.keys)

    # life
    async def load(self) -> None:
        """Load the archive's state."""
        await self.incoming.load()
        await self.keys.load()
        await self.closed_accounts.load()
        for room in self._rooms:
            await self.room_statuses.look(room)
        self.erasure.start()

    async def sign_in(self) -> None:
        """Bind the session to this device, once, before the WebSocket opens. Failures are reported later."""
        self._signed_in_now = not self.keys.signed_in
        self.identity.key_log.undecided = True  # the greeting says whether the server was restored
        await self.keys.sign_in()
        await self._use_keys()

    def session_ended(self) -> None:
        """Note that the session has ended: the next one is not bound to this device yet."""
        self.keys.signed_in = False

    def note_exchange(self, connection: apsw.Connection) -> None:
        """Remember that the server's logs were replaced, until the consequences are dealt with."""
        key_packages.doubt(connection)
        own_keys.put(connection, Name.LOG_RESTORED, b"1")

    def rolled_back(self, connection: apsw.Connection, fork: Divergence) -> None:
        """Note a rollback, in the transaction that writes it."""
        if (groups := self.keys.kept_groups) is not None:
            rollback.rolled_back(connection, groups, fork.room, fork.shared, fork.top, self.world.clock.now())
        else:  # it continues after the fork, whatever happens to its keys
            connection.execute("UPDATE mls_rooms SET cursor = ? WHERE room = ?", (fork.top, fork.room))

    async def restored(self, *, exchanged: bool) -> bool:
        """Note whether the server was restored since the last connection, before its rooms are processed.

        Then upload what it may have lost: this device, its signatures, fresh key packages. False: the session
        is bound to this device now, and was not when the connection was opened.
        """
        self.identity.key_log.undecided = False
        if not exchanged:
            if isinstance(self.keys.trouble, KeyLogError):
                await quietly(self.identity.catch_up())  # a restore does not excuse it: raise the alarm
            return True
        spoke = self._signed_in_now and self.keys.trouble is None
        self.keys.signed_in = False
        await self.keys.sign_in()
        await self._use_keys()
        return spoke or not self.keys.signed_in  # else the late sign-in drops the connection

    async def greet(self, hello: Hello) -> None:
        """Process the greeting: encrypted rooms continue where they stopped."""
        self.world.ahead = hello.now - self.world.clock.now()
        try:
            await self.identity.check_server(hello.server)
        except ParlourClientError as error:
            self.keys.refuse(error)
        else:
            self.keys.accept()
        await self.resume([self.believed(summary) for summary in hello.rooms])

    def connected(self) -> None:
        """Start the background work of a connection."""
        self.closed_accounts.connected()
        rooms = [room for room in self._rooms if self.world.catch_up.follows(room)]
        self.scheduler.start([room for room in rooms if self.world.state.summary(room) is not None])
        self.renewal.start()
        if self.world.follow:
            self.world.tasks.run(self.identity.look_for_waiting())
            self.world.tasks.run(self.membership.admit_remembered())
            self.witnesses.start()
        if not self.keys.signed_in:
            self._late = asyncio.ensure_future(self._sign_in_late())
        self.read_receipts.resume()
        self.world.tasks.run(self.history.import_waiting())
        self.world.signal.notify()

    async def disconnected(self) -> None:
        """Stop the background work when the connection ends."""
        if self._late is not None:
            self._late.cancel()
            await asyncio.gather(self._late, return_exceptions=True)
            self._late = None
        self.renewal.stop()
        self.witnesses.stop()
        await self.scheduler.stop()
        self.world.signal.notify()

    async def close(self) -> None:
        """Stop everything."""
        await self.disconnected()
        await self.incoming.stop()
        await self.world.tasks.stop()
        await self.erasure.stop()
        await self.world.delivery.close()

    async def finish(self, room: RoomId | None = None) -> None:
        """Before a program ends, renew keys that are due and add devices that wait for it in ``room``."""
        await self.scheduler.finish(room)

    async def catch_up_history(self) -> None:
        """Import the history that another device of this account sent; failures are retried later."""
        await quietly(self.history.import_waiting())

    # rooms
    def covers(self, room: RoomId) -> bool:
        """Say whether a room is encrypted."""
        return room in self.world.encrypted

    @property
    def _rooms(self) -> Sequence[RoomId]:
        return sorted(self.world.encrypted)

    def believed(self, summary: RoomSummary) -> RoomSummary:
        """Return the summary as far as it is believed: no server can make an encrypted room open again."""
        return replace_fields(summary, encrypted=True) if self.covers(summary.room) else summary

    async def entered(self, summary: RoomSummary) -> None:
        """Take a room that the account joined, or that changed."""
        await self.resume([summary])
        self.scheduler.changed(summary.room)

    async def resume(self, summaries: Sequence[RoomSummary]) -> None:
        """Continue encrypted rooms where they stopped; in a program that only sends, those it uses."""
        self.incoming.note(summaries)
        mine = [s for s in summaries if self.world.catch_up.follows(s.room)]
        tops = {s.room: self.world.catch_up.top(s.room) for s in mine}
        await self.incoming.greet(mine)
        for room, top in tops.items():
            if top and self.world.catch_up.top(room) != top:  # another program on this home has gone on
                self.room_statuses.changed(room)

    async def left(self, room: RoomId) -> None:
        """Delete the keys of a room that the account is not a member of any more."""
        self.scheduler.unsure.discard(room)
        self.read_receipts.forget(room)
        await self.incoming.left(room)
        groups = self.keys.maybe_groups
        if groups is not None and self.covers(room):
            await self.world.archive.write(groups.leave, room)
        self.world.signal.notify()

    def pushed(self, push: GroupChanged | KeyPackagesLow | KeyLogAppended) -> None:
        """Take a frame that the server pushed."""
        match push:
            case GroupChanged(room=room):
                if self.world.catch_up.follows(room):
                    self.scheduler.changed(room)
            case KeyPackagesLow(last_resort_used=used):  # the server is asked how many it has: that decides
                self.world.tasks.run(self.identity.refresh_packages())
                if used:
                    for room in self._rooms:
                        self.renewal.renew_soon(room)
            case KeyLogAppended(waiting=waiting):
                self.world.tasks.run(self._meet())
                if waiting:
                    self.world.tasks.run(self.identity.look_for_waiting())

    def encrypted_from(self, room: RoomId, events: Sequence[LogEvent]) -> int:
        """Return the index of the first event from which on plaintext is refused from everyone."""
        if self.covers(room):
            return 0
        turned_on = (n for n, event in enumerate(events) if isinstance(event.body, EncryptionOn))
        return next(turned_on, len(events))

    async def take(self, room: RoomId, events: Sequence[LogEvent]) -> Sequence[Applied]:
        """Decrypt and store a room's next events; returns what to show. The rest is fetched again later."""
        if not self.covers(room):
            await self.incoming.turned_on(events[0])
        return await self.incoming.take(room, events)

    async def older(self, room: RoomId, events: Sequence[LogEvent]) -> None:
        """Store a page from below where this device began."""
        await self.incoming.older(room, events)

    def next_change(self) -> asyncio.Event:
        """Return an event that is set when anything about encryption changes next."""
        return self.world.signal.next_change()

    def require_ready(self) -> None:
        """Raise if this device cannot write in encrypted rooms."""
        self.keys.own  # noqa: B018 - raises

    def share_read(self, room: RoomId, seq: Seq) -> None:
        """Send the others in a room a receipt for everything up to ``seq``, soon."""
        self.read_receipts.tell(room, seq)

    async def recheck(self) -> None:
        """Check again whether messages that wait may be sent: the person has decided something."""
        await self.identity.refresh()

    async def turn_on(self, room: RoomId, people: Sequence[UserName]) -> None:
        """Make a room encrypted, for good, and admit these people besides oneself: no one else is added."""
        await self.membership.ask_in(room, [user for user in people if user != self.world.me])
        await self.encrypt_room(room)
        await self.settle(room)

    async def encrypt_room(self, room: RoomId) -> None:
        """Ask the server to encrypt a room from now on. This can't be undone."""
        self.require_ready()
        await self.world.live.ask(Encrypt(id=new_request_id(), room=room))
        summary = self.world.state.summary(room)
        if summary is not None and not self.world.follow:
            self.world.state.update(replace_fields(summary, encrypted=True))
            self.incoming.note([replace_fields(summary, encrypted=True)])
        else:
            await self.world.signal.until(partial(self._is_covered, room))

    async def _is_covered(self, room: RoomId) -> bool:
        return self.covers(room)

    async def settle(self, room: RoomId) -> None:
        """Add and remove devices in a room's group after a change. Raises why that failed."""
        if not self.covers(room):
            return
        await self.incoming.track(room)
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self.world.live.reconnector.unless_stopped(self.scheduler.now(room))
        except TimeoutError:
            raise EncryptionError(
                _("The room's keys could not be changed in time."),
                _("It continues while Parlour is running."),
            ) from None

    async def recreate(self, room: RoomId) -> None:
        """Recreate the group of a contested room."""
        await self.incoming.track(room)
        await self.scheduler.recreate(room)

    # views
    def room(self, room: RoomId) -> RoomEncryption:
        """Return the room's encryption for its window; from memory."""
        if not self.covers(room):
            return RoomEncryption(RoomState.OPEN, _(OPEN), short=_(OPEN_SHORT))
        report = self.room_statuses.of(room)
        state, problem = self._labels.state(room, report)
        label, short = self._labels.label(report, state), self._labels.label(report, state, short=True)
        return RoomEncryption(state, label, problem, self._claims(report), short)

    async def report(self, room: RoomId) -> RoomReport:
        """Return everything that `/encryption` shows of a room."""
        if not self.covers(room):
            return RoomReport(
                room,
                RoomState.OPEN,
                _(OPEN),
                _(ASSURANCE).format(checked=CHECKED),
                server_sees=tuple(map(_, SERVER_SEES_OPEN)),
            )
        await self.incoming.track(room)
        with suppress(ParlourClientError, TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self.keys.reached(room)
            await self.room_statuses.look(room)
        report = self.room_statuses.of(room)
        if any(self.identity.trust(member.user) is Trust.UNKNOWN for member in report.members):
            await self.identity.refresh()  # people who joined or wrote in the meantime
        state, problem = self._labels.state(room, report)
        inside = {member.user for member in report.members}
        listed: Sequence[UserName] | None = None
        with suppress(ParlourClientError):
            listed = await self._listed(room)
        report = replace(report, claims=await self._compared(room, report, listed))
        return RoomReport(
            room=room,
            state=state,
            label=self._labels.label(report, state),
            problem=problem,
            group=report.group,
            epoch=report.epoch or Epoch(0),
            authenticator=report.authenticator,
            members=self._labels.devices(report, listed),
            without_device=[user for user in self._belong(report, listed) if inside and user not in inside],
            last_change=report.own_since,
            server_sees=tuple(map(_, SERVER_SEES)),
            assurance=_(ASSURANCE).format(checked=CHECKED),
            suite=report.suite,
            keys="" if report.suite is None else _(KEYS[report.suite]),
            people=self._labels.people(report, listed),
            claims=self._claims(report),
            void_invitations=[why for _user, why in report.claims.void],
        )

    @staticmethod
    def _claims(report: GroupReport) -> Sequence[str]:
        return claim_words(report.claims, report.roster)

    @staticmethod
    def _belong(report: GroupReport, listed: Sequence[UserName] | None) -> Sequence[UserName]:
        if report.roster is not None:
            return [one.user for one in report.roster.people]
        return listed or ()

    async def _compared(
        self, room: RoomId, report: GroupReport, listed: Sequence[UserName] | None
    ) -> ServerClaims:
        """Compare the server's list with the members' roster, including those who join or leave."""
        groups = self.keys.maybe_groups
        if listed is None or groups is None or report.roster is None:
            return report.claims
        expected = await self.world.archive.read(statements.expected_in, groups, room, self.world.clock.now())
        asked_in = await self.world.archive.read(statements.asked_in, room)
        soon = set() if expected is None else {one.user for one in expected.people}
        now = {one.user for one in report.roster.people}
        outside = {*listed} - soon - now - asked_in
        void = [(user, why) for user, why in report.claims.void if user in outside]
        unaccepted = sorted(outside.intersection(report.claims.unaccepted))
        ghosts = sorted(outside - {*unaccepted, *(user for user, _why in void)})
        return ServerClaims(ghosts, unaccepted, sorted(soon & now - {*listed}), void)

    async def _listed(self, room: RoomId) -> Sequence[UserName]:
        """Ask the server who is in a room."""
        return [member.user for member in await self.world.live.members(room)]

    async def claims(self, room: RoomId) -> Sequence[str]:
        """Return the server's claims about the room's members at the last check, as sentences."""
        found = await self.world.archive.read(claims_of, room)
        return claim_words(found, await self.world.archive.read(known_roster, room))

    async def unfinished(self, room: RoomId) -> str:
        """Say what failed for the room's members just now; empty: nothing."""
        if not self.covers(room):
            return ""
        known = self.scheduler.problems.get(room)
        return "" if known is None else known.whole

    async def left_out(self, room: RoomId) -> Mapping[UserName, str]:
        """Return whose devices could not be added when the room was last looked at, and why."""
        if not self.covers(room):
            return {}
        state = self.reconciler.seen.get(room)
        owners = {} if state is None else {one.device: one.user for one in state.missing}
        found: dict[UserName, str] = {}
        for device, why in self.reconciler.left_out.get(room, {}).items():
            # A device that was revoked is left out as it should be, whatever the server says.
            if device in owners and not await self.world.archive.read(key_log_copy.is_revoked, device):
                found[owners[device]] = why
        return found

    # people
    def own(self) -> OwnKeys:
        """Return the state of this device; from memory."""
        return self.identity.own()

    def trust(self, user: UserName) -> Trust:
        """Return how far a person's key is trusted; from memory."""
        return self.identity.trust(user)

    def own_code(self) -> str:
        """Return the code for others to scan or copy: our name, server and account key."""
        return self.contacts.own_code()

    def alarms(self) -> Sequence[Alarm]:
        """Return the alarms that are not dismissed, oldest first; from memory."""
        return [self._named(alarm) for alarm in self.identity.alarms()]

    def shown(self, alarms: Sequence[Alarm]) -> None:
        """Note that these alarms are on a screen, or printed."""
        self.identity.shown(alarms)

    def _named(self, alarm: Alarm) -> Alarm:
        """Name the room of an alarm, if it has one: the alarm is shown in every window."""
        room = None if alarm.room is None else self.world.state.room(alarm.room)
        return alarm if room is None else replace(alarm, text=f"{room.title}: {alarm.text}")

    async def dismiss(self, alarm: int) -> None:
        """Dismiss an alarm that the person has read; a permanent one stays."""
        await self.identity.dismiss(alarm)

    async def person(self, user: UserName) -> PersonReport:
        """Look a person's key up (asks the server for the key log)."""
        return await self.contacts.person(user)

    async def confirm(self, user: UserName, typed: str) -> PersonReport:
        """Mark a person verified; ``typed`` is at least the last 20 digits, typed by the person."""
        found = await self.contacts.confirm(user, typed)
        await self.membership.ask_in_again(user)
        return found

    async def check_code(self, user: UserName, code: str) -> PersonReport:
        """Mark a person verified by the code that their client shows (QR, `parlour verify CODE`)."""
        found = await self.contacts.check_code(user, code)
        await self.membership.ask_in_again(user)
        return found

    async def accept_key(self, user: UserName) -> PersonReport:
        """Accept a changed key as seen for the first time: the person decided to continue."""
        found = await self.contacts.accept_key(user)
        await self.membership.ask_in_again(user)
        return found

    # devices
    async def devices(self) -> Sequence[OwnDevice]:
        """List the account's devices."""
        return await self.identity.devices()

    @property
    def waiting(self) -> Sequence[OwnDevice]:
        """Devices of this account that wait for approval; from memory. Empty if this one can't approve."""
        return self.identity.waiting

    async def approve(self, code: str) -> OwnDevice:
        """Approve the pending device that shows this code, and add it to every room."""
        approved = await self.identity.approve(code)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ADD_SECONDS):
                await self._add_everywhere(approved.device)
        return approved

    async def revoke(self, device: DeviceId) -> None:
        """Revoke a device, and remove it from every room."""
        await self.identity.revoke(device)
        await self._everywhere()

    async def recovery_words(self) -> Sequence[str]:
        """Return the 24 words of the account key. Raises SetupError on a device that does not have it."""
        return await self.identity.recovery_words()

    async def recover(self, words: Sequence[str]) -> None:
        """Approve this device with the recovery words; afterwards it has the account key."""
        await self.identity.recover(words)
        await self._everywhere()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ADD_SECONDS):
                await self.world.signal.until(self._others_answered)
        await self.identity.give_up_others()
        await self._everywhere()

    async def reset_identity(self, password: Secret) -> None:
        """Make a new account key: all trust is lost, and everyone is notified."""
        await self.identity.reset_identity(password)

    async def send_history(self, room: RoomId, device: DeviceId) -> int:
        """Send the archive to another device of this account, over MLS; returns how many events.

        ``room`` is the direct room with oneself.
        """
        await self.incoming.track(room)
        sent = await self.history.send(room, device)
        await self._everywhere()
        return sent

    # verification by SAS
    async def start_sas(self, user: UserName) -> SasVerification:
        """Start a verification by SAS."""
        return await self.sas.start(user)

    async def answer_sas(self, process: RequestId) -> SasVerification:
        """Accept a verification that the other side started."""
        return await self.sas.answer(process)

    async def confirm_sas(self, process: RequestId, typed: str) -> SasVerification:
        """Confirm that the words match, by typing them."""
        return await self.sas.confirm(process, typed)

    async def cancel_sas(self, process: RequestId) -> None:
        """Cancel a verification, also because the words differ."""
        await self.sas.cancel(process)

    def sas_verifications(self) -> Sequence[SasVerification]:
        """Return the verifications by SAS that are in progress, and those that ended recently."""
        return self.sas.all()

    async def _others_answered(self) -> bool:
        """Say whether this device is in all groups that contain only devices of this account."""
        alone = [room for room, state in self.reconciler.seen.items() if is_ours(state, self.world.me)]
        reports = [await self.keys.report(room) for room in alone]
        return all(report.status is GroupStatus.ACTIVE for report in reports)

    async def _add_everywhere(self, device: DeviceId) -> None:
        """Reconcile all rooms, then wait until the device is in them.

        It uploads its key packages when it learns of its approval; the server announces them, and the
        scheduler adds it.
        """
        await self._everywhere()

        async def is_everywhere() -> bool:
            left_out = self.reconciler.left_out
            return not any(device in left_out.get(room, {}) for room in self._rooms)

        await self.world.signal.until(is_everywhere)

    async def _everywhere(self) -> None:
        """Reconcile all rooms; failures are retried later, here or on another device."""
        for room in self._rooms:
            if self.world.state.summary(room) is not None:
                with suppress(EncryptionError):
                    await self.settle(room)

    # events of the parts
    def _stored(self, room: RoomId, receipt: Receipt) -> None:
        """Act on the results of a run of events; nothing here decides about keys."""
        for item in receipt.items:
            self._pass_on(room, item)
        for item in receipt.items:
            if (room, item.event.author) in self.closed_accounts.claims and item.device is not None:
                self.closed_accounts.heard(room, item.event.author, item.event.seq)
        for request in receipt.denied:
            self.world.denied(request)
        if receipt.behind or receipt.concerns:
            self.world.tasks.run(self.identity.catch_up())
        if receipt.differs:
            self.world.tasks.run(self.identity.refresh())
        if receipt.corrected:
            self.world.emit(HistoryReplaced(room))
        self._look_after(room, receipt)
        self.renewal.received(room, receipt)
        if receipt.moved:
            self.erasure.epoch_ended()
        if receipt.moved or receipt.removed or receipt.concerns or receipt.elsewhere:
            self.room_statuses.changed(room)
        self.world.signal.notify()

    def _look_after(self, room: RoomId, receipt: Receipt) -> None:
        """Schedule maintenance of the group if it is needed."""
        if receipt.merged or receipt.lost:
            self.reconciler.decided(receipt.merged, receipt.lost)
        if receipt.contest is not None:
            self.scheduler.contest(room)
        if receipt.older:
            self.scheduler.renew(room, 0)
        if receipt.lost or receipt.removed or receipt.unexecuted or receipt.unusable:
            self.scheduler.changed(room)
        if receipt.unusable:
            self.world.tasks.run(self.identity.refresh_packages())
        if receipt.learned:
            self.world.tasks.run(self.membership.ask_again(room))

    def _pass_on(self, room: RoomId, item: Received) -> None:
        """Pass on contents other than messages."""
        if item.note is not None and item.note.kind is NoteKind.HISTORY_STARTS:
            self.world.tasks.run(self.identity.refresh_packages())
        match item.content:
            case ReadContent(target=target):
                self.world.tasks.run(self._note_reader(room, item.event.author, target))
            case VerifyContent() as step:
                self._verify(room, item, step)
            case HistoryContent():
                self.world.tasks.run(self.history.import_waiting())
            case _:
                pass

    async def _note_reader(self, room: RoomId, reader: UserName, target: RequestId) -> None:
        message = await self.world.archive.read(known, room, target)
        if message is not None:
            self.world.read_by(room, reader, message.seq)

    def _verify(self, room: RoomId, item: Received, content: VerifyContent) -> None:
        event, device = item.event, item.device
        if device is not None:
            step = self.sas.receive(room, event.author, device, content, event.at)
            self.world.tasks.run(step)

    async def _meet(self) -> None:
        """Read the key log; someone who was invited may have a key now."""
        await self.identity.catch_up()
        if self.world.follow:
            await self.membership.admit_remembered()

    def _identity_changed(self) -> None:
        self.world.tasks.run(self._use_keys())
        self.world.emit(EncryptionChanged())
        self.world.signal.notify()

    async def _device_replaced(self) -> None:
        """Go on as another device, which is in no group."""
        await self._use_keys()
        await self.world.live.drop()  # it is bound to the old device

    async def _sign_in_late(self) -> None:
        await self.keys.sign_in_late()
        await self.world.live.drop()  # a new connection is bound to this device

    async def _use_keys(self) -> None:
        """Use this device's current keys."""
        if not self.keys.renew():
            return
        summaries = [s for room in self._rooms if (s := self.world.state.summary(room)) is not None]
        if self.world.live.conversation is not None:
            await self.resume(summaries)
            for summary in summaries:
                self.scheduler.changed(summary.room)
        self.world.signal.notify()

    def _direct_room(self, user: UserName) -> RoomId:
        """Return the encrypted direct room with a person. Raises EncryptionError if there is none."""
        for room in self.world.state.rooms:
            if room.kind is RoomKind.DIRECT and room.peer == user and self.covers(room.id):
                return room.id
        raise EncryptionError(
            _("There is no encrypted direct room with {user}.").format(user=user),
            _("Open one first: /dm {user}, or parlour dm {user}").format(user=user),
        )
