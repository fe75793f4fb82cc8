"""The people who are connected now, for commands: from a note of the running server, or a shared database.

The note is a file in the data folder that only the server's user can read. It is a few seconds old, and means
nothing while no server runs.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final

from parlour_server.core.clock import Clock
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.private_file import write_private
from parlour_server.host.setup.folder_lock import is_locked

NOTE_SECONDS: Final = 2.0
"""Between two notes; without a change none is written."""


class OnlineNote:
    """Writes the note of a server; nothing if it shares a database, which tells it."""

    def __init__(
        self, folder: DataFolder, connected: ConnectedPeers[Any], clock: Clock, *, is_shared: bool
    ) -> None:
        self._folder = folder
        self._is_shared = is_shared
        self._connected = connected
        self._clock = clock
        self._written: Mapping[str, int] | None = None

    async def run(self) -> None:
        """Write until cancelled."""
        while not self._is_shared:
            self.write()
            await self._clock.sleep(NOTE_SECONDS)

    def write(self) -> None:
        """Write who is connected, unless it is what was written before; a full disk is tried again."""
        found = {str(user): count for user, count in self._connected.counts().items()}
        if found != self._written:
            with contextlib.suppress(SetupError):
                write_private(self._folder.online, json.dumps(found, sort_keys=True).encode())
                self._written = found

    def forget(self) -> None:
        """Remove the note."""
        with contextlib.suppress(OSError):
            self._folder.online.unlink()


async def online(folder: DataFolder, store: KitStore) -> Mapping[str, int]:
    """Return how many connections each account has now, of those that have any."""
    if (known := await store.connections()) is not None:
        return known
    if not is_locked(folder):
        return {}
    try:
        found = json.loads(folder.online.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
