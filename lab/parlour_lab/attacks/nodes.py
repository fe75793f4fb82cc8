"""What several servers on one database must decide together."""

from contextlib import ExitStack

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.cluster import Pair


@attack(
    "One ticket at two servers at the same moment",
    expects="One handshake of all is answered 101, the others 401.",
    stage=Stage.PAIR,
)
def ticket_at_two_servers(pair: Pair, seen: Evidence) -> bool:
    ticket = pair.first.ticket(pair.first.session())
    with ExitStack() as stack:
        wires = []
        for server in (pair.first, pair.second) * 5:
            wires.append(stack.enter_context(server.wire()))
            wires[-1].send(server.head(authorization=f"Bearer {ticket}"))
        seen.sent("one ticket, five handshakes at each of two servers")
        found = sorted(wire.answer().status for wire in wires)
    seen.received(f"the answers: {found}")
    return found == [101] + [401] * 9
