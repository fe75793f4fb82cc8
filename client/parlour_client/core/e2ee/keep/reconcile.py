"""Reconciles a room's group with its members: creates it, adds devices, removes those that must leave.

One round asks the server for the state of the group, makes one commit of what must be done, submits it, and
waits until that or an earlier commit is in the log; then it checks again. Whatever the answer, the log
decides: nothing takes effect or is dropped as lost before its events show it. The server also says who is a
member in the room's log, for all to see; the groups judge the key packages. It stops after some rounds and
raises why. Only one call for a room runs at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

from parlour_client.core.archive import key_log_copy
from parlour_client.core.e2ee.errors import (
    CONTESTED,
    AnotherGroupError,
    BadPackageError,
    DisplacedError,
    MovedError,
    NotReadyError,
)
from parlour_client.core.e2ee.group import commit, rollback, store
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_client.core.e2ee.group.follow import NO_WELCOME
from parlour_client.core.e2ee.group.plan import Clocks, Plan, plan
from parlour_client.core.e2ee.group.report import GroupReport
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.e2ee.identity.own_device import lost_devices
from parlour_client.core.e2ee.keep.keys import Keys, RoomStatuses
from parlour_client.core.e2ee.world import World, quietly
from parlour_client.core.errors import EncryptionError, StaleEpochError
from parlour_client.kit.errors import ApiRefusedError
from parlour_client.kit.language import N_, _
from parlour_protocol.delivery import ClaimKeyPackages, Commit, Contest, CreateGroup, GroupState
from parlour_protocol.errors import ErrorCode
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import CLAIM_DEVICES, GROUP_DEVICES, HYBRID_DEVICES
from parlour_protocol.rooms import Role, RoomKind, RoomSuite

_PATIENCE: Final = 20.0
"""Seconds in which the log must show what the server has just claimed."""
TRANSIENT: Final = frozenset(
    {ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.TOO_MANY_IN_FLIGHT, "too_many_attempts"}
)
"""Refusals after which the same request is repeated."""


MAX_ROUNDS: Final = 12
"""After so many lost races a room is left to the devices that win them."""
BIG: Final = 50
"""Devices from which on a commit is made on a thread of its own."""
_ADDS: Final = CLAIM_DEVICES.value
"""Devices added by one commit: 500 at once would come within a hair of the limit of a handshake."""
_HYBRID_ADDS: Final = 16
"""The same in a post-quantum room: a key package has 3 kB, a member's share of a commit at worst 1.2 kB."""
_NO_PACKAGE: Final = N_("it has no key package")
_NO_HYBRID: Final = N_("it has no key package for post-quantum rooms; its Parlour may be too old")
_NO_ROOM: Final = N_("a post-quantum room holds {most} devices at most")


class Reconciler:
    """Reconciles the rooms of one account."""

    def __init__(self, world: World, keys: Keys, room_statuses: RoomStatuses) -> None:
        self._world = world
        self._keys = keys
        self._room_statuses = room_statuses
        self._claimed: dict[RoomSuite, dict[DeviceId, bytes]] = {suite: {} for suite in RoomSuite}
        """Key packages that no commit uses: no one else has them, so they are still good."""
        self._used: dict[RequestId, tuple[RoomSuite, Mapping[DeviceId, bytes]]] = {}
        """Those in a commit on which the log has not decided."""
        self.left_out: dict[RoomId, Mapping[DeviceId, str]] = {}
        """Devices that could not be added when a room was last settled, and why."""
        self.seen: dict[RoomId, GroupState] = {}
        """The last answers, for anyone who shows them."""

    async def caught_up(self, room: RoomId) -> None:
        """Wait until a room is processed as far as the server has claimed."""
        await self._keys.reached(room)

    async def reconcile(self, room: RoomId) -> GroupState:
        """Bring the group up to date; returns its state then. Raises why it cannot."""
        left_out: dict[DeviceId, str] = {}
        for _round in range(MAX_ROUNDS):
            state = await self._round(room, left_out)
            if state is not None:
                self.left_out[room] = left_out
                return state
        raise NotReadyError(_("Other devices keep changing the room's keys."), _("Try again soon."))

    async def renew(self, room: RoomId) -> None:
        """Renew this device's keys in the room, unless something else must be done there first."""
        await self._keys.reached(room)
        report = await self._keys.report(room)
        if report.status is GroupStatus.ACTIVE and not report.staged and not report.again:
            wanted = CommitRequest(
                new_request_id(), {}, (), self._world.server_time(), self._world.clock.now()
            )
            await self._commit(room, report, wanted)

    async def recreate(self, room: RoomId) -> None:
        """Recreate a contested room's group, and add everyone."""
        await self._keys.reached(room)
        report = await self._keys.report(room)
        if not report.again:  # after a rollback ``reconcile`` recreates it, replacing the server's old group
            await self._require_members_known(room)
            await self._create_group(room)
        await self.reconcile(room)

    async def _require_members_known(self, room: RoomId) -> None:
        """Require that this device knows who is in the room, if others are: they refuse a group without them.

        A new device of an owner, which no one has added yet, would begin a list of members with its own
        person only.
        """
        state = await self._world.group(room)
        known = await self._world.archive.read(store.known_roster, room)
        if known is None and not (is_ours(state, self._keys.own.user) or _abandoned(state)) and state.group:
            raise NotReadyError(
                _("This device was not in the room's group yet, so it does not know the room's members."),
                _("Someone whose device was in it must recreate it: /recreate."),
            )

    async def contest(self) -> None:
        """Report every commit that could not be processed to the server, once no events are waiting."""
        for what in await self._world.archive.read(store.contests):
            if self._world.state.summary(what.room) is None:
                continue
            await self._keys.reached(what.room)
            if what not in await self._world.archive.read(store.contests):
                continue  # the failed commit was forged, and the genuine one came after it
            body = Contest(request=new_request_id(), group=what.group, epoch=what.epoch)
            try:
                await self._world.delivery.contest(what.room, body)
            except ApiRefusedError as error:
                if error.code in TRANSIENT:
                    raise
            await self._world.archive.write(store.contested, what.room)

    # one round
    async def _round(  # noqa: PLR0911 - one thing each
        self, room: RoomId, left_out: dict[DeviceId, str]
    ) -> GroupState | None:
        """Do one thing; returns the state when nothing is left to do. ``left_out`` is not retried."""
        await self._keys.reached(room)
        if await self._resumed(room):
            return None
        state = self.seen[room] = await self._world.group(room)
        await self._patiently(self._keys.shown_up_to(room, state.head))
        report = await self._keys.report(room)
        if report.status is GroupStatus.DISPLACED:
            raise DisplacedError
        if report.again:
            await self._again(room, state)
            return None
        lost = await self._is_lost(state)
        if state.group is not None and lost and not (state.contested or _abandoned(state)):
            # Notified first, so that a device that is not lost after all can process it.
            await self._contest(room, state.group, state.epoch)
            return None
        if state.group is None or lost or _abandoned(state):
            await self._create_group(room)
            return None
        if state.group != report.group or report.status in {GroupStatus.NO_GROUP, GroupStatus.OUTSIDE}:
            return await self._outside(room, state, report)
        if report.status is GroupStatus.REFUSED:
            return state  # it is reported: no commit of ours would help
        if report.epoch is None or report.epoch < state.epoch:
            await self._shown(room, state)
            return None
        if report.status is not GroupStatus.ACTIVE or report.epoch > state.epoch:
            return state  # contested: no commit of ours would help
        return await self._change(room, state, report, left_out)

    async def _shown(self, room: RoomId, state: GroupState) -> None:
        """Wait for the commit that led to the group's epoch; without it nothing is sent any more."""
        try:
            await self._until_shown(
                room, lambda now: now.group != state.group or (now.epoch or 0) >= state.epoch
            )
        except NotReadyError:
            await self._world.archive.write(self._keys.groups.withheld, room, state.epoch)
            await self._room_statuses.refresh(room)
            await quietly(self.contest())
            raise

    async def _again(self, room: RoomId, state: GroupState) -> None:
        """Repair a room whose log was rolled back: contest the server's old group, create the next."""
        summary, own = self._world.state.summary(room), self._keys.own.device
        if summary is None:
            return
        known = state.group is None or any(member.device == own for member in state.present)
        if not known and summary.role is Role.MEMBER and summary.kind is not RoomKind.DIRECT:
            raise NotReadyError(
                _("The server was rolled back, and does not know this device in the room any more."),
                _("A device that was in the room before recreates the group when it is online."),
            )
        if state.group is not None and not state.contested and not _abandoned(state):
            await self._contest(room, state.group, state.epoch)
            return
        body = await self._world.archive.write_durably(
            rollback.recreate_group,
            self._keys.groups,
            room,
            summary.kind,
            state.group,
            new_request_id(),
            self._world.clock.now(),
        )
        await self.post_creation(room, body)

    async def _contest(self, room: RoomId, group: GroupId, epoch: Epoch) -> None:
        """Report that this device cannot process the group's commits, so that it can be replaced."""
        body = Contest(request=new_request_id(), group=group, epoch=epoch)
        with suppress(StaleEpochError):  # someone else was first
            logged = await self._world.delivery.contest(room, body)
            await self._keys.logged(room, logged)

    async def _is_lost(self, state: GroupState) -> bool:
        """Say whether the group has only devices of ours that are lost: no one could add this one."""
        if not is_ours(state, self._keys.own.user):
            return False
        lost = await self._world.archive.read(lost_devices)
        return lost.issuperset(one.device for one in state.present)

    async def _outside(self, room: RoomId, state: GroupState, report: GroupReport) -> GroupState | None:
        if state.contested:
            raise NotReadyError(_(CONTESTED))
        own = self._keys.own.device
        present, leaving = ({member.device for member in those} for those in (state.present, state.leaving))
        if own not in present or own in leaving:
            return state  # a device of a member must add this one, or remove it first
        before = (report.group, report.status)
        try:
            await self._until_shown(room, lambda now: (now.group, now.status) != before)
        except NotReadyError:
            if report.status is not GroupStatus.ACTIVE:  # the log is here, so it is the Welcome that lacks
                raise NotReadyError(_(NO_WELCOME)) from None
            raise AnotherGroupError from None
        return None

    async def _change(
        self, room: RoomId, state: GroupState, report: GroupReport, left_out: dict[DeviceId, str]
    ) -> GroupState | None:
        planned = await self._plan(room, state)
        missing = [device for device in planned.missing if device not in left_out]
        revoked = [
            device for device in missing if await self._world.archive.read(key_log_copy.is_revoked, device)
        ]
        left_out |= dict.fromkeys(revoked, _("it was revoked"))  # a restored server may not know of it
        missing = [device for device in missing if device not in left_out]
        room_for, at_once = _bounds(report.suite, len(report.members))
        left_out |= dict.fromkeys(missing[room_for:], _(_NO_ROOM).format(most=HYBRID_DEVICES.value))
        missing = missing[: min(room_for, at_once)]
        suite = report.suite or RoomSuite.X25519
        packages = await self._packages(room, missing, suite)
        why = _(_NO_HYBRID if suite is RoomSuite.X_WING else _NO_PACKAGE)
        left_out |= dict.fromkeys([device for device in missing if device not in packages], why)
        if not planned.statements and not planned.remove and not packages:
            return state
        wanted = CommitRequest(
            new_request_id(),
            packages,
            planned.remove,
            self._world.server_time(),
            self._world.clock.now(),
            planned.statements,
            planned.revocations,
        )
        try:
            await self._commit(room, report, wanted)
        except BadPackageError as error:
            left_out |= {
                device: _("no usable key package: {why}").format(why=why) for device, why in error.why.items()
            }
        except MovedError:
            pass  # another program on this home did something first: check again
        return None

    async def _plan(self, room: RoomId, state: GroupState) -> Plan:
        """Plan what to do; new devices and keys are fetched before they count."""
        inside = {member.device for member in state.present}
        if state.leaving or any(member.device not in inside for member in state.missing):
            await quietly(self._keys.identity.catch_up())
        summary = self._world.state.summary(room)
        peer = None if summary is None else summary.peer
        groups = self._keys.groups
        clocks = Clocks(self._world.clock.now(), self._world.server_time())
        planned = await self._world.archive.write(plan, groups, room, state, peer, clocks)
        if planned.claims_changed:
            await self._room_statuses.refresh(room)
        return planned

    async def _commit(self, room: RoomId, report: GroupReport, wanted: CommitRequest) -> None:
        groups = self._keys.groups
        # Before it is stored: whatever interrupts this, no key package is used twice.
        self._use(wanted.request, report.suite or RoomSuite.X25519, wanted.packages)
        try:
            if len(report.members) + len(wanted.packages) < BIG:
                body = await self._world.archive.write_durably(commit.stage, groups, room, wanted)
            else:
                stored = await self._world.archive.write(groups.stored, room)
                made = await asyncio.to_thread(commit.prepare, stored, wanted, self._keys.own)
                body = await self._world.archive.write_durably(commit.store, groups, stored, made)
        except BadPackageError as error:
            self._put_back(wanted.request, but=error.why)
            raise
        except EncryptionError:
            self._put_back(wanted.request)
            raise
        await self._post(room, body)

    async def _packages(
        self, room: RoomId, devices: Sequence[DeviceId], suite: RoomSuite
    ) -> dict[DeviceId, bytes]:
        """Claim one key package of each device for the room's group; devices without one are left out."""
        claimed = self._claimed[suite]
        wanted = [device for device in devices if device not in claimed]
        for start in range(0, len(wanted), CLAIM_DEVICES.value):
            chunk = tuple(wanted[start : start + CLAIM_DEVICES.value])
            given = await self._world.delivery.claim(ClaimKeyPackages(room=room, devices=chunk, suite=suite))
            claimed |= {one.device: one.package for one in given.packages if one.device in chunk}
        return {device: claimed[device] for device in devices if device in claimed}

    def _use(self, request: RequestId, suite: RoomSuite, packages: Mapping[DeviceId, bytes]) -> None:
        """Take key packages for a commit on which the log decides."""
        if packages:
            self._used[request] = suite, packages
        for device in packages:
            self._claimed[suite].pop(device, None)

    def _put_back(self, request: RequestId, but: Collection[DeviceId] = ()) -> None:
        """Keep the key packages of a commit that never took effect for the next one."""
        suite, packages = self._used.pop(request, (RoomSuite.X25519, {}))
        self._claimed[suite] |= {device: one for device, one in packages.items() if device not in but}

    def decided(self, merged: Collection[RequestId], lost: Collection[RequestId]) -> None:
        """Note which commits of this device took effect in the log, and which lost to another one."""
        for request in merged:
            self._used.pop(request, None)
        for request in lost:
            self._put_back(request)

    async def _create_group(self, room: RoomId) -> None:
        """Create the room's group: for the people of the last one, if this device knew them."""
        summary, groups = self._world.state.summary(room), self._keys.groups
        known = await self._world.archive.read(store.known_roster, room)
        may = known is not None or (summary is not None and summary.role is Role.OWNER)
        if summary is None or not (may or summary.kind is RoomKind.DIRECT):
            raise NotReadyError(
                _("This room has no encrypted group yet: an owner's device must create it."),
                _("It happens automatically when an owner is online."),
            )
        body = await self._world.archive.write_durably(
            commit.create_group, groups, room, summary.kind, new_request_id(), self._world.clock.now()
        )
        await self.post_creation(room, body)

    # what is staged
    async def _resumed(self, room: RoomId) -> bool:
        """Submit again what an earlier try, or an earlier run of the program, left undecided."""
        staged = await self._world.archive.read(commit.staged, room)
        if staged is not None:
            await self._post(room, staged)
            return True
        pending_creation = await self._world.archive.read(commit.pending_creation, room)
        if pending_creation is not None:
            await self.post_creation(room, pending_creation)
            return True
        return False

    async def _post(self, room: RoomId, body: Commit) -> None:
        """Submit a commit; returns when it is in the log, or the one that was first is."""
        try:
            logged = await self._world.delivery.commit(room, body)
        except StaleEpochError:
            await self._came_second(room, body)
        except ApiRefusedError as error:
            if error.code not in TRANSIENT:
                await self._drop(room, body)
            raise
        else:
            await self._patiently(self._keys.logged(room, logged))

    async def _drop(self, room: RoomId, body: Commit) -> None:
        await self._world.archive.write_durably(commit.drop_staged, self._keys.groups, room)
        self._put_back(body.request)

    async def _came_second(self, room: RoomId, body: Commit) -> None:
        """Process the commit that was first; if there is none, the request of ours is outdated."""
        state = await self._world.group(room)
        await self._keys.reached(room)
        staged = await self._world.archive.read(commit.staged, room)
        if staged is None or staged.request != body.request:
            return
        if (state.group, state.epoch) == (body.group, body.epoch):
            await self._drop(room, body)
        else:
            await self._patiently(self._world.signal.until(lambda: self._decided(room, body.request)))

    async def _decided(self, room: RoomId, request: RequestId) -> bool:
        staged = await self._world.archive.read(commit.staged, room)
        return staged is None or staged.request != request

    async def post_creation(self, room: RoomId, body: CreateGroup) -> None:
        """Submit a group's creation; returns when it or another one is in the log, or it is not needed."""
        try:
            logged = await self._world.delivery.create_group(room, body)
        except StaleEpochError:
            # It is in the log already, or another one was first, or the group it should replace works. The
            # log decides; otherwise it would wait for ever.
            state = await self._world.group(room)
            await self._patiently(self._keys.shown_up_to(room, state.head))
            await self._world.archive.write_durably(commit.drop_creation, self._keys.groups, room)
        except ApiRefusedError as error:
            if error.code not in TRANSIENT:
                await self._world.archive.write_durably(commit.drop_creation, self._keys.groups, room)
            raise
        else:
            await self._patiently(self._keys.logged(room, logged))

    async def _until_shown(self, room: RoomId, wanted: Callable[[GroupReport], bool]) -> None:
        """Wait until the log contains what the server claims."""

        async def is_shown() -> bool:
            return wanted(await self._keys.report(room))

        await self._patiently(self._world.signal.until(is_shown))

    @staticmethod
    async def _patiently(waiting: Awaitable[None]) -> None:
        """Wait until the log contains what the server has just claimed. Raises NotReadyError."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await waiting
        except TimeoutError:
            raise NotReadyError(_("The server does not show the room's newest events.")) from None


def _bounds(suite: RoomSuite | None, inside: int) -> tuple[int, int]:
    """Return how many more devices fit into the group, and how many one commit adds at most."""
    if suite is RoomSuite.X_WING:
        return max(0, HYBRID_DEVICES.value - inside), _HYBRID_ADDS
    return GROUP_DEVICES.value, _ADDS


def is_ours(state: GroupState, me: UserName) -> bool:
    """Say whether all devices of the group are of our account."""
    return bool(state.present) and all(member.user == me for member in state.present)


def _abandoned(state: GroupState) -> bool:
    """Say whether every device of the group must leave it: no one is left who could add others."""
    leaving = {member.device for member in state.leaving}
    return bool(state.present) and all(member.device in leaving for member in state.present)
