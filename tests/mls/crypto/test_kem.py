"""X25519 and X-Wing: what they refuse, and that X-Wing's secret hangs on both of its halves."""

import os

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mlkem
from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_mls import CLASSIC, HYBRID, CipherSuite, MlsError
from parlour_mls.crypto import OUTPUT_SIZES, PUBLIC_SIZES, KeyPair
from parlour_mls.crypto.kem import _LOW_ORDER, _has_ml_kem

BOTH = pytest.mark.parametrize("suite", [CLASSIC, HYBRID], ids=["X25519", "X-Wing"])
KEYS = {suite.number: suite.kem.derive(b"a seed of any length") for suite in (CLASSIC, HYBRID)}


@BOTH
def test_what_is_encapsulated_is_decapsulated(suite: CipherSuite) -> None:
    """Each encapsulation gives another secret, and the owner of the key finds it."""
    kem, pair = suite.kem, KEYS[suite.number]
    one, two = (kem.encapsulate(pair.public, os.urandom) for _ in range(2))
    assert one[0] != two[0]
    assert kem.decapsulate(pair, one[1]) == one[0]
    assert kem.decapsulate(kem.complete(pair.private.reveal()), two[1]) == two[0]
    assert (len(pair.public), len(one[1]), len(one[0])) == (kem.public_size, kem.output_size, 32)
    assert (kem.public_size, kem.output_size) in {(32, 32), (1216, 1120)}
    assert kem.public_size in PUBLIC_SIZES
    assert kem.output_size in OUTPUT_SIZES


@BOTH
def test_sizes_are_checked_before_c_code(suite: CipherSuite) -> None:
    """Keys and ciphertexts of any other length are errors of ours."""
    kem, pair = suite.kem, KEYS[suite.number]
    for bad in (b"", pair.public[:-1], pair.public + b"\0", bytes(1184), bytes(1088)):
        with pytest.raises(MlsError):
            kem.encapsulate(bad, os.urandom)
        with pytest.raises(MlsError):
            kem.check(bad)
        with pytest.raises(MlsError):
            kem.decapsulate(pair, bad)
    for bad in (b"", bytes(31), bytes(33), bytes(64)):
        with pytest.raises(MlsError):
            kem.complete(bad)


@BOTH
@pytest.mark.parametrize("top", [0, 0x80])
@pytest.mark.parametrize("point", _LOW_ORDER)
def test_low_order_points(suite: CipherSuite, point: int, top: int) -> None:
    """Libsodium finds a shared secret of zeros for exactly these: they are refused where a key enters."""
    written = bytearray(point.to_bytes(32, "little"))
    written[-1] |= top
    with pytest.raises((CryptoError, RuntimeError)):
        bindings.crypto_scalarmult(bytes(range(32)), bytes(written))
    public = KEYS[suite.number].public[:-32] + bytes(written)
    for refuses in (suite.check_public_key, lambda key: suite.kem.encapsulate(key, os.urandom)):
        with pytest.raises(MlsError, match="low-order"):
            refuses(public)


def test_a_lattice_key_that_is_not_reduced() -> None:
    """FIPS 203 section 7.2: such a key is refused where it enters, because nothing can be sealed to it."""
    good = KEYS[HYBRID.number].public
    for bad in (b"\xff" * 1184 + good[1184:], b"\xff\xff\xff" + good[3:]):
        with pytest.raises(MlsError, match="ML-KEM part"):
            HYBRID.check_public_key(bad)
        with pytest.raises(MlsError, match="ML-KEM part"):
            HYBRID.kem.encapsulate(bad, os.urandom)
    HYBRID.check_public_key(good)


def test_an_installation_without_ml_kem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `cryptography` that was built against an old OpenSSL: an error of ours, and suite 3 goes on."""

    def missing(_: bytes) -> None:
        raise UnsupportedAlgorithm("ML-KEM-768 is not supported by this backend.")

    pair = KEYS[HYBRID.number]
    monkeypatch.setattr(mlkem.MLKEM768PrivateKey, "from_seed_bytes", missing)
    _has_ml_kem.cache_clear()
    try:
        assert (CLASSIC.kem.available(), HYBRID.kem.available()) == (True, False)
        for attempt in (
            HYBRID.kem.generate,
            lambda: HYBRID.check_public_key(pair.public),
            lambda: HYBRID.kem.encapsulate(pair.public, os.urandom),
            lambda: HYBRID.kem.decapsulate(pair, bytes(1120)),
        ):
            with pytest.raises(MlsError, match="ML-KEM is missing"):
                attempt()
    finally:
        monkeypatch.undo()
        _has_ml_kem.cache_clear()
    assert HYBRID.kem.available()


def test_x_wing_hangs_on_both_halves() -> None:
    """A change of either half of the ciphertext or of the recipient's public key gives another secret."""
    kem, pair = HYBRID.kem, KEYS[HYBRID.number]
    secret, sent = kem.encapsulate(pair.public, os.urandom)
    for at in (0, 1087, 1088, 1119):
        changed = bytes((*sent[:at], sent[at] ^ 1, *sent[at + 1 :]))
        assert kem.decapsulate(pair, changed) != secret
    other = KeyPair(pair.private, pair.public[:-32] + CLASSIC.kem.generate().public)
    assert kem.decapsulate(other, sent) != secret
