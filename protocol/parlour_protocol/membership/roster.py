"""The roster of an encrypted room: the part of a group's state that its members agree on.

A `Roster` changes only by statements (``applied``) of people on it who may make them. Its digest is in the
group's context, so members who disagree cannot share an epoch. It uses no server and no clock: the count of
changes (``serial``) is its time, and a statement from before a removal never brings the person back.
"""

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NoReturn

import msgspec
from msgspec.structs import replace

from parlour_protocol.id_fields import RoomIdField
from parlour_protocol.identity import StatementError, Verify
from parlour_protocol.identity.certificates import Key, Server, plain_text
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.fields import decode_field
from parlour_protocol.kit.id_fields import Count, MillisField
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership.statements import (
    Admit,
    AnyAct,
    Remove,
    Request,
    SetRole,
    Statement,
    Unban,
    read_statement,
)
from parlour_protocol.rooms import Role, RoomKind

MAY: Final[Mapping[type[AnyAct], Role]] = MappingProxyType(
    {Admit: Role.MEMBER, Remove: Role.MODERATOR, Unban: Role.MODERATOR, SetRole: Role.OWNER}
)
"""The lowest role that may make a statement about someone else. In a direct room there is only `Admit`."""
_RANK: Final[Mapping[Role, int]] = MappingProxyType({Role.MEMBER: 1, Role.MODERATOR: 2, Role.OWNER: 3})
_LABEL: Final = b"parlour room roster v1\0"
_ORIGIN_LABEL: Final = b"parlour room origin v1\0"
_TWO: Final = 2


class NotAllowedError(ParlourProtocolError):
    """A statement that its signer may not make, or that is void; ``str()`` says why."""


class Person(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Someone in the room. ``account_key`` signs their devices' certificates."""

    user: UserName
    account_key: Key
    role: Role
    by: UserName
    """Who admitted them; themselves for the founder, and for those who came by their own request."""
    at: MillisField
    """When, by the clock of the device that signed it."""
    since: Count
    """The change by which they joined."""
    first: Role = Role.MEMBER
    """Their role when they joined."""
    proof: bytes = b""
    """The statement that admitted them; empty for the first people."""


class RemovedPerson(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Someone who is no longer in the room, or is banned."""

    user: UserName
    serial: Count
    """Statements about them with a lower serial are void."""
    banned: bool
    by: UserName
    at: MillisField
    proof: bytes
    """The statement that removed them, or lifted their ban."""
    until: MillisField | None = None
    """When the ban ends; later statements may admit them."""
    was: Person | None = None
    """Their former entry, as evidence for statements that they signed."""


class Origin(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The start of a roster: its founder, its first people (name, account key, role), and the time."""

    founder: UserName
    at: MillisField
    people: tuple[tuple[UserName, Key, Role], ...]


class Roster(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The people of one room. ``people`` and ``removed`` are sorted by name, with one entry for each name."""

    server: Server
    room: RoomIdField
    kind: RoomKind
    began: Origin
    serial: Count
    people: tuple[Person, ...]
    removed: tuple[RemovedPerson, ...] = ()
    roles: tuple[bytes, ...] = ()
    """All statements that gave a role, in order: evidence for statements signed in between."""

    @classmethod
    def begin(
        cls,
        server: str,
        room: RoomId,
        kind: RoomKind,
        founder: UserName,
        people: Iterable[tuple[UserName, bytes, Role]],
        at: Millis,
    ) -> "Roster":
        """Create a room's roster with its first people (name, account key, role), listed by the founder.

        Raises NotAllowedError if the founder is not among them, or a direct room would have three.
        """
        vouched = tuple(sorted(people, key=_name))
        found = tuple(_vouched_for(one, founder, at) for one in vouched)
        made = cls(server, room, kind, Origin(founder, at, vouched), 0, found)
        if made.person(founder) is None:
            _refuse(f"{founder} is not among the first members of the room")
        _require_form(made)
        return made

    @classmethod
    def read(cls, data: bytes) -> "Roster":
        """Read an encoded roster, without checking proofs (``require_proofs``). Raises StatementError."""
        try:
            roster = msgspec.msgpack.decode(data, type=cls, dec_hook=decode_field)
            if roster.encode() != data:
                raise StatementError("the member list is not in its canonical form")
            _require_form(roster)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise StatementError("this is not a member list") from error
        except NotAllowedError as error:
            raise StatementError(str(error)) from error
        return roster

    def encode(self) -> bytes:
        """Return the roster in its canonical form."""
        return msgspec.msgpack.encode(self, enc_hook=plain_text)

    @property
    def digest(self) -> bytes:
        """The digest of the roster (32 bytes)."""
        return hashlib.sha256(_LABEL + self.encode()).digest()

    @property
    def origin(self) -> bytes:
        """The digest of the roster's start (32 bytes), which never changes."""
        began = (self.server, self.room, self.kind, self.began)
        return hashlib.sha256(_ORIGIN_LABEL + msgspec.msgpack.encode(began, enc_hook=plain_text)).digest()

    @property
    def extension(self) -> bytes:
        """The data of the group context's extension: version, serial and digest."""
        return msgspec.msgpack.encode((1, self.serial, self.digest))

    # --- queries

    def person(self, user: UserName) -> Person | None:
        """Return a person in the room."""
        return next((one for one in self.people if one.user == user), None)

    def removal_of(self, user: UserName) -> RemovedPerson | None:
        """Return someone who left, was removed or is banned."""
        return next((one for one in self.removed if one.user == user), None)

    def may_remove(self, by: UserName, who: UserName) -> bool:
        """Return whether one person in the room may remove the other."""
        acting, removed = self.person(by), self.person(who)
        if acting is None or removed is None or self.kind is RoomKind.DIRECT:
            return False
        return _RANK[acting.role] >= _RANK[MAY[Remove]] and _RANK[acting.role] > _RANK[removed.role]

    def admits(self, user: UserName, account_key: bytes) -> bool:
        """Return whether devices with this account key belong in the room's group."""
        found = self.person(user)
        return found is not None and found.account_key == account_key

    # --- checks

    def require_proofs(self, verify: Verify, known: "Roster | None" = None) -> None:
        """Check a roster that came from someone else. Raises NotAllowedError.

        Everyone in it must have been admitted by a current or former member. A device that already has a
        roster of this room passes it as ``known``: then every addition, removal and promotion since needs a
        valid statement, and the roster cannot be an older one.
        """
        _Proofs(self, known, verify).require()

    # --- changes

    def applied(self, statement: Statement) -> "Roster":
        """Return the roster after a statement. Raises NotAllowedError with the reason, as a clause."""
        act = statement.act
        if (act.server, act.room) != (self.server, self.room):
            _refuse("the statement is about another room")
        if act.serial > self.serial:
            _refuse("the statement refers to changes that never happened")
        match act:
            case Request():
                return self._requested(statement, act)
            case Admit():
                return self._admitted(statement, act, self._signer(statement))
            case Remove():
                return self._removed(statement, act, self._signer(statement))
            case Unban():
                return self._unbanned(statement, act, self._signer(statement))
            case SetRole():
                return self._given(statement, act, self._signer(statement))

    def _signer(self, statement: Statement) -> Person:
        by = self.person(statement.by)
        if by is None or by.account_key != statement.signer.account_key:
            _refuse(f"{statement.by}, who signed it, is not in the room with that key")
        return by

    def _requested(self, statement: Statement, act: Request) -> "Roster":
        if self.kind is not RoomKind.PUBLIC:
            _refuse("people join this room by invitation only")
        before = self._may_come(act)
        if self.person(act.who) is not None:
            _refuse(f"{act.who} is in the room already")
        if before is not None and act.at <= before.at:
            _refuse(f"{act.who} has left since that request was made")
        key = statement.signer.account_key
        return self._with(_came(act, key, act.who, self.serial + 1, statement.data))

    def _admitted(self, statement: Statement, act: Admit, by: Person) -> "Roster":
        _require_role(by, act)
        if act.origin != self.origin:
            _refuse("the admission is for a group that began with other people")
        before, now = self._may_come(act), self.person(act.who)
        if before is not None and act.serial < before.serial:
            _refuse(f"{act.who} was removed after that admission was signed")
        if now is not None and now.account_key == act.account_key:
            _refuse(f"{act.who} is in the room already")
        if now is not None and act.serial < now.since:
            _refuse(f"{act.who} was admitted with another key after that admission was signed")
        if self.kind is RoomKind.DIRECT and now is None and len(self.people) >= _TWO:
            _refuse("a direct room has two people")
        return self._with(_came(act, act.account_key, by.user, self.serial + 1, statement.data))

    def _removed(self, statement: Statement, act: Remove, by: Person) -> "Roster":
        if self.kind is RoomKind.DIRECT:
            _refuse("people cannot leave a direct room or be removed from it")
        now, before = self.person(act.who), self.removal_of(act.who)
        if act.who != by.user:
            _require_role(by, act)
            if now is not None and _RANK[by.role] <= _RANK[now.role]:
                _refuse(f"{act.who}'s role is not below {by.user}'s")
        elif act.ban:
            _refuse("people cannot ban themselves")
        if now is None and not (act.ban and (before is None or not before.banned)):
            _refuse(f"{act.who} is not in the room")
        if now is not None and act.serial < now.since:
            _refuse(f"{act.who} joined after that was signed")
        last = max(act.at, before.at if before is not None else 0, now.at if now is not None else 0)
        was = now if now is not None else before.was if before is not None else None
        until = act.until if act.ban else None
        removed = RemovedPerson(
            act.who, self.serial + 1, act.ban, by.user, Millis(last), statement.data, until, was
        )
        return self._with(removed=removed)

    def _unbanned(self, statement: Statement, act: Unban, by: Person) -> "Roster":
        _require_role(by, act)
        before = self.removal_of(act.who)
        if before is None or not before.banned:
            _refuse(f"{act.who} is not banned")
        if act.serial < before.serial:
            _refuse(f"{act.who} was banned after that was signed")
        lifted = replace(
            before, banned=False, until=None, serial=self.serial + 1, by=by.user, proof=statement.data
        )
        return self._with(removed=lifted)

    def _given(self, statement: Statement, act: SetRole, by: Person) -> "Roster":
        now = self.person(act.who)
        if self.kind is RoomKind.DIRECT or now is None:
            _refuse(f"{act.who} has no role here")
        if act.serial < now.since:
            _refuse(f"{act.who} joined after that was signed")
        if act.who == by.user:
            if _RANK[act.role] >= _RANK[by.role]:
                _refuse("people cannot raise their own role")
            if by.role is Role.OWNER and sum(one.role is Role.OWNER for one in self.people) == 1:
                _refuse("a room needs an owner")
        else:
            _require_role(by, act)
            if _RANK[by.role] <= _RANK[now.role]:
                _refuse(f"{act.who}'s role is not below {by.user}'s")
        if statement.data in self.roles:
            _refuse("that statement was used already")
        if now.role is act.role:
            _refuse(f"{act.who} has this role already")
        changed = self._with(replace(now, role=act.role))
        return replace(changed, roles=(*self.roles, statement.data))

    def _may_come(self, act: Admit | Request) -> RemovedPerson | None:
        before = self.removal_of(act.who)
        if before is not None and before.banned and (before.until is None or act.at < before.until):
            _refuse(f"{act.who} is banned: a moderator has to lift the ban first")
        return before

    def _with(self, person: Person | None = None, removed: RemovedPerson | None = None) -> "Roster":
        """Replace the entry of one name, and count the change."""
        who = person.user if person is not None else removed.user if removed is not None else ""
        people = [one for one in self.people if one.user != who]
        others = [one for one in self.removed if one.user != who]
        if person is not None:
            people.append(person)
            others += [one for one in self.removed if one.user == who]  # its serial keeps counting
        if removed is not None:
            others.append(removed)
        return replace(
            self,
            serial=self.serial + 1,
            people=tuple(sorted(people, key=_user)),
            removed=tuple(sorted(others, key=_user)),
        )


class _Proofs:
    """The evidence of one roster: who was allowed to sign what, starting with known people."""

    def __init__(self, roster: Roster, known: Roster | None, verify: Verify) -> None:
        self._roster, self._known, self._verify = roster, known, verify
        self._trusted: dict[tuple[UserName, bytes], Role] = {}
        self._statements: dict[bytes, Statement | None] = {}
        for one in _everyone(known):
            self._trust(one, one.role)
            self._trust(one, one.first)
        self._roles = [self._statement(data) for data in roster.roles]

    def require(self) -> None:
        roster, known = self._roster, self._known
        if known is not None:
            if (roster.server, roster.room, roster.kind) != (known.server, known.room, known.kind):
                _refuse("it is the member list of another room")
            if roster.began != known.began:
                _refuse("the room did not begin with these people")
            if roster.serial < known.serial:
                _refuse("the member list is older than the one known here")
            if roster.serial == known.serial and roster.digest != known.digest:
                _refuse("the member list differs from the one known here")
        else:
            self._trust_founders()
        self._trust_admitted()
        for person in roster.people:
            if not (self._was_there(person) or self._is_admitted(person)):
                _refuse(f"{person.user} is in it, but no member admitted them")
            self._require_role(person)
        for removed in roster.removed:
            self._require_removal(removed)
        if known is not None:
            self._require_all(known)

    def _trust_founders(self) -> None:
        """Trust the first people, who are listed by the founder."""
        began = self._roster.began
        if began.founder not in [user for user, _, _ in began.people]:
            _refuse("no one vouches for its first members")
        for one in began.people:
            person = _vouched_for(one, began.founder, began.at)
            self._trust(person, person.first)

    def _was_there(self, person: Person) -> bool:
        """Return whether someone needs no admission: a known member, or among the first people."""
        if self._known is None:
            return self._is_first(person)
        return self._known.admits(person.user, person.account_key)

    def _is_first(self, person: Person) -> bool:
        first = (person.user, person.account_key, person.first) in self._roster.began.people
        return first and not person.proof and person.since == 0

    def _trust_admitted(self) -> None:
        """Trust people admitted by trusted people, with roles given by trusted owners."""
        before = None
        while before != self._trusted:
            before = dict(self._trusted)
            for one in _everyone(self._roster):
                if self._is_admitted(one):
                    self._trust(one, Role.MEMBER)
                if self._is_trusted(one):
                    for role in self._given_to(one):
                        self._trust(one, role)

    def _given_to(self, person: Person) -> Iterable[Role]:
        """Return the roles that someone was given since they joined, in order."""
        role = person.first
        for given in self._roles:
            if given is None or not isinstance(given.act, SetRole) or given.act.who != person.user:
                continue
            own = given.by == person.user and given.signer.account_key == person.account_key
            steps_down = own and _RANK[given.act.role] < _RANK[role]
            if given.act.serial >= person.since and (steps_down or self._signed_by(given, MAY[SetRole])):
                role = given.act.role
                yield role

    def _is_admitted(self, person: Person) -> bool:
        statement = self._statement(person.proof)
        if statement is None or statement.act.who != person.user:
            return False
        before = None if self._known is None else self._known.removal_of(person.user)
        match statement.act:
            case Admit(account_key=key, origin=origin, serial=serial):
                late = before is None or serial >= before.serial
                here = (key, origin) == (person.account_key, self._roster.origin)
                return here and late and self._signed_by(statement, Role.MEMBER)
            case Request(at=at):
                late = before is None or at > before.at
                own = statement.signer.account_key == person.account_key
                return self._roster.kind is RoomKind.PUBLIC and own and late
            case _:
                return False

    def _require_role(self, person: Person) -> None:
        """Require that their role is the last one given, or the one they joined with."""
        role = person.first
        for given in self._given_to(person):
            role = given
        if person.role is not role or not (person.first is Role.MEMBER or self._came_with_role(person)):
            _refuse(f"no one gave {person.user} the role that they have in it")

    def _came_with_role(self, person: Person) -> bool:
        """Return whether the role that someone joined with is that of one of the first people."""
        if self._known is None:
            return self._is_first(person)
        known = [(one.user, one.account_key, one.first) for one in _everyone(self._known)]
        return (person.user, person.account_key, person.first) in known

    def _require_removal(self, removed: RemovedPerson) -> None:
        before = None if self._known is None else self._known.removal_of(removed.user)
        if before is not None and before.proof == removed.proof:
            return
        statement = self._statement(removed.proof)
        act = None if statement is None else statement.act
        if statement is None or not isinstance(act, Remove | Unban) or act.who != removed.user:
            _refuse(f"it lists {removed.user} as removed, but no one removed them")
        own = isinstance(act, Remove) and statement.by == removed.user and not act.ban
        trusted = (statement.by, statement.signer.account_key) in self._trusted
        if not (own and trusted) and not self._signed_by(statement, MAY[Remove]):
            _refuse(f"{statement.by} may not remove {removed.user}")
        if isinstance(act, Remove) and act.ban and not removed.banned:
            _refuse(f"no one lifted the ban of {removed.user}")

    def _require_all(self, known: Roster) -> None:
        """Require that no one is missing: earlier members are in, or were removed; removals stay recorded."""
        for one in known.people:
            now, removed = self._roster.person(one.user), self._roster.removal_of(one.user)
            if now is None and (removed is None or removed.serial <= known.serial):
                _refuse(f"{one.user} is missing from it, but no one removed them")
        for before in known.removed:
            removed = self._roster.removal_of(before.user)
            if removed is None or removed.serial < before.serial:
                _refuse(f"the removal of {before.user} is missing from it")

    def _statement(self, data: bytes) -> Statement | None:
        """Read a statement about this room; cached, because it verifies two signatures."""
        if data not in self._statements:
            self._statements[data] = self._read(data)
        return self._statements[data]

    def _read(self, data: bytes) -> Statement | None:
        try:
            statement = read_statement(data, self._verify)
        except StatementError:
            return None
        same = (statement.act.server, statement.act.room) == (self._roster.server, self._roster.room)
        return statement if same and statement.act.serial <= self._roster.serial else None

    def _signed_by(self, statement: Statement, lowest: Role) -> bool:
        role = self._trusted.get((statement.by, statement.signer.account_key))
        return role is not None and _RANK[role] >= _RANK[lowest]

    def _is_trusted(self, person: Person) -> bool:
        return (person.user, person.account_key) in self._trusted

    def _trust(self, person: Person, role: Role) -> None:
        key = person.user, person.account_key
        if key not in self._trusted or _RANK[role] > _RANK[self._trusted[key]]:
            self._trusted[key] = role


def _require_form(roster: Roster) -> None:
    people, removed = [one.user for one in roster.people], [one.user for one in roster.removed]
    if people != sorted(set(people)) or removed != sorted(set(removed)):
        _refuse("the names in the member list are not sorted, each once")
    if roster.kind is RoomKind.DIRECT and len(people) > _TWO:
        _refuse("a direct room has two people")
    numbers = [one.since for one in roster.people] + [one.serial for one in roster.removed]
    if any(number > roster.serial for number in numbers):
        _refuse("the member list refers to changes that never happened")


def _came(act: Admit | Request, key: bytes, by: UserName, since: int, proof: bytes) -> Person:
    return Person(act.who, key, Role.MEMBER, by, act.at, since, proof=proof)


def _vouched_for(one: tuple[UserName, bytes, Role], founder: UserName, at: Millis) -> Person:
    user, key, role = one
    return Person(user, key, role, founder, at, since=0, first=role)


def _everyone(roster: Roster | None) -> list[Person]:
    """Return everyone who is or was on a roster."""
    if roster is None:
        return []
    return [*roster.people, *(removed.was for removed in roster.removed if removed.was is not None)]


def _require_role(by: Person, act: AnyAct) -> None:
    if _RANK[by.role] < _RANK[MAY[type(act)]]:
        _refuse(f"{by.user} may not do that: it needs the role {MAY[type(act)].value}")


def _name(person: tuple[UserName, bytes, Role]) -> str:
    return person[0]


def _user(one: Person | RemovedPerson) -> str:
    return one.user


def _refuse(why: str) -> NoReturn:
    raise NotAllowedError(why)
