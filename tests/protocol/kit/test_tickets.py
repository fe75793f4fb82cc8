"""Single-use tickets: once, in time, and not without end."""

import pytest

from parlour_protocol.kit.tickets import SingleUseTickets, TooManyTicketsError


def tickets_of(*seconds: float, most: int = 3) -> SingleUseTickets[str]:
    """Return tickets `0`, `1`, … put at time 0, each for its seconds."""
    tickets: SingleUseTickets[str] = SingleUseTickets(most)
    for number, valid in enumerate(seconds):
        tickets.put(b"%d" % number, f"grant {number}", now=0.0, seconds=valid)
    return tickets


def test_a_ticket_is_taken_once():
    """The second taker gets nothing, as does one with a ticket that never was (K3)."""
    tickets = tickets_of(30)
    assert tickets.take(b"x", 0.0) is None
    assert tickets.take(b"0", 29.9) == "grant 0"
    assert tickets.take(b"0", 29.9) is None


def test_a_ticket_expires():
    """At its deadline it is worth nothing, and is used up (K4)."""
    tickets = tickets_of(30)
    assert tickets.take(b"0", 30.0) is None
    assert tickets.take(b"0", 0.0) is None


def test_tickets_are_bounded():
    """At the bound a ticket is refused; expired ones make room, wherever they stand."""
    tickets = tickets_of(30, 5, 30)
    with pytest.raises(TooManyTicketsError):
        tickets.put(b"more", "more", now=4.9, seconds=30)
    tickets.put(b"more", "more", now=5.0, seconds=30)
    assert tickets.take(b"more", 34.9) == "more"
