"""What a group promises about messages: order, late ones, keys that change, export, restarts."""

import pytest
from tests.mls.mls_world import MONTH, NOW, World, refused, text, unchanged

from parlour_mls import (
    CommitOptions,
    Credential,
    Group,
    InvalidError,
    KeyPackageStore,
    LeafChange,
    MalformedError,
    NewerEpochError,
    OlderEpochError,
    OwnMessageError,
    Policy,
    PolicyError,
    RatchetLimits,
    SigningKey,
    UnknownPskError,
    add_proposal,
    remove_proposal,
)

PUBLIC = CommitOptions(public=True)


def test_a_message_reaches_everyone_with_its_author_and_associated_data() -> None:
    """All members read a message, and see who sent it and what was authenticated with it."""
    world = World(3)
    message = world["m1"].encrypt(b"hello", b"id 7")
    for name in ("m0", "m2"):
        event = world[name].decrypt(message)
        assert (event.data, event.authenticated_data) == (b"hello", b"id 7")
        assert event.sender.credential == Credential.basic(b"m1")


def test_messages_are_padded_to_a_few_sizes() -> None:
    """Short texts of different lengths are of one size on the wire."""
    world = World(2)
    assert len({len(world["m0"].encrypt(bytes(n))) for n in range(64, 160)}) == 1


def test_the_latest_update_of_a_member_is_the_one_that_counts() -> None:
    """Both Updates are valid; the later is committed and its private key is the one in use."""
    world = World(3)
    for _ in range(2):
        world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    world.commit("m2")
    world.commit("m0")
    world.agree()


def test_late_messages_are_read_within_the_window_and_by_the_roster_of_their_time() -> None:
    """Two past epochs can be read, the third not; a reused leaf does not confuse authors."""
    world = World(3)
    old = [world["m2"].encrypt(b"epoch 1"), world["m2"].encrypt(b"epoch 1 again")]
    world.commit("m0", [remove_proposal(2), add_proposal(world.device("heir").publish())])
    event = world["m1"].decrypt(old[0])
    assert event.sender.credential == Credential.basic(b"m2")
    refused(world["m1"], old[0], OlderEpochError, "used or dropped")
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
    late = world["m1"].encrypt(b"late")
    world.commit("m0")
    world["m0"].forget_past_epochs()
    refused(world["m0"], late, OlderEpochError, "gone")


def test_messages_of_later_epochs_have_their_own_error() -> None:
    """A member that missed a commit gets an error, and continues once it has it."""
    world = World(3)
    pending = world.stage("m0")
    world["m0"].merge_pending_commit()
    world["m1"].process(pending.message, now=NOW)
    early = world["m1"].encrypt(b"early")
    refused(world["m2"], early, NewerEpochError, "commits are missing")
    refused(world["m2"], world["m1"].propose_update(now=NOW), NewerEpochError, "commits are missing")
    world["m2"].process(pending.message, now=NOW)
    assert text(world["m2"], early) == b"early"


def test_messages_out_of_order_are_read_once_each() -> None:
    """Any order works; a replay does not."""
    world = World(2)
    sent = [world["m0"].encrypt(b"%d" % n) for n in range(5)]
    for n in (3, 0, 4, 1, 2):
        assert text(world["m1"], sent[n]) == b"%d" % n
    for message in sent:
        refused(world["m1"], message, OlderEpochError, "used or dropped")


def test_a_generation_far_ahead_costs_nothing() -> None:
    """A sender that claims a huge generation is refused before any key is derived."""
    world = World(2, policy=Policy(ratchets=RatchetLimits(steps=5, kept=3)))
    sent = [world["m0"].encrypt(b"%d" % n) for n in range(7)]
    refused(world["m1"], sent[6], PolicyError, "ahead")
    assert text(world["m1"], sent[5]) == b"5"  # at the limit
    assert text(world["m1"], sent[2]) == b"2"  # the oldest of the three that are kept
    refused(world["m1"], sent[1], OlderEpochError, "dropped")


def test_own_application_messages_cannot_be_opened() -> None:
    """The sender has used up its key: it must have kept the plaintext."""
    world = World(2)
    refused(world["m0"], world["m0"].encrypt(b"mine"), OwnMessageError, "our own")


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
    for bad in (blob[:-1], b"X" + blob[1:], b""):
        with pytest.raises(MalformedError):
            KeyPackageStore.restore(bad)


def test_a_member_can_change_its_signature_key() -> None:
    """By a commit or by an Update; old messages verify with the old key, new ones with the new."""
    world = World(3)
    for change in (lambda c: world.commit("m0", (), CommitOptions(leaf=c)), lambda c: _update(world, c)):
        late = world["m0"].encrypt(b"old key")
        key = SigningKey.generate(world.random)
        change(LeafChange(signer=key))
        assert world["m1"].members()[0].signature_key == key.public
        assert text(world["m1"], late) == b"old key"
        assert text(world["m1"], world["m0"].encrypt(b"new key")) == b"new key"
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


def test_a_group_continues_after_a_restart_at_any_point() -> None:
    """With proposals waiting, an Update of its own open and a commit staged."""
    world = World(3)
    world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    world.stage("m0")
    for name in world.groups:
        blob = world[name].serialise()
        world.groups[name] = Group.restore(blob, random=world.random)
        assert world[name].serialise() == blob
    pending = world["m0"].pending_commit
    assert pending is not None
    world["m0"].merge_pending_commit()
    world.deliver(pending.message, by="m0")
    world.agree()


def test_a_damaged_state_is_refused() -> None:
    """Cut short, lengthened, or of another program."""
    blob = World(2)["m0"].serialise()
    for bad in (b"", blob[:-1], blob + b"\x00", b"X" + blob[1:], blob[: len(blob) // 2]):
        with pytest.raises(MalformedError):
            Group.restore(bad)


def test_unprotect_takes_no_handshake_messages() -> None:
    """A commit that comes where a text is expected is refused and not applied."""
    world = World(2)
    pending = world.stage("m0")
    with unchanged(world["m1"]), pytest.raises(PolicyError, match="handshake"):
        world["m1"].decrypt(pending.message)


def test_old_resumption_secrets_are_forgotten() -> None:
    """As many epochs as the policy says can still lend their resumption secret, and no more (section 8.6)."""
    world = World(2, policy=Policy(resumption_epochs=2))
    for _ in range(3):
        world.commit("m0")
    kept = world["m0"].epoch - 1
    world.commit("m0", [world.resumption_psk(kept)])
    world.agree()
    with unchanged(world["m0"]), pytest.raises(UnknownPskError):
        world.stage("m0", [world.resumption_psk(kept)])
