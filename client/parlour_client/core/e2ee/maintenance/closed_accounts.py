"""Members of encrypted rooms whose accounts were deleted, as the server says.

A server can't remove anyone from the keys: a moderator's device signs the removal, as for any other, unless
the moderator has verified the person. Everyone else sees what the server says, and that they can't act on it.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from parlour_client.core.archive import Archive, alarms
from parlour_client.core.checked_text import reason_text
from parlour_client.core.e2ee.groups.group_report import GroupReport
from parlour_client.core.e2ee.identity.identity_service import IdentityService
from parlour_client.core.e2ee.maintenance.background_tasks import BackgroundTasks
from parlour_client.core.e2ee.maintenance.device_session import DeviceSession
from parlour_client.core.e2ee.maintenance.membership import Membership
from parlour_client.core.e2ee.maintenance.reconcile import Reconciler
from parlour_client.core.e2ee.maintenance.room_status import RoomStatuses
from parlour_client.core.e2ee.status import Trust
from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.model import display_name
from parlour_client.core.transport.chat_conversation import ChatConnection
from parlour_client.kit.clock import Clock
from parlour_client.kit.language import _
from parlour_protocol.frames.requests import Kick
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

_LAST_WORDS: Final = 60_000
"""Milliseconds in which a message may still arrive that was sent before the account was deleted."""


class ClosedAccounts:
    """The deleted accounts in one account's rooms."""

    def __init__(
        self,
        archive: Archive,
        me: UserName,
        session: DeviceSession,
        identity: IdentityService,
        reconciler: Reconciler,
        membership: Membership,
        room_statuses: RoomStatuses,
        live: ChatConnection,
        background: BackgroundTasks,
        clock: Clock,
        *,
        follow: bool,
    ) -> None:
        """Read what the server says from ``reconciler``. Without ``follow`` no one is removed."""
        self._archive = archive
        self._me = me
        self._session = session
        self._identity = identity
        self._reconciler = reconciler
        self._membership = membership
        self._room_statuses = room_statuses
        self._live = live
        self._background = background
        self._clock = clock
        self._follow = follow
        self._since: dict[tuple[RoomId, UserName], Millis] = {}
        """When this device first learned of each."""
        self._tried: set[tuple[RoomId, UserName]] = set()

    def begin(self) -> None:
        """Start with a connection: what failed on the last one is tried again, once."""
        self._tried.clear()

    async def remove(self, room: RoomId) -> None:
        """Remove those whom this person may remove and has not verified. Raises ParlourClientError."""
        closed, groups = self._reconciler.closed(room), self._session.maybe_groups
        for user in closed:
            self._since.setdefault((room, user), self._clock.now())
        if groups is None or not self._follow:
            return
        for user in closed:
            roster = await self._archive.read(groups.expected, room)
            if roster is None or not roster.may_remove(self._me, user) or (room, user) in self._tried:
                continue
            if self._identity.trust(user) is Trust.VERIFIED:
                continue
            self._tried.add((room, user))
            statement = await self._membership.removal(room, user)
            reason = reason_text(_("Their account was deleted"))
            with suppress(ChatRefusedError):  # another moderator's device was first
                await self._live.ask(
                    Kick(id=new_request_id(), room=room, user=user, reason=reason, statement=statement)
                )

    def heard(self, room: RoomId, authors: Collection[UserName]) -> None:
        """Raise an alarm if a device of a deleted account has written: then the server has lied."""
        for user in sorted(authors):
            since = self._since.get((room, user))
            if since is not None and self._clock.now() > since + _LAST_WORDS:
                self._background.run(self._raise_alarm(room, user))

    async def _raise_alarm(self, room: RoomId, user: UserName) -> None:
        words = _(
            "The server said that {user}'s account was deleted, but one of their devices has written since. "
            "Ask {user} or the server's operator some other way."
        ).format(user=display_name(user))
        about = f"{room}/{user}"
        await self._archive.write(alarms.sound, alarms.Kind.MEMBERS, about, self._clock.now(), words)
        await self._room_statuses.refresh(room)


def closed_words(
    closed: Collection[UserName], report: GroupReport, me: UserName, verified: Collection[UserName]
) -> Sequence[str]:
    """Say of each deleted account that is still in a group room who can remove it, in a sentence."""
    roster = report.roster
    if roster is None or roster.kind is RoomKind.DIRECT:
        return ()
    found = []
    for user in sorted(closed):
        name = display_name(user)
        able = [one.user for one in roster.people if roster.may_remove(one.user, user)]
        if roster.person(user) is None or (me in able and user not in verified):
            continue  # it happens now
        if me in able:
            words = _(
                "The server says that {user}'s account was deleted. You have verified {user}, so your "
                "device did not remove them by itself. If it is true: /kick {user}"
            )
        elif any(one not in closed for one in able):
            words = _(
                "The server says that {user}'s account was deleted. The device of an owner or moderator "
                "removes it when it is online."
            )
        else:
            words = _(
                "The server says that {user}'s account was deleted. No one here may remove an owner, so "
                "messages are encrypted for its devices, too. If that matters, create a new room."
            )
        found.append(words.format(user=name))
    return found


def closed_direct_words(peer: UserName) -> str:
    """Say that no one reads a direct room any more."""
    return _(
        "{user}'s account was deleted. No one reads this conversation any more, so nothing is sent."
    ).format(user=display_name(peer))
