"""Members of encrypted rooms whose accounts were deleted, as the server says.

A server can't remove anyone from the keys: a moderator's device signs the removal, as for any other. The
server may lie, so the device waits a moment, in which the room says what the server claims and a device of
the person can write, and limits how many people it removes a day. It never removes someone whom its person
has verified. Everyone else sees what the server says, and that they can't act on it.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from parlour_client.core.archive import alarms, closed_claims
from parlour_client.core.archive.closed_claims import ClosedClaim
from parlour_client.core.checked_text import reason_text
from parlour_client.core.e2ee.decisions import Membership
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group.report import GroupReport
from parlour_client.core.e2ee.group.statements import expected_in
from parlour_client.core.e2ee.keep.keys import Keys, RoomStatuses
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.model import display_name
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _, ngettext
from parlour_protocol.frames.requests import Kick
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

WAIT_SECONDS: Final = 30
"""How long a device must have heard that an account was deleted before it removes it by itself."""
REMOVALS_A_DAY: Final = 3
"""How many people a device removes by itself within a day, in all rooms."""
_DAY: Final = 86_400_000
_HOUR: Final = 3_600_000
_AGAIN: Final = 10.0
"""Seconds until a removal that could not be signed is tried again."""
LAST_WORDS: Final = 10_000
"""Milliseconds in which a message may still arrive that was sent before the account was deleted."""


class ClosedAccounts:
    """The deleted accounts in one account's rooms."""

    def __init__(
        self,
        world: World,
        keys: Keys,
        scheduler: Scheduler,
        membership: Membership,
        room_statuses: RoomStatuses,
    ) -> None:
        self._world = world
        self._keys = keys
        self._scheduler = scheduler
        self._membership = membership
        self._room_statuses = room_statuses
        self.claims: dict[tuple[RoomId, UserName], ClosedClaim] = {}
        """As in the archive."""
        self._tried: set[tuple[RoomId, UserName]] = set()
        self._removing = asyncio.Lock()  # two at once would both count before either has removed someone

    async def load(self) -> None:
        """Load what the server said before."""
        claims = await self._world.archive.read(closed_claims.load)
        self.claims = {(claim.room, claim.user): claim for claim in claims}

    def connected(self) -> None:
        """Start with a connection: what failed on the last one is tried again, once."""
        self._tried.clear()

    def contradicted(self) -> Collection[UserName]:
        """Return the people whose devices have written after the server said that they were deleted."""
        return {claim.user for claim in self.claims.values() if claim.written}

    async def remove(self, room: RoomId) -> float | None:
        """Remove those whom this person may remove, where it is time.

        Returns in how many seconds the next may be due, if any. Raises ParlourClientError.
        """
        async with self._removing:
            return await self._remove(room)

    async def _remove(self, room: RoomId) -> float | None:
        await self._note(room)
        groups, wait = self._keys.maybe_groups, None
        if groups is None or not self._world.follow:
            return None
        for user in self._scheduler.closed(room):
            roster = await self._world.archive.read(expected_in, groups, room, self._world.clock.now())
            if roster is None or not roster.may_remove(self._world.me, user) or (room, user) in self._tried:
                continue
            if self._keys.identity.trust(user) is Trust.VERIFIED:
                continue
            if user in self.contradicted():
                continue
            now = self._world.clock.now()
            due = max(self.claims[room, user].since + WAIT_SECONDS * 1000, self._next_removal(user))
            if now < due:
                wait = min(due - now, wait or due - now)
                continue
            self._tried.add((room, user))
            try:
                await self._kick(room, user)
            except NotReadyError:  # others are changing the room's keys
                self._tried.discard((room, user))
                return _AGAIN
            except ParlourClientError:
                self._tried.discard((room, user))
                raise
        return None if wait is None else wait / 1000

    async def _note(self, room: RoomId) -> None:
        """Store what the server says now, and forget what it does not say any more."""
        closed = set(self._scheduler.closed(room))
        known = {claim.user: claim for claim in self.claims.values() if claim.room == room}
        new = closed.difference(known)
        over = [user for user, claim in known.items() if user not in closed and not self._is_kept(claim)]
        if new:
            for claim in await self._world.archive.write_durably(
                closed_claims.add, room, new, self._world.clock.now()
            ):
                self.claims[room, claim.user] = claim
        if over:
            await self._world.archive.write(closed_claims.drop, room, over)
            for user in over:
                del self.claims[room, user]

    def _is_kept(self, claim: ClosedClaim) -> bool:
        """Say whether a claim still counts when it is not made any more."""
        lately = claim.removed is not None and self._world.clock.now() < claim.removed + _DAY
        return claim.written or lately

    def delayed(self, room: RoomId) -> Mapping[UserName, int]:
        """Return in how many hours this device may remove someone, if it has removed too many for now."""
        now = self._world.clock.now()
        due = {user: self._next_removal(user) for user in self._scheduler.closed(room)}
        return {user: -((now - at) // _HOUR) for user, at in due.items() if at > now + WAIT_SECONDS * 1000}

    def _next_removal(self, user: UserName) -> int:
        """Return when this device may remove one more person."""
        last: dict[UserName, Millis] = {}
        for claim in self.claims.values():
            if claim.removed is not None and claim.user != user:
                last[claim.user] = max(claim.removed, last.get(claim.user, claim.removed))
        times = sorted(last.values(), reverse=True)
        return 0 if len(times) < REMOVALS_A_DAY else times[REMOVALS_A_DAY - 1] + _DAY

    async def _kick(self, room: RoomId, user: UserName) -> None:
        statement = await self._membership.removal(room, user)
        reason = reason_text(_("The server says that their account was deleted"))
        claim = self.claims[room, user]
        if claim.written:  # while the removal was signed
            return
        await self._change(replace(claim, removed=self._world.clock.now()))  # it counts before it happens
        try:
            await self._world.live.ask(
                Kick(id=new_request_id(), room=room, user=user, reason=reason, statement=statement)
            )
        except ChatRefusedError:  # another moderator's device was first
            await self._change(replace(self.claims[room, user], removed=claim.removed))

    async def _change(self, claim: ClosedClaim) -> None:
        self.claims[claim.room, claim.user] = claim
        await self._world.archive.write_durably(closed_claims.save, claim)

    def heard(self, room: RoomId, author: UserName, seq: Seq) -> None:
        """Raise an alarm if a device of a deleted account has written: then the server has lied."""
        claim = self.claims[room, author]
        if claim.written or seq <= claim.head:
            return
        if self._world.clock.now() > claim.since + LAST_WORDS:
            self.claims[room, author] = replace(claim, written=True)  # from now on, no removal
            self._world.tasks.run(self._raise_alarm(room, author))

    async def _raise_alarm(self, room: RoomId, author: UserName) -> None:
        claim = self.claims[room, author]  # as it is by now: it may count as removed since
        await self._change(claim)
        words = _(
            "The server said that {user}'s account was deleted, but one of their devices has written since. "
            "Ask {user} or the server's operator some other way."
        ).format(user=display_name(claim.user))
        about = f"{claim.room}/{claim.user}"
        await self._world.archive.write(
            alarms.sound, alarms.Kind.MEMBERS, about, self._world.clock.now(), words
        )
        await self._room_statuses.refresh(claim.room)


def closed_words(
    closed: Collection[UserName],
    report: GroupReport,
    me: UserName,
    verified: Collection[UserName],
    contradicted: Collection[UserName],
    delayed: Mapping[UserName, int],
) -> Sequence[str]:
    """Say of each deleted account that is still in a group room who can remove it, in sentences.

    ``delayed``: in how many hours this device may remove someone, where that is not soon.
    """
    roster = report.roster
    if roster is None or roster.kind is RoomKind.DIRECT:
        return ()
    found = []
    for user in sorted(closed):
        able = [one.user for one in roster.people if roster.may_remove(one.user, user)]
        if roster.person(user) is None:
            continue
        if me in able and user in verified:
            words = _(
                "The server says that {user}'s account was deleted. You have verified {user}, so your "
                "device does not remove them by itself. If it is true: /kick {user}"
            )
        elif me in able and user in contradicted:
            words = _(
                "The server says that {user}'s account was deleted, but one of their devices has written "
                "since, so your device does not remove them by itself. If it is true: /kick {user}"
            )
        elif me in able and user in delayed:
            words = ngettext(
                "The server says that {user}'s account was deleted. Your device has removed as many people "
                "as it may in a day, and removes {user} within an hour. To do it now: /kick {user}",
                "The server says that {user}'s account was deleted. Your device has removed as many people "
                "as it may in a day, and removes {user} in {hours} hours. To do it now: /kick {user}",
                delayed[user],
            )
        elif me in able:
            words = _(
                "The server says that {user}'s account was deleted. Your device removes {user} in half a "
                "minute, unless one of their devices writes."
            )
        elif any(one not in closed for one in able):
            words = _(
                "The server says that {user}'s account was deleted. The device of an owner or moderator "
                "removes it soon."
            )
        else:
            words = _(
                "The server says that {user}'s account was deleted. No one here may remove an owner, so "
                "messages are encrypted for its devices, too. If that matters, create a new room."
            )
        found.append(words.format(user=display_name(user), hours=delayed.get(user, 0)))
    return found
