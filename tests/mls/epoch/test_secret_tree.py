"""What the secret tree does at its limits (RFC 9420 section 9)."""

import pytest

from parlour_mls import MalformedError, OlderEpochError, PolicyError
from parlour_mls.epoch import RatchetLimits, SecretTree
from parlour_mls.epoch.secret_tree import APPLICATION, HANDSHAKE, MAX_GENERATION, Ratchet

LIMITS = RatchetLimits()
TREE = SecretTree.start(4, bytes(range(32)))


def test_both_ends_of_a_ratchet_have_the_same_keys() -> None:
    """The sender's n-th key is what a receiver finds for generation n, in any order."""
    sender, receiver, keys = TREE, TREE, []
    for _ in range(4):
        key, sender = sender.next_key(2, APPLICATION)
        keys.append(key)
    for generation in (2, 0, 3, 1):
        found, receiver = receiver.key_for(2, APPLICATION, generation, LIMITS)
        assert (found.key, found.nonce) == (keys[generation].key, keys[generation].nonce)
    assert receiver.ratchets[2][APPLICATION].kept == {}


def test_looking_up_changes_nothing_by_itself() -> None:
    """The tree that was asked still gives the key: only who keeps the new tree has used it up."""
    first, after = TREE.key_for(1, HANDSHAKE, 5, LIMITS)
    again, _ = TREE.key_for(1, HANDSHAKE, 5, LIMITS)
    assert first == again
    with pytest.raises(OlderEpochError, match="used or dropped"):
        after.key_for(1, HANDSHAKE, 5, LIMITS)


def test_steps_at_the_limit_and_past_it() -> None:
    """1,000 generations ahead are reached, 1,001 are not; 256 skipped keys are kept."""
    _, after = TREE.key_for(0, APPLICATION, LIMITS.steps, LIMITS)
    assert len(after.ratchets[0][APPLICATION].kept) == LIMITS.kept
    with pytest.raises(PolicyError, match="ahead"):
        TREE.key_for(0, APPLICATION, LIMITS.steps + 1, LIMITS)
    with pytest.raises(PolicyError, match="ahead"):
        TREE.key_for(0, APPLICATION, MAX_GENERATION, LIMITS)


def test_a_ratchet_ends() -> None:
    """A generation has 32 bits; after the last there is none that repeats."""
    with pytest.raises(PolicyError, match="used up"):
        Ratchet(MAX_GENERATION, bytes(32), {}).step()


def test_node_secrets_above_a_used_leaf_are_deleted() -> None:
    """Section 9.2: the root goes first; the other leaves' secrets stay."""
    _, after = TREE.next_key(0, APPLICATION)
    assert set(after.nodes) == {2, 5}
    _, after = after.next_key(1, APPLICATION)
    assert set(after.nodes) == {5}


@pytest.mark.parametrize("leaf", [-1, 4, 1 << 30])
def test_leaves_outside_of_the_tree(leaf: int) -> None:
    """They have no keys."""
    with pytest.raises(MalformedError, match="no leaf"):
        TREE.next_key(leaf, APPLICATION)


def test_a_tree_whose_keys_are_deleted() -> None:
    """A scrubbed tree says so, and does not climb for ever."""
    with pytest.raises(OlderEpochError, match="gone"):
        SecretTree(4, {}, {}).next_key(0, APPLICATION)
