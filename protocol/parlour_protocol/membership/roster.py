"""The roster of an encrypted room: the part of a group's state that its members agree on.

A `Roster` changes only by statements (``after``) of people on it who may make them. Its digest is in the
group's context, so members who disagree cannot share an epoch. It uses no server and no clock of its own: the
count of changes (``serial``) is its time, and a statement from before a removal never brings the person back.
Invitations and bans end by the time in the commit that executes them.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership.statements import (
    NEVER_REMOVED,
    Accept,
    Admit,
    AnyAct,
    Digest,
    Remove,
    Request,
    SetRole,
    Statement,
    Unban,
    Withdraw,
    digest_of,
    read_again,
    read_statement,
)
from parlour_protocol.rooms import Role, RoomKind

MAY: Final[Mapping[type[AnyAct], Role]] = MappingProxyType(
    {Admit: Role.MEMBER, Remove: Role.MODERATOR, Unban: Role.MODERATOR, SetRole: Role.OWNER}
)
"""The lowest role that may make a statement about someone else. In a direct room there is only `Admit`."""
STATEMENTS_PER_COMMIT: Final = 128
"""The most statements in one commit; further ones wait for the next one."""
WITHDRAWN_PER_PERSON: Final = 64
"""The most withdrawn admissions of one inviter that are listed; one more voids all they signed so far."""
MARGIN: Final = 86_400_000
"""Milliseconds that honest clocks may differ: a ban is executed again only if it lasts longer than that."""
_ORDER: Final[Mapping[type[AnyAct], int]] = MappingProxyType(
    {Withdraw: 0, Remove: 1, Unban: 2, SetRole: 3, Accept: 4, Admit: 4, Request: 4}
)
_RANK: Final[Mapping[Role, int]] = MappingProxyType({Role.MEMBER: 1, Role.MODERATOR: 2, Role.OWNER: 3})
_LABEL: Final = b"parlour room roster v2\0"
_ORIGIN_LABEL: Final = b"parlour room origin v1\0"
_TWO: Final = 2


class NotAllowedError(ParlourProtocolError):
    """A statement that its signer may not make, or that is void; ``str()`` says why."""


class NotAcceptedError(NotAllowedError):
    """An admission that would hold, if its person accepted it."""


Succeeds = Callable[[UserName, bytes, bytes], bool]
"""``succeeds(user, before, now)``: the key log, read to its end, has had ``now`` as a later key of theirs.

Without it any member could put a key that they made up in someone's place.
"""


@dataclass(frozen=True, slots=True)
class Execution:
    """The facts of a commit that its statements are judged by; the same for all members."""

    at: Millis
    """When, by the clock of the device that makes it."""
    by: UserName | None
    """Whose device makes it; None: that of anyone who may."""
    devices: Collection[DeviceId]
    """The devices in the group before it."""
    succeeds: Succeeds


class Person(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Someone in the room. ``account_key`` signs their devices' certificates."""

    user: UserName
    account_key: Key
    role: Role
    by: UserName
    """The person who admitted them; themselves for the founder and for everyone who joined by themselves."""
    at: MillisField
    """When, by the clock of the device that signed it."""
    since: Count
    """The change by which they joined."""
    first: Role = Role.MEMBER
    """Their role when they joined."""
    proof: bytes = b""
    """The statement that admitted them; empty for the first people."""
    acceptance: bytes = b""
    """Their acceptance of it; empty for requests, and in a direct room."""
    given: bool = False
    """They were given a role since: a withdrawn invitation removes them no more."""
    withdrawn: tuple[Digest, ...] = ()
    """Digests of admissions that they signed and that are void, sorted."""
    void: Count = 0
    """Admissions that they signed with a lower serial are void."""


class RemovedPerson(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Someone who was removed, left, or is banned. They may be in again."""

    user: UserName
    serial: Count
    """Admissions of them with a lower serial are void."""
    by: UserName
    at: MillisField
    proof: bytes
    """The statement that last removed them, or lifted their ban."""
    ban: bytes = b""
    """The ban that ends last; empty if there is none, or it was lifted."""
    until: MillisField | None = None
    """When it ends; None: never."""
    lifted: Count = 0
    """Bans of them with a lower serial are void: it is the change by which a ban was last lifted."""
    was: Person | None = None
    """Their first entry with the key that they had last, as evidence for statements that they signed."""

    @property
    def banned(self) -> bool:
        """Whether they are banned, or were until a time that has passed."""
        return bool(self.ban)

    def executed(self) -> set[bytes]:
        """Return the digests of the statements that this entry came from."""
        return {digest_of(data) for data in (self.ban, self.proof) if data}

    def is_banned(self, at: int) -> bool:
        """Return whether the ban lasts at this time."""
        return self.banned and _ends_after(self.until, at)


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
    former: tuple[Person, ...] = ()
    """Entries with keys that their people have replaced, in order: evidence as well."""

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
        found = tuple(_vouched_for(entry, founder, at) for entry in vouched)
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
        return msgspec.msgpack.encode((2, self.serial, self.digest))

    # --- queries

    def person(self, user: UserName) -> Person | None:
        """Return a person in the room."""
        return next((person for person in self.people if person.user == user), None)

    def removal_of(self, user: UserName) -> RemovedPerson | None:
        """Return someone who left, was removed or is banned."""
        return next((gone for gone in self.removed if gone.user == user), None)

    def removal_digest(self, user: UserName) -> bytes:
        """Return the digest that an admission or a request of someone names: of what last removed them."""
        removed = self.removal_of(user)
        return NEVER_REMOVED if removed is None else digest_of(removed.proof)

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

    def require_proofs(self, verify: Verify, succeeds: Succeeds, known: "Roster | None" = None) -> None:
        """Check a roster that came from someone else. Raises NotAllowedError.

        Everyone in it must have been admitted by a current or former member, and have accepted. A device that
        already has a roster of this room passes it as ``known``: then every addition, removal, promotion and
        new key since needs a valid statement, and the roster cannot be an older one.
        """
        _Proofs(self, known, verify, succeeds).require()

    # --- changes

    def after(self, statements: Sequence[Statement], execution: Execution) -> "Roster":
        """Return the roster after a commit with these statements. Raises NotAllowedError.

        Those that subtract come first, then lifted bans, roles, and those that add: each admission directly
        behind its acceptance.
        """
        roster, acceptance, reached = self, None, 0
        for statement in statements:
            if order_of(statement) < reached:
                _refuse("the statements of the commit are not in their order")
            reached = order_of(statement)
            if acceptance is not None and not isinstance(statement.act, Admit):
                break
            if isinstance(statement.act, Accept):
                acceptance = statement
            else:
                roster, acceptance = roster.applied(statement, execution, acceptance), None
        if acceptance is not None:
            _refuse("the commit has an acceptance without its admission")
        return roster

    def applied(
        self, statement: Statement, execution: Execution, acceptance: Statement | None = None
    ) -> "Roster":
        """Return the roster after a statement. Raises NotAllowedError with the reason, as a clause.

        ``acceptance`` is of the person whom it admits; in a direct room no one needs one.
        """
        act = statement.act
        if (act.server, act.room) != (self.server, self.room):
            _refuse("the statement is about another room")
        if act.serial > self.serial and not isinstance(act, Withdraw | Remove):
            _refuse("the statement refers to changes that never happened")
        if isinstance(act, Accept):
            _refuse("an acceptance changes nothing without its admission")
        match act:
            case Request():
                return self._requested(statement, act, execution)
            case Admit():
                return self._admitted(statement, act, execution, acceptance)
            case Withdraw() | Remove():
                return self._removed(statement, act, execution)
            case Unban():
                return self._unbanned(statement, act, self._signer(statement, execution))
            case SetRole():
                return self._given(statement, act, self._signer(statement, execution))

    def _signer(self, statement: Statement, execution: Execution) -> Person:
        by = self.person(statement.by)
        if by is None or by.account_key != statement.signer.account_key:
            _refuse(f"{statement.by}, who signed it, is not in the room with that key")
        if statement.device not in execution.devices:
            _refuse(f"the device of {statement.by} that signed it is not in the group")
        return by

    def _requested(self, statement: Statement, act: Request, execution: Execution) -> "Roster":
        if self.kind is not RoomKind.PUBLIC:
            _refuse("people join this room by invitation only")
        self._require_may_come(act, execution)
        if self.person(act.who) is not None:
            _refuse(f"{act.who} is in the room already")
        key = statement.signer.account_key
        return self._with(_came(act, key, act.who, self.serial + 1, statement.data))

    def _admitted(
        self, statement: Statement, act: Admit, execution: Execution, acceptance: Statement | None
    ) -> "Roster":
        by = self._signer(statement, execution)
        _require_role(by, act)
        if act.origin != self.origin:
            _refuse("the admission is for a group that began with other people")
        if act.serial < max(by.since, by.void) or statement.digest in by.withdrawn:
            _refuse(f"the invitation of {act.who} was withdrawn, or {by.user} has left since")
        if execution.at > act.until:
            _refuse(f"the invitation of {act.who} has ended")
        self._require_admissible(act, execution)
        if self.kind is RoomKind.DIRECT:
            accepted = acceptance is None  # both are in from the start
        else:
            accepted = acceptance is not None and _accepts(acceptance, statement, act)
        if not accepted:
            raise NotAcceptedError(f"{act.who} has not accepted that admission")
        came = _came(act, act.account_key, by.user, self.serial + 1, statement.data)
        changed = self._with(replace(came, acceptance=b"" if acceptance is None else acceptance.data))
        now = self.person(act.who)
        return changed if now is None else replace(changed, former=(*self.former, now))

    def _require_admissible(self, act: Admit, execution: Execution) -> None:
        """Require that the person may be in, and is not, or only with an earlier key."""
        self._require_may_come(act, execution)
        now = self.person(act.who)
        if now is None:
            if self.kind is RoomKind.DIRECT and len(self.people) >= _TWO:
                _refuse("a direct room has two people")
            return
        if now.account_key == act.account_key:
            _refuse(f"{act.who} is in the room already")
        if act.serial < now.since:
            _refuse(f"{act.who} was admitted with another key after that admission was signed")
        if not execution.succeeds(act.who, now.account_key, act.account_key):
            _refuse(f"{act.who} is in the room, and the key that was admitted is not a new one of theirs")

    def _removed(self, statement: Statement, act: Remove | Withdraw, execution: Execution) -> "Roster":
        if self.kind is RoomKind.DIRECT:
            _refuse("people cannot leave a direct room or be removed from it")
        if isinstance(act, Withdraw):
            return self._withdrawn(statement, act, execution)
        self._require_removable(statement, act, execution)
        return self._without(act, statement)

    def _withdrawn(self, statement: Statement, act: Withdraw, execution: Execution) -> "Roster":
        about, now = statement.withdraws, self.person(act.who)
        if about is None:  # reading it refuses that
            _refuse("it withdraws nothing")
        inside = statement.device in execution.devices and self.admits(
            statement.by, statement.signer.account_key
        )
        signer = self.person(statement.by) if inside else None
        if now is not None and now.proof and digest_of(now.proof) == about.digest:
            if now.given or not self._undoes(statement, about, signer, now, execution):
                _refuse(f"{act.who} is in the room already")
            return self._without(act, statement)
        if isinstance(about.act, Request):  # reading it requires that it is their own
            if now is not None or about.act.after != self.removal_digest(act.who):
                _refuse("what it withdraws is void already")
            return self._without(act, statement)
        if not (_is_inviter(statement, about) or _is_invited(statement, about) or _moderates(signer)):
            _refuse(f"{statement.by} may not withdraw the invitation of {act.who}")
        return self._with(self._with_withdrawn(about))

    def _with_withdrawn(self, about: Statement) -> Person:
        """Return the entry of an inviter whose admission is withdrawn."""
        inviter = self.person(about.by)
        if (
            inviter is None
            or not about.is_by(inviter.user, inviter.account_key)
            or about.act.serial < max(inviter.since, inviter.void)
            or about.digest in inviter.withdrawn
        ):
            _refuse("what it withdraws is void already")
        if len(inviter.withdrawn) >= WITHDRAWN_PER_PERSON:
            return replace(inviter, withdrawn=(), void=self.serial + 1)
        return replace(inviter, withdrawn=tuple(sorted((*inviter.withdrawn, about.digest))))

    def _undoes(
        self, statement: Statement, about: Statement, signer: Person | None, now: Person, execution: Execution
    ) -> bool:
        """Return whether a withdrawal removes ``now``, who came by what it withdraws.

        That of the inviter does if they signed it before they knew, which no one can check: so one who has
        left, or whose device was revoked, can do that only as long as the invitation would have lasted.
        """
        if _is_invited(statement, about) or _moderates(signer):  # who has been given no role is a member
            return True
        if not isinstance(about.act, Admit) or not _is_inviter(statement, about):
            return False
        knew = now.since <= statement.act.serial <= self.serial
        return not knew and (signer is not None or execution.at <= about.act.until)

    def _require_removable(self, statement: Statement, act: Remove, execution: Execution) -> None:
        """Require that a removal or ban has an effect, and that its signer may make it.

        A ban that was executed needs no signer any more. One removes people who came although it ran: then,
        and when it is executed again, its date decides, which the committer wrote. So they have to be someone
        who may remove the person.
        """
        now, before = self.person(act.who), self.removal_of(act.who)
        again = before is not None and statement.digest in before.executed()
        if not (act.ban and again):
            self._require_may_remove(self._signer(statement, execution), act)
        if act.ban and before is not None and act.serial < before.lifted:
            _refuse(f"bans of {act.who} were lifted after that was signed")
        if not act.ban:
            if again or act.serial < _reaches_back_to(now, before):
                _refuse(f"{act.who} joined after that was signed" if now else f"{act.who} is not in the room")
        elif now is None:
            self._require_longer_ban(act, execution)
        elif again or act.serial < now.since:
            if not _ends_after(act.until, execution.at + (MARGIN if again else 0)):
                _refuse(f"{act.who} joined after that was signed")
            if execution.by is not None and not self.may_remove(execution.by, act.who):
                _refuse(f"{act.who} joined after that was signed, and {execution.by} may not remove them")

    def _require_may_remove(self, by: Person, act: Remove) -> None:
        if act.who != by.user:
            self._require_above(by, act)
        elif act.ban:
            _refuse("people cannot ban themselves")

    def _require_longer_ban(self, act: Remove, execution: Execution) -> None:
        """Require that a ban of someone who is not in is longer than the one that they have."""
        before = self.removal_of(act.who)
        if before is not None and before.banned and not _ends_later(act, before):
            _refuse(f"{act.who} is banned already")
        if not _ends_after(act.until, execution.at):
            _refuse("that ban has ended")

    def _unbanned(self, statement: Statement, act: Unban, by: Person) -> "Roster":
        _require_role(by, act)
        before = self.removal_of(act.who)
        if before is None or not before.banned or self.person(act.who) is not None:
            _refuse(f"{act.who} is not banned")
        if act.serial < before.serial:
            _refuse(f"{act.who} was banned after that was signed")
        count = self.serial + 1
        lifted = replace(
            before, ban=b"", until=None, lifted=count, serial=count, by=by.user, proof=statement.data
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
            if by.role is Role.OWNER and sum(person.role is Role.OWNER for person in self.people) == 1:
                _refuse("a room needs an owner")
        else:
            self._require_above(by, act)
        if statement.data in self.roles:
            _refuse("that statement was used already")
        if now.role is act.role:
            _refuse(f"{act.who} has this role already")
        changed = self._with(replace(now, role=act.role, given=True))
        return replace(changed, roles=(*self.roles, statement.data))

    def _require_may_come(self, act: Admit | Request, execution: Execution) -> None:
        before = self.removal_of(act.who)
        if before is not None and before.is_banned(execution.at):
            _refuse(f"{act.who} is banned: a moderator has to lift the ban first")
        if act.after != self.removal_digest(act.who):
            _refuse(f"{act.who} was removed, or has left, since that was signed")

    def _require_above(self, by: Person, act: Remove | SetRole) -> None:
        _require_role(by, act)
        now = self.person(act.who)
        if now is not None and _RANK[by.role] <= _RANK[now.role]:
            _refuse(f"{act.who}'s role is not below {by.user}'s")

    def _without(self, act: Remove | Withdraw, statement: Statement) -> "Roster":
        """Note that someone is not in the room; a ban that there is stays, unless this one ends later."""
        now, before = self.person(act.who), self.removal_of(act.who)
        former = self.former
        removed = RemovedPerson(act.who, self.serial + 1, statement.by, act.at, statement.data, was=now)
        if before is not None:
            removed = replace(removed, ban=before.ban, until=before.until, lifted=before.lifted)
        if before is not None and before.was is not None:
            if now is None or now.account_key == before.was.account_key:
                removed = replace(removed, was=before.was)  # a later one may be by people whom it let in
            else:
                former = (*former, before.was)
        if isinstance(act, Remove) and act.ban and (not removed.banned or _ends_later(act, removed)):
            removed = replace(removed, ban=statement.data, until=act.until)
        return replace(self._with(removed=removed), former=former)

    def _with(self, person: Person | None = None, removed: RemovedPerson | None = None) -> "Roster":
        """Replace the entry of one name, and count the change."""
        who = person.user if person is not None else removed.user if removed is not None else ""
        people = [person for person in self.people if person.user != who]
        others = [gone for gone in self.removed if gone.user != who]
        if person is not None:
            people.append(person)
            others += [gone for gone in self.removed if gone.user == who]  # its serial keeps counting
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

    def __init__(self, roster: Roster, known: Roster | None, verify: Verify, succeeds: Succeeds) -> None:
        self._roster, self._known, self._verify, self._succeeds = roster, known, verify, succeeds
        self._trusted: dict[tuple[UserName, bytes], Role] = {}
        self._statements: dict[bytes, Statement | None] = {}
        for person in _everyone(known):
            self._trust(person, person.role)
            self._trust(person, person.first)
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
            if not (self._was_there(person) or (self._is_admitted(person) and self._came_since(person))):
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
        for entry in began.people:
            person = _vouched_for(entry, began.founder, began.at)
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
            for person in _everyone(self._roster):
                if self._is_admitted(person):
                    self._trust(person, Role.MEMBER)
                if self._is_trusted(person):
                    for role in self._given_to(person):
                        self._trust(person, role)

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
        match statement.act:
            case Admit(account_key=key, origin=origin):
                here = (key, origin) == (person.account_key, self._roster.origin)
                accepted = self._has_accepted(person, statement, statement.act)
                return here and accepted and self._signed_by(statement, Role.MEMBER)
            case Request():
                own = statement.signer.account_key == person.account_key
                return self._roster.kind is RoomKind.PUBLIC and own
            case _:
                return False

    def _came_since(self, person: Person) -> bool:
        """Return whether what let someone in follows their last removal."""
        statement = self._statement(person.proof)
        act = None if statement is None else statement.act
        return isinstance(act, Admit | Request) and act.after == self._roster.removal_digest(person.user)

    def _has_accepted(self, person: Person, admission: Statement, act: Admit) -> bool:
        if self._roster.kind is RoomKind.DIRECT:
            return True
        acceptance = self._statement(person.acceptance)
        return acceptance is not None and _accepts(acceptance, admission, act)

    def _require_role(self, person: Person) -> None:
        """Require that their role is the last one given, or the one they joined with."""
        given = [*self._given_to(person)]
        role = given[-1] if given else person.first
        if person.role is not role or not (person.first is Role.MEMBER or self._came_with_role(person)):
            _refuse(f"no one gave {person.user} the role that they have in it")
        if person.given is not bool(given):
            _refuse(f"it says something else about {person.user}'s role than was signed")

    def _came_with_role(self, person: Person) -> bool:
        """Return whether the role that someone joined with is that of one of the first people."""
        if self._known is None:
            return self._is_first(person)
        known = [(person.user, person.account_key, person.first) for person in _everyone(self._known)]
        return (person.user, person.account_key, person.first) in known

    def _require_removal(self, removed: RemovedPerson) -> None:
        before = None if self._known is None else self._known.removal_of(removed.user)
        if before is None or before.proof != removed.proof:
            self._require_proof_of_removal(removed)
        if removed.banned and (before is None or before.ban != removed.ban):
            ban = self._statement(removed.ban)
            act = None if ban is None else ban.act
            if ban is None or not isinstance(act, Remove) or not act.ban or act.who != removed.user:
                _refuse(f"it lists {removed.user} as banned, but no one banned them")
            if act.until != removed.until or not self._signed_by(ban, MAY[Remove]):
                _refuse(f"{ban.by} may not ban {removed.user}, or did until another time")

    def _require_proof_of_removal(self, removed: RemovedPerson) -> None:
        statement = self._statement(removed.proof)
        act = None if statement is None else statement.act
        if (
            statement is None
            or not isinstance(act, Remove | Unban | Withdraw)
            or (act.who, statement.by) != (removed.user, removed.by)
        ):
            _refuse(f"it lists {removed.user} as removed, but no one removed them")
        trusted = (statement.by, statement.signer.account_key) in self._trusted
        own = isinstance(act, Remove) and statement.by == removed.user and not act.ban and trusted
        about = statement.withdraws
        if about is not None:
            own = _is_invited(statement, about) or (trusted and _is_inviter(statement, about))
        if not own and not self._signed_by(statement, MAY[Remove]):
            _refuse(f"{statement.by} may not remove {removed.user}")
        if isinstance(act, Remove) and act.ban and not removed.banned:
            _refuse(f"no one lifted the ban of {removed.user}")

    def _require_all(self, known: Roster) -> None:
        """Require that no one is missing, and that what the known roster had against someone is still there.

        Earlier members are in, or were removed; one with another key has that key.
        """
        for person in known.people:
            now, removed = self._roster.person(person.user), self._roster.removal_of(person.user)
            if removed is not None and removed.serial > known.serial:
                continue
            if now is None:
                _refuse(f"{person.user} is missing from it, but no one removed them")
            if now.account_key != person.account_key:
                if not self._succeeds(person.user, person.account_key, now.account_key):
                    _refuse(f"the key of {person.user} in it is not a new one of theirs")
            elif now.void < person.void or (
                now.void == person.void and not {*person.withdrawn} <= {*now.withdrawn}
            ):
                _refuse(f"an invitation by {person.user} that was withdrawn is missing from it")
        for before in known.removed:
            removed = self._roster.removal_of(before.user)
            if removed is None or removed.serial < before.serial or removed.lifted < before.lifted:
                _refuse(f"the removal of {before.user} is missing from it")
            if before.banned and removed.lifted <= known.serial and not _ends_no_earlier(removed, before):
                _refuse(f"the ban of {before.user} is missing from it")

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
    people, removed = [person.user for person in roster.people], [gone.user for gone in roster.removed]
    if people != sorted(set(people)) or removed != sorted(set(removed)):
        _refuse("the names in the member list are not sorted, each once")
    if roster.kind is RoomKind.DIRECT and len(people) > _TWO:
        _refuse("a direct room has two people")
    numbers = [max(person.since, person.void) for person in roster.people]
    numbers += [max(gone.serial, gone.lifted) for gone in roster.removed]
    if any(number > roster.serial for number in numbers):
        _refuse("the member list refers to changes that never happened")


def order_of(statement: Statement) -> int:
    """Return the place of a kind of statement in a commit."""
    return _ORDER[type(statement.act)]


def _accepts(acceptance: Statement, admission: Statement, act: Admit) -> bool:
    said = acceptance.act
    return (
        isinstance(said, Accept)
        and (said.server, said.room, said.admission) == (act.server, act.room, admission.digest)
        and acceptance.is_by(act.who, act.account_key)
    )


def _is_inviter(statement: Statement, about: Statement) -> bool:
    """Return whether the person who signed ``about`` signed this, with the same account key."""
    return statement.is_by(about.by, about.signer.account_key)


def _is_invited(statement: Statement, about: Statement) -> bool:
    """Return whether the person whom ``about`` would admit signed this."""
    key = about.act.account_key if isinstance(about.act, Admit) else about.signer.account_key
    return statement.is_by(about.act.who, key)


def _moderates(person: Person | None) -> bool:
    return person is not None and _RANK[person.role] >= _RANK[MAY[Remove]]


def _reaches_back_to(now: Person | None, before: RemovedPerson | None) -> int:
    """Return the change from which on a kick counts: the person's last removal.

    It voids what would let them in, also if it is executed only after that did, unless they have been given a
    role since.
    """
    last = 0 if before is None else before.serial
    if now is None:
        return last
    if now.given or not now.proof:
        return now.since
    came = read_again(now.proof).act
    return max(last, came.serial)  # that of a request is 0: it names the last removal


def _ends_after(until: int | None, at: int) -> bool:
    return until is None or at < until


def _ends_later(ban: Remove, before: RemovedPerson) -> bool:
    return before.until is not None and _ends_after(ban.until, before.until)


def _ends_no_earlier(now: RemovedPerson, before: RemovedPerson) -> bool:
    if not now.banned or before.until is None:
        return now.banned and now.until is None
    return now.until is None or now.until >= before.until


def _came(act: Admit | Request, key: bytes, by: UserName, since: int, proof: bytes) -> Person:
    return Person(act.who, key, Role.MEMBER, by, act.at, since, proof=proof)


def _vouched_for(entry: tuple[UserName, bytes, Role], founder: UserName, at: Millis) -> Person:
    user, key, role = entry
    return Person(user, key, role, founder, at, since=0, first=role)


def _everyone(roster: Roster | None) -> list[Person]:
    """Return everyone who is or was on a roster."""
    if roster is None:
        return []
    removed = [gone.was for gone in roster.removed if gone.was is not None]
    return [*roster.people, *removed, *roster.former]


def _require_role(by: Person, act: AnyAct) -> None:
    if _RANK[by.role] < _RANK[MAY[type(act)]]:
        _refuse(f"{by.user} may not do that: it needs the role {MAY[type(act)].value}")


def _name(person: tuple[UserName, bytes, Role]) -> str:
    return person[0]


def _user(person: Person | RemovedPerson) -> str:
    return person.user


def _refuse(why: str) -> NoReturn:
    raise NotAllowedError(why)
