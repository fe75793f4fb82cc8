"""What a server does before its other parts, if it shares a database."""

from parlour_server.app.hooks import Hooks, Opened
from parlour_server.capabilities.postgres.live_nodes import LiveNodes
from parlour_server.capabilities.postgres.server_keys import claim_keys
from parlour_server.capabilities.postgres.shared_nodes import SharedNodes
from parlour_server.core.errors import SetupError, UnavailableError


async def prepare(opened: Opened, hooks: Hooks) -> None:
    """Compare the keys, and count as one of the servers from now on. Raises SetupError."""
    claim_keys(opened.folder, opened.engine)
    settings = opened.settings
    nodes = hooks.nodes = LiveNodes(
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
