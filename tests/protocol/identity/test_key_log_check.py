"""What is said of a log's entries when they are read one after the other."""

from tests.protocol.identity.signing import ADA, NOW, SERVER, certificate, holds, public, revocation, signed

from parlour_protocol.identity import AccountEntry, DeviceEntry, PolicyEntry, RevocationEntry
from parlour_protocol.identity.key_log import NO_POLICY, Entry, encode_entry
from parlour_protocol.identity.key_log_check import Fault, KeyLogCheck
from parlour_protocol.kit.ids import Millis

ACCOUNT = AccountEntry(NOW, ADA, public("account"))
DEVICE = DeviceEntry(NOW, signed(certificate()))


def faults(*entries: Entry) -> list[list[Fault]]:
    """Return the faults of each."""
    check = KeyLogCheck(SERVER, holds)
    return [[found.fault for found in check.read(encode_entry(entry))] for entry in entries]


def test_an_honest_log_has_none() -> None:
    """Each kind of entry."""
    check = KeyLogCheck(SERVER, holds)
    entries = (ACCOUNT, DEVICE, RevocationEntry(NOW, signed(revocation())), PolicyEntry(NOW, NO_POLICY))
    assert [check.read(encode_entry(entry)) for entry in entries] == [()] * 4
    assert (check.tree.size, check.valid[DeviceEntry], check.accounts) == (4, 1, {ADA: public("account")})


def test_each_fault_is_found() -> None:
    """One after the other."""
    later = Millis(NOW + 3_600_000)
    assert faults(ACCOUNT, AccountEntry(NOW, ADA, public("other"))) == [[], [Fault.KEY_REPLACED]]
    assert faults(DEVICE) == [[Fault.FOREIGN_DEVICE]]
    assert faults(RevocationEntry(NOW, signed(revocation()))) == [[Fault.FOREIGN_REVOCATION]]
    assert faults(ACCOUNT, DeviceEntry(NOW, signed(certificate(), by="x"))) == [[], [Fault.UNSIGNED]]
    assert faults(DeviceEntry(NOW, signed(certificate(server="b.example")))) == [[Fault.UNSIGNED]]
    assert faults(PolicyEntry(NOW, b"none")) == [[Fault.UNSIGNED]]
    assert faults(AccountEntry(later, ADA, public("account")), DEVICE) == [[], [Fault.OUT_OF_ORDER]]


def test_it_goes_on_where_an_earlier_reading_ended() -> None:
    """With the tree, the accounts and the newest time."""
    first = KeyLogCheck(SERVER, holds)
    first.read(encode_entry(ACCOUNT))
    second = KeyLogCheck(SERVER, holds, first.tree, dict(first.accounts), first.newest)
    assert second.read(encode_entry(DEVICE)) == ()
    assert second.read(b"nothing")[0].words.startswith("it has no valid signature")
    assert second.tree.size == 3
