"""The archive's key: what a guess of the passphrase costs, and the system's keyring as another way in."""

import base64
import json
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from nacl.pwhash import argon2id
from nacl.secret import SecretBox
from tests.client.core.ring_fake import (
    FakeKeyring,
)

from parlour_client.core.archive.key import (
    Protection,
    into_keyring,
    needs_passphrase,
    open_key,
    opens,
    protection_of,
    rewrap,
)
from parlour_client.core.archive.passphrase import Cost
from parlour_client.core.archive.system_keyring import NoKeyringError
from parlour_client.core.errors import PassphraseNeededError
from parlour_protocol.kit.secret import Secret

CHEAP = Cost(operations=1, memory=64 << 10)
WORDS = Secret("open sesame")


def test_the_cost_lies_beside_what_it_locks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase that is set is calibrated, and another machine opens the file with what it says."""
    monkeypatch.setattr("parlour_client.core.archive.key.calibrated", lambda: Cost(2, 128 << 10, 3))
    key = open_key(file, WORDS)
    assert key.protection is Protection.PASSPHRASE
    rewrap(file, key, WORDS)
    content = json.loads(file.read_bytes())
    assert (content["operations"], content["memory"], content["lanes"]) == (2, 128 << 10, 3)
    assert open_key(file, WORDS).raw == key.raw


def test_a_file_from_before_there_were_lanes_opens(file: Path) -> None:
    """It was stretched by libsodium, with one lane, and says no lanes."""
    raw, salt = bytes(range(32)), bytes(16)
    wrapping = argon2id.kdf(32, b"open sesame", salt, opslimit=2, memlimit=1 << 20)
    content = {
        "key": base64.b64encode(bytes(SecretBox(wrapping).encrypt(raw))).decode(),
        "salt": base64.b64encode(salt).decode(),
        "operations": 2,
        "memory": 1 << 20,
    }
    file.write_text(json.dumps(content))
    assert open_key(file, WORDS).raw == Secret(raw.hex())


def test_the_keyring_opens_the_archive_by_itself(file: Path, ring: FakeKeyring) -> None:
    """Neither the file nor the keyring has the key alone, and both are needed."""
    key = open_key(file, None)
    assert not into_keyring(file, key)
    assert protection_of(file) is Protection.KEYRING
    assert not needs_passphrase(file)
    found = open_key(file, None)
    assert (found.raw, found.protection) == (key.raw, Protection.KEYRING)
    raw = bytes.fromhex(key.raw.reveal())
    for where in (file.read_text(), *ring.kept.values()):
        assert base64.b64encode(raw).decode() not in where
        assert raw.hex() not in where
    ring.kept.clear()
    with pytest.raises(NoKeyringError, match="doesn't have this archive's key"):
        open_key(file, None)


def test_a_passphrase_stays_as_the_way_in_where_there_is_no_keyring(file: Path, ring: FakeKeyring) -> None:
    """What worked before works over SSH as well."""
    key = open_key(file, None)
    rewrap(file, key, WORDS, CHEAP)
    assert into_keyring(file, key)
    assert not needs_passphrase(file)
    assert open_key(file, None).raw == key.raw
    keyring.set_keyring(NoKeyring())
    assert needs_passphrase(file)
    with pytest.raises(PassphraseNeededError):
        open_key(file, None)
    assert open_key(file, WORDS).raw == key.raw
    keyring.set_keyring(ring)
    assert opens(file, WORDS)
    assert not opens(file, Secret("open barley"))


def test_back_from_the_keyring(file: Path, ring: FakeKeyring) -> None:
    """A passphrase, or none, takes the key out of the keyring; going in twice leaves one entry."""
    key = open_key(file, None)
    into_keyring(file, key)
    into_keyring(file, key)
    assert len(ring.kept) == 1
    rewrap(file, key, WORDS, CHEAP)
    assert not ring.kept
    assert protection_of(file) is Protection.PASSPHRASE
    into_keyring(file, key)
    rewrap(file, key, None)
    assert not ring.kept
    assert open_key(file, None).protection is Protection.NONE


def test_an_archive_in_a_keyring_that_is_not_here_says_where_to_open_it(
    file: Path, ring: FakeKeyring
) -> None:
    """As over SSH, where no passphrase was set before."""
    into_keyring(file, open_key(file, None))
    keyring.set_keyring(NoKeyring())
    with pytest.raises(NoKeyringError, match="in a keyring") as told:
        open_key(file, None)
    assert "desktop session" in told.value.hint
    assert len(ring.kept) == 1
