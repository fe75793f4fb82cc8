"""Encryption as views and commands see it: labels, reports, a person's decisions. ``Client.encryption``.

Every label keeps two facts apart: whether a room is encrypted, and how many of its people are verified.
Methods that are not awaited answer from memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from parlour_client.core.archive import key_log_copy
from parlour_client.core.e2ee.encrypted_rooms import EncryptedRooms
from parlour_client.core.e2ee.groups import server_claims, statements
from parlour_client.core.e2ee.groups.commit_plan import ServerClaims
from parlour_client.core.e2ee.groups.group_report import GroupReport, GroupStatus
from parlour_client.core.e2ee.groups.group_store import known_roster
from parlour_client.core.e2ee.maintenance.reconcile import is_ours
from parlour_client.core.e2ee.report_text import ASSURANCE, CHECKED, KEYS, OPEN, SERVER_SEES, SERVER_SEES_OPEN
from parlour_client.core.e2ee.room_labels import RoomLabels
from parlour_client.core.e2ee.status import (
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
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import MemberView
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.secret import Secret

_ADD_SECONDS: Final = 5.0
"""Seconds that an approval waits for the new device to upload key packages, which takes an instant if it is
connected; a later one is added by the first member's device that is online or sends."""


class Encryption:
    """Encryption of one account. Methods raise ParlourClientError with a sentence."""

    def __init__(
        self,
        rooms: EncryptedRooms,
        settled: Callable[[RoomId], Awaitable[None]],
        members: Callable[[RoomId], Awaitable[Sequence[MemberView]]],
        encrypt: Callable[[RoomId], Awaitable[None]],
        notes: Callable[[], Awaitable[RoomId]],
    ) -> None:
        """Answer for ``rooms``.

        ``settled`` waits until a room's group is up to date, ``members`` asks who is in a room, ``encrypt``
        asks to encrypt one, and ``notes`` opens the direct room with oneself.
        """
        self._rooms = rooms
        self._identity = rooms.identity
        self._contacts = rooms.contacts
        self._sas = rooms.sas
        self._membership = rooms.membership
        self._labels = RoomLabels(rooms)
        self._settled = settled
        self._members = members
        self._encrypt = encrypt
        self._notes = notes

    # rooms
    def room(self, room: RoomId) -> RoomEncryption:
        """Return the room's encryption for its window; from memory."""
        if not self._rooms.covers(room):
            return RoomEncryption(RoomState.OPEN, _(OPEN))
        report = self._rooms.room_statuses.of(room)
        state, problem = self._labels.state(room, report)
        return RoomEncryption(state, self._labels.label(report, state), problem, self._claims(report))

    async def report(self, room: RoomId) -> RoomReport:
        """Return everything that `/encryption` shows of a room."""
        if not self._rooms.covers(room):
            return RoomReport(
                room,
                RoomState.OPEN,
                _(OPEN),
                "",
                None,
                Epoch(0),
                "",
                (),
                (),
                None,
                tuple(map(_, SERVER_SEES_OPEN)),
                _(ASSURANCE).format(checked=CHECKED),
            )
        await self._rooms.track(room)
        with suppress(ParlourClientError, TimeoutError):
            await self._rooms.reread(room)
        report = self._rooms.room_statuses.of(room)
        if any(self._identity.trust(member.user) is Trust.UNKNOWN for member in report.members):
            await self._identity.refresh()  # people who joined or wrote in the meantime
        state, problem = self._labels.state(room, report)
        inside = {member.user for member in report.members}
        listed: Sequence[UserName] | None = None
        with suppress(ParlourClientError):
            listed = [member.user for member in await self._members(room)]
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
        return server_claims.words(report.claims, report.roster)

    @staticmethod
    def _belong(report: GroupReport, listed: Sequence[UserName] | None) -> Sequence[UserName]:
        if report.roster is not None:
            return [one.user for one in report.roster.people]
        return listed or ()

    async def _compared(
        self, room: RoomId, report: GroupReport, listed: Sequence[UserName] | None
    ) -> ServerClaims:
        """Compare the server's list with the members' roster, including those who join or leave."""
        groups = self._rooms.session.maybe_groups
        if listed is None or groups is None or report.roster is None:
            return report.claims
        expected = await self._rooms.archive.read(groups.expected, room, self._rooms.clock.now())
        asked_in = await self._rooms.archive.read(statements.asked_in, room)
        soon = set() if expected is None else {one.user for one in expected.people}
        now = {one.user for one in report.roster.people}
        outside = {*listed} - soon - now - asked_in
        void = [(user, why) for user, why in report.claims.void if user in outside]
        unaccepted = sorted(outside.intersection(report.claims.unaccepted))
        ghosts = sorted(outside - {*unaccepted, *(user for user, _why in void)})
        return ServerClaims(ghosts, unaccepted, sorted(soon & now - {*listed}), void)

    async def turn_on(self, room: RoomId, people: Sequence[UserName]) -> None:
        """Make a room encrypted, for good, and admit these people besides oneself: no one else is added."""
        await self._membership.ask_in(room, [user for user in people if user != self._rooms.me])
        await self._encrypt(room)
        await self._settled(room)

    async def claims(self, room: RoomId) -> Sequence[str]:
        """Return the server's claims about the room's members at the last check, as sentences."""
        found = await self._rooms.archive.read(server_claims.of, room)
        return server_claims.words(found, await self._rooms.archive.read(known_roster, room))

    async def unfinished(self, room: RoomId) -> str:
        """Say what failed for the room's members just now; empty: nothing."""
        if not self._rooms.covers(room):
            return ""
        known = self._rooms.scheduler.problems.get(room)
        return "" if known is None else known.whole

    async def left_out(self, room: RoomId) -> Mapping[UserName, str]:
        """Return whose devices could not be added when the room was last looked at, and why."""
        if not self._rooms.covers(room):
            return {}
        state = self._rooms.reconciler.seen.get(room)
        owners = {} if state is None else {one.device: one.user for one in state.missing}
        found: dict[UserName, str] = {}
        for device, why in self._rooms.reconciler.left_out.get(room, {}).items():
            # A device that was revoked is left out as it should be, whatever the server says.
            if device in owners and not await self._rooms.archive.read(key_log_copy.is_revoked, device):
                found[owners[device]] = why
        return found

    async def recreate(self, room: RoomId) -> None:
        """Recreate the group of a contested room."""
        await self._rooms.track(room)
        await self._rooms.scheduler.recreate(room)

    async def reconcile(self, room: RoomId) -> None:
        """Update the group: add and remove devices; returns when it is done."""
        await self._settled(room)

    # people
    def own(self) -> OwnKeys:
        """Return the state of this device; from memory."""
        return self._identity.own()

    def trust(self, user: UserName) -> Trust:
        """Return how far a person's key is trusted; from memory."""
        return self._identity.trust(user)

    def own_code(self) -> str:
        """Return the code for others to scan or copy: our name, server and account key."""
        return self._contacts.own_code()

    def alarms(self) -> Sequence[Alarm]:
        """Return the alarms that are not dismissed, oldest first; from memory."""
        return [self._named(alarm) for alarm in self._identity.alarms()]

    def shown(self, alarms: Sequence[Alarm]) -> None:
        """Note that these alarms are on a screen, or printed."""
        self._identity.shown(alarms)

    def _named(self, alarm: Alarm) -> Alarm:
        """Name the room of an alarm, if it has one: the alarm is shown in every window."""
        room = None if alarm.room is None else self._rooms.state.room(alarm.room)
        return alarm if room is None else replace(alarm, text=f"{room.title}: {alarm.text}")

    async def dismiss(self, alarm: int) -> None:
        """Dismiss an alarm that the person has read; a permanent one stays."""
        await self._identity.dismiss(alarm)

    async def person(self, user: UserName) -> PersonReport:
        """Look a person's key up (asks the server for the key log)."""
        return await self._contacts.person(user)

    async def confirm(self, user: UserName, typed: str) -> PersonReport:
        """Mark a person verified; ``typed`` is at least the last 20 digits, typed by the person."""
        found = await self._contacts.confirm(user, typed)
        await self._membership.ask_in_again(user)
        return found

    async def check_code(self, user: UserName, code: str) -> PersonReport:
        """Mark a person verified by the code that their client shows (QR, `parlour verify CODE`)."""
        found = await self._contacts.check_code(user, code)
        await self._membership.ask_in_again(user)
        return found

    async def accept_key(self, user: UserName) -> PersonReport:
        """Accept a changed key as seen for the first time: the person decided to continue."""
        found = await self._contacts.accept_key(user)
        await self._membership.ask_in_again(user)
        return found

    # devices
    async def devices(self) -> Sequence[OwnDevice]:
        """List the account's devices."""
        return await self._identity.devices()

    @property
    def waiting(self) -> Sequence[OwnDevice]:
        """Devices of this account that wait for approval; from memory. Empty if this one can't approve."""
        return self._identity.waiting

    async def approve(self, code: str) -> OwnDevice:
        """Approve the pending device that shows this code, and add it to every room."""
        approved = await self._identity.approve(code)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ADD_SECONDS):
                await self._add_everywhere(approved.device)
        return approved

    async def revoke(self, device: DeviceId) -> None:
        """Revoke a device, and remove it from every room."""
        await self._identity.revoke(device)
        await self._everywhere()

    async def recovery_words(self) -> Sequence[str]:
        """Return the 24 words of the account key. Raises SetupError on a device that does not have it."""
        return await self._identity.recovery_words()

    async def recover(self, words: Sequence[str]) -> None:
        """Approve this device with the recovery words; afterwards it has the account key."""
        await self._identity.recover(words)
        await self._everywhere()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ADD_SECONDS):
                await self._rooms.until(self._others_answered)
        await self._identity.give_up_others()
        await self._everywhere()

    async def reset_identity(self, password: Secret) -> None:
        """Make a new account key: all trust is lost, and everyone is notified."""
        await self._identity.reset_identity(password)

    async def send_history(self, device: DeviceId) -> int:
        """Send the archive to another device of this account, over MLS; returns how many events."""
        room = await self._notes()
        await self._rooms.track(room)
        sent = await self._rooms.history.send(room, device)
        await self._everywhere()
        return sent

    # verification by SAS
    async def start_sas(self, user: UserName) -> SasVerification:
        """Start a verification by SAS."""
        return await self._sas.start(user)

    async def answer_sas(self, process: RequestId) -> SasVerification:
        """Accept a verification that the other side started."""
        return await self._sas.answer(process)

    async def confirm_sas(self, process: RequestId, typed: str) -> SasVerification:
        """Confirm that the words match, by typing them."""
        return await self._sas.confirm(process, typed)

    async def cancel_sas(self, process: RequestId) -> None:
        """Cancel a verification, also because the words differ."""
        await self._sas.cancel(process)

    def sas_verifications(self) -> Sequence[SasVerification]:
        """Return the verifications by SAS that are in progress, and those that ended recently."""
        return self._sas.all()

    async def _others_answered(self) -> bool:
        """Say whether this device is in all groups that contain only devices of this account."""
        rooms = self._rooms
        alone = [room for room, state in rooms.reconciler.seen.items() if is_ours(state, rooms.me)]
        reports = [await rooms.archive.read(rooms.session.groups.report, room) for room in alone]
        return all(report.status is GroupStatus.ACTIVE for report in reports)

    async def _add_everywhere(self, device: DeviceId) -> None:
        """Reconcile all rooms, then wait until the device is in them.

        It uploads its key packages when it learns of its approval; the server announces them, and the
        scheduler adds it.
        """
        await self._everywhere()

        async def is_everywhere() -> bool:
            left_out = self._rooms.reconciler.left_out
            return not any(device in left_out.get(room, {}) for room in self._rooms.incoming.rooms)

        await self._rooms.until(is_everywhere)

    async def _everywhere(self) -> None:
        """Reconcile all rooms; failures are retried later, here or on another device."""
        for room in self._rooms.incoming.rooms:
            if self._rooms.state.summary(room) is not None:
                with suppress(EncryptionError):
                    await self._settled(room)
