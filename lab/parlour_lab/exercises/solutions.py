"""How each exercise is solved: for teachers, and for the test that plays them all."""

import time
from collections.abc import Callable
from typing import Final

from parlour_lab.exercises.bench import Bench


def _in_clear(lab: Bench) -> None:
    lab.plain(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")


def _foreign_page(lab: Bench) -> None:
    lab.socket(origin="https://evil.example")


def _foreign_host(lab: Bench) -> None:
    lab.socket(host="evil.example")


def _used_ticket(lab: Bench) -> None:
    ticket = lab.ticket()
    for _ in range(2):
        lab.socket(ticket)


def _ticket_of_a_url(lab: Bench) -> None:
    ticket = lab.ticket()
    lab.socket(line=f"GET /v1/chat?ticket={ticket} HTTP/1.1", authorization=None)
    lab.socket(ticket)


def _guesses(lab: Bench) -> None:
    for number in range(20):
        guess = {"username": "ada", "password": f"wrong-guess-number-{number}", "device": "x"}
        lab.api("POST", "/v1/sessions", guess)


def _forged_author(lab: Bench) -> None:
    socket = lab.socket()
    socket.ask("send", 1, room=socket.lobby, text="Send me your passwords.", author="ada")


def _read_twice(lab: Bench) -> None:
    socket = lab.socket()
    members = f'"type":"send","id":"probe-0000000001","room":"{socket.lobby}","text":"one","text":"two"'
    socket.send(lab.frame(b"{%s}" % members.encode()))
    socket.answer(1)


def _unmasked(lab: Bench) -> None:
    socket = lab.socket()
    masked = lab.request("rooms", 1)  # the key of a frame made here is four zeros
    socket.send(bytes([masked[0], masked[1] & 0x7F]) + masked[2:])
    socket.answer(1)


def _flood(lab: Bench) -> None:
    socket = lab.socket()
    for first in range(1, 601, 60):
        numbers = range(first, first + 60)  # 64 may wait for an answer
        socket.send(b"".join(lab.request("send", one, room=socket.lobby, text="x") for one in numbers))
        socket.answer(numbers[-1])


def _card(lab: Bench) -> None:
    socket = lab.socket()
    socket.ask("send", 1, room=socket.lobby, text="Mine is 4111 1111 1111 1111.")


def _outlives(lab: Bench) -> None:
    socket = lab.socket()
    lab.operator_ends_mallory()
    time.sleep(1.5)  # what must have closed the socket by then is another process
    socket.ask("rooms", 1)


SOLUTIONS: Final[tuple[Callable[[Bench], None], ...]] = (
    _in_clear,
    _foreign_page,
    _foreign_host,
    _used_ticket,
    _ticket_of_a_url,
    _guesses,
    _forged_author,
    _read_twice,
    _unmasked,
    _flood,
    _card,
    _outlives,
)
