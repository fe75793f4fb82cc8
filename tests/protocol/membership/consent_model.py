"""An explicit-state model of who gets into an encrypted room, on the real `Roster`.

Ada owns the room, ben is in it, and mallory, who wants in, helps the server. The server may replay, withhold,
reorder, roll back, split views and claim what is unsigned; it can't sign. A commit is a node: its parent, the
roster after it, its statements, its time, and who made it. What a device does is judged by all that it *ever*
saw, never by what it remembers. What adds someone is shown to everyone as soon as it is signed, because a
hostile server wants that; what subtracts is shown or not. Devices follow `Rules`; each can be left out.
"""

import types
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.protocol.identity.signing import NOW, SERVER, certificate, key, public, signed
from tests.protocol.membership.people import DAY, LAST, ROOM, account, name

from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import (
    NEVER_REMOVED,
    Accept,
    Admit,
    AnyAct,
    Execution,
    NotAllowedError,
    Remove,
    Request,
    SetRole,
    Statement,
    Unban,
    Withdraw,
    digest_of,
    order_of,
    read_again,
    sign_statement,
)
from parlour_protocol.membership import roster as roster_module
from parlour_protocol.rooms import Role, RoomKind

LASTS: Final = 2
"""Days that an invitation lasts here."""
BAN: Final = 2
"""Days that ada's ban lasts; ben's lasts three days more."""
BORN: Final = 1_000
"""Milliseconds between what is signed in this model: it shows in which order."""
OWNERS: Final = (name("ada"), name("ben"), name("ada"))
"""Whose the devices are."""
KEYS: Final = ("device", "device", "phone")
MALLORY: Final = name("mallory")


class World(NamedTuple):
    """What may happen."""

    name: str
    acts: str
    depth: int = 9
    days: int = 0
    """How much time passes at once, if any does."""
    clocks: tuple[int, int, int] = (0, 0, 0)
    """How far the clocks of ada, ben and ada's phone are ahead, in days."""
    evil: bool = False
    """Ben's device commits whatever the others would follow."""
    phone: bool = False
    """Ada has a second device."""
    kind: RoomKind = RoomKind.PRIVATE
    moderator: bool = False
    """Ben is one."""
    late: bool = False
    """Ben's device only signs: it hears of nothing."""


class Rules(NamedTuple):
    """What a device does beyond the roster."""

    clock: bool = True
    """It writes its own time into a commit."""
    server: bool = True
    """It adds nobody whose invitation has ended, or whose ban runs, by the server's time.

    While that differs by more than a day from its own, it adds nobody and removes nobody who came since.
    """
    memory: bool = True
    """What it saw signed stays known when the server's history is older."""
    first: bool = True
    """It executes what subtracts before it adds."""
    heal: bool = True
    """It sends nothing to someone whom something removes that it knows."""
    gossip: bool = True
    """Its messages carry what it knows and the roster lacks."""
    log: bool = True
    """It follows a new key only if the key log has it."""


class Device(NamedTuple):
    """The commit that a device is at, what subtracts that it knows, and what of it it ever saw."""

    node: int = 0
    known: frozenset[int] = frozenset()
    ever: frozenset[int] = frozenset()


class Message(NamedTuple):
    """A message: what it tells, and all that its sender ever saw and the roster lacks."""

    by: int
    node: int
    told: frozenset[int]
    left: frozenset[int]


class State(NamedTuple):
    """Everything, by numbers, as states are compared often."""

    devices: tuple[Device, ...]
    day: int = 0
    signed: frozenset[int] = frozenset()
    nodes: frozenset[int] = frozenset({0})
    said: frozenset[Message] = frozenset()
    revoked: bool = False


class Node(NamedTuple):
    """A commit, or a group that was created again (no parent)."""

    parent: int | None
    roster: int
    evidence: tuple[int, ...]
    at: int
    by: int
    used: frozenset[bytes] = frozenset()
    """Digests of the admissions and requests that were executed on the way here."""


class Move(NamedTuple):
    """A step: what, of whose device, about what; the state after it; what is wrong with it."""

    kind: str
    device: int
    what: Any
    state: Any
    fault: str | None = None


class Table:
    """Values by number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, key: Any, value: Any) -> int:
        """Return the number of a value."""
        if self._numbers.setdefault(key, len(self.values)) == len(self.values):
            self.values.append(value)
        return self._numbers[key]

    def __getitem__(self, number: int) -> Any:
        """Return a value."""
        return self.values[number]


def mutated(text: str, replacement: str) -> types.ModuleType:
    """Return the roster's module with a few lines replaced. Fails unless they are there once."""
    spec = find_spec(roster_module.__name__)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    assert source.count(text) == 1, text
    module = types.ModuleType(roster_module.__name__)
    exec(compile(source.replace(text, replacement), spec.origin, "exec"), module.__dict__)  # noqa: S102 - ours
    return module


@cache
def certified(user: str, version: str = "", device: str = "device") -> bytes:
    """Return the certificate of a device."""
    own = public(f"{user}{version} {device}")
    fields = {"user": name(user), "account_key": account(user, version), "device_key": own}
    made = certificate(**fields, created=Millis(NOW - 30 * DAY), expires=LAST)
    return signed(made, f"{user}{version} account")


@cache
def device_id(user: str, version: str = "", device: str = "device") -> DeviceId:
    """Return the id of a device."""
    return certificate(user=name(user), device_key=public(f"{user}{version} {device}")).device


@dataclass
class Model:
    """The moves of one world, with a roster's module and rules, either of which may lack something."""

    world: World
    rules: Rules = field(default_factory=Rules)
    module: Any = roster_module
    honest: bool = False
    """The server's time is right; else it says what lets most people in."""
    statements: Table = field(default_factory=Table)
    rosters: Table = field(default_factory=Table)
    nodes: Table = field(default_factory=Table)
    _after: dict[Any, int | None] = field(default_factory=dict)
    _proven: dict[tuple[int, int], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.acts = frozenset(self.world.acts.split())
        self.devices = (0, 1, 2) if self.world.phone else (0, 1)
        role = Role.MODERATOR if self.world.moderator else Role.MEMBER
        people = [(OWNERS[0], account("ada"), Role.OWNER), (OWNERS[1], account("ben"), role)]
        began = self.module.Roster.begin(SERVER, ROOM, self.world.kind, OWNERS[0], people, NOW)
        self.nodes.number("start", Node(None, self._number(began), (), 0, 0))

    def start(self) -> State:
        """Return the first state."""
        return State(tuple(Device() for _ in self.devices))

    # --- statements

    def sign(self, act: AnyAct, by: UserName, version: str = "", device: str = "device") -> int:
        """Return the number of a statement."""
        signer = key(f"{by}{version} {device}")
        data = sign_statement(
            act, certified(str(by), version, device), lambda message: signer.sign(message).signature
        )
        return self.statements.number(data, read_again(data))

    def admission(
        self, by: int, roster: Any, at: Millis, who: UserName = MALLORY, version: str = "", *, kept: int = 0
    ) -> int:
        """Return an admission by one of the devices, which has this roster."""
        key, end = account(str(who), version), Millis(at + LASTS * DAY)
        after, chosen = roster.removal_digest(who), bytes([kept]) * 16
        act = Admit(SERVER, ROOM, roster.serial, at, who, key, roster.origin, after, chosen, end)
        return self.sign(act, OWNERS[by], device=KEYS[by])

    def acceptance(self, admission: int) -> int:
        """Return the acceptance of an admission."""
        act = self.statements[admission].act
        version = "" if act.account_key == account(str(act.who)) else "2"
        said = Accept(SERVER, ROOM, 0, NOW, act.who, self.statements[admission].digest)
        return self.sign(said, act.who, version)

    def act(self, number: int) -> Any:
        """Return what a statement says."""
        return self.statements[number].act

    # --- the roster

    def _number(self, roster: Any) -> int:
        return self.rosters.number(roster.digest, roster)

    def roster(self, device: Device) -> Any:
        """Return the roster of a device."""
        return self.rosters[self.nodes[device.node].roster]

    def after(
        self, state: State, roster: int, evidence: tuple[int, ...], at: int, by: UserName | None
    ) -> int | None:
        """Return the roster after a commit; None: the others refuse it."""
        key = roster, evidence, at, by, state.revoked
        if key not in self._after:
            before = self.rosters[roster]
            inside = {device_id(str(one.user), self._version(one)) for one in before.people}
            inside |= {device_id("ada", device="phone")} if self.world.phone and not state.revoked else set()
            execution = Execution(Millis(NOW + at * DAY), by, inside, self._succeeds)
            try:
                then = before.after([self.statements[one] for one in evidence], execution)
                self._after[key] = self._number(then)
            except (NotAllowedError, self.module.NotAllowedError):
                self._after[key] = None
        return self._after[key]

    def _version(self, person: Any) -> str:
        return "" if person.account_key == account(str(person.user)) else "2"

    def _succeeds(self, who: str, _before: bytes, now: bytes) -> bool:
        """Ask the key log: only mallory has another key, where the world says so."""
        return not self.rules.log or (
            "rekey" in self.acts and now == account("mallory", "2") and who == MALLORY
        )

    def proven(self, roster: int, known: int) -> bool:
        """Return whether a device with the roster ``known`` enters a group with this one."""
        if (roster, known) not in self._proven:
            try:
                self.rosters[roster].require_proofs(
                    lambda *_signed: True, self._succeeds, self.rosters[known]
                )
                self._proven[roster, known] = True
            except (NotAllowedError, self.module.NotAllowedError):
                self._proven[roster, known] = False
        return self._proven[roster, known]

    # --- what a device does

    def now(self, state: State, device: int) -> int:
        """Return the day by a device's clock."""
        return state.day + self.world.clocks[device]

    def servers_time(self, state: State, device: int) -> int:
        """Return the day by the server."""
        return state.day if self.honest else self.now(state, device) - 1

    def clocks_agree(self, state: State, device: int) -> bool:
        """Return whether a device can rely on its clock."""
        agree = abs(self.servers_time(state, device) - self.now(state, device)) <= 1
        return agree or not self.rules.server

    def subtracting(self, state: State, device: int, by: UserName | None) -> tuple[int, ...]:
        """Return what a device's next commit executes of what subtracts; ``by``: None for one that may."""
        d, at, found = state.devices[device], self.now(state, device), ()
        before = self.nodes[d.node].roster
        for one in sorted(d.known, key=lambda s: (order_of(self.statements[s]), s)):
            act = self.act(one)
            late = isinstance(act, Remove) and act.ban and self.rosters[before].person(act.who) is not None
            if late and by is not None and not self.clocks_agree(state, device):
                continue  # by a wrong clock it could be a ban that has ended
            then = self.after(state, before, (*found, one), at, by)
            if then is not None and self.rosters[then].person(OWNERS[device]) is not None:
                found = (*found, one)
        return found

    def holds(self, state: State, device: int) -> bool:
        """Return whether a device sends nothing: someone is in whom something removes that it knows."""
        before = self.nodes[state.devices[device].node].roster
        those = self.subtracting(state, device, None) if self.rules.heal else ()
        then = self.after(state, before, those, self.now(state, device), None)
        assert then is not None
        users = [{one.user for one in self.rosters[each].people} for each in (before, then)]
        return bool(users[0] - users[1])

    def additions(self, state: State) -> Iterator[tuple[int, ...]]:
        """Yield what could add someone: an admission, with its acceptance if there is one, or a request."""
        for one in sorted(state.signed):
            if isinstance(self.act(one), Admit):
                acceptance = self.acceptance(one)
                yield (acceptance, one) if acceptance in state.signed else (one,)
            elif isinstance(self.act(one), Request):
                yield (one,)

    def may_add(self, state: State, device: int, one: int) -> bool:
        """Return whether a device adds someone by that, though the others would follow."""
        act, at = self.act(one), NOW + self.servers_time(state, device) * DAY
        removal = self.roster(state.devices[device]).removal_of(act.who)
        ended = isinstance(act, Admit) and at > act.until
        banned = removal is not None and removal.is_banned(at)
        return not self.rules.server or (self.clocks_agree(state, device) and not ended and not banned)

    def lacks(self, state: State, device: int, those: frozenset[int]) -> frozenset[int]:
        """Return those of these that would still have an effect on the roster of a device."""
        roster, at = self.nodes[state.devices[device].node].roster, self.now(state, device)
        return frozenset(
            one for one in those if self.after(state, roster, (one,), at, None) not in {None, roster}
        )

    # --- what is wrong

    def _saw_withdrawn(self, device: Device, admission: Statement, since: int | None) -> bool:
        """Return whether a device ever saw that withdrawn by someone who may; ``since``: before the join."""
        moderators = {OWNERS[0], *(OWNERS[1:2] if self.world.moderator else ())}
        for one in (self.statements[number] for number in device.ever):
            if one.withdraws is not None and one.withdraws.digest == admission.digest:
                inviter = one.by == admission.by and (since is None or one.act.serial < since)
                if one.by == MALLORY or one.by in moderators or inviter:
                    return True
        return False

    def _saw_kicked(self, device: Device, since: AnyAct) -> bool:
        """Return whether a device ever saw mallory kicked after something was signed."""
        acts = [self.act(one) for one in device.ever]
        kicks = [act for act in acts if isinstance(act, Remove) and not act.ban and act.who == since.who]
        return since.who == MALLORY and any(_born(act) > _born(since) for act in kicks)

    def _saw_ban(self, device: Device, roster: Any, now: int) -> bool:
        """Return whether a ban of mallory runs that a device ever saw, by its clock and a day more."""
        removal = roster.removal_of(MALLORY)
        for said in (self.statements[number] for number in device.ever):
            if not isinstance(said.act, Remove) or not said.act.ban or said.act.until is None:
                continue
            author = roster.person(said.by)
            executed = removal is not None and bool(removal.ban) and digest_of(removal.ban) == said.digest
            counts = executed or (author is not None and author.role is not Role.MEMBER)
            lifted = removal is not None and said.act.serial < removal.lifted
            if counts and not lifted and NOW + (now + 1) * DAY < said.act.until:
                return True
        return False

    def reader_fault(self, state: State, device: int) -> str | None:
        """Say why mallory must not read what a device encrypts, as far as it could ever know."""
        d = state.devices[device]
        roster = self.roster(d)
        mallory = roster.person(MALLORY)
        if mallory is None:
            return None
        said = read_again(mallory.proof)
        if isinstance(said.act, Admit):
            version = "" if said.act.account_key == account("mallory") else "2"
            act = Accept(SERVER, ROOM, 0, NOW, MALLORY, said.digest)
            if self.sign(act, MALLORY, version) not in state.signed:
                return "READS: someone who never accepted"
            if not mallory.given and self._saw_withdrawn(d, said, mallory.since):
                return "READS: someone whose invitation this device saw withdrawn"
        if not mallory.given and self._saw_kicked(d, said.act):
            return "READS: someone whom this device saw kicked since"
        if mallory.role is Role.MEMBER and self._saw_ban(d, roster, self.now(state, device)):
            return "READS: someone whose ban still runs by this device's clock"
        return None

    def add_fault(  # noqa: PLR0911 - one return for each
        self, state: State, device: int, one: int, roster: Any, used: frozenset[bytes]
    ) -> str | None:
        """Say why a device must not add someone by that to a roster, as far as it could ever know."""
        d, now, said = state.devices[device], self.now(state, device), self.statements[one]
        act, removal = said.act, roster.removal_of(said.act.who)
        if said.digest in used:
            return "ADDS: by something that was used before"
        if act.who == MALLORY and self._saw_ban(d, roster, now):
            return "ADDS: someone whose ban still runs by this device's clock"
        if self._saw_kicked(d, act):
            return "ADDS: someone whom this device saw kicked since"
        if isinstance(act, Request):
            late = removal is not None and _born(read_again(removal.proof).act) > _born(act)
            return "ADDS: by a request from before a removal" if late else None
        if NOW + now * DAY > act.until:
            return "ADDS: by an invitation that has ended"
        if self.honest and NOW + (state.day - 1) * DAY > act.until:
            return "ADDS: by an invitation that has ended by the time of an honest server"
        if state.revoked and said.device == device_id("ada", device="phone"):
            return "ADDS: by an invitation of a device that was revoked"
        if self._saw_withdrawn(d, said, None):
            return "ADDS: someone whose invitation this device saw withdrawn"
        left = roster.removal_of(said.by)
        if left is not None and left.serial > act.serial:
            return "ADDS: by an invitation whose inviter has left since"
        late = removal is not None and _born(read_again(removal.proof).act) > _born(act)
        return "ADDS: by an invitation from before a removal" if late else None

    def commit_fault(self, state: State, node: Node, before: Any) -> str | None:
        """Say why the others must not follow a commit that removes or bans someone."""
        ada = self.rosters[node.roster].person(OWNERS[0])
        if ada is None or ada.account_key != account("ada"):
            return "EVICTS: someone with a key that was made up"
        for one in node.evidence:
            if isinstance(self.act(one), Accept | Admit | Request):
                break
            then = self.after(state, self._number(before), (one,), node.at, OWNERS[node.by])
            assert then is not None
            fault = self._removal_fault(state, one, before)
            if fault is not None and before.person(MALLORY) != self.rosters[then].person(MALLORY):
                return f"EVICTS: someone {fault}"
            if fault is not None and isinstance(self.act(one), Remove):
                return f"BANS: someone {fault}"
            before = self.rosters[then]
        return None

    def _removal_fault(self, state: State, one: int, before: Any) -> str | None:
        said, mallory, removal = self.statements[one], before.person(MALLORY), before.removal_of(MALLORY)
        act, by = said.act, before.person(said.by)
        if isinstance(act, Withdraw) and mallory is not None:
            inviter = said.withdraws is not None and said.by == said.withdraws.by == OWNERS[1]
            knew = inviter and mallory.since <= act.serial <= before.serial
            return (
                "who was given a role"
                if mallory.given
                else "whom their inviter knew to be in"
                if knew
                else None
            )
        if not isinstance(act, Remove) or act.who != MALLORY:
            return None
        if removal is not None and act.serial < removal.lifted:
            return "by a ban that was lifted"
        again = removal is not None and removal.ban and digest_of(removal.ban) == said.digest
        if not again and (by is None or by.role is Role.MEMBER) and said.by != MALLORY:
            return "by someone who may not"
        late = mallory is not None and act.ban and act.serial < mallory.since
        return (
            "by a ban that has ended"
            if late and act.until is not None and act.until < NOW + (state.day - 1) * DAY
            else None
        )

    # --- moves

    def moves(self, state: State) -> Iterator[Move]:
        """Yield every step that is possible."""
        if state.day < self.world.days:
            yield Move("day", 3, self.world.days, state._replace(day=self.world.days))
        for one in sorted({*self._by_outsiders(state)} - state.signed):
            yield Move("signs", 3, one, state._replace(signed=state.signed | {one}))
        for device, d in enumerate(state.devices):
            if device == 1 and self.world.late:
                yield from self._signs(state, device)
                continue
            for one in sorted(state.signed - d.known):
                if isinstance(self.act(one), Withdraw | Remove):
                    yield Move("is shown", device, one, self.learns(state, device, frozenset({one})))
            yield from self.follows(state, device)
            if self.roster(d).person(OWNERS[device]) is None or (device == 2 and state.revoked):
                continue
            yield from self._signs(state, device)
            yield from self._commits(state, device)
            if not self._is_evil(device):
                yield from self._writes(state, device)
            yield from self._reads(state, device)

    def _is_evil(self, device: int) -> bool:
        return self.world.evil and device == 1

    def learns(self, state: State, device: int, those: frozenset[int]) -> State:
        """Return the state after a device learnt of statements that subtract."""
        d = state.devices[device]
        return self._became(state, device, d._replace(known=d.known | those, ever=d.ever | those))

    @staticmethod
    def _became(state: State, device: int, d: Device) -> State:
        return state._replace(devices=(*state.devices[:device], d, *state.devices[device + 1 :]))

    def _by_outsiders(self, state: State) -> Iterator[int]:
        """Yield what people sign who are not in the room; mallory dates it as they like."""
        signed = [self.statements[one] for one in sorted(state.signed)]
        for one in sorted(state.signed):
            act = self.act(one)
            if isinstance(act, Admit) and ("accept" in self.acts or act.who != MALLORY):
                yield self.acceptance(one)
                if "mallory-withdraws" in self.acts and act.who == MALLORY:
                    yield self.sign(
                        Withdraw(SERVER, ROOM, 0, NOW, MALLORY, self.statements[one].data), MALLORY
                    )
        if "request" in self.acts and sum(isinstance(one.act, Request) for one in signed) < 2:
            gone = [one.digest for one in signed if isinstance(one.act, Remove) and one.act.who == MALLORY]
            for after in [NEVER_REMOVED, *gone]:
                for day in (state.day, state.day + 5):
                    act = Request(SERVER, ROOM, 0, _at(day, signed), MALLORY, after)
                    yield self.sign(act, MALLORY)

    def _signs(self, state: State, device: int) -> Iterator[Move]:
        """Yield what a member signs: each once."""
        roster, made = self.roster(state.devices[device]), set[int]()
        for signs in (self._admits, self._withdraws, self._removes, self._decides):
            made |= {*signs(state, device, roster)}
        for one in sorted(made - state.signed):
            then = state._replace(signed=state.signed | {one})
            own = isinstance(self.act(one), Withdraw | Remove)
            yield Move("signs", device, one, self.learns(then, device, frozenset({one})) if own else then)
        if device == 0 and "revoke" in self.acts and not state.revoked:
            yield Move("revokes", device, "phone", state._replace(revoked=True))

    def _admits(self, state: State, device: int, roster: Any) -> Iterator[int]:
        signed = [self.statements[one] for one in state.signed]
        at = _at(self.now(state, device), signed)
        may = ("admit" in self.acts, "ben-admits" in self.acts, "phone-admits" in self.acts)[device]
        theirs = [one for one in signed if isinstance(one.act, Admit) and one.by == OWNERS[device]]
        if may and not any(one.act.who == MALLORY for one in theirs):
            yield self.admission(device, roster, at)
        mallory = roster.person(MALLORY)
        if device == 0 and "rekey" in self.acts and mallory is not None and self._version(mallory) == "":
            yield self.admission(0, roster, at, MALLORY, "2", kept=2)
        if device == 1 and "fake" in self.acts:
            yield self.admission(1, roster, at, OWNERS[0], "2")
        if device == 0 and "leave" in self.acts and roster.person(OWNERS[1]) is None:
            yield self.admission(0, roster, at, OWNERS[1], kept=1)

    def _withdraws(self, state: State, device: int, roster: Any) -> Iterator[int]:
        if "withdraw" not in self.acts:
            return
        signed = [self.statements[one] for one in state.signed]
        mallory = roster.person(MALLORY)
        came = b"" if mallory is None or self._is_evil(device) else digest_of(mallory.proof)
        mine = {
            one.withdraws.digest for one in signed if one.withdraws is not None and one.by == OWNERS[device]
        }
        for said in signed:
            open_one = (
                isinstance(said.act, Admit) and said.act.who == MALLORY and said.digest not in {came, *mine}
            )
            if open_one and OWNERS[device] in {said.by, OWNERS[0]}:
                act = Withdraw(SERVER, ROOM, roster.serial, _at(state.day, signed), MALLORY, said.data)
                yield self.sign(act, OWNERS[device], device=KEYS[device])

    def _removes(self, state: State, device: int, roster: Any) -> Iterator[int]:
        signed = [self.statements[one] for one in state.signed]
        at, me = _at(self.now(state, device), signed), OWNERS[device]
        acts = [one.act for one in signed if isinstance(one.act, Remove) and one.by == me]
        once = not any(act.who == MALLORY for act in acts)
        comes = any(isinstance(one.act, Accept | Request) and one.by == MALLORY for one in signed)
        if device == 0 and "kick" in self.acts and once and (comes or roster.person(MALLORY) is not None):
            yield self.sign(Remove(SERVER, ROOM, roster.serial, at, MALLORY), me)
        may = ("ban" in self.acts, "ben-bans" in self.acts, False)[device]
        if may and once:
            end = Millis(at + (BAN + 3 * device) * DAY)
            yield self.sign(Remove(SERVER, ROOM, roster.serial, at, MALLORY, ban=True, until=end), me)
        ben = roster.person(OWNERS[1])
        if device == 0 and "leave" in self.acts and ben is not None and ben.since == 0:
            yield self.sign(Remove(SERVER, ROOM, roster.serial, at, OWNERS[1]), me)

    def _decides(self, state: State, device: int, roster: Any) -> Iterator[int]:
        """Yield what lifts a ban or gives a role, by ada."""
        signed = [self.statements[one] for one in state.signed]
        at, mallory, ben = _at(state.day, signed), roster.person(MALLORY), roster.person(OWNERS[1])
        removal = roster.removal_of(MALLORY)
        if (
            device == 0
            and "unban" in self.acts
            and removal is not None
            and removal.banned
            and mallory is None
        ):
            yield self.sign(Unban(SERVER, ROOM, roster.serial, at, MALLORY), OWNERS[0])
        if device == 0 and "role" in self.acts and mallory is not None and not mallory.given:
            yield self.sign(SetRole(SERVER, ROOM, roster.serial, at, MALLORY, Role.MODERATOR), OWNERS[0])
        if device == 0 and "demote" in self.acts and ben is not None and ben.role is Role.MODERATOR:
            yield self.sign(SetRole(SERVER, ROOM, roster.serial, at, OWNERS[1], Role.MEMBER), OWNERS[0])

    def _planned(self, state: State, device: int) -> Iterator[tuple[tuple[int, ...], int]]:
        """Yield the statements and times of what a device could commit."""
        d, now = state.devices[device], self.now(state, device)
        if self._is_evil(device):
            others = [
                (o,) for o in sorted(state.signed) if not isinstance(self.act(o), Admit | Accept | Request)
            ]
            for evidence in [*others, *self.additions(state)]:
                yield from ((evidence, at) for at in sorted({now, now + 9, 0}))
            return
        at = now if self.rules.clock else 0
        first = self.subtracting(state, device, OWNERS[device]) if self.rules.first else ()
        waiting = [first] if self.rules.first else [(one,) for one in sorted(d.known)]
        yield from ((evidence, at) for evidence in waiting if evidence)
        for one in sorted(state.signed):
            if isinstance(self.act(one), Unban | SetRole):
                yield (*first, one), at
        for addition in self.additions(state):
            if self.may_add(state, device, addition[-1]):
                yield (*first, *addition), at

    def _commits(self, state: State, device: int) -> Iterator[Move]:
        d, me = state.devices[device], OWNERS[device]
        node = self.nodes[d.node]
        for evidence, at in self._planned(state, device):
            then = self.after(state, node.roster, evidence, at, me)
            if then is None or then == node.roster or self.rosters[then].person(me) is None:
                continue
            last = evidence[-1]
            adds = isinstance(self.act(last), Admit | Request)
            used = node.used | ({self.statements[last].digest} if adds else set())
            made = Node(d.node, then, evidence, at, device, used)
            fault = self.commit_fault(state, made, self.rosters[node.roster])
            if adds and not self._is_evil(device):
                base = tuple(
                    one for one in evidence if not isinstance(self.act(one), Admit | Accept | Request)
                )
                middle = self.after(state, node.roster, base, at, me)
                assert middle is not None
                fault = self.add_fault(state, device, last, self.rosters[middle], node.used)
            yield self._made("commits", state, device, made, fault)
        if "again" in self.acts and not self._is_evil(device) and node.parent is not None:
            first = self.subtracting(state, device, me)
            then = self.after(state, node.roster, first, self.now(state, device), me)
            assert then is not None
            yield self._made("creates again", state, device, Node(None, then, (), -d.node, device, node.used))

    def _made(self, kind: str, state: State, device: int, made: Node, fault: str | None = None) -> Move:
        number = self.nodes.number(made, made)
        then = self._became(state, device, state.devices[device]._replace(node=number))
        return Move(kind, device, number, then._replace(nodes=state.nodes | {number}), fault)

    def follows(self, state: State, device: int) -> Iterator[Move]:
        """Yield commits that are shown to a device; one that is outside comes in with its Welcome."""
        d, me = state.devices[device], OWNERS[device]
        own = self.nodes[d.node].roster
        for number in sorted(state.nodes - {d.node}):
            node = self.nodes[number]
            if node.parent == d.node:
                by = OWNERS[node.by]
                shown = self.after(state, own, node.evidence, node.at, by) == node.roster
            else:
                welcome = node.parent is None or self.rosters[own].person(me) is None
                inside = self.rosters[node.roster].person(me) is not None
                shown = welcome and inside and self.proven(node.roster, own)
            if shown and node.by != device:
                told = frozenset(o for o in node.evidence if isinstance(self.act(o), Withdraw | Remove))
                known = d.known if self.rules.memory or node.parent is not None else frozenset[int]()
                became = Device(number, known | told, d.ever | told)
                yield Move("follows", device, number, self._became(state, device, became))

    def _writes(self, state: State, device: int) -> Iterator[Move]:
        if self.holds(state, device):
            return
        d = state.devices[device]
        told = self.lacks(state, device, d.known) if self.rules.gossip else frozenset[int]()
        message = Message(device, d.node, told, self.lacks(state, device, d.ever))
        fault = self.reader_fault(state, device)
        if fault is not None or (message.left and message not in state.said):
            yield Move("writes", device, message, state._replace(said=state.said | {message}), fault)

    def _reads(self, state: State, device: int) -> Iterator[Move]:
        d = state.devices[device]
        for message in sorted(state.said, key=repr):
            if message.by != device and message.node == d.node and not message.left <= d.known:
                then = self.learns(state, device, message.told)
                silent = not message.left <= then.devices[device].known
                fault = (
                    "READS ON: a message proves what was withheld, and nothing is said" if silent else None
                )
                yield Move("reads", device, message, then, fault)


def _at(day: int, signed: Sequence[Statement]) -> Millis:
    return Millis(NOW + day * DAY + len(signed) * BORN)


def _born(act: AnyAct) -> int:
    """Return when something was signed, of what was signed in this model."""
    return (act.at - NOW) % DAY


# --- an honest server


class Chat(NamedTuple):
    """An honest server: one log, in order; devices are late, and statements wait in outboxes."""

    state: State
    log: tuple[tuple[str, Any], ...]
    at: tuple[int, ...]
    queue: frozenset[tuple[int, int]]


@dataclass
class HonestServer:
    """The same world with an honest server."""

    model: Model

    def start(self) -> Chat:
        """Return the first state."""
        return Chat(self.model.start(), (), tuple(0 for _ in self.model.devices), frozenset())

    def moves(self, chat: Chat) -> Iterator[Move]:
        """Yield every step. Wrong is a commit that is refused, and a server that is accused."""
        for device, one in sorted(chat.queue):
            then = chat._replace(log=(*chat.log, ("is shown", one)), queue=chat.queue - {(device, one)})
            yield Move("posts", device, one, then)
        for device, at in enumerate(chat.at):
            if at < len(chat.log):
                yield from self._next(chat, device, *chat.log[at])
        for move in self.model.moves(chat.state):
            then = chat._replace(state=move.state)
            if move.kind == "signs":
                yield move._replace(state=then._replace(queue=chat.queue | {(move.device, move.what)}))
            elif move.kind in {"day", "revokes"}:
                yield move._replace(state=then)
            elif move.kind in {"commits", "writes"} and chat.at[move.device] == len(chat.log):
                yield move._replace(state=then._replace(log=(*chat.log, (move.kind, move.what))))

    def _next(self, chat: Chat, device: int, kind: str, item: Any) -> Iterator[Move]:
        """Yield what a device does with the next entry of the log."""
        model, state = self.model, chat.state
        at = tuple(number + (each == device) for each, number in enumerate(chat.at))
        d = state.devices[device]
        if kind == "is shown":
            subtracts = isinstance(model.act(item), Withdraw | Remove)
            then = model.learns(state, device, frozenset({item})) if subtracts else state
            yield Move("next", device, item, chat._replace(state=then, at=at))
            return
        if kind == "commits":
            own = model.nodes[item].by == device
            found = [move for move in model.follows(state, device) if move.what == item]
            then = found[0].state if found else state
            inside = model.roster(d).person(OWNERS[device]) is not None and not (
                device == 2 and state.revoked
            )
            fault = "ALARM: an honest commit is refused" if inside and not found and not own else None
        else:
            then = model.learns(state, device, item.told) if item.by != device else state
            shown = {entry[1] for entry in chat.log[: chat.at[device]] if entry[0] == "is shown"}
            accuses = item.by != device and (item.told - d.known) & shown
            fault = "ALARM: a message tells of what an honest server has shown" if accuses else None
        yield Move("next", device, item, chat._replace(state=then, at=at), fault)


# --- searching


@dataclass
class Found:
    """What a search found."""

    states: int
    depth: int
    holes: dict[str, str]
    """The shortest way to each kind of hole."""


def search(model: Model, most: int, *, until: str | None = None) -> Found:
    """Search breadth first, until a depth, a number of states, or one kind of hole."""
    system: Any = HonestServer(model) if model.honest else model
    step: Callable[[Any], Iterator[Move]] = system.moves
    seen: dict[Any, Any] = {system.start(): None}
    holes: dict[str, str] = {}
    queue = deque([(system.start(), 0)])
    while queue:
        state, steps = queue.popleft()
        if steps >= model.world.depth or len(seen) > most or until in holes:
            return Found(len(seen), steps, holes)
        for move in step(state):
            if move.fault is not None and move.fault not in holes:
                way, at = [move], state
                while seen[at] is not None:
                    at, before = seen[at]
                    way.append(before)
                holes[move.fault] = "; ".join(shown(model, each) for each in reversed(way))
            if move.state not in seen:
                seen[move.state] = state, move._replace(state=None)
                queue.append((move.state, steps + 1))
    return Found(len(seen), model.world.depth, holes)


def shown(model: Model, move: Move) -> str:
    """Describe a step."""
    who, what = ("ada", "ben", "ada's phone", "mallory")[move.device], move.what
    if isinstance(what, int) and move.kind in {"commits", "follows", "creates again"}:
        node = model.nodes[what]
        what = f"(day {node.at}) {[_words(model.statements[one]) for one in node.evidence]}"
    elif isinstance(what, int) and move.kind in {"signs", "is shown", "posts"}:
        what = _words(model.statements[what])
    return f"{who} {move.kind} {what}"


def _words(said: Statement) -> str:
    act = said.act
    return f"{said.by}: {type(act).__name__} {act.who}, serial {act.serial}, day {(act.at - NOW) // DAY}"
