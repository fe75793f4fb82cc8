"""The encrypted tree opens with its own key, for its own group and epoch, whole and unchanged."""

import pytest

from parlour_client.core.e2ee.errors import RuleBrokenError
from parlour_client.core.e2ee.group.join import (
    WelcomeSupplement,
    decrypt_supplement,
    encrypt_supplement,
    key_extension,
    new_key,
)
from parlour_client.core.e2ee.identity.keys import TREE_KEY
from parlour_mls import Extension

GROUP, TREE = b"g" * 32, WelcomeSupplement(b"all the leaves", b"all the people")


def test_a_tree_opens_for_its_own_group_and_epoch() -> None:
    """Not for another one, though the key is right."""
    key = new_key()
    info = (key_extension(key),)
    sealed = encrypt_supplement(TREE, key, GROUP, 7)
    assert decrypt_supplement(sealed, info, GROUP, 7) == TREE
    for group, epoch in ((b"h" * 32, 7), (GROUP, 8)):
        with pytest.raises(RuleBrokenError):
            decrypt_supplement(sealed, info, group, epoch)


def test_every_byte_counts() -> None:
    """Flipped or cut off anywhere."""
    key = new_key()
    info = (key_extension(key),)
    sealed = encrypt_supplement(TREE, key, GROUP, 7)
    for at in range(len(sealed)):
        with pytest.raises(RuleBrokenError):
            decrypt_supplement(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], info, GROUP, 7)
        with pytest.raises(RuleBrokenError):
            decrypt_supplement(sealed[:at], info, GROUP, 7)


@pytest.mark.parametrize("info", [(), (Extension(TREE_KEY, b"short"),), (Extension(TREE_KEY, bytes(33)),)])
def test_without_a_key_of_its_size_nothing_opens(info: tuple[Extension, ...]) -> None:
    """The Welcome brings none, or something else."""
    with pytest.raises(RuleBrokenError):
        decrypt_supplement(encrypt_supplement(TREE, new_key(), GROUP, 7), info, GROUP, 7)


def test_no_two_trees_are_encrypted_alike() -> None:
    """Nonce and key are new each time."""
    key = new_key()
    assert key != new_key()
    assert encrypt_supplement(TREE, key, GROUP, 7) != encrypt_supplement(TREE, key, GROUP, 7)
