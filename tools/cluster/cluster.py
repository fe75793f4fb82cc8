"""The whole: a database, a bus, nodes that share their keys, and a front; all of it ends with the context."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tools.cluster.front import Front
from tools.cluster.nats import Nats
from tools.cluster.node import Node
from tools.cluster.postgres import Postgres


class Cluster:
    """A cluster whose parts can be used by their names; logs and data folders are in ``folder``."""

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 3,
        postgres: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        own_front: bool = False,
    ) -> None:
        """``postgres`` are settings of PostgreSQL; ``settings`` those of nodes (environment)."""
        self.folder: Final = folder
        self.postgres: Final = Postgres(folder, postgres)
        self.nats: Final = Nats(folder)
        shared = {
            "PARLOUR_DATABASE_URL": self.postgres.url(),
            "PARLOUR_DATABASE_PASSWORD_FILE": str(self.postgres.password_file),
            "PARLOUR_BUS_URL": self.nats.url(),
            **(settings or {}),
        }
        self.nodes: Final = [Node(f"node{number}", folder, shared) for number in range(1, nodes + 1)]
        self.operator: Final = Node("operator", folder, shared)
        """A data folder that never runs: commands use it, and the nodes' folders are copies of it."""
        self.front: Final = Front(
            folder, [node.port for node in self.nodes], self.operator.data / "ca.pem", own=own_front
        )
        names = f"localhost,127.0.0.1,127.0.0.1:{self.front.port}"
        for node in (*self.nodes, self.operator):
            node.settings["PARLOUR_LISTEN_NAMES"] = names
        self.operator.settings["PARLOUR_LISTEN_ADDRESS"] = f"127.0.0.1:{self.front.port}"

    @property
    def url(self) -> str:
        """The address of the front."""
        return f"https://127.0.0.1:{self.front.port}"

    @property
    def certificate(self) -> Path:
        """The certificate of the cluster's CA."""
        return self.operator.data / "ca.pem"

    async def invite(self, uses: int) -> str:
        """Create an invite link to the front for ``uses`` people."""
        return await self.operator.invite(uses)

    async def start(self) -> None:
        """Start everything and wait until it serves."""
        self.folder.chmod(0o700)
        await asyncio.gather(self.postgres.start(), self.nats.start())
        await self.operator.command("init")
        (self.operator.data / "files").rename(
            self.folder / "files"
        )  # with what tells that it is the shared one
        (self.operator.data / "files").symlink_to(self.folder / "files")
        for node in self.nodes:
            shutil.copytree(self.operator.data, node.data, symlinks=True)
        await asyncio.gather(*(node.start() for node in self.nodes), self.front.start())

    async def stop(self) -> None:
        """Stop every node as a supervisor does, then what they use."""
        await asyncio.gather(*(node.stop() for node in self.nodes if node.process.runs))
        await self.close()

    async def close(self) -> None:
        """End everything, whatever state it is in."""
        parts = (self.front, *self.nodes, self.nats)
        await asyncio.gather(*(part.process.kill() for part in parts), self.postgres.close())

    async def __aenter__(self) -> Self:
        """Start it."""
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        await self.close()
