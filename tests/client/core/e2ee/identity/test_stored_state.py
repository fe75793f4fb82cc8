"""Keys that another version of Parlour wrote: said in words with a way on, and left as they are."""

from typing import cast

import apsw
import pytest
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.archive import Archive
from parlour_client.core.errors import ArchiveError

GROUP = ("mls_groups", "state")
PACKAGES = ("own_keys", "value")


def _kept(connection: apsw.Connection) -> list[bytes]:
    """Return all that the engine wrote into this archive."""
    query = "SELECT state FROM mls_groups WHERE state IS NOT NULL UNION ALL SELECT value FROM own_keys"
    blobs = cast("list[tuple[bytes]]", list(connection.execute(query)))
    return [blob for (blob,) in blobs if blob.startswith(b"PARLOUR-")]


def _age(connection: apsw.Connection, table: str, column: str) -> None:
    """Write the version before into what lies in a column."""
    aged = f"CAST(substr({column}, 1, 11) || x'01' || substr({column}, 13) AS BLOB)"
    ours = f"substr({column}, 1, 8) = CAST('PARLOUR-' AS BLOB)"
    connection.execute(f"UPDATE {table} SET {column} = {aged} WHERE {ours}")  # noqa: S608 - of constants


@pytest.mark.parametrize("where", [GROUP, PACKAGES], ids=["group", "packages"])
async def test_keys_of_another_version_are_refused_in_words_and_left_alone(
    harness: Harness, where: tuple[str, str]
) -> None:
    """The sentence says what to do, nothing is sent, and what was there is there afterwards."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "before")
    await harness.quiet()
    await harness.close(ana)
    home = ChatHome(harness.folder / str(ANA))
    archive = await Archive.open(home.archive, home.key)
    await archive.write_durably(_age, *where)
    before = await archive.read(_kept)
    await archive.close()
    assert sum(blob[11] == 1 for blob in before) == 1
    if where is GROUP:
        with pytest.raises(ArchiveError, match="another version of Parlour") as told:
            await harness.open(ANA)
        assert "log in with a separate home" in told.value.hint
    else:
        problem = (await harness.open(ANA)).encryption.room(room).problem
        assert "another version of Parlour" in problem
        assert "log in with a separate home" in problem
    await say(harness, ben, room, "the others go on")
    for client in list(harness.clients):
        await harness.close(client)
    archive = await Archive.open(home.archive, home.key)
    assert [blob for blob in before if blob[11] == 1] == [
        blob for blob in await archive.read(_kept) if blob[11] == 1
    ]
    await archive.close()
