"""This person's decisions about a room's members, signed by this device: invitations, removals, roles.

In an open room the server decides, and nothing is signed. In an encrypted one the request to the server
carries the signed statement, and any member's device executes it. An invited person whose account has no key
yet is remembered, and admitted by this device once there is one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import apsw

from parlour_client.core.archive import Archive, key_pins
from parlour_client.core.e2ee.groups import statements
from parlour_client.core.e2ee.groups.group_errors import WAITING, BlockedError, NotReadyError
from parlour_client.core.e2ee.groups.group_report import GroupStatus
from parlour_client.core.e2ee.groups.group_service import MakeAct
from parlour_client.core.e2ee.identity import key_trust
from parlour_client.core.e2ee.identity.certificates import read_certificate
from parlour_client.core.e2ee.identity.identity_service import IdentityService
from parlour_client.core.e2ee.maintenance.background_tasks import ChangeSignal, quietly
from parlour_client.core.e2ee.maintenance.device_session import DeviceSession
from parlour_client.core.e2ee.maintenance.scheduler import Scheduler
from parlour_client.core.e2ee.maintenance.server_state import ServerState
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ApiRefusedError
from parlour_client.kit.language import _
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Admit, Remove, Request, SetRole, Unban
from parlour_protocol.rooms import Role

PATIENCE: Final = 20.0
"""Seconds that a decision waits for this device to be added to the room's group."""


class Membership:
    """Signs for one account."""

    def __init__(
        self,
        archive: Archive,
        me: UserName,
        session: DeviceSession,
        server: ServerState,
        scheduler: Scheduler,
        identity: IdentityService,
        signal: ChangeSignal,
        clock: Clock,
        encrypted: Callable[[], Sequence[RoomId]],
        track: Callable[[RoomId], Awaitable[None]],
    ) -> None:
        """Sign as ``me``; ``encrypted`` returns all encrypted rooms, ``track`` starts following one."""
        self._archive = archive
        self._me = me
        self._session = session
        self._server = server
        self._scheduler = scheduler
        self._identity = identity
        self._signal = signal
        self._clock = clock
        self._encrypted = encrypted
        self._track = track

    async def admission(self, room: RoomId, user: UserName) -> StatementBytes | None:
        """Sign an admission; None in an open room, or while the person has no key."""
        if not self._covers(room):
            return None
        key, statement = await self._key_of(user), None
        if key is not None:
            now = self._clock.now()
            statement = await self._signed(
                room, lambda roster: Admit(roster.server, room, roster.serial, now, user, key, roster.origin)
            )
        await self.ask_in(room, [user])
        return statement

    async def ask_in(self, room: RoomId, users: Iterable[UserName]) -> None:
        """Remember invitations to an encrypted room; this device admits the people when it can."""
        await self._archive.write_durably(statements.ask_in, room, list(users))
        self._scheduler.unsure.add(room)

    async def ask_in_again(self, user: UserName) -> None:
        """Invite someone again to their rooms if they are in them under another key than the accepted one."""
        groups = self._session.maybe_groups
        if groups is None:
            return
        for room in self._encrypted():
            roster = await self._archive.read(groups.roster, room)
            person = None if roster is None else roster.person(user)
            key = await self._archive.read(_accepted, user)
            if person is not None and key is not None and person.account_key != key:
                await self.ask_in(room, [user])
                self._scheduler.changed(room)

    async def accepted(self, room: RoomId, inviter: UserName) -> None:
        """Join only the group of a room for which this person has signed an admission."""
        await self._archive.write_durably(statements.accepted, room, inviter)

    async def ask_out(self, room: RoomId, user: UserName) -> None:
        """Forget an invitation."""
        if self._covers(room):
            await self._archive.write(statements.ask_out, room, user)

    async def removal(
        self, room: RoomId, user: UserName, *, ban: bool = False, until: Millis | None = None
    ) -> StatementBytes | None:
        """Sign that someone is removed, or banned."""
        await self.ask_out(room, user)
        now = self._clock.now()
        return await self._signed(
            room, lambda roster: Remove(roster.server, room, roster.serial, now, user, ban, until)
        )

    async def departure(self, room: RoomId) -> StatementBytes | None:
        """Sign that this account leaves. A device outside of the group has nothing to sign."""
        if not self._covers(room):
            return None
        groups, me, now = self._session.groups, self._me, self._clock.now()
        await self._caught_up(room)
        roster = await self._archive.read(groups.roster, room)
        serial = 0 if roster is None else roster.serial
        act = Remove(self._session.own.server, room, serial, now, me)
        return StatementBytes(groups.sign_own(act))

    async def heir(self, room: RoomId) -> UserName | None:
        """Return who must become owner of an encrypted room before we, its only owner, can leave it."""
        if not self._covers(room):
            return None
        await self._caught_up(room)
        roster = await self._archive.read(self._session.groups.expected, room)
        others = [] if roster is None else [one for one in roster.people if one.user != self._me]
        own = None if roster is None else roster.person(self._me)
        alone = own is not None and own.role is Role.OWNER and all(o.role is not Role.OWNER for o in others)
        if not alone or not others:
            return None
        return min(others, key=lambda one: (one.role is not Role.MODERATOR, one.since, one.user)).user

    async def unban(self, room: RoomId, user: UserName) -> StatementBytes | None:
        """Sign that a ban is lifted."""
        now = self._clock.now()
        return await self._signed(room, lambda roster: Unban(roster.server, room, roster.serial, now, user))

    async def role(self, room: RoomId, user: UserName, role: Role) -> StatementBytes | None:
        """Sign a change of someone's role."""
        now = self._clock.now()
        return await self._signed(
            room, lambda roster: SetRole(roster.server, room, roster.serial, now, user, role)
        )

    def request(self, room: RoomId, invited: Millis | None) -> StatementBytes | None:
        """Sign a request to join a public encrypted room.

        Not if someone has admitted this account already: an invitation of a person with a key is an
        admission.
        """
        own, now = self._session.own, self._clock.now()
        if invited is not None and own.certificate and read_certificate(own.certificate).created < invited:
            return None
        return StatementBytes(self._session.groups.sign_own(Request(own.server, room, 0, now, self._me)))

    def _covers(self, room: RoomId) -> bool:
        return room in self._encrypted()

    async def _signed(self, room: RoomId, make: MakeAct) -> StatementBytes | None:
        if not self._covers(room):
            return None
        await self._caught_up(room)
        await self._added(room)
        return StatementBytes(await self._archive.read(self._session.groups.sign, room, make))

    async def _caught_up(self, room: RoomId) -> None:
        """Learn the room's current members, and have this device in the group if possible."""
        if self._session.trouble is not None:
            raise self._session.trouble
        await self._track(room)
        await self._server.reached(room)
        with suppress(EncryptionError, ApiRefusedError):
            await self._scheduler.ready(room)

    async def _added(self, room: RoomId) -> None:
        """Wait until this device is in the group: another one of ours may have just created it.

        Raises NotReadyError if no one adds it in time, or at once why it can't be in the group.
        """

        async def is_inside() -> bool:
            report = await self._archive.read(self._session.groups.report, room)
            if report.status not in {GroupStatus.NO_GROUP, GroupStatus.OUTSIDE}:
                return True
            problem = self._scheduler.problems.get(room)
            if problem is not None and not isinstance(problem, NotReadyError):
                raise problem
            return False

        try:
            async with asyncio.timeout(PATIENCE):
                await self._signal.until(is_inside)
        except TimeoutError:
            problem = self._scheduler.problems.get(room)
            raise NotReadyError(str(problem or WAITING), _("Try again then.")) from None

    async def _key_of(self, user: UserName) -> bytes | None:
        """Learn the room's current members, and have this device in the group if possible."""
        await quietly(self._identity.catch_up())
        key = await self._archive.write_durably(_met, user, self._clock.now())
        await self._identity.refresh()
        return key


def _accepted(connection: apsw.Connection, user: UserName) -> bytes | None:
    pinned = key_pins.find(connection, user)
    return None if pinned is None or pinned.level == key_pins.CHANGED else pinned.account_key


def _met(connection: apsw.Connection, user: UserName, now: Millis) -> bytes | None:
    key = key_trust.meet(connection, user, now)
    pinned = key_pins.find(connection, user)
    if key is not None and (pinned is None or pinned.level == key_pins.CHANGED or pinned.account_key != key):
        raise BlockedError(key_trust.changed_words(user))
    return key
