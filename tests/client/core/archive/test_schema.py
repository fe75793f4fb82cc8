"""An archive of an earlier version is refused with what to do, and left as it is."""

from pathlib import Path

import pytest

from parlour_client.core.archive import Archive
from parlour_client.core.archive.schema import VERSION
from parlour_client.core.errors import ArchiveError


async def test_an_archive_of_before_is_refused(tmp_path: Path) -> None:
    """Nothing is changed in it, and the sentence says what to do."""
    where = tmp_path / "archive.db", tmp_path / "archive.key"
    archive = await Archive.open(*where)
    await archive.write(lambda c: c.pragma("user_version", VERSION - 1))
    await archive.close()
    before = where[0].read_bytes()
    with pytest.raises(ArchiveError, match="earlier version") as refused:
        await Archive.open(*where)
    assert "Log in again" in refused.value.whole
    assert where[0].read_bytes() == before
