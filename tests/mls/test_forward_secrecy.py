"""What is used up is gone: no consumed secret is anywhere in the state blob (RFC 9420 section 9.2)."""

import pickle
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from typing import Any
from unittest import mock

import pytest
from tests.mls.mls_world import NOW, World

from parlour_mls import Group, add_proposal, remove_proposal
from parlour_mls.epoch import SecretTree
from parlour_mls.epoch import key_schedule as schedule_module
from parlour_mls.epoch import secret_tree as tree_module
from parlour_mls.messages import Add
from parlour_mls.tree import update_path as path_module


class Recorder:
    """Notes every secret that a member has *derived from*: after that it is consumed, for that member."""

    def __init__(self) -> None:
        self.actor = b""
        self.consumed: dict[bytes, dict[bytes, str]] = {}

    def note(self, secret: bytes, what: str) -> None:
        """Note a secret that the member who acts has used up; all-zero inputs are no secrets."""
        if any(secret):
            self.consumed.setdefault(self.actor, {}).setdefault(secret, what)

    def check(self, group: Group) -> None:
        """Search a member's blob for what it has consumed."""
        consumed, blob, kept = self.consumed[identity(group)], group.serialise(), kept_by_design(group)
        found = [what for secret, what in consumed.items() if secret in blob and secret not in kept]
        assert not found, f"consumed secrets in the state: {found}"


def identity(group: Group) -> bytes:
    """Name a member."""
    return group.state.epoch.own_node().credential.identity


_ACTIONS = ("encrypt", "decrypt", "process", "propose", "propose_update", "commit", "merge_pending_commit")


@contextmanager
def recording() -> Iterator[Recorder]:
    """Watch all derivations of all members."""
    recorder = Recorder()

    def watch(module: Any, name: str) -> Any:
        real = getattr(module, name)

        def watched(secret: bytes, *more: Any) -> Any:
            recorder.note(secret, f"{module.__name__}.{name} {more[0]!r}")
            return real(secret, *more)

        return mock.patch.object(module, name, watched)

    def acting(name: str) -> Any:
        real = getattr(Group, name)

        def action(self: Group, *of: Any, **more: Any) -> Any:
            recorder.actor = identity(self)
            return real(self, *of, **more)

        return mock.patch.object(Group, name, action)

    with ExitStack() as stack:
        for module, name in (
            (tree_module, "expand_with_label"),
            (path_module, "derive_secret"),
            (schedule_module, "expand_with_label"),
        ):
            stack.enter_context(watch(module, name))
        for name in _ACTIONS:
            stack.enter_context(acting(name))
        yield recorder


def kept_by_design(group: Group) -> set[bytes]:
    """Secrets that derive many things and live as long as their epoch: exporter and sender data."""
    state = group.state
    epochs = [state.epoch] + ([state.pending.epoch] if state.pending else [])
    kept = {e.secrets.sender_data.reveal() for e in epochs} | {e.secrets.exporter.reveal() for e in epochs}
    return kept | {past.sender_data.reveal() for past in state.past}


def test_the_recorder_sees_what_it_should() -> None:
    """A state that kept a node secret on the path of a used leaf would be found (the check can fail)."""
    world = World(2)
    with recording() as recorder:
        message = world["m0"].encrypt(b"x")
        world["m1"].decrypt(message)
    root = world["m1"].state.epoch.keys
    secret = next(s for s, what in recorder.consumed[b"m1"].items() if what.endswith("'tree'"))
    group = world["m1"]
    bad = SecretTree(root.leaves, {**root.nodes, 99: secret}, root.ratchets)
    group.state = replace(group.state, epoch=replace(group.state.epoch, keys=bad))
    with pytest.raises(AssertionError, match="consumed secrets"):
        recorder.check(group)


def test_nothing_consumed_is_in_the_state() -> None:
    """After sending, receiving out of order, committing, following and removing."""
    world = World(4)
    with recording() as recorder:
        sent = [world["m0"].encrypt(b"%d" % n) for n in range(4)]
        world["m1"].decrypt(sent[3])
        world["m1"].decrypt(sent[1])
        recorder.check(world["m0"])
        recorder.check(world["m1"])
        world.deliver(world["m2"].propose_update(now=NOW), by="m2")
        world.commit("m0")
        world.stage("m1", [add_proposal(world.device("m4").publish())])
        recorder.check(world["m1"])
        world["m1"].clear_pending_commit()
        world["m1"].decrypt(world["m3"].encrypt(b"y"))
        world.commit("m3", [remove_proposal(world.index("m2"))])
    for name in ("m0", "m1", "m3"):
        recorder.check(world[name])


@contextmanager
def message_keys() -> Iterator[list[Any]]:
    """Note the key of each message that is encrypted in a block."""
    real, keys = SecretTree.next_key, []

    def noted(self: SecretTree, leaf: int, kind: int) -> Any:
        key, after = real(self, leaf, kind)
        keys.append(key)
        return key, after

    with mock.patch.object(SecretTree, "next_key", noted):
        yield keys


def test_message_keys_are_gone_once_used() -> None:
    """The very key and nonce of a message are in the state of neither side after it."""
    world = World(2)
    with message_keys() as keys:
        first, second = world["m0"].encrypt(b"1"), world["m0"].encrypt(b"2")
    skipped, used = keys
    world["m1"].decrypt(second)
    assert skipped.key in world["m1"].serialise(), "the skipped key is kept for the late message"
    assert used.key not in world["m1"].serialise()
    world["m1"].decrypt(first)
    for group in world.groups.values():
        for key in keys:
            assert key.key not in group.serialise()
            assert key.nonce not in group.serialise()


def test_the_key_of_a_late_message_is_gone_too() -> None:
    """Also where the state of its past epoch was written down before."""
    world = World(2)
    with message_keys() as keys:
        first, second = world["m0"].encrypt(b"1"), world["m0"].encrypt(b"2")
    world["m1"].decrypt(second)
    world.commit("m0")
    assert keys[0].key in world["m1"].serialise()
    world["m1"].decrypt(first)
    assert keys[0].key not in world["m1"].serialise()


def test_old_private_keys_are_gone_after_a_commit() -> None:
    """The committer's old leaf key and the old path keys do not outlive their epoch, at any member."""
    world = World(4)
    old = {secret.reveal() for secret in world["m0"].state.epoch.privates.values()}
    shared = {secret.reveal() for secret in world["m1"].state.epoch.privates.values()} & old
    assert shared
    world.commit("m0")
    for secret in old:
        assert secret not in world["m0"].serialise()
    for secret in shared:
        assert secret not in world["m1"].serialise()


def test_the_key_of_a_blanked_node_is_deleted() -> None:
    """An Update below a node removes its key from members that had it, without a replacement."""
    world = World(4)
    for name in world.groups:
        world.commit(name)
    node = 5  # only above m2 and m3
    key = world["m3"].state.epoch.privates[node].reveal()
    world.deliver(world["m2"].propose_update(now=NOW), by="m2")
    world.commit("m0")
    assert world["m3"].tree.parent(node) is None
    assert key not in world["m3"].serialise()


def test_of_an_old_epoch_only_what_late_messages_need_is_kept() -> None:
    """All but the sender data secret (until the window closes) and the resumption secret is forgotten."""
    world = World(3)
    old = world["m0"].state.epoch.secrets
    named = {field.name: getattr(old, field.name).reveal() for field in fields(old)}
    world.commit("m0")
    for kept in ({"sender_data", "resumption"}, {"resumption"}):
        for group in world.groups.values():
            blob = group.serialise()
            assert {name for name, secret in named.items() if secret in blob} == kept
            group.forget_past_epochs()


def test_keys_replaced_by_a_commit_or_an_update_are_deleted() -> None:
    """The keys of a commit that was refused, of an Update that was not taken, and of one that was."""
    world = World(3)
    pending = world.stage("m0").epoch
    refused_keys = [secret.reveal() for secret in pending.privates.values()]
    world["m0"].clear_pending_commit()
    sent = world["m1"].propose_update(now=NOW), world["m1"].propose_update(now=NOW)
    first, second = (update.private.reveal() for update in world["m1"].state.own_updates.values())
    former = world["m1"].state.epoch.privates[2 * world.index("m1")].reveal()
    for message in sent:
        world.deliver(message, by="m1")
    world.commit("m0")
    assert all(secret not in world["m0"].serialise() for secret in refused_keys)
    blob = world["m1"].serialise()
    assert second in blob
    assert first not in blob
    assert former not in blob


def test_secrets_do_not_show() -> None:
    """No repr of anything in a group shows a secret, and secrets are not pickled or hashed."""
    world = World(2)
    world.stage("m0")
    state = world["m0"].state
    shown = repr(state)
    epoch = state.epoch
    hidden = [*epoch.privates.values(), epoch.secrets.init, epoch.signer.seed, *state.resumption.values()]
    for secret in hidden:
        assert repr(secret.reveal())[2:-1] not in shown
        assert secret.reveal().hex() not in shown
        assert repr(secret) == "Secret(32 bytes)"
    for node in epoch.keys.nodes.values():
        assert repr(node)[2:-1] not in shown
    with pytest.raises(TypeError):
        pickle.dumps(epoch.secrets.init)
    with pytest.raises(TypeError):
        hash(epoch.secrets.init)


def test_a_key_store_forgets_spent_keys() -> None:
    """After joining, the init key and the leaf key are nowhere in the store."""
    world = World(1)
    device = world.device("m1")
    secrets = device.secrets()
    pending = world.stage("m0", [Add(secrets.package)])
    group = device.join(pending.welcome or b"")
    assert secrets.init_private.reveal() not in device.store.serialise()
    assert secrets.init_private.reveal() not in group.serialise()
