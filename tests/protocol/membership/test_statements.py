"""Statements about a room's people: one form, and nothing of them can be changed or moved to another room."""

import msgspec
import pytest
from msgspec.structs import replace
from tests.protocol.identity.signing import NOW, SERVER, certificate, holds, key, public, signed
from tests.protocol.membership.people import LAST, ROOM, account, admit, carried, name, request, room, stated

from parlour_protocol.identity import StatementError
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.membership import (
    NEVER_REMOVED,
    Accept,
    Admit,
    AnyAct,
    Remove,
    Request,
    SetRole,
    Unban,
    Withdraw,
    digest_of,
    read_statement,
    sign_statement,
)
from parlour_protocol.membership.statements import LONGEST_ADMISSION
from parlour_protocol.rooms import Role

BEN = name("ben")
ADMIT = Admit(SERVER, ROOM, 3, NOW, BEN, account("ben"), bytes(32), NEVER_REMOVED, bytes(16), Millis(NOW + 1))
ACTS: dict[str, AnyAct] = {
    "admit": ADMIT,
    "accept": Accept(SERVER, ROOM, 0, NOW, name("ada"), bytes(32)),
    "withdraw": Withdraw(SERVER, ROOM, 3, NOW, BEN, admit(room(), "ben").data),
    "request": Request(SERVER, ROOM, 0, NOW, name("ada"), NEVER_REMOVED),
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
    """No one can ask to join, or accept, for another person."""
    for act in (
        Request(SERVER, ROOM, 0, NOW, BEN, NEVER_REMOVED),
        Accept(SERVER, ROOM, 0, NOW, BEN, bytes(32)),
    ):
        with pytest.raises(StatementError, match="someone else's name"):
            read_statement(carried(act, "ada"), holds)


def test_an_outsider_counts_no_changes() -> None:
    """A request and an acceptance have one form: their signer knows nothing of the roster."""
    for which in ("request", "accept"):
        with pytest.raises(StatementError, match="counts changes"):
            read_statement(carried(replace(ACTS[which], serial=1), "ada"), holds)


def test_an_admission_without_an_end_in_sight() -> None:
    """It ends, and not before it begins, nor later than the longest one may."""
    for until in (NOW, NOW - 1, NOW + LONGEST_ADMISSION + 1):
        with pytest.raises(StatementError, match="does not end, or lasts too long"):
            read_statement(carried(replace(ADMIT, until=Millis(until)), "ada"), holds)
    read_statement(carried(replace(ADMIT, until=Millis(NOW + LONGEST_ADMISSION)), "ada"), holds)


def test_a_withdrawal_of_something_else() -> None:
    """It holds an admission of that person to that room, or their own request, whose signatures are good."""
    roster = room()
    admission, asked = admit(roster, "ben"), request(roster, "ben")
    stated(Withdraw(SERVER, ROOM, 0, NOW, BEN, asked.data), "ben")
    for wrong, by in (
        (admission.data[:-1] + bytes([admission.data[-1] ^ 1]), "ada"),
        (admit(roster, "cora").data, "ada"),
        (asked.data, "ada"),
        (carried(Unban(SERVER, ROOM, 0, NOW, BEN), "ada"), "ada"),
        (carried(replace(ADMIT, room=RoomId("AAAAAAAAAAAAAAAAAAAAAA")), "ada"), "ada"),
        (b"", "ada"),
    ):
        with pytest.raises(StatementError):
            stated(Withdraw(SERVER, ROOM, 0, NOW, BEN, wrong), by)


def test_the_digest_is_of_what_is_said_and_by_whom() -> None:
    """Another device, certificate or signature makes no second admission; another person or key does."""
    one = stated(ADMIT, "ada")
    other = stated(ADMIT, "ada", device="tablet")
    assert one.data != other.data
    assert one.digest == other.digest == digest_of(one.data) == digest_of(other.data)
    others = [
        stated(ADMIT, "ben"),
        stated(ADMIT, "ada", "2"),
        stated(replace(ADMIT, id=bytes(15) + b"x"), "ada"),
    ]
    assert len({one.digest, *(each.digest for each in others)}) == 4


def test_a_statement_that_is_not_in_its_one_form() -> None:
    """The same values written in another way are refused, though the signature is good."""
    fields = [SERVER, ROOM, 3.0, NOW, "ben", account("ben"), bytes(32), bytes(32), bytes(16), NOW + 1]
    body = msgspec.msgpack.encode(["admit", *fields])
    theirs = signed(certificate(device_key=public("device")))
    signature = key("device").sign(b"parlour room statement v2\0" + body).signature
    with pytest.raises(StatementError):
        read_statement(msgspec.msgpack.encode([body, theirs, signature]), holds)


def test_a_statement_by_a_device_without_a_certificate() -> None:
    """A device whose certificate is signed by itself says nothing for an account."""
    own = signed(certificate(device_key=public("device")), by="device")
    data = sign_statement(ACTS["admit"], own, lambda message: key("device").sign(message).signature)
    with pytest.raises(StatementError, match="signature"):
        read_statement(data, holds)


@pytest.mark.parametrize("at", [NOW - 4_000_000, LAST + 4_000_000])
def test_a_statement_from_outside_of_its_certificates_time(at: int) -> None:
    """What was signed before the certificate began, or after it ended, is refused."""
    with pytest.raises(StatementError, match="was not valid then"):
        read_statement(carried(replace(ADMIT, at=Millis(at), until=Millis(at + 1)), "ada"), holds)


def test_a_statement_for_another_server() -> None:
    """A certificate of one server signs nothing at another."""
    with pytest.raises(StatementError, match="another server"):
        read_statement(carried(Unban("other.example", ROOM, 0, NOW, BEN), "ada"), holds)


def test_a_statement_that_is_too_long() -> None:
    """What is longer than a statement can be is refused before anything is read of it."""
    with pytest.raises(StatementError, match="too long"):
        read_statement(bytes(5_000), holds)
