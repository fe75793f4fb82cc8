"""What a group promises its application about commits: staging, races, echoes, proposals that wait."""

from dataclasses import replace

import pytest
from tests.mls.mls_world import NOW, World, refused, text, unchanged

from parlour_mls import (
    CommitApplied,
    CommitOptions,
    Echo,
    Group,
    OlderEpochError,
    Policy,
    ProposalReceived,
    ReInit,
    StateError,
    Status,
    add_proposal,
    remove_proposal,
)

PUBLIC = CommitOptions(public=True)


def test_a_staged_commit_changes_nothing_until_it_is_accepted() -> None:
    """The committer stays in its epoch, and can still send in it."""
    world = World(2)
    before = world["m0"].epoch_authenticator
    pending = world.stage("m0")
    assert world["m0"].epoch_authenticator == before
    assert text(world["m1"], world["m0"].encrypt(b"meanwhile")) == b"meanwhile"
    world.deliver(pending.message, by="m0")
    applied = world["m0"].merge_pending_commit()
    assert applied.own
    world.agree()


def test_an_own_commit_that_comes_back_is_applied_once() -> None:
    """The echo enters the staged epoch; a second echo, even after a restart, does nothing."""
    world = World(2)
    pending = world.stage("m0")
    event = world["m0"].process(pending.message, now=NOW)
    assert isinstance(event, CommitApplied)
    assert event.own
    world.deliver(pending.message, by="m0")
    restarted = Group.restore(world["m0"].serialise())
    with unchanged(restarted):
        assert isinstance(restarted.process(pending.message, now=NOW), Echo)
    world.agree()


def test_the_loser_of_a_race_drops_its_commit_and_tries_again() -> None:
    """Two commit in one epoch; the loser follows the winner, then commits again what it wanted."""
    world = World(3)
    newcomer = world.device("late")
    losing = world.stage("m1", [add_proposal(newcomer.publish())])
    winning = world.stage("m0")
    world["m0"].merge_pending_commit()
    for name in ("m1", "m2"):
        event = world[name].process(winning.message, now=NOW)
        assert isinstance(event, CommitApplied)
        assert event.lost == (name == "m1")
    refused(world["m2"], losing.message, OlderEpochError, "epoch")
    again = world.commit("m1", [add_proposal(newcomer.publish())])
    world.groups["late"] = newcomer.join(again.welcome or b"")
    world.agree()


def test_a_refused_commit_can_be_made_again() -> None:
    """When the delivery service refuses without a winner, the same is staged once more in the same epoch."""
    world = World(2)
    late = add_proposal(world.device("late").publish())
    world.stage("m0", [late])
    world["m0"].clear_pending_commit()
    assert world["m0"].pending_commit is None
    assert world.stage("m0", [late]).outcome.added == (2,)


def test_one_commit_is_staged_at_a_time() -> None:
    """A second commit, and rulings without a commit, are refused."""
    world = World(2)
    with pytest.raises(StateError, match="no staged"):
        world["m0"].merge_pending_commit()
    with pytest.raises(StateError, match="no staged"):
        world["m0"].clear_pending_commit()
    world.stage("m0")
    with unchanged(world["m0"]), pytest.raises(StateError, match="staged already"):
        world.stage("m0")


def test_proposals_wait_for_a_commit_of_anyone() -> None:
    """Update, Add and Remove by reference take effect with someone's commit, and block sending before."""
    world = World(4)
    update = world["m1"].propose_update(now=NOW)
    add = world["m2"].propose(add_proposal(world.device("new").publish()), now=NOW, options=PUBLIC)
    remove = world["m2"].propose(remove_proposal(world.index("m3")), now=NOW)
    for message, by in ((update, "m1"), (add, "m2"), (remove, "m2")):
        world.deliver(message, by=by)
    with unchanged(world["m0"]), pytest.raises(StateError, match="proposals wait"):
        world["m0"].encrypt(b"not yet")
    pending = world.commit("m0")
    assert (pending.outcome.added, pending.outcome.updated) == ((3,), (1,))
    assert world["m3"].status is Status.REMOVED
    del world.groups["m3"]
    world.groups["new"] = world.devices["new"].join(pending.welcome or b"")
    world.agree()
    assert text(world["new"], world["m1"].encrypt(b"hi")) == b"hi"


def test_conflicting_proposals_do_not_jam_the_next_commit() -> None:
    """Of two that exclude each other the better is taken, and no one commits its own removal."""
    world = World(4)
    sent = [
        (world["m1"].propose_update(now=NOW), "m1"),
        (world["m1"].propose_update(now=NOW), "m1"),
        (world["m2"].propose(remove_proposal(world.index("m1")), now=NOW), "m2"),
        (world["m3"].propose(remove_proposal(world.index("m1")), now=NOW), "m3"),
        (world["m2"].propose(remove_proposal(world.index("m0")), now=NOW), "m2"),
        (world["m0"].propose_update(now=NOW), "m0"),
    ]
    for message, by in sent:
        world.deliver(message, by=by)
    pending = world.commit("m0")
    assert [m.index for m in pending.outcome.removed] == [1]
    assert pending.outcome.updated == ()
    del world.groups["m1"]
    world.agree()


def test_a_proposal_of_our_own_that_comes_back_is_an_echo() -> None:
    """Nothing happens twice."""
    world = World(2)
    message = world["m0"].propose_update(now=NOW)
    with unchanged(world["m0"]):
        assert isinstance(world["m0"].process(message, now=NOW), Echo)


def test_waiting_proposals_can_be_set_aside() -> None:
    """Our commits leave them out, also after a restart; who commits them is still followed."""
    world = World(3)
    world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    world["m2"].set_aside_proposals()
    world.groups["m2"] = Group.restore(world["m2"].serialise(), random=world.random)
    assert world["m2"].proposals == {}
    assert text(world["m1"], world["m2"].encrypt(b"go on")) == b"go on"
    assert world.stage("m2").outcome.updated == ()
    world["m2"].clear_pending_commit()
    world["m1"].set_aside_proposals()
    assert world.commit("m0").outcome.updated == (1,)
    world.agree()


def test_a_member_that_is_removed_learns_it_and_can_do_nothing_more() -> None:
    """It reads late messages of its last epoch, and keeps no keys of the group beside."""
    world = World(3)
    late = world["m1"].encrypt(b"late")
    secret = world["m2"].state.epoch.secrets.exporter.reveal()
    world.commit("m0", [remove_proposal(world.index("m2"))])
    gone = world["m2"]
    assert gone.status is Status.REMOVED
    assert text(gone, late) == b"late"
    assert secret not in gone.serialise()
    for action in (
        lambda: gone.encrypt(b""),
        lambda: gone.commit(now=NOW),
        lambda: gone.propose_update(now=NOW),
        lambda: gone.export("x", b"", 32),
        gone.group_info,
        lambda: gone.epoch_authenticator,
    ):
        with unchanged(gone), pytest.raises(StateError, match="not a member"):
            action()


def test_proposals_tell_the_application_what_they_are() -> None:
    """The event names the sender and carries the associated data."""
    world = World(2)
    options = CommitOptions(authenticated_data=b"aad")
    event = world["m1"].process(world["m0"].propose_update(now=NOW, options=options), now=NOW)
    assert isinstance(event, ProposalReceived)
    assert (event.sender.index, event.authenticated_data) == (0, b"aad")
    assert event.ref in world["m1"].proposals


def test_an_update_whose_private_key_is_lost_has_its_own_error() -> None:
    """When our own Update is committed after its key was lost, the error says to join again."""
    world = World(2)
    world["m1"].process(world["m0"].propose_update(now=NOW), now=NOW)
    lost = world["m0"]
    lost.state = replace(lost.state, own_updates={})
    refused(lost, world.stage("m1").message, StateError, "private key is lost")


def test_events_say_what_a_commit_did_to_us() -> None:
    """`own`, `lost`, `removed_us` and `reinit` are true where they should be, and false elsewhere."""
    world = World(3, policy=Policy(reinit=True))
    pending = world.stage("m0", [remove_proposal(2)])
    own = world["m0"].merge_pending_commit()
    other, removed = (world[name].process(pending.message, now=NOW) for name in ("m1", "m2"))
    assert isinstance(other, CommitApplied)
    assert isinstance(removed, CommitApplied)
    assert (own.own, own.lost, own.removed_us, own.reinit) == (True, False, False, False)
    assert (other.own, other.lost, other.removed_us, other.reinit) == (False, False, False, False)
    assert (removed.own, removed.lost, removed.removed_us, removed.reinit) == (False, False, True, False)
    assert [m.index for m in other.outcome.removed] == [2]
    del world.groups["m2"]
    world.stage("m0", [ReInit(b"next", 1, 3, ())])
    closed = world["m0"].merge_pending_commit()
    assert (closed.own, closed.reinit, world["m0"].status) == (True, True, Status.REINITIALISED)
