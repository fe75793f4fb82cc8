"""The gate's decisions, one attack each, from request heads."""

import pytest

from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.tickets import bound_to
from parlour_server.core.net import http_refusals as refusals
from parlour_server.core.net.gate import (
    MAX_HEADERS,
    Decision,
    Head,
    Redeem,
    Refuse,
    Rules,
    ToApi,
    host_values,
    judge,
)
from parlour_server.core.net.http_refusals import Refusal
from parlour_server.core.net.ticket_redaction import REDACTED
from parlour_server.core.net.websocket_handshake import Handshake

TICKET = "t" * 43
PAGE, OTHER_PAGE = b"https://app.example", b"https://other.example"
IN_THE_LIST = b"parlour.v1, ticket." + TICKET.encode()
RULES = Rules(
    hosts=host_values(["localhost", "127.0.0.1", "::1"], 8443),
    origins=frozenset({PAGE, OTHER_PAGE}),
    body_cap=lambda method, path: 9000 if (method, path) == (b"POST", b"/v1/large") else 4096,
    handshake=Handshake(WIRE),
)
GOOD = {
    b"host": b"localhost:8443",
    b"upgrade": b"websocket",
    b"connection": b"Upgrade",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"sec-websocket-version": b"13",
    b"sec-websocket-protocol": b"parlour.v1",
    b"authorization": b"Bearer " + TICKET.encode(),
}


def decide(
    *more: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/v1/chat",
    version: bytes = b"1.1",
    **changed: bytes | None,
) -> Decision:
    """Judge a good handshake with some headers changed, left out (None) or added."""
    fields: dict[bytes, bytes | None] = dict(GOOD)
    fields.update({name.replace("_", "-").encode(): value for name, value in changed.items()})
    headers = [(name, value) for name, value in fields.items() if value is not None]
    return judge(Head(method, target, version, [*headers, *more]), RULES)


def refusal(decision: Decision) -> Refusal:
    """Return the refusal of a decision that is one and burns nothing."""
    assert isinstance(decision, Refuse)
    assert decision.burn == ()
    return decision.refusal


def test_a_valid_handshake_is_redeemed() -> None:
    """A valid head names its ticket's digest and the answer that would open the connection."""
    decision = decide()
    assert isinstance(decision, Redeem)
    assert decision.ticket == Secret(TICKET).digest()
    assert decision.answer.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil",
        b"null",
        b"",
        b"https://app.example.evil",
        b"https://evil.app.example",
        b"https://app.example:443",
        b"HTTPS://APP.EXAMPLE",
        b"http://app.example",
        b"https://app.example/",
        b"https://localhost:8443",
    ],
)
@pytest.mark.parametrize("target", [b"/v1/chat", b"/v1/sessions"])
def test_cross_site_websocket_hijacking(origin: bytes, target: bytes) -> None:
    """H1, K8: an Origin that is not exactly on the list is refused, by the chat and by the API."""
    assert refusal(decide(origin=origin, target=target)) is refusals.WRONG_ORIGIN


def test_two_origins() -> None:
    """H1: two Origin headers are refused, though both are on the list."""
    allowed = (b"origin", b"https://app.example")
    assert refusal(decide(allowed, allowed)) is refusals.WRONG_ORIGIN


def test_origin_is_no_ticket() -> None:
    """H2: the right Origin without a ticket opens nothing."""
    decision = decide(origin=b"https://app.example", authorization=None)
    assert refusal(decision) is refusals.UNAUTHORIZED


def from_page(
    *more: tuple[bytes, bytes], origin: bytes = PAGE, sec_websocket_protocol: bytes = IN_THE_LIST
) -> Decision:
    """Judge the handshake of a page of an allowed Origin, with its ticket among the subprotocols."""
    return decide(*more, origin=origin, authorization=None, sec_websocket_protocol=sec_websocket_protocol)


def test_a_page_of_an_allowed_origin_may_connect_with_a_ticket() -> None:
    """Its ticket is the second subprotocol, and only the first comes back (H11)."""
    decision = from_page()
    assert isinstance(decision, Redeem)
    assert b"Sec-WebSocket-Protocol: parlour.v1\r\n" in decision.answer
    assert TICKET.encode() not in decision.answer


def test_a_ticket_of_another_origin() -> None:
    """H12: what a ticket is looked up by depends on the Origin, and is another one for a native client."""
    decisions = [from_page(), from_page(origin=OTHER_PAGE), decide()]
    found = {decision.ticket for decision in decisions if isinstance(decision, Redeem)}
    assert len(found) == 3
    assert bound_to("https://app.example", Secret(TICKET).digest()) in found


def test_a_ticket_where_it_does_not_belong() -> None:
    """H12: a page's is no bearer token, whatever the Origin, and a native client's no subprotocol."""
    bearer = decide(origin=PAGE)
    assert isinstance(bearer, Redeem)
    assert bearer.ticket == Secret(TICKET).digest()
    native = decide(authorization=None, sec_websocket_protocol=IN_THE_LIST)
    assert refusal(native) is refusals.UNAUTHORIZED


@pytest.mark.parametrize("page", [None, PAGE])
def test_dots_do_not_stand_for_a_ticket_elsewhere(page: bytes | None) -> None:
    """H12: where the buffer took a ticket out, dots that a client wrote make it no other kind of ticket."""
    dots = {
        b"authorization": b"Bearer " + REDACTED,
        b"sec-websocket-protocol": b"parlour.v1, ticket." + REDACTED,
    }
    origin = {} if page is None else {b"origin": page}
    digest = Secret(TICKET).digest()
    both = judge(Head(b"GET", b"/v1/chat", b"1.1", [*{**GOOD, **dots, **origin}.items()], digest), RULES)
    assert refusal(both) is refusals.UNAUTHORIZED


@pytest.mark.parametrize(
    "offered",
    [
        b"parlour.v1",
        b"parlour.v1, " + TICKET.encode(),
        b"parlour.v1, ticket." + TICKET[1:].encode(),
        b"parlour.v1, ticket.x" + TICKET.encode(),
        b"parlour.v1, ticket." + TICKET.encode() + b", more",
        b"parlour.v1, parlour.v1, ticket." + TICKET.encode(),
        b"ticket." + TICKET.encode() + b", parlour.v1",
    ],
)
def test_a_malformed_ticket_of_a_page(offered: bytes) -> None:
    """H4, H8: it is one uniform 401."""
    assert refusal(from_page(sec_websocket_protocol=offered)) is refusals.UNAUTHORIZED


def test_two_lists_of_subprotocols() -> None:
    """H12: two tickets are none."""
    decision = from_page((b"sec-websocket-protocol", IN_THE_LIST))
    assert isinstance(decision, Refuse)
    assert decision.refusal in {refusals.UNAUTHORIZED, refusals.BAD_HANDSHAKE}


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost",
        b"localhost:443",
        b"localhost:84430",
        b"localhost.evil.example:8443",
        b"evil@localhost:8443",
        b"localhost:8443, evil",
        b"localhost:8443@evil",
        b"localhost:8443/evil",
        b"localhost:8443?evil",
        b"localhost:8443#evil",
        b"localhost:8443\\evil",
        b"localhost:8443\tevil",
        b"",
    ],
)
@pytest.mark.parametrize("target", [b"/v1/chat", b"/v1/sessions"])
def test_dns_rebinding(host: bytes, target: bytes) -> None:
    """H3, L1: a Host that is not exactly one of our names with our port is refused."""
    assert refusal(decide(host=host, target=target)) is refusals.WRONG_HOST


@pytest.mark.parametrize("host", [b"localhost:8443", b"LOCALHOST:8443", b"127.0.0.1:8443", b"[::1]:8443"])
def test_our_own_names(host: bytes) -> None:
    """Each of our names is accepted, in any case (RFC 9110 section 4.2.3)."""
    assert isinstance(decide(host=host), Redeem)


def test_no_host_or_two() -> None:
    """H3: exactly one Host header, even when two say the same."""
    assert refusal(decide(host=None)) is refusals.BAD_REQUEST
    assert refusal(decide((b"host", b"localhost:8443"))) is refusals.BAD_REQUEST


def test_host_values() -> None:
    """Port 443 may be left out; a name with a port of its own stands for a balancer's."""
    assert host_values(["Chat.Example", "::1"], 443) == {
        b"chat.example:443",
        b"chat.example",
        b"[::1]:443",
        b"[::1]",
    }
    assert host_values(["chat.example:9000", "[::1]:9000"], 8443) == {b"chat.example:9000", b"[::1]:9000"}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer short",
        b"Bearer " + b"t" * 44,
        b"Bearer " + b"t" * 42 + b"\xe9",
        b"Basic " + b"t" * 43,
        b"t" * 43,
        b"Bearer " + b"t" * 43 + b" ",
        b"Bearer " + b"t" * 43 + b",",
    ],
)
def test_a_malformed_ticket_is_one_uniform_401(authorization: bytes | None) -> None:
    """H4: whatever is wrong with the ticket, the answer is the one constant."""
    assert refusal(decide(authorization=authorization)) is refusals.UNAUTHORIZED


def test_two_tickets() -> None:
    """H4: two Authorization headers are refused; neither is looked up."""
    assert refusal(decide((b"authorization", b"Bearer " + b"u" * 43))) is refusals.UNAUTHORIZED


@pytest.mark.parametrize("name", ["ticket", "token", "x"])
def test_a_ticket_in_a_url_is_burnt(name: str) -> None:
    """K1: what stood in a query string is taken out of the store and opens nothing."""
    decision = decide(target=f"/v1/chat?{name}={TICKET}".encode())
    assert isinstance(decision, Refuse)
    assert decision.refusal is refusals.UNAUTHORIZED
    assert decision.burn == (Secret(TICKET).digest(),)
    by_page = decide(target=f"/v1/chat?{name}={TICKET}".encode(), origin=PAGE, authorization=None)
    assert isinstance(by_page, Refuse)
    assert set(by_page.burn) == {bound_to(page, Secret(TICKET).digest()) for page in (None, PAGE.decode())}


def test_a_foreign_page_burns_no_ticket() -> None:
    """K1 with H1: a request of a wrong origin or host has no effect at all."""
    target = f"/v1/chat?ticket={TICKET}".encode()
    assert refusal(decide(target=target, origin=b"https://evil")) is refusals.WRONG_ORIGIN
    assert refusal(decide(target=target, host=b"evil")) is refusals.WRONG_HOST


def test_a_long_query_burns_few() -> None:
    """K1: one request cannot make the store look for any number of tickets."""
    decision = decide(target=b"/v1/chat?" + b"&".join(b"a%d=b" % i for i in range(200)))
    assert isinstance(decision, Refuse)
    assert len(decision.burn) == 4


@pytest.mark.parametrize(
    "offered", [None, b"", b"chat", b"parlour.v2", b"ticket." + TICKET.encode(), b"caf\xe9"]
)
def test_protocol_confusion(offered: bytes | None) -> None:
    """H11, H8: our subprotocol must be offered, and junk does not crash."""
    assert refusal(decide(sec_websocket_protocol=offered)) is refusals.BAD_HANDSHAKE


def test_a_token_in_the_subprotocols_is_not_echoed() -> None:
    """H11: of what is offered, only our subprotocol comes back."""
    decision = decide(sec_websocket_protocol=b"ticket.XYZ, parlour.v1")
    assert isinstance(decision, Redeem)
    assert b"XYZ" not in decision.answer
    assert b"Sec-WebSocket-Protocol: parlour.v1\r\n" in decision.answer


def test_compression_is_not_negotiated() -> None:
    """F5: an offer of permessage-deflate is not answered."""
    decision = decide(sec_websocket_extensions=b"permessage-deflate; client_max_window_bits")
    assert isinstance(decision, Redeem)
    assert b"extensions" not in decision.answer.lower()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sec_websocket_version", b"12"),
        ("sec_websocket_version", None),
        ("sec_websocket_key", None),
        ("sec_websocket_key", b"short"),
        ("sec_websocket_key", b"!" * 24),
        ("content_length", b"5"),
    ],
)
def test_an_invalid_handshake(name: str, value: bytes | None) -> None:
    """RFC 6455 section 4.2.1: an invalid opening handshake is refused before the ticket is read."""
    assert refusal(decide(**{name: value})) is refusals.BAD_HANDSHAKE  # type: ignore[arg-type]


def test_no_upgrade_asked_for() -> None:
    """L12: a plain GET, or one to another protocol, is answered with the required one."""
    assert refusal(decide(upgrade=None)) is refusals.NO_UPGRADE
    assert refusal(decide(upgrade=b"h2c", connection=b"Upgrade, HTTP2-Settings")) is refusals.NO_UPGRADE
    assert refusal(decide(connection=b"keep-alive")) is refusals.NO_UPGRADE


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"OPTIONS", b"TRACE", b"HEAD", b"get", b"CONNECT"])
def test_method_confusion(method: bytes) -> None:
    """H9, L12: a WebSocket is opened only with GET, and the answer says so."""
    only_get = refusal(decide(method=method))
    assert only_get is refusals.ONLY_GET
    assert b"\r\nAllow: GET\r\n" in only_get.wire


@pytest.mark.parametrize("version", [b"1.0", b"0.9", b"2.0"])
def test_an_old_version(version: bytes) -> None:
    """H9: HTTP/1.1 and nothing else."""
    assert refusal(decide(version=version, target=b"/v1/sessions")) is refusals.OLD_VERSION


@pytest.mark.parametrize(
    "target",
    [b"https://evil/v1/chat", b"@evil/v1/chat", b":evil", b"*", b"localhost:8443", b"", b"/a\xe9", b"/a b"],
)
def test_a_target_that_is_no_path(target: bytes) -> None:
    """H9, H3, L1: an absolute target would overrule the Host that was checked."""
    assert refusal(decide(target=target)) is refusals.BAD_REQUEST


def test_too_many_headers() -> None:
    """H7: at the limit a request passes, one header more and it is refused."""
    fill = MAX_HEADERS - len(GOOD)
    assert isinstance(decide(*[(b"x-a", b"1")] * fill), Redeem)
    assert refusal(decide(*[(b"x-a", b"1")] * (fill + 1))) is refusals.TOO_LARGE


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"transfer-encoding", b"chunked")], refusals.NEEDS_LENGTH),
        ([(b"content-length", b"5"), (b"transfer-encoding", b"chunked")], refusals.NEEDS_LENGTH),
        ([(b"content-length", b"5"), (b"content-length", b"5")], refusals.BAD_REQUEST),
        ([(b"content-length", b"+5")], refusals.BAD_REQUEST),
        ([(b"content-length", b"1" * 19)], refusals.BAD_REQUEST),
        ([(b"content-length", b"4097")], refusals.BODY_TOO_LARGE),
        ([(b"content-length", b"10000000000")], refusals.BODY_TOO_LARGE),
    ],
)
def test_request_smuggling_and_body_bombs(headers: list[tuple[bytes, bytes]], expected: Refusal) -> None:
    """H9, K9: a body's length is declared once, in one way, and limited."""
    assert refusal(decide(*headers, method=b"POST", target=b"/v1/sessions")) is expected


@pytest.mark.parametrize("target", [b"/v1/sessions", b"/v1/chat/", b"/v1/%63hat", b"/", b"/v1/chatter"])
def test_everything_else_is_the_apis(target: bytes) -> None:
    """A request for another path goes to the API, an upgrade it asks for notwithstanding."""
    assert decide((b"content-length", b"4096"), target=target) == ToApi()


def test_no_refusal_tells_what_runs_here() -> None:
    """H10: no answer has a Server header, or a word of a library."""
    every = [value for value in vars(refusals).values() if isinstance(value, Refusal)]
    assert len(every) > 10
    for one in every:
        lowered = one.wire.lower()
        assert not any(word in lowered for word in (b"server:", b"python", b"uvicorn", b"h11", b"starlette"))
        assert b"websockets" not in lowered
        assert b"\r\nconnection: close\r\n" in lowered
