"""Opens connections for a logged-in account: each time with a fresh ticket, over TLS."""

from typing import Any

from parlour_client.kit.account.profile import CurrentProfile
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket
from parlour_client.kit.transport.trust import Verifier
from parlour_protocol.kit.wire import Wire


def dial_over_tls(
    wire: Wire[Any, Any], current: CurrentProfile, *, ping_seconds: float | None = None
) -> Dial:
    """Return a function that opens a connection. It raises LoggedOutError after a logout.

    ``ping_seconds`` is how often the server is pinged; None for the default.
    """
    verifier = Verifier(current().address, current().trust)

    async def dial() -> FrameSocket:
        # 60 ms of CPU: a screen shows what is on this device before it connects
        from parlour_client.kit.transport.websocket import PING_SECONDS, open_socket  # noqa: PLC0415

        return await open_socket(
            wire, verifier, current().live_session, ping_seconds=ping_seconds or PING_SECONDS
        )

    return dial
