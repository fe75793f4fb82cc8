"""A room's state in words: its label, what prevents sending or reading, and who is in it.

Two facts are kept apart: whether a room is encrypted, and how many of its people are verified. It answers
from memory and changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence

from parlour_client.core.e2ee.closed_accounts import ClosedAccounts, closed_words
from parlour_client.core.e2ee.errors import CONTESTED, WAITING, DisplacedError
from parlour_client.core.e2ee.group.report import (
    GroupReport,
    claim_words,
    closed_direct_words,
    room_conflict,
)
from parlour_client.core.e2ee.group.rollback import RECREATE_FIRST
from parlour_client.core.e2ee.group.seal import strict_words
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.reconcile import Reconciler
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.values import MemberDevice, RoomPerson, RoomState, Trust
from parlour_client.core.e2ee.world import World
from parlour_client.core.model import display_name
from parlour_client.kit.language import _, ngettext
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind, RoomSuite


class RoomLabels:
    """Texts for the rooms of one account."""

    def __init__(
        self,
        world: World,
        keys: Keys,
        reconciler: Reconciler,
        scheduler: Scheduler,
        closed_accounts: ClosedAccounts,
    ) -> None:
        self._world = world
        self._keys = keys
        self._reconciler = reconciler
        self._scheduler = scheduler
        self._closed_accounts = closed_accounts

    def state(  # noqa: C901, PLR0911 - one return for each state, in order
        self, room: RoomId, report: GroupReport
    ) -> tuple[RoomState, str]:
        """Return the room's state, and what prevents its use, in words."""
        if self._keys.trouble is not None:
            return RoomState.WAITING, self._keys.trouble.whole
        if self._keys.identity.own().status is not DeviceStatus.ACTIVE:
            code = self._keys.identity.own().code
            words = _("This device is not approved yet. On another device of yours: /approve {code}").format(
                code=code
            )
            return RoomState.PENDING_DEVICE, words
        if report.again:
            problem = self._scheduler.problems.get(room)
            return RoomState.CONTESTED, problem.whole if problem is not None else _(RECREATE_FIRST)
        if report.status in {GroupStatus.NO_GROUP, GroupStatus.OUTSIDE}:
            known = self._scheduler.problems.get(room)
            waiting = known.whole if known is not None else _(WAITING)
            return RoomState.WAITING, " ".join(part for part in (waiting, report.invitation) if part)
        if report.status is GroupStatus.DISPLACED:
            return RoomState.BLOCKED, DisplacedError().whole
        if report.status is GroupStatus.CONTESTED:
            return RoomState.CONTESTED, _(CONTESTED)
        if report.status is GroupStatus.REFUSED:
            words = _("This device could not follow a change of the room's keys; it was reported.")
            return RoomState.CONTESTED, words
        wrong = room_conflict(self._world.state.summary(room), report, self._world.me)
        if wrong:
            return RoomState.BLOCKED, wrong
        for peer in self._peer(room).intersection(self._scheduler.closed(room)):
            return RoomState.BLOCKED, closed_direct_words(peer)
        people = {member.user for member in report.members} | self._peer(room)
        changed = sorted(user for user in people if self._keys.identity.trust(user) is Trust.CHANGED)
        if changed:
            words = ngettext(
                "{changed} has new keys: compare them (/verify {first})",
                "{changed} have new keys: compare them (/verify {first})",
                len(changed),
            )
            return RoomState.BLOCKED, words.format(changed=", ".join(changed), first=changed[0])
        if room in self._world.state.preferences.strict and (unverified := self._unverified(report)):
            return RoomState.BLOCKED, strict_words(unverified)
        return RoomState.ACTIVE, " ".join(part for part in self._notices(room, report) if part)

    def _notices(self, room: RoomId, report: GroupReport) -> Sequence[str]:
        closed = self._scheduler.closed(room)
        verified = [user for user in closed if self._keys.identity.trust(user) is Trust.VERIFIED]
        return [
            *claim_words(report.claims, report.roster),
            *(why for _user, why in report.claims.void),
            *closed_words(
                closed,
                report,
                self._world.me,
                verified,
                self._closed_accounts.contradicted(),
                self._closed_accounts.delayed(room),
            ),
            self._absent(room, report),
        ]

    def _unverified(self, report: GroupReport) -> list[UserName]:
        users = {member.user for member in report.members} - {self._world.me}
        return sorted(user for user in users if self._keys.identity.trust(user) is not Trust.VERIFIED)

    def _peer(self, room: RoomId) -> set[UserName]:
        summary = self._world.state.summary(room)
        if summary is None or summary.kind is not RoomKind.DIRECT or summary.peer is None:
            return set()
        return {summary.peer}

    def _absent(self, room: RoomId, report: GroupReport) -> str:
        left_out = self._reconciler.left_out.get(room, {})
        why = self._scheduler.left_out(room)
        for peer in self._peer(room) - {member.user for member in report.members}:
            if why:
                words = _("No device of {peer} could be added ({why}). Your messages wait.")
                return words.format(peer=peer, why=why)
            return _("{peer} has no device with encryption yet. Your messages wait.").format(peer=peer)
        if why:
            return _("Devices that could not be added: {count} ({why}).").format(count=len(left_out), why=why)
        return ""

    def label(self, report: GroupReport, state: RoomState, *, short: bool = False) -> str:
        """Return the permanent words above the room, never only a colour; ``short``: without names."""
        kind = _("Encrypted (post-quantum)") if report.suite is RoomSuite.X_WING else _("Encrypted")
        if state in {RoomState.WAITING, RoomState.PENDING_DEVICE}:
            return f"{_('Encrypted')} · {_('not available on this device')}"
        trust = {
            user: self._keys.identity.trust(user)
            for user in sorted({member.user for member in report.members} - {self._world.me})
        }
        facts = [_("Encrypted") if short else kind, who_is_verified(trust, short=short)]
        if state is RoomState.CONTESTED:
            facts.append(_("contested"))
        elif state is RoomState.BLOCKED:
            facts.append(_("BLOCKED: a key changed") if Trust.CHANGED in trust.values() else _("BLOCKED"))
        return " · ".join(facts)

    def people(self, report: GroupReport, listed: Collection[UserName] | None) -> list[RoomPerson]:
        """Return the room's members, and those the server claims: ``listed``, if it is known."""
        devices: dict[UserName, list[DeviceId]] = {}
        for member in report.members:
            devices.setdefault(member.user, []).append(member.device)
        roster = report.roster
        people = {} if roster is None else {one.user: one for one in roster.people}
        found = []
        for user in sorted({*people, *devices, *(listed or ()), *report.claims.outside}):
            person = people.get(user)
            found.append(
                RoomPerson(
                    user=user,
                    role=None if person is None else person.role,
                    admitted_by=None if person is None else person.by,
                    admitted_at=None if person is None else person.at,
                    claimed_by_server=self._claimed(user, report, listed),
                    devices=devices.get(user, []),
                    founder=person is not None and person.by == user and not person.proof,
                )
            )
        return found

    @staticmethod
    def _claimed(user: UserName, report: GroupReport, listed: Collection[UserName] | None) -> bool | None:
        return user in report.claims.outside or (None if listed is None else user in listed)

    def devices(self, report: GroupReport, listed: Collection[UserName] | None = None) -> list[MemberDevice]:
        """Return the devices of the group, with the trust in each person."""
        own = self._keys.identity.own().device
        me = self._world.me
        people = {} if report.roster is None else {one.user: one.by for one in report.roster.people}
        return [
            MemberDevice(
                user=member.user,
                device=member.device,
                name=member.certificate.name,
                trust=Trust.VERIFIED if member.user == me else self._keys.identity.trust(member.user),
                certified=member.certificate.created,
                own=member.user == me,
                current=member.device == own,
                admitted_by=people.get(member.user),
                claimed_by_server=self._claimed(member.user, report, listed),
            )
            for member in sorted(report.members, key=lambda member: (member.user, member.device))
        ]


def who_is_verified(others: Mapping[UserName, Trust], *, short: bool = False) -> str:
    """Say which of the others in a room are not verified: by name if they are few, and not ``short``."""
    names = [display_name(user) for user, trust in others.items() if trust is not Trust.VERIFIED]
    if not others:
        return _("no one else here")
    if names and short:
        return _("{count} not verified").format(count=len(names))
    match names:
        case [] if len(others) == 1 and not short:
            return _("{name} verified").format(name=display_name(next(iter(others))))
        case []:
            return _("everyone verified")
        case [_name] | [_name, _]:
            return _("{names} not verified").format(names=", ".join(names))
        case _more:
            return _("{count} of {total} not verified").format(count=len(names), total=len(others))
