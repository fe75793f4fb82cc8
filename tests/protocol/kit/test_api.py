"""The bodies of the HTTPS API: what a hostile server may not put into them."""

import json

import pytest

from parlour_protocol.kit.api import SessionCreated, TicketIssued, decode_payload
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.secret import Secret


@pytest.mark.parametrize("value", ["x\r\nX-Evil: 1", "x\nx", "x\n", "x\0", "x y", "", "é", "x" * 129])
def test_a_token_that_would_be_more_than_one_header(value: str) -> None:
    """L5: a ticket or a session from a server is a bearer token (RFC 6750), or there is none."""
    ticket = {"ticket": value, "expires_in": 30}
    session = {"session": value, "expires_in": 30, "user": "anna"}
    with pytest.raises(MalformedFrameError):
        decode_payload(TicketIssued, json.dumps(ticket).encode())
    with pytest.raises(MalformedFrameError):
        decode_payload(SessionCreated, json.dumps(session).encode())


def test_a_token_as_servers_make_it() -> None:
    """It passes."""
    token = Secret.random()
    body = json.dumps({"ticket": token.reveal(), "expires_in": 30}).encode()
    assert decode_payload(TicketIssued, body).ticket == token
