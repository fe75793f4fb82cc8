"""The small CA, its leaf, and the pin that outlives renewals (T4)."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup import certificates
from parlour_server.host.setup.certificate_chain import names_of
from parlour_server.host.setup.certificates import (
    is_own,
    make_keys,
    pin_of,
    read_certificate,
    renew_if_due,
)

NAMES = ("localhost", "127.0.0.1", "::1", "chat.example.org", "other.example.org:443", "[2001:DB8::1]:443")


@pytest.fixture
def made(tmp_path: Path) -> DataFolder:
    """Return a folder with fresh certificates."""
    folder = CHAT.folder(tmp_path / "data")
    folder.create()
    assert make_keys(folder, had_database=False)
    assert renew_if_due(folder, NAMES)
    return folder


def shake_hands(folder: DataFolder, name: str) -> None:
    """Run a TLS handshake in memory; raises ssl.SSLError where the client does not accept the server."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder.certificate, folder.key)
    client = ssl.create_default_context(cafile=str(folder.ca_certificate))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "::1", "chat.example.org", "other.example.org", "2001:db8::1"]
)
def test_a_strict_client_accepts_the_names_that_were_given(made: DataFolder, name: str) -> None:
    """Chain and name hold under RFC 5280's strict rules; a port is not part of a name."""
    shake_hands(made, name)


def test_a_man_in_the_middle_with_another_name_is_refused(made: DataFolder) -> None:
    """T4: the certificate is for the names given, and for no other."""
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(made, "evil.example")


def test_the_leaf_is_for_a_server_and_lives_for_ninety_days(made: DataFolder) -> None:
    """T2: ECDSA P-256, only server authentication, less than 90 days, not a CA."""
    leaf = read_certificate(made.certificate)
    key = leaf.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert isinstance(key.curve, SECP256R1)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=90)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_ca_signs_no_other_ca(made: DataFolder) -> None:
    """Path length 0."""
    ca = read_certificate(made.ca_certificate)
    limits = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)


def test_renewal_keeps_the_pin(made: DataFolder) -> None:
    """Invite links that were given out stay true when the certificate is renewed."""
    before = read_certificate(made.certificate)
    assert not renew_if_due(made, NAMES)
    assert renew_if_due(made, NAMES, datetime.now(UTC) + timedelta(days=60))
    after = read_certificate(made.certificate)
    assert after.serial_number != before.serial_number
    assert pin_of(after) == pin_of(before)
    assert len(pin_of(after)) == 43


def test_a_certificate_of_an_older_version_is_replaced(
    made: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2: one that lives for more than 90 days is not served to its end."""
    with monkeypatch.context() as patched:
        patched.setattr(certificates, "_LEAF_LIFE", timedelta(days=397))
        renew_if_due(made, (*NAMES, "third.example.org"))
    before = read_certificate(made.certificate)
    assert renew_if_due(made, (*NAMES, "third.example.org"))
    after = read_certificate(made.certificate)
    assert after.not_valid_after_utc < before.not_valid_after_utc
    assert pin_of(after) == pin_of(before)


def test_a_certificate_that_a_clock_made_in_the_future_is_replaced(made: DataFolder) -> None:
    """A clock that was a year ahead leaves no certificate behind that no one accepts yet."""
    ahead = datetime.now(UTC) + timedelta(days=365)
    assert renew_if_due(made, NAMES, ahead)
    assert read_certificate(made.certificate).not_valid_before_utc > datetime.now(UTC)
    assert renew_if_due(made, NAMES)
    shake_hands(made, "localhost")


def test_a_new_name_makes_a_new_leaf_of_the_same_key(made: DataFolder) -> None:
    """`init --name` adds a name and keeps the pin."""
    before = read_certificate(made.certificate)
    assert renew_if_due(made, (*NAMES, "third.example.org"))
    after = read_certificate(made.certificate)
    assert "third.example.org" in names_of(after)
    assert pin_of(after) == pin_of(before)


def test_a_certificate_of_another_ca_is_not_changed(made: DataFolder, tmp_path: Path) -> None:
    """A certificate of a public CA is kept."""
    other = CHAT.folder(tmp_path / "other")
    other.create()
    make_keys(other, had_database=False)
    renew_if_due(other, NAMES)
    made.certificate.write_bytes(other.certificate.read_bytes())
    made.key.write_bytes(other.key.read_bytes())
    before = made.certificate.read_bytes()
    assert not is_own(made, read_certificate(made.certificate))
    assert not renew_if_due(made, ("quite.another.example",))
    assert made.certificate.read_bytes() == before


@pytest.mark.parametrize("key", ["server.key", "ca.key"])
def test_a_lost_key_is_never_replaced_by_itself(made: DataFolder, key: str) -> None:
    """L21: neither by a renewal nor by another `init`, and the certificate stays."""
    before = made.certificate.read_bytes()
    (made.path / key).unlink()
    assert not make_keys(made, had_database=False)
    with pytest.raises(SetupError, match=rf"{key} is missing.*backup"):
        renew_if_due(made, (*NAMES, "third.example.org"))
    assert not (made.path / key).exists()
    assert made.certificate.read_bytes() == before


def test_a_folder_with_only_a_database_gets_no_new_keys(tmp_path: Path) -> None:
    """L21: it had keys, whatever became of them."""
    folder = CHAT.folder(tmp_path)
    assert not make_keys(folder, had_database=True)


@pytest.mark.parametrize("lost", [("server.key",), ("ca.key",), ("server.key", "ca.key")])
def test_lost_keys_are_replaced_when_that_is_asked_for(made: DataFolder, lost: tuple[str, ...]) -> None:
    """L21: what is there stays, and the result is a server that works."""
    pin = pin_of(read_certificate(made.certificate))
    for name in lost:
        (made.path / name).unlink()
    assert make_keys(made, had_database=False, replace_lost=True)
    assert renew_if_due(made, NAMES)
    shake_hands(made, "localhost")
    assert (pin_of(read_certificate(made.certificate)) == pin) is ("server.key" not in lost)


def test_a_certificate_of_another_ca_needs_no_ca_here(made: DataFolder) -> None:
    """L21: `--replace-lost-keys` does not take away what is complete."""
    made.ca_certificate.unlink()
    made.ca_key.unlink()
    before = made.certificate.read_bytes()
    assert not make_keys(made, had_database=False, replace_lost=True)
    assert made.certificate.read_bytes() == before


def test_keys_are_private(made: DataFolder) -> None:
    """O2: all that was written is 0600."""
    assert {path.stat().st_mode & 0o777 for path in made.path.iterdir()} == {0o600}


def test_a_name_that_is_none_is_refused(made: DataFolder) -> None:
    """A sentence, not a traceback of a library."""
    with pytest.raises(SetupError, match="not a host name"):
        renew_if_due(made, ("schön.example",))


@pytest.mark.parametrize("file", ["server.pem", "ca.pem", "server.key", "ca.key"])
def test_a_damaged_file_is_refused_with_what_to_do(made: DataFolder, file: str) -> None:
    """The sentence names the file."""
    (made.path / file).write_bytes(b"damaged")
    with pytest.raises(SetupError, match=file):
        renew_if_due(made, ("quite.another.example",))
