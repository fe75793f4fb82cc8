"""A shared database in a server, before its other parts, and in `init` and `doctor`."""

from typing import Final

from parlour_server.app.capability import Served
from parlour_server.app.hooks import Opened
from parlour_server.capabilities.postgres.findings import examine_postgres
from parlour_server.capabilities.postgres.live_nodes import LiveNodes
from parlour_server.capabilities.postgres.server_keys import claim_keys
from parlour_server.capabilities.postgres.shared_nodes import SharedNodes
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError, UnavailableError
from parlour_server.core.store.engine.connection import Engine


async def _prepare(opened: Opened) -> None:
    """Compare the keys, and count as one of the servers from now on. Raises SetupError."""
    if not opened.engine.is_shared:
        return
    claim_keys(opened.folder, opened.engine)
    settings = opened.settings
    nodes = opened.hooks.nodes = LiveNodes(
        SharedNodes(opened.store.writer),
        opened.steady,
        settings.listen.address,
        outage_seconds=settings.connections.outage_seconds,
    )
    try:
        await nodes.beat()
    except UnavailableError as error:
        raise SetupError(str(error)) from error
    opened.last.push_async_callback(nodes.leave)
    opened.run(nodes.run())


def _claim_keys(folder: DataFolder, engine: Engine, replace: bool) -> None:  # noqa: FBT001 - see ``Served``
    if engine.is_shared:  # else keys and database are in one folder
        claim_keys(folder, engine, replace=replace)


SERVED: Final = Served(prepare=_prepare, claim_keys=_claim_keys, findings=examine_postgres)
