"""The twelve exercises, from easy to hard, over the weaknesses that a WebSocket has (docs/security.md).

Each takes the defence of a row of the laboratory out and says whether an attack worked: by what the server
answered, and not by what was tried.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from parlour_lab.exercises.bench import Bench, Socket
from parlour_lab.target import LOOPBACK, SETTINGS
from parlour_lab.wire import ALLOWED_ORIGIN

_OPEN: Final = 101
_GUESSES: Final = 20
_FLOOD: Final = 600
_AT_ONCE: Final = 30.0
"""Seconds in which a server that counts takes 540: what it allows at once, and ten a second."""
_CARD: Final = re.compile(r"(?:\d[ -]?){16}")
_CARDS: Final = '[inspection]\ncards = "block"\n'


@dataclass(frozen=True)
class Exercise:
    """One server that lacks one defence."""

    row: str
    """The row of the laboratory that the defence is in."""
    weakness: str
    """Said when it is solved."""
    hints: tuple[str, str, str]
    is_solved: Callable[[Bench], bool]
    settings: str = ""
    """Of its server, besides those of the laboratory."""
    arguments: tuple[str, ...] = ()
    """Of `parlour-server run`."""

    @property
    def configuration(self) -> str:
        """The server's settings."""
        return SETTINGS + self.settings


def _opened(bench: Bench) -> list[Socket]:
    return [one for one in bench.sockets if one.status == _OPEN]


def _in_clear(bench: Bench) -> bool:
    return any(answer.startswith(b"HTTP/1.1") for answer in bench.in_clear)


def _foreign_page(bench: Bench) -> bool:
    return any(one.field("origin") not in {"", ALLOWED_ORIGIN} for one in _opened(bench))


def _foreign_host(bench: Bench) -> bool:
    ours = {bench.server.name, "localhost", LOOPBACK, "[::1]"}
    return any(one.field("host").rpartition(":")[0] not in ours for one in _opened(bench))


def _used_ticket(bench: Bench) -> bool:
    return any(count > 1 for count in Counter(one.ticket for one in _opened(bench)).values())


def _ticket_of_a_url(bench: Bench) -> bool:
    seen: set[str] = set()
    for one in bench.sockets:
        if one.status == _OPEN and one.ticket in seen:
            return True
        seen |= one.in_url
    return False


def _guesses(bench: Bench) -> bool:
    tried = Counter(
        str(call.body.get("username"))
        for call in bench.calls
        if call.path == "/v1/sessions" and call.answer.status == 401 and isinstance(call.body, dict)  # noqa: PLR2004
    )
    return any(count >= _GUESSES for count in tried.values())


def _forged_author(bench: Bench) -> bool:
    return any({"author", "seq", "at"} & set(sent) for sent in _carried_out(bench))


def _read_twice(bench: Bench) -> bool:
    return any(len(pairs) > len(dict(pairs)) for pairs in _carried_out_pairs(bench))


def _unmasked(bench: Bench) -> bool:
    taken = {name for one in bench.sockets for name in one.taken()}
    return any(
        not sent[1] & 0x80 and any(name.encode() in sent for name in taken)
        for one in bench.sockets
        for sent in one.sent
        if len(sent) > 1
    )


def _flood(bench: Bench) -> bool:
    times = sorted(
        at
        for one in bench.sockets
        for at, opcode, payload in one.received
        if opcode == 1 and b'"ok"' in payload
    )
    return any(last - first <= _AT_ONCE for first, last in zip(times, times[_FLOOD - 1 :], strict=False))


def _card(bench: Bench) -> bool:
    return any(_CARD.search(str(sent.get("text", ""))) for sent in _carried_out(bench))


def _outlives(bench: Bench) -> bool:
    ended = bench.ended_at
    return ended is not None and any(
        at > ended + 1 and opcode == 1 and json.loads(payload).get("type") == "ok"
        for one in bench.sockets
        for at, opcode, payload in one.received
    )


def _carried_out(bench: Bench) -> list[dict[str, Any]]:
    return [dict(pairs) for pairs in _carried_out_pairs(bench)]


def _carried_out_pairs(bench: Bench) -> list[list[tuple[str, Any]]]:
    """Return the members of the requests that were answered with `ok`, also those that are there twice."""
    found = []
    for one in bench.sockets:
        taken = one.taken()
        for sent in one.sent:
            start = sent.find(b"{")
            try:
                pairs = json.loads(sent[start:], object_pairs_hook=list) if start >= 0 else []
            except ValueError:
                continue
            if any(value in taken for name, value in pairs if name == "id"):
                found.append(pairs)
    return found


EXERCISES: Final = (
    Exercise(
        "T1",
        "Traffic in clear: who is on the network reads and changes it.",
        (
            "What would someone see who listens on the network?",
            "A server that speaks TLS only hangs up when it is spoken to without.",
            'lab.plain(b"GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")',
        ),
        _in_clear,
        arguments=("--loop", "asyncio"),
    ),
    Exercise(
        "H1",
        "Cross-site WebSocket hijacking: a page of another site opens the socket from a visitor's browser.",
        (
            "A browser sends one header that a page can't change. Which one tells where the page is from?",
            f"The server allows {ALLOWED_ORIGIN}. What about others?",
            'lab.socket(origin="https://evil.example").status',
        ),
        _foreign_page,
    ),
    Exercise(
        "H3",
        "DNS rebinding: a page points its own name at the server, and is of the same site then.",
        (
            "Whoever owns a name decides which address it points at, also at yours.",
            "The browser sends the page's own name in Host.",
            'lab.socket(host="evil.example").status',
        ),
        _foreign_host,
    ),
    Exercise(
        "K3",
        "A ticket that works twice: who sees one connects in its owner's name.",
        (
            "You need one ticket only.",
            "Tickets are for one use. Are they?",
            "ticket = lab.ticket(); [lab.socket(ticket).status for _ in range(2)]",
        ),
        _used_ticket,
    ),
    Exercise(
        "K1",
        "A ticket in the address: proxies, logs and histories keep it, and it still works.",
        (
            "A browser can't set headers of a WebSocket. Where do people put their token instead?",
            "Such a handshake is refused, but that is not enough: it has been in a log by then.",
            'ticket = lab.ticket(); lab.socket(line=f"GET /v1/chat?ticket={ticket} HTTP/1.1"); and then?',
        ),
        _ticket_of_a_url,
    ),
    Exercise(
        "P5",
        "Guessing without end: a password is found sooner or later.",
        (
            "ada has an account. You don't know her password.",
            "How often does the server let you try? POST /v1/sessions takes username, password and device.",
            f"{_GUESSES} wrong passwords for one name, each answered with 401, are enough.",
        ),
        _guesses,
    ),
    Exercise(
        "S5",
        "Fields that nobody asked for: a member that the server ignores today is used tomorrow.",
        (
            "Who says that a message is from you?",
            "lab.socket() gives a socket with a lobby: send something there, and add a member.",
            'room = lab.socket(); room.ask("send", 1, room=room.lobby, text="hi", author="ada")',
        ),
        _forged_author,
    ),
    Exercise(
        "M1",
        "One request, two readings: what checks a request and what carries it out see different values.",
        (
            "What is the value of a member that a JSON object has twice?",
            "Python's json.dumps won't write it: put the bytes together yourself, and into lab.frame(…).",
            'b\'{"type":"send","id":"probe-0000000001","room":"…","text":"one","text":"two"}\'',
        ),
        _read_twice,
    ),
    Exercise(
        "F1",
        "Frames without a mask: something on the way takes them for requests, and caches the answers.",
        (
            "RFC 6455, section 5.3: what must a client do with every frame, and a server insist on?",
            "lab.frame(…, mask=False) leaves it out, and this server doesn't hang up. What does it wait for?",
            "It reads four bytes of key even so. Put four zeros between the head and the payload.",
        ),
        _unmasked,
    ),
    Exercise(
        "R1",
        "Messages without a limit: a socket that carries as much as anyone likes is a tunnel.",
        (
            "How much can one account send in a minute?",
            "Send 60 frames before you read the answers, and again. The server lets 64 wait.",
            f"{_FLOOD} messages that are answered with ok within {_AT_ONCE:g} seconds are enough.",
        ),
        _flood,
    ),
    Exercise(
        "D20",
        "A leak that was found and passed on: an inspector that only watches stops nothing.",
        (
            "The operator has said what must not leave the house: lab.server.data / 'parlour.toml'.",
            "The log says `inspected`. Does anything else happen?",
            "4111 1111 1111 1111 is the number of a card that nobody has.",
        ),
        _card,
        settings=_CARDS,
    ),
    Exercise(
        "S1",
        "A connection that outlives its session: who was thrown out listens on.",
        (
            "The operator can throw you out: lab.operator_ends_mallory().",
            "What about the sockets that are open then?",
            "Open one, have your sessions ended, wait for two seconds, and ask for something.",
        ),
        _outlives,
    ),
)
