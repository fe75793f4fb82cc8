"""Statements about a room's people: one form, and nothing of them can be changed or moved to another room."""

import msgspec
import pytest
from tests.protocol.identity.signing import NOW, SERVER, certificate, holds, key, public, signed
from tests.protocol.membership.people import ROOM, account, carried, name

from parlour_protocol.identity import StatementError
from parlour_protocol.kit.ids import Millis
from parlour_protocol.membership import (
    Admit,
    AnyAct,
    Remove,
    Request,
    SetRole,
    Unban,
    read_statement,
    sign_statement,
)
from parlour_protocol.rooms import Role

BEN = name("ben")
ACTS: dict[str, AnyAct] = {
    "admit": Admit(SERVER, ROOM, 3, NOW, BEN, account("ben"), bytes(32)),
    "request": Request(SERVER, ROOM, 3, NOW, name("ada")),
    "remove": Remove(SERVER, ROOM, 3, NOW, BEN),
    "ban": Remove(SERVER, ROOM, 3, NOW, BEN, ban=True, until=Millis(NOW + 1)),
    "unban": Unban(SERVER, ROOM, 3, NOW, BEN),
    "role": SetRole(SERVER, ROOM, 3, NOW, BEN, Role.MODERATOR),
}
EACH = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())


@EACH
def test_a_statement_round_trips(act: AnyAct) -> None:
    """What was signed is read as the same value, with who signed it."""
    read = read_statement(carried(act, "ada"), holds)
    assert (read.act, read.by, read.data) == (act, name("ada"), carried(act, "ada"))


@EACH
def test_no_byte_of_a_statement_can_be_changed(act: AnyAct) -> None:
    """Each byte changed, each cut, and what is added: nothing of it is a statement."""
    data = carried(act, "ada")
    changed = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(len(data))]
    for wrong in [*changed, *(data[:size] for size in range(len(data))), data + b"\0"]:
        with pytest.raises(StatementError):
            read_statement(wrong, holds)


def test_a_request_in_someone_elses_name() -> None:
    """No one can ask to join for another person."""
    with pytest.raises(StatementError, match="someone else's name"):
        read_statement(carried(Request(SERVER, ROOM, 0, NOW, BEN), "ada"), holds)


def test_a_statement_that_is_not_in_its_one_form() -> None:
    """The same values written in another way are refused, though the signature is good."""
    body = msgspec.msgpack.encode(["admit", SERVER, ROOM, 3.0, NOW, "ben", account("ben"), bytes(32)])
    theirs = signed(certificate(device_key=public("device")))
    signature = key("device").sign(b"parlour room statement v1\0" + body).signature
    with pytest.raises(StatementError):
        read_statement(msgspec.msgpack.encode([body, theirs, signature]), holds)


def test_a_statement_by_a_device_without_a_certificate() -> None:
    """A device whose certificate is signed by itself says nothing for an account."""
    own = signed(certificate(device_key=public("device")), by="device")
    data = sign_statement(ACTS["admit"], own, lambda message: key("device").sign(message).signature)
    with pytest.raises(StatementError, match="signature"):
        read_statement(data, holds)


@pytest.mark.parametrize("at", [NOW - 4_000_000, NOW + 86_400_000 + 4_000_000])
def test_a_statement_from_outside_of_its_certificates_time(at: int) -> None:
    """What was signed before the certificate began, or after it ended, is refused."""
    with pytest.raises(StatementError, match="was not valid then"):
        read_statement(
            carried(Admit(SERVER, ROOM, 0, Millis(at), BEN, account("ben"), bytes(32)), "ada"), holds
        )


def test_a_statement_for_another_server() -> None:
    """A certificate of one server signs nothing at another."""
    with pytest.raises(StatementError, match="another server"):
        read_statement(carried(Unban("other.example", ROOM, 0, NOW, BEN), "ada"), holds)


def test_a_statement_that_is_too_long() -> None:
    """What is longer than a statement can be is refused before anything is read of it."""
    with pytest.raises(StatementError, match="too long"):
        read_statement(bytes(5_000), holds)
