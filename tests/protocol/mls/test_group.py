"""What a group promises its application: staged commits, races, echoes, late messages, restarts, export."""

import pytest
from mls_world import GROUP_ID, LIFETIME, MONTH, NOW, Device, World, refused, unchanged

from parlour_protocol.mls import (
    ApplicationMessage,
    CommitApplied,
    CommitOptions,
    Credential,
    Echo,
    Extension,
    ExternalJoin,
    Group,
    GroupContextExtensions,
    InvalidError,
    KeyPackageStore,
    LeafChange,
    Lifetime,
    MalformedError,
    NewerEpochError,
    NotAuthorisedError,
    NotForThisGroupError,
    OlderEpochError,
    OwnMessageError,
    Policy,
    PolicyError,
    ProposalReceived,
    Psks,
    RatchetLimits,
    Secret,
    SigningKey,
    StateError,
    Status,
    UnknownPskError,
    add_proposal,
    remove_proposal,
)
from parlour_protocol.mls.messages import GroupInfo, read_message

PUBLIC = CommitOptions(public=True)


def text(group: Group, message: bytes) -> bytes:
    """Process a message that must be an application message."""
    event = group.process(message, now=NOW)
    assert isinstance(event, ApplicationMessage)
    return event.data


def test_a_message_reaches_everybody_with_its_author_and_associated_data() -> None:
    """All members read a message, and see who sent it and what was authenticated with it."""
    world = World(3)
    message = world["m1"].protect(b"hello", b"id 7")
    for name in ("m0", "m2"):
        event = world[name].unprotect(message)
        assert (event.data, event.authenticated_data) == (b"hello", b"id 7")
        assert event.sender.credential == Credential.basic(b"m1")


def test_messages_are_padded_to_a_few_sizes() -> None:
    """Short texts of different lengths are of one size on the wire."""
    world = World(2)
    assert len({len(world["m0"].protect(bytes(n))) for n in range(64, 160)}) == 1


def test_a_staged_commit_changes_nothing_until_it_is_accepted() -> None:
    """The committer stays in its epoch, and can still send in it."""
    world = World(2)
    before = world["m0"].epoch_authenticator
    pending = world.stage("m0")
    assert world["m0"].epoch_authenticator == before
    assert text(world["m1"], world["m0"].protect(b"meanwhile")) == b"meanwhile"
    world.deliver(pending.message, by="m0")
    applied = world["m0"].commit_accepted()
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
    """Two commit in one epoch; the loser follows the winner, then commits anew what it wanted."""
    world = World(3)
    newcomer = world.device("late")
    losing = world.stage("m1", [add_proposal(newcomer.publish())])
    winning = world.stage("m0")
    world["m0"].commit_accepted()
    for name in ("m1", "m2"):
        event = world[name].process(winning.message, now=NOW)
        assert isinstance(event, CommitApplied)
        assert event.lost == (name == "m1")
    refused(world["m2"], losing.message, OlderEpochError, "epoch")
    again = world["m1"].retry(now=NOW)
    assert again is not None
    world["m1"].commit_accepted()
    world.deliver(again.message, by="m1")
    world.groups["late"] = newcomer.join(again.welcome or b"")
    world.agree()


def test_a_retry_never_hits_somebody_else() -> None:
    """A Remove is dropped when its leaf went to another member, an Add when its client is in."""
    world = World(3)
    world.stage("m1", [remove_proposal(world.index("m2"))])
    replaced = world.stage("m0", [remove_proposal(2), add_proposal(world.device("other").publish())])
    world["m0"].commit_accepted()
    world["m1"].process(replaced.message, now=NOW)
    assert world["m1"].tree.leaf(2) is not None
    assert world["m1"].retry(now=NOW) is None


def test_a_retry_does_not_overwrite_newer_extensions() -> None:
    """A wholesale replacement of the extensions is not repeated over somebody else's."""
    policy = Policy(extensions=frozenset({0xF0C0}))
    world = World(2, policy=policy)
    world.stage("m1", [GroupContextExtensions((Extension(0xF0C0, b"lost"),))])
    winning = world.stage("m0", [GroupContextExtensions((Extension(0xF0C0, b"won"),))])
    world["m0"].commit_accepted()
    world["m1"].process(winning.message, now=NOW)
    assert world["m1"].retry(now=NOW) is None
    assert world["m1"].context.extensions == (Extension(0xF0C0, b"won"),)


def test_a_refused_commit_can_be_made_again() -> None:
    """When the delivery service refuses without a winner, the same is staged once more in the same epoch."""
    world = World(2)
    world.stage("m0", [add_proposal(world.device("late").publish())])
    world["m0"].commit_refused()
    assert world["m0"].pending is None
    again = world["m0"].retry(now=NOW)
    assert again is not None
    assert again.outcome.added == (2,)


def test_one_commit_is_staged_at_a_time() -> None:
    """A second commit, and rulings without a commit, are refused."""
    world = World(2)
    with pytest.raises(StateError, match="no staged"):
        world["m0"].commit_accepted()
    with pytest.raises(StateError, match="no staged"):
        world["m0"].commit_refused()
    world.stage("m0")
    with unchanged(world["m0"]), pytest.raises(StateError, match="staged already"):
        world.stage("m0")


def test_proposals_wait_for_a_commit_of_anybody() -> None:
    """Update, Add and Remove by reference take effect with somebody's commit, and block sending until then."""
    world = World(4)
    update = world["m1"].propose_update(now=NOW)
    add = world["m2"].propose(add_proposal(world.device("new").publish()), now=NOW, options=PUBLIC)
    remove = world["m2"].propose(remove_proposal(world.index("m3")), now=NOW)
    for message, by in ((update, "m1"), (add, "m2"), (remove, "m2")):
        world.deliver(message, by=by)
    with unchanged(world["m0"]), pytest.raises(StateError, match="proposals wait"):
        world["m0"].protect(b"not yet")
    pending = world.commit("m0")
    assert (pending.outcome.added, pending.outcome.updated) == ((3,), (1,))
    assert world["m3"].status is Status.REMOVED
    del world.groups["m3"]
    world.groups["new"] = world.devices["new"].join(pending.welcome or b"")
    world.agree()
    assert text(world["new"], world["m1"].protect(b"hi")) == b"hi"


def test_conflicting_proposals_do_not_jam_the_next_commit() -> None:
    """Of two proposals that exclude each other the better one is taken, and nobody commits its own removal."""
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


def test_the_latest_update_of_a_member_is_the_one_that_counts() -> None:
    """Both Updates are valid; the later is committed and its private key is the one in use."""
    world = World(3)
    for _ in range(2):
        world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    world.commit("m2")
    world.commit("m0")
    world.agree()


def test_a_proposal_of_our_own_that_comes_back_is_an_echo() -> None:
    """Nothing happens twice."""
    world = World(2)
    message = world["m0"].propose_update(now=NOW)
    with unchanged(world["m0"]):
        assert isinstance(world["m0"].process(message, now=NOW), Echo)


def test_waiting_proposals_can_be_forgotten() -> None:
    """After that messages flow again, and a commit that refers to them is refused."""
    world = World(3)
    world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    world["m2"].forget_proposals()
    assert text(world["m1"], world["m2"].protect(b"go on")) == b"go on"
    pending = world.stage("m0")
    refused(world["m2"], pending.message, StateError, "refers to a proposal")


def test_a_member_that_is_removed_learns_it_and_can_do_nothing_more() -> None:
    """It reads late messages of its last epoch, and keeps no keys of the group beside."""
    world = World(3)
    late = world["m1"].protect(b"late")
    secret = world["m2"]._state.epoch.secrets.exporter.reveal()
    world.commit("m0", [remove_proposal(world.index("m2"))])
    gone = world["m2"]
    assert gone.status is Status.REMOVED
    assert text(gone, late) == b"late"
    assert secret not in gone.serialise()
    for action in (
        lambda: gone.protect(b""),
        lambda: gone.commit(now=NOW),
        lambda: gone.propose_update(now=NOW),
        lambda: gone.export("x", b"", 32),
        gone.group_info,
        lambda: gone.epoch_authenticator,
    ):
        with unchanged(gone), pytest.raises(StateError, match="not a member"):
            action()


def test_late_messages_are_read_within_the_window_and_by_the_roster_of_their_time() -> None:
    """Two past epochs can be read, the third not; a reused leaf does not confuse authors."""
    world = World(3)
    old = [world["m2"].protect(b"epoch 1"), world["m2"].protect(b"epoch 1 again")]
    world.commit("m0", [remove_proposal(2), add_proposal(world.device("heir").publish())])
    event = world["m1"].unprotect(old[0])
    assert event.sender.credential == Credential.basic(b"m2")
    heir = world["m0"].tree.leaf(2)
    assert heir is not None
    assert heir.credential == Credential.basic(b"heir")
    del world.groups["m2"]
    world.commit("m0")
    world.commit("m0")
    refused(world["m1"], old[1], OlderEpochError, "epoch 1 are gone")


def test_past_epochs_can_be_forgotten() -> None:
    """The application ends the window by its own clock."""
    world = World(2)
    late = world["m1"].protect(b"late")
    world.commit("m0")
    world["m0"].forget_past_epochs()
    refused(world["m0"], late, OlderEpochError, "gone")


def test_messages_of_the_future_are_told_apart() -> None:
    """A member that missed a commit is told so, and reads on once it has it."""
    world = World(3)
    pending = world.stage("m0")
    world["m0"].commit_accepted()
    world["m1"].process(pending.message, now=NOW)
    early = world["m1"].protect(b"early")
    refused(world["m2"], early, NewerEpochError, "commits are missing")
    refused(world["m2"], world["m1"].propose_update(now=NOW), NewerEpochError, "commits are missing")
    world["m2"].process(pending.message, now=NOW)
    assert text(world["m2"], early) == b"early"


def test_messages_out_of_order_are_read_once_each() -> None:
    """Any order works; a replay does not."""
    world = World(2)
    sent = [world["m0"].protect(b"%d" % n) for n in range(5)]
    for n in (3, 0, 4, 1, 2):
        assert text(world["m1"], sent[n]) == b"%d" % n
    for message in sent:
        refused(world["m1"], message, OlderEpochError, "used or dropped")


def test_a_generation_far_ahead_costs_nothing() -> None:
    """A sender that claims a huge generation is refused before any key is derived."""
    world = World(2, policy=Policy(ratchets=RatchetLimits(steps=5, kept=3)))
    sent = [world["m0"].protect(b"%d" % n) for n in range(7)]
    refused(world["m1"], sent[6], PolicyError, "ahead")
    assert text(world["m1"], sent[5]) == b"5"  # at the limit
    assert text(world["m1"], sent[2]) == b"2"  # the oldest of the three that are kept
    refused(world["m1"], sent[1], OlderEpochError, "dropped")


def test_own_application_messages_cannot_be_opened() -> None:
    """The sender has used up its key: it must have kept the plaintext."""
    world = World(2)
    refused(world["m0"], world["m0"].protect(b"mine"), OwnMessageError, "our own")


def test_the_tree_can_travel_beside_the_welcome() -> None:
    """A Welcome without the tree needs it beside, and says so."""
    world = World(2)
    beside = CommitOptions(tree_in_welcome=False)
    pending = world.stage("m0", [add_proposal(world.device("m2").publish())], beside)
    world["m0"].commit_accepted()
    with pytest.raises(InvalidError, match="ratchet tree"):
        world.devices["m2"].join(pending.welcome or b"")
    assert world.devices["m2"].join(pending.welcome or b"", ratchet_tree=world["m0"].ratchet_tree())


def test_a_key_package_is_good_for_one_group() -> None:
    """After joining its keys are gone, but for a last-resort package; a failed join spends nothing."""
    world = World(1)
    device = world.device("m1")
    pending = world.stage("m0", [add_proposal(device.publish())])
    with pytest.raises(NotForThisGroupError, match="already"):
        device.join(pending.welcome or b"", existing={GROUP_ID})
    device.join(pending.welcome or b"")
    with pytest.raises(NotForThisGroupError, match="none of our key packages"):
        device.join(pending.welcome or b"")
    world["m0"].commit_refused()
    again = world.stage("m0", [add_proposal(device.publish(last_resort=True))])
    device.join(again.welcome or b"")
    assert device.join(again.welcome or b"")


def test_a_store_of_key_packages_survives_a_restart_and_drops_what_expired() -> None:
    """Restored packages still open Welcomes; expired ones are dropped."""
    world = World(1)
    device = world.device("m1")
    pending = world.stage("m0", [add_proposal(device.publish())])
    blob = device.store.serialise()
    assert Group.join(pending.welcome or b"", KeyPackageStore.restore(blob))
    store = KeyPackageStore.restore(blob)
    assert store.expire(NOW + MONTH) == ()
    assert len(store.expire(NOW + MONTH + 1)) == 1
    assert len(store) == 0
    with pytest.raises(MalformedError):
        KeyPackageStore.restore(blob[:-1])


def test_psks_are_mixed_in_and_must_be_known() -> None:
    """External and resumption PSKs reach everybody, newcomers too; who lacks one is told."""
    world = World(3)
    world.commit("m0")
    world.psks = Psks({b"quantum": Secret(bytes(32))})
    psks = [world["m0"].external_psk(b"quantum"), world["m0"].resumption_psk(1)]
    pending = world.stage("m0", psks)
    refused(world["m1"], pending.message, UnknownPskError, "does not have")
    world["m0"].commit_accepted()
    world.deliver(pending.message, by="m0")
    world.agree()
    joining = world.commit_adding("m1", ["m3"])
    assert joining.outcome.added == (3,)
    world.agree()


def test_a_psk_in_an_adding_commit_reaches_the_newcomer() -> None:
    """The Welcome names the PSK, and only who has it can join."""
    world = World(2)
    world.psks = Psks({b"k": Secret(b"key")})
    package = world.device("m2").publish()
    pending = world.commit("m0", [add_proposal(package), world["m0"].external_psk(b"k")])
    with pytest.raises(UnknownPskError):
        world.devices["m2"].join(pending.welcome or b"")
    world.groups["m2"] = world.devices["m2"].join(pending.welcome or b"", psks=world.psks)
    world.agree()


def test_extensions_of_the_group_are_agreed_on() -> None:
    """A replaced extension is seen by all; who does not support it cannot be added."""
    policy = Policy(extensions=frozenset({0xF0C0}))
    world = World(2, policy=policy, extensions=(Extension(0xF0C0, b"room a"),))
    pending = world["m0"].set_extensions((Extension(0xF0C0, b"room b"),), now=NOW)
    world["m0"].commit_accepted()
    world.deliver(pending.message, by="m0")
    assert world["m1"].context.extensions == (Extension(0xF0C0, b"room b"),)
    plain = Device("plain", world.random)
    with unchanged(world["m0"]), pytest.raises(InvalidError, match="does not support group extension"):
        world["m0"].add([plain.publish()], now=NOW)


def test_a_member_can_change_its_signature_key() -> None:
    """By a commit or by an Update; old messages verify with the old key, new ones with the new."""
    world = World(3)
    for change in (lambda c: world.commit("m0", (), CommitOptions(leaf=c)), lambda c: _update(world, c)):
        late = world["m0"].protect(b"old key")
        key = SigningKey.generate(world.random)
        change(LeafChange(signer=key))
        assert world["m1"].members()[0].signature_key == key.public
        assert text(world["m1"], late) == b"old key"
        assert text(world["m1"], world["m0"].protect(b"new key")) == b"new key"
        world.agree()


def _update(world: World, change: LeafChange) -> None:
    world.deliver(world["m0"].propose_update(change, now=NOW), by="m0")
    world.commit("m2")


def test_a_welcome_of_a_rekeying_commit_verifies() -> None:
    """The group info is signed with the key that the new tree shows."""
    world = World(2)
    change = CommitOptions(leaf=LeafChange(signer=SigningKey.generate(world.random)))
    world.add("m2", options=change)
    world.agree()


def test_exports_depend_on_label_context_and_epoch() -> None:
    """And are the same for all members."""
    world = World(2)
    seen = set()
    for label, context in (("a", b""), ("a", b"x"), ("b", b"x")):
        secrets = {group.export(label, context, 48).reveal() for group in world.groups.values()}
        assert len(secrets) == 1
        seen |= secrets
    world.commit("m0")
    seen.add(world["m0"].export("a", b"", 48).reveal())
    assert len(seen) == 4
    for length in (0, -1, 255 * 32 + 1):
        with pytest.raises(InvalidError, match="exported"):
            world["m0"].export("a", b"", length)


def test_a_restart_at_any_point_goes_on_where_it_was() -> None:
    """With proposals waiting, an Update of its own open and a commit staged."""
    world = World(3)
    world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    world.stage("m0")
    for name in world.groups:
        blob = world[name].serialise()
        world.groups[name] = Group.restore(blob, random=world.random)
        assert world[name].serialise() == blob
    pending = world["m0"].pending
    assert pending is not None
    world["m0"].commit_accepted()
    world.deliver(pending.message, by="m0")
    world.agree()


def test_a_damaged_state_is_refused() -> None:
    """Cut short, lengthened, or of another program."""
    blob = World(2)["m0"].serialise()
    for bad in (b"", blob[:-1], blob + b"\x00", b"X" + blob[1:], blob[: len(blob) // 2]):
        with pytest.raises(MalformedError):
            Group.restore(bad)


def test_a_group_info_lets_somebody_in_where_the_policy_allows() -> None:
    """An external commit joins; under the default policy it is refused."""
    world = World(3)
    info = read_message(world["m0"].group_info())
    assert isinstance(info, GroupInfo)
    open_door = Policy(external_commits=True)
    how = ExternalJoin(info, world.device("guest").secrets(), open_door)
    message, guest = Group.join_external(how, world.random)
    refused(world["m1"], message, PolicyError, "external commits are switched off")
    for group in world.groups.values():
        group.policy = open_door
    for name in world.groups:
        event = world[name].process(message, now=NOW)
        assert isinstance(event, CommitApplied)
        assert event.outcome.external
    world.groups["guest"] = guest
    assert isinstance(guest.process(message, now=NOW), Echo)
    world.agree()
    world.commit("guest")
    world.agree()


def test_the_application_decides_who_may_do_what() -> None:
    """A proposal that is not authorised is not even kept, and a commit of it is refused by all."""

    def only_m0_removes(change: object) -> None:
        for sender, _, _ in getattr(change, "removed", ()):
            if sender.index != 0:
                raise NotAuthorisedError("only the owner removes members")

    world = World(3)
    message = world["m1"].propose(remove_proposal(2), now=NOW)
    commit = Group.restore(world["m1"].serialise()).commit(now=NOW).message
    world["m2"].policy = Policy(authorise=only_m0_removes)
    refused(world["m2"], message, NotAuthorisedError, "only the owner")
    world["m0"].policy = Policy(authorise=only_m0_removes)
    refused(world["m0"], commit, StateError, "refers to a proposal")
    world["m1"].forget_proposals()
    world.commit("m0", [remove_proposal(2)])
    assert world["m2"].status is Status.REMOVED


def test_proposals_tell_the_application_what_they_are() -> None:
    """The event names the sender and carries the associated data."""
    world = World(2)
    options = CommitOptions(authenticated_data=b"aad")
    event = world["m1"].process(world["m0"].propose_update(now=NOW, options=options), now=NOW)
    assert isinstance(event, ProposalReceived)
    assert (event.sender.index, event.authenticated_data) == (0, b"aad")
    assert event.ref in world["m1"].proposals


def test_unprotect_takes_no_handshake_messages() -> None:
    """A commit that comes where a text is expected is refused and not applied."""
    world = World(2)
    pending = world.stage("m0")
    with unchanged(world["m1"]), pytest.raises(PolicyError, match="handshake"):
        world["m1"].unprotect(pending.message)


def test_expired_and_everlasting_key_packages_are_not_added() -> None:
    """At the limits they are, one second past them they are not."""
    skew, ninety = 3_600, 90 * 86_400
    world = World(1)
    good = [
        Lifetime(NOW + skew, NOW + MONTH),
        Lifetime(NOW - MONTH, NOW - skew),
        Lifetime(NOW, NOW + ninety + skew),
    ]
    for number, lifetime in enumerate(good):
        package = world.device(f"good {number}").publish(lifetime=lifetime)
        assert world["m0"].add([package], now=NOW)
        world["m0"].commit_refused()
    lax = Policy(max_lifetime=None)
    bad = [
        Lifetime(NOW + skew + 1, NOW + MONTH),
        Lifetime(NOW - MONTH, NOW - skew - 1),
        Lifetime(NOW, NOW + ninety + skew + 1),
    ]
    for number, lifetime in enumerate(bad):
        package = Device(f"bad {number}", world.random, lax).publish(lifetime=lifetime)
        with unchanged(world["m0"]), pytest.raises(PolicyError, match="lifetime|expired"):
            world["m0"].add([package], now=NOW)


def test_default_capability_types_are_never_listed() -> None:
    """Section 7.2: default extension and proposal types are not in our capabilities."""
    leaf = World(1, policy=Policy(extensions=frozenset({1, 3, 5, 0xF0C1})))["m0"].tree.leaf(0)
    assert leaf is not None
    assert leaf.capabilities.extensions == (0x000A, 0xF0C1)
    assert leaf.capabilities.proposals == ()
    assert LIFETIME == leaf.lifetime
