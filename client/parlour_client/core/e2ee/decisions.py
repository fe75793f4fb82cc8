"""This person's decisions about a room's members, signed by this device: invitations, removals, roles.

In an unencrypted room the server decides, and nothing is signed. In an encrypted one the request to the
server carries the signed statement, and any member's device executes it: an invitation once its person has
accepted it, which they sign, too. An invited person whose account has no key yet is remembered, and this
device signs the admission once there is one.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import apsw

from parlour_client.core.archive import alarms, key_log_copy, key_pins
from parlour_client.core.e2ee.errors import WAITING, BlockedError, NotReadyError, RuleBrokenError
from parlour_client.core.e2ee.group import statements
from parlour_client.core.e2ee.group.commit import APPROVE_IT, NOT_APPROVED
from parlour_client.core.e2ee.group.plan import admission, signed
from parlour_client.core.e2ee.group.rules import statement_of
from parlour_client.core.e2ee.group.statements import Addition
from parlour_client.core.e2ee.group.store import Groups, GroupStatus
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.messages.incoming import Incoming
from parlour_client.core.e2ee.world import World, quietly
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import display_name
from parlour_client.kit.errors import ApiRefusedError, ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import Invitation
from parlour_protocol.frames.requests import Invite, Join
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import (
    ADMISSION_LASTS,
    Accept,
    Admit,
    AnyAct,
    Execution,
    NotAcceptedError,
    NotAllowedError,
    Remove,
    Request,
    Roster,
    SetRole,
    Statement,
    Unban,
    Withdraw,
)
from parlour_protocol.rooms import Role, RoomKind

MakeAct = Callable[[Roster], AnyAct]

PATIENCE: Final = 20.0
"""Seconds that a decision waits for this device to be added to the room's group."""


class Membership:
    """Signs for one account."""

    def __init__(self, world: World, keys: Keys, scheduler: Scheduler, incoming: Incoming) -> None:
        self._world = world
        self._keys = keys
        self._scheduler = scheduler
        self._incoming = incoming

    async def admission(self, room: RoomId, user: UserName) -> StatementBytes | None:
        """Sign an admission; None in an unencrypted room, or, remembered, while the person has no key."""
        if room not in self._world.encrypted:
            return None
        key = await self._key_of(user)
        if key is None:
            await self.ask_in(room, [user])
            return None
        now = self._world.clock.now()
        return await self._signed(room, lambda roster: admission(roster, user, key, now))

    async def ask_in(self, room: RoomId, users: Iterable[UserName]) -> None:
        """Remember invitations to an encrypted room; this device admits the people when it can."""
        until = Millis(self._world.clock.now() + ADMISSION_LASTS)
        await self._world.archive.write_durably(statements.ask_in, room, list(users), until)
        self._scheduler.unsure.add(room)

    async def admit_remembered(self) -> None:
        """Sign and send the admissions of people who had no account key when they were invited here."""
        if self._keys.maybe_groups is None:
            return
        for room, user in await self._world.archive.write(statements.all_asked_in, self._world.clock.now()):
            report = await self._keys.report(room)
            if report.roster is None or await self._world.archive.read(key_log_copy.account, user) is None:
                continue
            with suppress(ParlourClientError):  # tried again when the key log grows, or at the next start
                await self._admit(room, user)
                await self.ask_out(room, user)

    async def ask_in_again(self, user: UserName) -> None:
        """Invite someone again to their rooms if they are in them under another key than the accepted one."""
        groups = self._keys.maybe_groups
        if groups is None:
            return
        for room in sorted(self._world.encrypted):
            roster = await self._world.archive.read(groups.roster, room)
            person = None if roster is None else roster.person(user)
            key = await self._world.archive.read(_accepted, user)
            if roster is None or person is None or key is None or person.account_key == key:
                continue
            if roster.kind is RoomKind.DIRECT:
                self._scheduler.changed(room)
            else:
                await self._admit(room, user)

    async def _admit(self, room: RoomId, user: UserName) -> None:
        statement = await self.admission(room, user)
        if statement is not None:
            await self._world.live.ask(Invite(id=new_request_id(), room=room, user=user, statement=statement))

    async def acceptance(self, room: RoomId, invitation: StatementBytes) -> StatementBytes:
        """Sign that this account accepts an invitation. Raises EncryptionError if it is void by now."""
        found = statement_of(bytes(invitation))
        own, act = self._keys.own, found.act
        if not isinstance(act, Admit) or (act.room, act.account_key) != (room, own.admitted_key):
            raise EncryptionError(
                _("The invitation is not for your current key."),
                _("Ask {inviter} for a new one.").format(inviter=found.by),
            )
        if self._world.clock.now() > act.until:
            raise EncryptionError(
                _("The invitation ended on {day}.").format(day=statements.day(act.until)),
                _("Ask {inviter} for a new one.").format(inviter=found.by),
            )
        for one in await self._world.archive.read(statements.withdrawals, room, found.digest):
            raise EncryptionError(
                statements.withdrawn_words(one), _("Ask {inviter} for a new one.").format(inviter=found.by)
            )
        data = self._sign(
            Accept(found.act.server, room, 0, self._world.clock.now(), self._world.me, found.digest)
        )
        await self._world.archive.write_durably(statements.accept, room, found)
        return data

    async def is_shown(self, invitation: Invitation) -> bool:
        """Say whether an invitation is what it claims to be; if not, that is an alarm, and it is not shown.

        Accepting it signs exactly what was checked. One that names an earlier key of this account, or has
        ended, is hidden without an alarm.
        """
        if invitation.statement is None:
            return True
        try:
            own = self._keys.own
        except ParlourClientError:  # no keys yet: nothing is accepted before it was checked
            return True
        inviter = invitation.inviter
        if await self._world.archive.read(key_log_copy.account, inviter) is None:
            await quietly(self._keys.identity.catch_up())
        key = await self._world.archive.write(_met_or_none, inviter, self._world.clock.now())
        try:
            found = statement_of(bytes(invitation.statement))
        except RuleBrokenError:
            found = None
        if (
            found is None
            or key is None
            or not isinstance(found.act, Admit)
            or not found.is_by(inviter, key)
            or (found.act.server, found.act.room, found.act.who)
            != (own.server, invitation.room, self._world.me)
        ):
            words = _("An invitation in {inviter}'s name could not be checked; it is not shown.").format(
                inviter=display_name(inviter)
            )
            about = f"{invitation.room}/{inviter}"
            await self._world.archive.write(
                alarms.sound, alarms.Kind.MEMBERS, about, self._world.clock.now(), words
            )
            await self._keys.identity.refresh()
            return False
        withdrawn = await self._world.archive.read(statements.withdrawals, invitation.room, found.digest)
        in_time = self._world.clock.now() <= found.act.until
        return found.act.account_key == own.admitted_key and in_time and not withdrawn

    async def withdrawn(self, room: RoomId, withdrawal: StatementBytes) -> None:
        """Remember that an invitation of this account was withdrawn: the server may show it again."""
        await self._world.archive.write_durably(statements.learn, room, bytes(withdrawal))

    async def withdrawals(self, room: RoomId, user: UserName) -> Sequence[StatementBytes]:
        """Sign that the invitations of someone are withdrawn that this person may withdraw."""
        if room not in self._world.encrypted:
            return ()
        await self.ask_out(room, user)
        await self._caught_up(room)
        made, now = [], self._world.clock.now()
        for one in await self._world.archive.read(statements.admissions, room, user):
            make = partial(_withdrawal, now, one)
            with suppress(EncryptionError):  # not this person's, or void already
                made.append(await self._world.archive.read(sign, self._keys.groups, room, make, now))
        return made

    async def ask_out(self, room: RoomId, user: UserName) -> None:
        """Forget an invitation."""
        if room in self._world.encrypted:
            await self._world.archive.write(statements.ask_out, room, user)

    async def removal(
        self, room: RoomId, user: UserName, *, ban: bool = False, until: Millis | None = None
    ) -> StatementBytes | None:
        """Sign that someone is removed, or banned."""
        await self.ask_out(room, user)
        now = self._world.clock.now()
        return await self._signed(
            room, lambda roster: Remove(roster.server, room, roster.serial, now, user, ban, until)
        )

    async def departure(self, room: RoomId) -> StatementBytes | None:
        """Sign that this account leaves, or takes back its request or acceptance that no one has executed."""
        if room not in self._world.encrypted:
            return None
        groups, me, now = self._keys.groups, self._world.me, self._world.clock.now()
        await self._caught_up(room)
        roster, server = await self._world.archive.read(groups.roster, room), self._keys.own.server
        asked = await self._world.archive.read(_asked, room, me)
        if asked is not None and (roster is None or roster.person(me) is None):
            return self._sign(Withdraw(server, room, 0, now, me, asked.data))
        return self._sign(Remove(server, room, 0 if roster is None else roster.serial, now, me))

    async def heir(self, room: RoomId) -> UserName | None:
        """Return who must become owner of an encrypted room before we, its only owner, can leave it."""
        if room not in self._world.encrypted:
            return None
        await self._caught_up(room)
        roster = await self._world.archive.read(
            statements.expected_in, self._keys.groups, room, self._world.clock.now()
        )
        others = [] if roster is None else [one for one in roster.people if one.user != self._world.me]
        own = None if roster is None else roster.person(self._world.me)
        alone = own is not None and own.role is Role.OWNER and all(o.role is not Role.OWNER for o in others)
        if not alone or not others:
            return None
        return min(others, key=lambda one: (one.role is not Role.MODERATOR, one.since, one.user)).user

    async def has(self, room: RoomId, user: UserName) -> bool:
        """Say whether someone is in an encrypted room's group, whatever the server's list says."""
        if room not in self._world.encrypted:
            return False
        roster = await self._world.archive.read(self._keys.groups.roster, room)
        return roster is not None and roster.person(user) is not None

    async def bans(self, room: RoomId) -> Mapping[UserName, Statement] | None:
        """Return the bans that an encrypted room's members go by; None: unencrypted, or not known here."""
        if room not in self._world.encrypted:
            return None
        await self._caught_up(room)
        roster = await self._world.archive.read(self._keys.groups.roster, room)
        if roster is None:
            return {}
        now = self._world.clock.now()
        return {gone.user: statement_of(gone.ban) for gone in roster.removed if gone.is_banned(now)}

    async def unban(self, room: RoomId, user: UserName) -> StatementBytes | None:
        """Sign that a ban is lifted."""
        now = self._world.clock.now()
        return await self._signed(room, lambda roster: Unban(roster.server, room, roster.serial, now, user))

    async def role(self, room: RoomId, user: UserName, role: Role) -> StatementBytes | None:
        """Sign a change of someone's role."""
        now = self._world.clock.now()
        return await self._signed(
            room, lambda roster: SetRole(roster.server, room, roster.serial, now, user, role)
        )

    async def request(self, room: RoomId) -> StatementBytes:
        """Sign a request to join a public encrypted room, after the last removal that is known here."""
        after = await self._world.archive.write_durably(_asks, room, self._world.me)
        return self._sign(
            Request(self._keys.own.server, room, 0, self._world.clock.now(), self._world.me, after)
        )

    async def ask_again(self, room: RoomId) -> None:
        """Ask once more to join a public room if the request did not name the removal that is known now."""
        if await self._world.archive.read(statements.is_outdated, room, self._world.me):
            await self._world.live.ask(
                Join(id=new_request_id(), room=room, statement=await self.request(room))
            )

    def _sign(self, act: AnyAct) -> StatementBytes:
        """Sign a statement about this account only, even from outside: that it wants to join, or has left."""
        own = self._keys.groups.own
        if own.certificate is None:
            raise NotReadyError(NOT_APPROVED, APPROVE_IT)
        return StatementBytes(signed(own, act))

    async def _signed(self, room: RoomId, make: MakeAct) -> StatementBytes | None:
        if room not in self._world.encrypted:
            return None
        await self._caught_up(room)
        await self._added(room)
        now = self._world.clock.now()
        return await self._world.archive.read(sign, self._keys.groups, room, make, now)

    async def _caught_up(self, room: RoomId) -> None:
        """Learn the room's current members, and have this device in the group if possible."""
        if self._keys.trouble is not None:
            raise self._keys.trouble
        await self._incoming.track(room)
        await self._keys.reached(room)
        with suppress(EncryptionError, ApiRefusedError):
            await self._scheduler.ready(room)

    async def _added(self, room: RoomId) -> None:
        """Wait until this device is in the group: another one of ours may have just created it.

        Raises NotReadyError if no one adds it in time, or at once why it can't be in the group.
        """

        async def is_inside() -> bool:
            report = await self._keys.report(room)
            if report.status not in {GroupStatus.NO_GROUP, GroupStatus.OUTSIDE}:
                return True
            problem = self._scheduler.problems.get(room)
            if problem is not None and not isinstance(problem, NotReadyError):
                raise problem
            return False

        try:
            async with asyncio.timeout(PATIENCE):
                await self._world.signal.until(is_inside)
        except TimeoutError:
            problem = self._scheduler.problems.get(room)
            raise NotReadyError(str(problem or WAITING), _("Try again then.")) from None

    async def _key_of(self, user: UserName) -> bytes | None:
        """Learn the room's current members, and have this device in the group if possible."""
        await quietly(self._keys.identity.catch_up())
        key = await self._world.archive.write_durably(_met, user, self._world.clock.now())
        await self._keys.identity.refresh()
        return key


def sign(
    connection: apsw.Connection, groups: Groups, room: RoomId, make: MakeAct, now: Millis
) -> StatementBytes:
    """Sign a statement about the room's members, if it is valid now. Raises EncryptionError."""
    stored = groups.stored(connection, room)
    roster = statements.expected(connection, stored, now)
    act = make(roster)
    data = signed(groups.own, act)
    execution = Execution(act.at, groups.own.user, statements.devices_of(stored), stored.rules.succeeds)
    try:
        roster.applied(statement_of(data), execution)
    except NotAcceptedError:
        pass  # an admission: what is missing comes from the person
    except NotAllowedError as error:
        raise EncryptionError(
            _("The room's members would not accept this: {error}.").format(error=error)
        ) from error
    return StatementBytes(data)


def _accepted(connection: apsw.Connection, user: UserName) -> bytes | None:
    pinned = key_pins.find(connection, user)
    return None if pinned is None or pinned.level == key_pins.CHANGED else pinned.account_key


def _withdrawal(now: Millis, admission: Statement, roster: Roster) -> Withdraw:
    return Withdraw(roster.server, roster.room, roster.serial, now, admission.act.who, admission.data)


def _met_or_none(connection: apsw.Connection, user: UserName, now: Millis) -> bytes | None:
    key = pins.meet(connection, user, now)
    return key if key == _accepted(connection, user) else None


def _asked(connection: apsw.Connection, room: RoomId, me: UserName) -> Statement | None:
    """Return this account's own request, or the admission that it accepted, if no commit has executed it."""
    mine = [
        one for one in statements.waiting(connection, room) if isinstance(one, Addition) and one.who == me
    ]
    return mine[-1].statement if mine else None


def _asks(connection: apsw.Connection, room: RoomId, me: UserName) -> bytes:
    statements.forget_accepted(connection, room)  # a request replaces an accepted invitation
    return statements.removal_of(connection, room, me)


def _met(connection: apsw.Connection, user: UserName, now: Millis) -> bytes | None:
    key = pins.meet(connection, user, now)
    pinned = key_pins.find(connection, user)
    if key is not None and (pinned is None or pinned.level == key_pins.CHANGED or pinned.account_key != key):
        raise BlockedError(pins.changed_words(user))
    return key
