"""Random walks: members come, go, rekey, race, talk out of order and restart; at every step all agree.

A Hypothesis state machine over in-process members. Everything random comes from the seed that Hypothesis
draws, so the example that a failure prints replays it. PARLOUR_MLS_PROFILE=long walks farther.
"""

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.mls.mls_profile import LONG, PROFILE
from tests.mls.mls_world import NOW, World

from parlour_mls import (
    CLASSIC,
    HYBRID,
    ApplicationMessage,
    CipherSuite,
    CommitOptions,
    Group,
    OlderEpochError,
    Psks,
    Secret,
    add_proposal,
    remove_proposal,
)
from parlour_mls.group.group_state import State
from parlour_mls.tree import RatchetTree

MOST = 30


class Walk(RuleBasedStateMachine):
    """Two to thirty members and what can happen between them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.count = 0
        self.flying: list[tuple[str, bytes, bytes, int, set[str]]] = []
        """Messages under way: sender, message, plaintext, epoch, who has yet to read it."""

    @initialize(
        seed=st.integers(0, 2**32),
        size=st.integers(2, 9),
        suite=st.sampled_from([CLASSIC, CLASSIC, CLASSIC, HYBRID]),
    )
    def found(self, seed: int, size: int, suite: CipherSuite) -> None:
        """Begin with a few members. What ML-KEM seals is not from the seed, and decides nothing."""
        self.world = World(size, seed=seed, suite=suite)
        self.world.psks = Psks({b"k": Secret(b"psk")})
        self.count = size

    def name(self, number: int) -> str:
        """Choose a member."""
        names = sorted(self.world.groups)
        return names[number % len(names)]

    def newcomer(self) -> str:
        """Name someone new."""
        self.count += 1
        return f"n{self.count}"

    @rule(
        by=st.integers(0),
        path=st.booleans(),
        public=st.booleans(),
        inside=st.booleans(),
        many=st.integers(1, 3),
    )
    def add(self, by: int, path: bool, public: bool, inside: bool, many: int) -> None:  # noqa: FBT001 - drawn
        """Add members in one commit, with any options."""
        many = min(many, MOST - len(self.world.groups))
        if many > 0:
            options = CommitOptions(path=path, public=public, tree_in_welcome=inside)
            self.world.commit_adding(self.name(by), [self.newcomer() for _ in range(many)], options)

    @precondition(lambda self: len(self.world.groups) > 2)
    @rule(by=st.integers(0), whom=st.integers(0))
    def remove(self, by: int, whom: int) -> None:
        """Remove a member."""
        committer, leaving = self.name(by), self.name(whom)
        if committer != leaving:
            self.world.commit(committer, [remove_proposal(self.world.index(leaving))])
            del self.world.groups[leaving]

    @rule(by=st.integers(0), public=st.booleans())
    def heal(self, by: int, public: bool) -> None:  # noqa: FBT001 - drawn
        """Commit nothing but fresh keys."""
        self.world.commit(self.name(by), (), CommitOptions(public=public))

    @rule(by=st.integers(0), path=st.booleans())
    def mix_in_psks(self, by: int, path: bool) -> None:  # noqa: FBT001 - drawn
        """Commit an external PSK and the resumption PSK of this epoch, which all have."""
        group = self.world[self.name(by)]
        psks = [self.world.external_psk(b"k"), self.world.resumption_psk(group.epoch)]
        self.world.commit(self.name(by), psks, CommitOptions(path=path))

    @rule(updating=st.sets(st.integers(0, MOST), max_size=4), leaving=st.integers(0), by=st.integers(0))
    def commit_by_reference(self, updating: set[int], leaving: int, by: int) -> None:
        """Let members propose Updates and perhaps a Remove, and another one commit them."""
        proposers = {self.name(number) for number in updating}
        for name in sorted(proposers):
            self.world.deliver(self.world[name].propose_update(now=NOW), by=name)
        gone, committer = self.name(leaving), self.name(by)
        if len(self.world.groups) > 2 and gone not in proposers | {committer}:
            proposal = remove_proposal(self.world.index(gone))
            sender = next(n for n in sorted(self.world.groups) if n != gone)
            self.world.deliver(self.world[sender].propose(proposal, now=NOW), by=sender)
            self.world.commit(committer)
            del self.world.groups[gone]
        else:
            self.world.commit(committer)

    @rule(one=st.integers(0), other=st.integers(0))
    def race(self, one: int, other: int) -> None:
        """Let two commit in one epoch; the loser follows, then tries again what it wanted."""
        winner, loser = self.name(one), self.name(other)
        if winner == loser or len(self.world.groups) >= MOST:
            return
        name = self.newcomer()
        package = self.world.device(name).publish(suite=self.world.suite)
        self.world.stage(loser, [add_proposal(package)])
        self.world.commit(winner)
        again = self.world.commit(loser, [add_proposal(package)])
        self.world.groups[name] = self.world.devices[name].join(again.welcome or b"")

    @rule(by=st.integers(0), data=st.binary(max_size=300))
    def send(self, by: int, data: bytes) -> None:
        """Send a message that everyone will read some time."""
        sender = self.name(by)
        message = self.world[sender].encrypt(data)
        readers = set(self.world.groups) - {sender}
        self.flying.append((sender, message, data, self.world[sender].epoch, readers))

    @precondition(lambda self: bool(self.flying))
    @rule(which=st.integers(0), reader=st.integers(0))
    def read(self, which: int, reader: int) -> None:
        """Let someone read some message, late or out of order."""
        sender, message, data, epoch, readers = self.flying[which % len(self.flying)]
        name = self.name(reader)
        if name not in readers:
            return
        readers.remove(name)
        group = self.world[name]
        try:
            event: Any = group.process(message, now=NOW)
        except OlderEpochError:
            assert group.epoch - epoch > group.policy.past_epochs
            return
        assert group.epoch - epoch <= group.policy.past_epochs
        assert isinstance(event, ApplicationMessage)
        assert (event.data, event.sender.credential.identity) == (data, sender.encode())

    @rule(who=st.integers(0), staged=st.booleans())
    def restart(self, who: int, staged: bool) -> None:  # noqa: FBT001 - drawn
        """Restart a member from its state, perhaps with a commit staged."""
        name = self.name(who)
        if staged:
            self.world.stage(name)
        blob = self.world[name].serialise()
        restored = Group.restore(blob, random=self.world.random)
        assert restored.serialise() == blob
        self.world.groups[name] = restored
        if staged:
            pending = restored.pending_commit
            assert pending is not None
            restored.merge_pending_commit()
            self.world.deliver(pending.message, by=name)

    @invariant()
    def all_agree(self) -> None:
        """Tree hash, epoch authenticator, exporter output and members are the same for all."""
        self.world.agree()

    @invariant()
    def what_is_written_is_what_is_known(self) -> None:
        """Bytes that were kept from the last writing are those that would be written now, at two of them."""
        for name in sorted(self.world.groups)[:2]:
            group = self.world[name]
            assert group.serialise() == unkept(group.state).encode()


def unkept(state: State) -> State:
    """Return a state that remembers no bytes."""
    epoch = replace(state.epoch, tree=RatchetTree.of(state.epoch.tree.nodes))
    return replace(state, epoch=epoch, past=tuple(replace(past) for past in state.past))


Walk.TestCase.settings = settings(
    settings.get_profile(PROFILE),
    max_examples=300 if LONG else 20,
    stateful_step_count=60 if LONG else 25,
)
TestWalk = Walk.TestCase


def test_a_walk_of_thirty_members() -> None:
    """One long walk at full size: everyone commits, a third leaves, others come."""
    world = World(MOST, seed=30)
    for number in range(0, MOST, 3):
        world.commit(f"m{number}")
    world.agree()
    for number in range(1, MOST, 3):
        world.commit("m0", [remove_proposal(world.index(f"m{number}"))])
        del world.groups[f"m{number}"]
    world.agree()
    world.add(*(f"late {number}" for number in range(5)), by="m3")
    for name in sorted(world.groups)[::4]:
        world.commit(name)
    world.agree()
