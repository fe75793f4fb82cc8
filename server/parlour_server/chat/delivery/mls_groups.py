"""The MLS groups of rooms: creation, commits, contests and pending Welcomes.

Each change is an event of the room's log, appended like a message, so there is one order and the rules are
checked in one transaction (`rooms/group_rules.py`): of two commits for one epoch the store accepts one. A
device sees only its own Welcomes. The server does not read the contents.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.delivery import Commit, Contest, CreateGroup, EventStored, GroupState, Welcomes
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Contested, GroupCreated, Handshake
from parlour_protocol.ids import RoomId, WelcomeId
from parlour_protocol.kit.ids import DeviceId, RequestId
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.errors import NoDeviceError
from parlour_server.chat.delivery.tables.groups import Groups
from parlour_server.chat.service.commands import AUTHORIZATION, Commands
from parlour_server.chat.store.types import Attached
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.records import SessionRecord

_WELCOMES_BYTES: Final = 1024 * 1024
"""Bytes of Welcomes and trees in one response; one Welcome is returned whatever its size."""


@dataclass(frozen=True, slots=True)
class MlsGroups:
    """The groups of all rooms."""

    store: Groups
    commands: Commands
    clock: Clock
    audit: Audit
    budgets: DeliveryBudgets

    async def state(self, session: SessionRecord, room: RoomId) -> GroupState:
        """Return the state of the room's group. Raises RefusedError(NOT_FOUND)."""
        state = await self.store.state(room, session.user, self.clock.now())
        if state is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such encrypted room, or you are not in it")
        return state

    async def create(self, session: SessionRecord, room: RoomId, body: CreateGroup) -> EventStored:
        """Create the room's group with this session's device. Raises NoDeviceError, RefusedError."""
        device = _device(session)
        created = GroupCreated(group=body.group, device=device, replaces=body.replaces)
        logged = await self._append(session, body.request, room, created)
        self.audit.record(
            DeliveryEvent.GROUP_FOUNDED,
            user=session.user,
            device=device,
            room=room,
            seq=logged.seq,
            replaces=body.replaces is not None,
        )
        return logged

    def check_may_commit(self, session: SessionRecord) -> None:
        """Check before a commit's large body is read. Raises NoDeviceError, TooManyAttemptsError."""
        _device(session)
        self.budgets.commit(session.user)

    async def commit(self, session: SessionRecord, room: RoomId, body: Commit) -> EventStored:
        """Advance the group, unless another commit came first. Raises NoDeviceError, RefusedError."""
        _device(session)
        handshake = Handshake(
            group=body.group,
            epoch=body.epoch,
            data=body.data,
            added=body.added,
            removed=body.removed,
            unusable=body.unusable,
        )
        logged = await self._append(session, body.request, room, handshake, _attached(body))
        self.audit.record(
            DeliveryEvent.GROUP_COMMITTED,
            user=session.user,
            device=session.device_id,
            room=room,
            seq=logged.seq,
            added=len(body.added),
            removed=len(body.removed),
        )
        return logged

    async def contest(self, session: SessionRecord, room: RoomId, body: Contest) -> EventStored:
        """Record that a device cannot apply the newest commit. Raises NoDeviceError, RefusedError."""
        device = _device(session)
        self.budgets.commit(session.user)
        logged = await self._append(
            session, body.request, room, Contested(group=body.group, epoch=body.epoch)
        )
        self.audit.record(
            DeliveryEvent.GROUP_CONTESTED, user=session.user, device=device, room=room, epoch=body.epoch
        )
        return logged

    async def welcomes(self, session: SessionRecord, device: DeviceId) -> Welcomes:
        """Return the pending Welcomes of this session's device. Raises NoDeviceError."""
        if session.device_id != device:
            raise NoDeviceError  # another device's Welcomes are private
        found, more = await self.store.welcomes(device, max_bytes=_WELCOMES_BYTES)
        return Welcomes(tuple(found), self.commands.incarnation, more)

    async def drop_welcome(self, session: SessionRecord, welcome: WelcomeId) -> bool:
        """Delete a pending Welcome of this session's device; False if there is none. Raises NoDeviceError."""
        return await self.store.drop_welcome(BySession(session.user, session.id), welcome)

    async def _append(
        self,
        session: SessionRecord,
        request: RequestId,
        room: RoomId,
        body: AnyBody,
        attached: Attached | None = None,
    ) -> EventStored:
        try:
            appended = await self.commands.commit(session, request, room, body, attached)
        except RefusedError as error:
            if error.code in AUTHORIZATION:
                self.audit.record(
                    AuditEvent.REQUEST_REFUSED,
                    code=str(error.code),
                    request=type(body).__name__.lower(),
                    room=room,
                    user=session.user,
                )
            raise
        return EventStored(appended.entry.seq, appended.entry.at, self.commands.incarnation)


def _device(session: SessionRecord) -> DeviceId:
    if session.device_id is None:
        raise NoDeviceError
    return session.device_id


def _attached(body: Commit) -> Attached | None:
    """Return the Welcome and tree, which a commit has exactly when it adds devices."""
    if bool(body.added) != (body.welcome is not None) or (body.welcome is None) != (body.tree is None):
        raise RefusedError(
            ErrorCode.MALFORMED, "a Welcome and a tree belong only to a commit that adds devices"
        )
    if body.welcome is None or body.tree is None:
        return None
    return Attached(body.welcome, body.tree)
