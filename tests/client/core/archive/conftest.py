"""Fixtures of the archive's tests: an open archive, where its key lies, and a keyring in memory."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import keyring
import pytest
from tests.client.core.core_fake import LOBBY, FakeServer
from tests.client.core.ring_fake import FakeKeyring

from parlour_client.core.archive import Archive, known_rooms


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """Return an open archive with the lobby in it."""
    archive = await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")
    await archive.write(known_rooms.save, [FakeServer().summary(LOBBY)])
    yield archive
    await archive.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the key lies."""
    return tmp_path / "archive.key"


@pytest.fixture
def ring() -> Iterator[FakeKeyring]:
    """Give the process a keyring, by keyring's own means."""
    before, fake = keyring.get_keyring(), FakeKeyring()
    keyring.set_keyring(fake)
    yield fake
    keyring.set_keyring(before)
