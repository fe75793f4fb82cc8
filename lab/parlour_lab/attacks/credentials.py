"""Group K: tickets and sessions."""

import sys
from contextlib import ExitStack

from parlour_lab.attack import Evidence, NotTriedError, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import ServerAddress


@attack(
    "A ticket in the URL",
    expects="It opens nothing, and is worth nothing afterwards: anyone who reads a log is too late.",
)
def ticket_in_a_url(server: LabServer, seen: Evidence) -> bool:
    ticket = server.ticket(server.session())
    with server.wire() as wire:
        head = server.head(f"GET /v1/chat?ticket={ticket} HTTP/1.1")
        seen.sent(head)
        first = wire.ask(head)
        seen.received(first)
    with server.wire() as wire:
        head = server.head(authorization=f"Bearer {ticket}")
        seen.sent(head)
        second = wire.ask(head)
        seen.received(second)
    return (first.status, second.status) == (401, 401) and ticket not in server.log_text()


@attack(
    "Twenty handshakes with one ticket that arrive together",
    expects="One of them is answered 101, the others 401.",
    remote=True,
)
def ticket_race(server: ServerAddress, seen: Evidence) -> bool:
    handshake = server.head(authorization=f"Bearer {server.ticket(server.session())}")
    with ExitStack() as stack:
        wires = [stack.enter_context(server.wire()) for _ in range(20)]
        seen.sent(handshake)
        for wire in wires:
            wire.send(handshake)
        found = sorted(wire.answer().status for wire in wires)
    seen.received(f"20 answers: {found}")
    return found == [101] + [401] * 19


@attack(
    "Looking for a used ticket in the server's memory",
    expects="The handshake that redeemed a ticket is nowhere in memory, in use or freed.",
)
def used_ticket_in_memory(server: LabServer, seen: Evidence) -> bool:
    if sys.platform != "linux":
        raise NotTriedError("the memory of a process can be read on Linux only")
    ticket = server.ticket(server.session())
    with server.wire() as wire:
        head = server.head(authorization=f"Bearer {ticket}")
        seen.sent(head)
        assert wire.ask(head).status == 101
        wire.frame()
        assert server.holds(b"parlour.v1"), "the search finds what is there"
        found = server.holds(f"Bearer {ticket}".encode())
    seen.observed(f"the memory of process {server.pid} {'holds' if found else 'does not hold'} the ticket")
    return not found
