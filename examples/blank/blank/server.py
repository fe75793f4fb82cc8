"""The server, all of it: it counts, and shows the count to everyone who is connected."""

from parlour_server.app.app import App
from parlour_server.capabilities import CAPABILITIES
from parlour_server.core.connections.peer import Peer

from blank.frames import HIGHEST, WIRE, Add, Count

app: App[None] = App(
    WIRE,
    messages_per_minute=120,
    command="python -m blank.server",
    capabilities=CAPABILITIES,  # what the server can do beside its core: leave out what you don't need
)


class Counter:
    """The count, in memory: it is lost when the server stops. ``app.log`` keeps what must last."""

    total = 0


@app.on(Add, role="member")
async def add(peer: Peer[None], ask: Add) -> None:
    """Add to the counter. It is called once for each request, which is answered exactly once."""
    Counter.total = (Counter.total + ask.number) % (HIGHEST + 1)
    everyone = app.topic("everyone")
    peer.only(everyone)
    everyone.publish(Count(Counter.total, peer.user))


if __name__ == "__main__":
    app.main()
