"""The final log of each room, replayed: who was in it, with which rights, and whether each event was allowed.

The rules are written down here once more, from protocol/README.md and not from the server's code: a mistake
there is none here. Nothing depends on a clock but what ends at a time that the log itself names.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace
from tests.cluster.records import History, Room, User, kind_of

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Archived,
    Banned,
    Blank,
    Contested,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    GroupCreated,
    Handshake,
    Invited,
    Joined,
    Kicked,
    Left,
    MembershipChange,
    Message,
    Muted,
    Pinned,
    Reacted,
    RoleSet,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
)
from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import INVITATION_DAYS
from parlour_protocol.rooms import Role, RoomKind

INSIDE: Final = "inside"
MUTED: Final = "muted"
BANNED: Final = "banned"
ARCHIVED: Final = "archived"
INVITED: Final = "invited"
WITHDRAWN: Final = "withdrawn"
"""Invited once, and not any more."""
MODERATES: Final = "moderates"
"""A moderator or an owner."""
_RANK: Final = {Role.MEMBER: 1, Role.MODERATOR: 2, Role.OWNER: 3}
_SHOWS_TEXT: Final = (Message, EncryptedMessage, Edited, Reacted, Invited, TopicSet, Pinned)
"""What someone who is muted may not do, and nobody in an archived room."""
_MODERATION: Final = (Kicked, Banned, Unbanned, Muted, Unmuted)


class Spans:
    """What was so from one event to another one: for each state and person, half-open ranges of numbers."""

    def __init__(self) -> None:
        self._spans: defaultdict[tuple[str, User], list[tuple[int, int]]] = defaultdict(list)

    def set(self, state: str, user: User, seq: int, *, on: bool) -> None:
        """Let it be so, or not, from event ``seq`` on."""
        spans = self._spans[state, user]
        is_on = bool(spans) and not spans[-1][1]
        if on and not is_on:
            spans.append((seq, 0))
        elif is_on and not on:
            spans[-1] = (spans[-1][0], seq)

    def of(self, state: str, user: User) -> Sequence[tuple[int, int]]:
        """Return the first number of each range, and the one that ended it (0: none)."""
        return self._spans.get((state, user), ())

    def ever(self, state: str, user: User, first: int, last: int) -> bool:
        """Tell whether it was so after one of the events from ``first`` to ``last``."""
        return any(begin <= last and (not end or end > first) for begin, end in self.of(state, user))

    def always(self, state: str, user: User, first: int, last: int) -> bool:
        """Tell whether it was so after each of them."""
        return any(begin <= first and (not end or end > last) for begin, end in self.of(state, user))

    def touches(self, state: str, user: User, seq: int) -> bool:
        """Tell whether it was so before or after event ``seq``."""
        return self.ever(state, user, seq - 1, seq)


class RoomLog:
    """One room."""

    def __init__(self, room: Room, events: Sequence[LogEvent], pair: frozenset[User], operator: User) -> None:
        """``pair``: the two people of a direct room."""
        self.room = room
        self.events: Final[dict[int, LogEvent]] = {event.seq: event for event in events}
        self.head: Final = max(self.events, default=0)
        self.deleted: Final = {event.body.target for event in events if isinstance(event.body, Deleted)}
        self.spans: Final = Spans()
        self.faults: Final[list[tuple[LogEvent, str]]] = []
        """Events that were not allowed, and why."""
        self.judged: Final = Counter[str]()
        self.appointed: Final = set[int]()
        """Events by which the server itself made someone owner, because there was none."""
        self._pair = pair
        self._operator = operator
        self._kind = RoomKind.PUBLIC
        self._roles: dict[User, Role] = {}
        self._mutes: dict[User, Millis | None] = {}
        self._bans: dict[User, Millis | None] = {}
        self._invitations: dict[User, dict[User, int]] = {}
        """For each person, who invited them, and until when."""
        self._archived = False
        self._is_encrypted = False
        for event in events:
            if why := self._why_not(event):
                self.faults.append((event, why))
            self.judged[kind_of(event.body)] += 1
            self._apply(event, event.body)

    def is_member(self, user: User, seq: int) -> bool:
        """Tell whether event ``seq`` was made while they were in; those of entering and leaving count."""
        return self.spans.touches(INSIDE, user, seq)

    def stays(self, user: User, seq: int) -> bool:
        """Tell whether someone is in from an event to the end."""
        return self.spans.always(INSIDE, user, seq, self.head)

    def _why_not(self, event: LogEvent) -> str:  # noqa: C901, PLR0911, PLR0912 - one case for each body
        body, author = event.body, event.author
        if author == self._operator:
            return ""
        if isinstance(body, Created):
            return "" if event.seq == 1 else "the room was created before"
        if isinstance(body, Joined):
            return self._why_no_entry(event, body)
        if isinstance(body, RoleSet) and self._is_appointment(event, body):
            self.appointed.add(event.seq)
            return ""
        if author not in self._roles:
            return "is not a member"
        if isinstance(body, _SHOWS_TEXT) or (isinstance(body, Blank) and body.was in _TEXTS):
            if _in_force(self._mutes, author, event.at):
                return "is muted"
            if self._archived and not isinstance(body, EncryptedMessage):
                return "writes in an archived room"
        match body:
            case Edited(target=target) | Reacted(target=target):
                return self._why_not_about(target, event, must_be_own=isinstance(body, Edited))
            case Deleted(target=target):
                can_any = self._rank(author) > _RANK[Role.MEMBER] and self._kind is not RoomKind.DIRECT
                return self._why_not_about(target, event, must_be_own=not can_any)
            case Kicked() | Banned() | Unbanned() | Muted() | Unmuted():
                return self._why_not_moderate(event, body)
            case RoleSet(who=who, role=role):
                return self._why_no_role(author, who, role)
            case Invited(who=who):
                if who in self._roles:
                    return f"invites {who}, who is in"
                return f"invites {who}, who is banned" if _in_force(self._bans, who, event.at) else ""
            case Uninvited(who=who):
                is_open = self._invitations.get(who, {})
                is_theirs = author in is_open or (is_open and self._rank(author) > _RANK[Role.MEMBER])
                return "" if is_theirs else f"withdraws an invitation of {who}, and there is none of theirs"
            case Archived() | EncryptionOn():
                return "" if self._roles[author] is Role.OWNER else "is not an owner"
            case Added():
                return "makes someone a member without asking them"
            case Left() if self._kind is RoomKind.DIRECT:
                return "leaves a direct room"
            case _:
                return ""

    def _why_no_entry(self, event: LogEvent, body: Joined) -> str:
        author = event.author
        is_for_members = self._is_encrypted and body.statement is not None
        if author in self._roles and not is_for_members:  # section 5.6: its members decide by the statement
            return "joins, and is in"
        if _in_force(self._bans, author, event.at):
            return "joins, and is banned"
        if self._archived:
            return "joins an archived room"
        is_invited = any(expires > event.at for expires in self._invitations.get(author, {}).values())
        if self._kind is RoomKind.PUBLIC or is_invited:
            return ""
        return "joins without an invitation"

    def _why_not_about(self, target: int, event: LogEvent, *, must_be_own: bool) -> str:
        about = self.events.get(target)
        if about is None or target >= event.seq:
            return f"is about message {target}, which is not there"
        is_message = isinstance(about.body, Message) or (
            isinstance(about.body, Blank) and about.body.was == "message"
        )
        if not is_message:
            return f"is about {target}, which is no message"
        return (
            f"is about {target}, which is not theirs" if must_be_own and about.author != event.author else ""
        )

    def _why_not_moderate(self, event: LogEvent, body: Kicked | Banned | Unbanned | Muted | Unmuted) -> str:
        author, who = event.author, body.who
        if self._kind is RoomKind.DIRECT or self._rank(author) < _RANK[Role.MODERATOR]:
            return "is no moderator"
        if who == author:
            return "does that to themselves"
        if not isinstance(body, Banned | Unbanned) and who not in self._roles:
            return f"does that to {who}, who is not in"
        if not isinstance(body, Unbanned) and self._rank(author) <= self._rank(who):
            return f"does that to {who}, whose role is as high"
        return ""

    def _why_no_role(self, author: User, who: User, role: Role) -> str:
        if self._roles[author] is not Role.OWNER:
            return "gives a role, and is no owner"
        if who not in self._roles or self._roles[who] is role:
            return f"gives {who} a role that they have, or can't have"
        if who == author:
            owners = sum(one is Role.OWNER for one in self._roles.values())
            return "" if owners > 1 else "steps down as the only owner"
        return f"gives {who}, an owner, another role" if self._roles[who] is Role.OWNER else ""

    def _is_appointment(self, event: LogEvent, body: RoleSet) -> bool:
        """Tell whether the server makes someone owner, who must be the one whose turn it is."""
        if body.role is not Role.OWNER or Role.OWNER in self._roles.values():
            return False
        before = self.events.get(event.seq - 1)
        return before is not None and before.author == event.author and body.who in self._roles

    def _rank(self, user: User) -> int:
        role = self._roles.get(user)
        return 0 if role is None else _RANK[role]

    def _apply(self, event: LogEvent, body: AnyBody) -> None:  # noqa: C901, PLR0912 - one case for each body
        seq = event.seq
        match body:
            case Created(room_kind=kind, encrypted=is_encrypted):
                self._kind, self._is_encrypted = kind, is_encrypted
                for user in {event.author, *self._pair}:
                    self._enter(user, seq, Role.MEMBER if kind is RoomKind.DIRECT else Role.OWNER)
            case Joined():
                self._enter(event.author, seq, Role.MEMBER)
                self._bans.pop(event.author, None)
                self._set(BANNED, event.author, seq, on=False)
            case Added(who=who):
                self._enter(who, seq, Role.MEMBER)
            case Left():
                self._exit(event.author, seq)
            case Kicked(who=who):
                self._exit(who, seq)
            case Banned(who=who, until=until):
                self._exit(who, seq)
                self._withdraw(who, seq, list(self._invitations.get(who, ())))
                self._bans[who] = until
                self._set(BANNED, who, seq, on=True)
            case Unbanned(who=who):
                self._bans.pop(who, None)
                self._set(BANNED, who, seq, on=False)
            case Muted(who=who, until=until):
                self._mutes[who] = until
                self._set(MUTED, who, seq, on=True)
            case Unmuted(who=who):
                self._mutes.pop(who, None)
                self._set(MUTED, who, seq, on=False)
            case RoleSet(who=who, role=role):
                self._roles[who] = role
                self._set(MODERATES, who, seq, on=role is not Role.MEMBER)
            case Invited(who=who):
                lasts = INVITATION_DAYS.value * 86_400_000
                self._invitations.setdefault(who, {})[event.author] = event.at + lasts
                self._set(INVITED, who, seq, on=True)
                self._set(WITHDRAWN, who, seq, on=False)
            case Uninvited(who=who):
                outranks = self._rank(event.author) > _RANK[Role.MEMBER]
                self._withdraw(who, seq, list(self._invitations.get(who, ())) if outranks else [event.author])
            case Archived(on=on):
                self._archived = on
                self._set(ARCHIVED, "", seq, on=on)
            case EncryptionOn():
                self._is_encrypted = True
            case _:
                pass

    def _enter(self, user: User, seq: int, role: Role) -> None:
        self._roles.setdefault(user, role)
        self._invitations.pop(user, None)
        self._set(INSIDE, user, seq, on=True)
        self._set(INVITED, user, seq, on=False)
        self._set(WITHDRAWN, user, seq, on=False)
        self._set(MODERATES, user, seq, on=self._roles[user] is not Role.MEMBER)

    def _exit(self, user: User, seq: int) -> None:
        self._roles.pop(user, None)
        self._set(INSIDE, user, seq, on=False)
        self._set(MODERATES, user, seq, on=False)
        for who in list(self._invitations):  # those by someone who is gone
            self._withdraw(who, seq, [user])

    def _withdraw(self, who: User, seq: int, inviters: Sequence[User]) -> None:
        by = self._invitations.get(who, {})
        for inviter in inviters:
            by.pop(inviter, None)
        if not by and self._invitations.pop(who, None) is not None:
            self._set(INVITED, who, seq, on=False)
            self._set(WITHDRAWN, who, seq, on=True)

    def _set(self, state: str, user: User, seq: int, *, on: bool) -> None:
        self.spans.set(state, user, seq, on=on)


_TEXTS: Final = frozenset({"message", "edited", "reacted"})


def _in_force(ends: Mapping[User, Millis | None], user: User, at: Millis) -> bool:
    """Tell whether a mute or a ban binds someone; one without an end is permanent."""
    if user not in ends:
        return False
    until = ends[user]
    return until is None or until > at


class FinalLog:
    """All rooms that were read in the end."""

    def __init__(self, history: History) -> None:
        self.events: Final = history.log
        self.rooms: Final = {
            room: RoomLog(room, events, history.pairs.get(room, frozenset()), history.operator)
            for room, events in history.log.items()
        }

    def stored(self, room: Room, seq: int) -> LogEvent | None:
        """Return the event of this number."""
        found = self.rooms.get(room)
        return None if found is None else found.events.get(seq)

    def may_show(self, shown: LogEvent) -> bool:
        """Tell whether an event that was shown is the one in the log, or was before its deletion."""
        stored = self.stored(shown.room, shown.seq)
        if stored is None:
            return False
        same = (stored.at, stored.author, stored.device) == (shown.at, shown.author, shown.device)
        if not same or stored.body == shown.body:
            return same
        return isinstance(stored.body, Blank) and stored.body.was == kind_of(shown.body)


def asked(event: LogEvent) -> AnyBody:
    """Return what of an event its request decides: a duration, and nothing that the server adds."""
    body = event.body
    if isinstance(body, Banned | Muted) and body.until is not None:
        body = replace(body, until=Millis(body.until - event.at))
    if isinstance(body, MembershipChange):
        body = replace(body, members=None, statement=None)
    if isinstance(body, Invited | Unbanned | RoleSet):
        body = replace(body, statement=None)
    return body


OF_CLIENTS: Final = (EncryptedMessage, GroupCreated, Handshake, Contested)
"""Bodies of encrypted rooms, which real clients send by themselves."""
