"""The gate: decides about a request from its head.

``judge`` is pure: no I/O, no clock, no state. It refuses everything that is not exactly as expected, and the
order of its checks matters: form, Host, Origin for every request; for a WebSocket then method, query,
handshake, subprotocol, and last the ticket, so that no foreign page can use one up. `http_connection.py`
calls it for every request before anything else.

Origin and Host are never a substitute for the ticket (H2): a client other than a browser can send anything.
A page of a listed Origin can set no header of a handshake but the list of subprotocols, so its ticket is the
second of them; it opens nothing for any other Origin, nor as a bearer token (H12).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import PROOF_HEADER, Proof
from parlour_server.core.accounts.tickets import bound_to
from parlour_server.core.addresses import in_url, split_name
from parlour_server.core.net import http_refusals as refusals
from parlour_server.core.net.http_refusals import Refusal
from parlour_server.core.net.ticket_redaction import REDACTED
from parlour_server.core.net.websocket_handshake import Handshake

MAX_HEADERS: Final = 32  # our client sends 10, a browser 20; long lists are an attack on parsers (H7)
HEAD_BYTES: Final = 16 * 1024
_MAX_BURNT: Final = 4
_PROOF: Final = PROOF_HEADER.lower().encode()
_TARGET: Final = re.compile(rb"/[\x21-\x7e]*")
_DIGITS: Final = re.compile(rb"[0-9]{1,18}")
_BEARER: Final = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9_-]{43})")  # RFC 6750, and Secret.random
_SECOND: Final = re.compile(rb"[a-z0-9.-]{1,40}, ?ticket\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head from the parser: header names in lower case, values as sent."""

    method: bytes
    target: bytes
    version: bytes
    headers: Sequence[tuple[bytes, bytes]]
    ticket: bytes | None = None
    """The digest of the ticket that REDACTED replaces."""

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of every header of this name."""
        return [value for key, value in self.headers if key == name]

    def body_size(self) -> int:
        """Return Content-Length, or 0 if it is not a number."""
        lengths = self.values(b"content-length")
        return int(lengths[0]) if lengths and _DIGITS.fullmatch(lengths[0]) else 0

    def size(self) -> int:
        """Return the head's length in bytes; the parser's own limit is for incomplete heads."""
        return len(self.target) + sum(len(name) + len(value) + 4 for name, value in self.headers)


BodyCap = Callable[[bytes, bytes], int]
"""Returns the largest body of a request, by its method and path (without the query)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules: exact Host values, exact Origins, the largest body of a method and path, the WebSocket."""

    hosts: frozenset[bytes]
    origins: frozenset[bytes]
    body_cap: BodyCap
    handshake: Handshake | None = None


@dataclass(frozen=True, slots=True)
class ToApi:
    """The request goes to the HTTPS API."""


@dataclass(frozen=True, slots=True)
class Redeem:
    """Redeem the ticket that is stored under this digest; if it is valid, ``answer`` opens the WebSocket.

    ``proof`` is the signature of the session's key, if there is one, for this ``host`` and ``path``.
    """

    ticket: bytes
    answer: bytes
    proof: bytes | None
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Send this answer, after invalidating the tickets that are stored under these digests."""

    refusal: Refusal
    burn: tuple[bytes, ...] = ()


Decision = ToApi | Redeem | Refuse


def host_values(names: Iterable[str], port: int) -> frozenset[bytes]:
    """Return every Host header by which a server with these names on this port may be addressed.

    A name with a port of its own (`chat.example:443`) stands for the port that a balancer listens on.
    """
    values = set()
    for name in names:
        host, own_port = split_name(name.lower())
        host = in_url(host)
        host_port = own_port or port
        values.add(f"{host}:{host_port}".encode())
        if host_port == 443:  # noqa: PLR2004 - the port that https leaves out (RFC 9110 section 4.2.2)
            values.add(host.encode())
    return frozenset(values)


def judge(head: Head, rules: Rules) -> Decision:
    """Decide about a request, without its body."""
    if refusal := check_request(head, rules):
        return Refuse(refusal)
    path, _, query = head.target.partition(b"?")
    if rules.handshake is None or path != rules.handshake.path:
        return ToApi()
    return _judge_socket(head, query, rules.handshake, _page_of(head, rules), has_query=b"?" in head.target)


def check_request(head: Head, rules: Rules) -> Refusal | None:
    """Return why a request is refused whatever its path: form, Host, Origin, length; None if it is not."""
    if head.version != b"1.1":
        return refusals.OLD_VERSION
    # An absolute target (`GET https://other/…`) would overrule the Host header (RFC 9112 section 3.2.2).
    if not _TARGET.fullmatch(head.target):
        return refusals.BAD_REQUEST
    if len(head.headers) > MAX_HEADERS or head.size() > HEAD_BYTES:
        return refusals.TOO_LARGE
    return _check_host(head, rules) or _check_origin(head, rules) or _check_length(head, rules)


def _check_host(head: Head, rules: Rules) -> Refusal | None:
    """H3: a page that made its own name point here (DNS rebinding) still sends that name."""
    hosts = head.values(b"host")
    if len(hosts) != 1:
        return refusals.BAD_REQUEST
    return None if hosts[0].lower() in rules.hosts else refusals.WRONG_HOST


def _check_origin(head: Head, rules: Rules) -> Refusal | None:
    """H1 (cross-site WebSocket hijacking), K8: every browser sends Origin; a native client sends none."""
    origins = head.values(b"origin")
    if not origins:
        return None
    if len(origins) > 1 or origins[0] not in rules.origins:
        return refusals.WRONG_ORIGIN
    return None


def _page_of(head: Head, rules: Rules) -> str | None:
    """Return the listed Origin of the page that asks; None for a client that is no browser.

    One that sends Authorization is none: no page can add that to a handshake.
    """
    origins = head.values(b"origin")
    by_page = origins and origins[0] in rules.origins and not head.values(b"authorization")
    return origins[0].decode("ascii") if by_page else None


def _check_length(head: Head, rules: Rules) -> Refusal | None:
    """H9 (request smuggling), K9 (body bombs): one way to say how long a body is, and a cap on it."""
    if head.values(b"transfer-encoding"):
        return refusals.NEEDS_LENGTH
    lengths = head.values(b"content-length")
    if not lengths:
        return None
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0]):
        return refusals.BAD_REQUEST
    cap = rules.body_cap(head.method, head.target.partition(b"?")[0])
    return refusals.BODY_TOO_LARGE if int(lengths[0]) > cap else None


def _judge_socket(
    head: Head, query: bytes, handshake: Handshake, page: str | None, *, has_query: bool
) -> Decision:
    if head.method != b"GET":
        return Refuse(refusals.ONLY_GET)
    if has_query:
        # K1: a ticket in a URL may be in a log, so it must not be usable any more.
        return Refuse(refusals.UNAUTHORIZED, burn=_tickets_in(query, page))
    if any(int(length) for length in head.values(b"content-length")):
        return Refuse(refusals.BAD_HANDSHAKE)
    answer = handshake.answer(head.target, head.headers)
    if isinstance(answer, Refusal):
        return Refuse(answer)
    return _judge_ticket(head, handshake.path, answer, page)


def _judge_ticket(head: Head, path: bytes, answer: bytes, page: str | None) -> Decision:
    found = _ticket_of(head, page)
    if found is None:
        return Refuse(refusals.UNAUTHORIZED)
    ticket = bound_to(page, found)
    try:
        proof = _proof_of(head)
    except ValueError:
        return Refuse(refusals.UNAUTHORIZED, burn=(ticket,))
    host = head.values(b"host")[0].decode("ascii").lower()
    return Redeem(ticket, answer, proof, host, path.decode("ascii"))


def _ticket_of(head: Head, page: str | None) -> bytes | None:
    """Return the digest of the one ticket in the head; None when it is missing or misshapen."""
    carrier, form = (b"authorization", _BEARER) if page is None else (b"sec-websocket-protocol", _SECOND)
    values = head.values(carrier)
    redacted = [value for _, value in head.headers if value.endswith(REDACTED)]
    if head.ticket is not None and len(redacted) == 1 and redacted == values:
        return head.ticket  # two: a client wrote dots here, and its ticket elsewhere
    match = form.fullmatch(values[0]) if len(values) == 1 else None
    return Secret(match[1].decode()).digest() if match else None


def _proof_of(head: Head) -> bytes | None:
    """Return the proof in the head, None without one. Raises ValueError for anything else."""
    match head.values(_PROOF):
        case []:
            return None
        case [value]:
            return Proof.parse(value.decode("ascii"))
        case _:
            raise ValueError("two proofs")


def _tickets_in(query: bytes, page: str | None) -> tuple[bytes, ...]:
    """Return the digests of what could be a ticket in a query string, whatever it is called there.

    A page may have put one into it that was not its own.
    """
    fields = parse_qsl(query.decode("ascii", "replace")[:1024], keep_blank_values=True)
    tickets = [Secret(value).digest() for _, value in fields if value][:_MAX_BURNT]
    return tuple(bound_to(asked, ticket) for ticket in tickets for asked in {None, page})
