"""The archive's key in the system's keyring."""

from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from tests.client.core.ring_fake import (
    BrokenKeyring,
    FakeKeyring,
    ForgetfulKeyring,
    LockedKeyring,
    OpenKeyring,
)

from parlour_client.core.archive.key import (
    into_keyring,
    open_key,
    rewrap,
)
from parlour_client.core.archive.passphrase import Cost
from parlour_client.core.archive.system_keyring import NoKeyringError
from parlour_protocol.kit.secret import Secret

CHEAP = Cost(operations=1, memory=64 << 10)


WORDS = Secret("open sesame")


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (NoKeyring(), "no usable keyring"),
        (OpenKeyring(), "no usable keyring"),
        (ForgetfulKeyring(), "doesn't return it"),
        (LockedKeyring(), "refused the key"),
        (BrokenKeyring(), "refused the key"),
    ],
)
@pytest.mark.parametrize("passphrase", [None, WORDS])
def test_an_unusable_keyring_is_reported_and_changes_nothing(
    file: Path, ring: FakeKeyring, backend: KeyringBackend, words: str, passphrase: Secret | None
) -> None:
    """A sentence, and the file is byte for byte as it was."""
    assert ring is keyring.get_keyring()
    key = open_key(file, None)
    rewrap(file, key, passphrase, CHEAP)
    before = file.read_bytes()
    keyring.set_keyring(backend)
    with pytest.raises(NoKeyringError, match=words):
        into_keyring(file, key)
    assert file.read_bytes() == before
    assert open_key(file, passphrase).raw == key.raw


def test_a_keyring_that_is_not_installed_is_reported(
    file: Path, ring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain install does not bring it."""
    key = open_key(file, None)
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(NoKeyringError, match="can't use the system keyring"):
        into_keyring(file, key)
    assert not ring.kept
    assert open_key(file, None).raw == key.raw
