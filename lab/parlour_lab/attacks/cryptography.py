"""Keys and secrets that someone prepared: of low order, of half a strength, or to fit a number."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nacl import bindings

from parlour_client.core.e2ee.group.rules import KEEP_PAST, Ended
from parlour_client.core.e2ee.identity.keys import DeviceKey
from parlour_client.core.e2ee.trust.compare import Party, check_typed, safety_number
from parlour_client.kit.errors import SetupError
from parlour_lab.attack import Evidence, Stage, attack
from parlour_mls import CLASSIC, HYBRID, KeyPackageStore, Lifetime, MlsError, unusable_leaves
from parlour_mls.crypto.primitives import system_random
from parlour_mls.tree import RatchetTree
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_user_name

_SERVER = "chat.example.org"
_ADA, _BEN = parse_user_name("ada"), parse_user_name("ben")


@attack(
    "A group gets a public key for which every shared secret is zero",
    expects="The key is refused where it enters.",
    stage=Stage.UNIT,
)
def low_order_point(folder: Path, seen: Evidence) -> bool:
    del folder
    key = b"\1" + bytes(31)
    seen.sent(f"the public key {key.hex()}")
    return _is_refused(lambda: CLASSIC.check_public_key(key), seen)


@attack(
    "A group gets an ML-KEM key with coefficients that are not reduced",
    expects="The key is refused where it enters.",
    stage=Stage.UNIT,
)
def lattice_key(folder: Path, seen: Evidence) -> bool:
    del folder
    key = b"\xff" * 1184 + HYBRID.kem.derive(b"someone").public[1184:]
    seen.sent(f"a public key of {len(key)} bytes that begins with {key[:8].hex()}")
    return _is_refused(lambda: HYBRID.check_public_key(key), seen)


@attack(
    "Someone with a quantum computer finds the X25519 half of a hybrid secret",
    expects="The secret cannot be computed without the ML-KEM half.",
    stage=Stage.UNIT,
)
def half_of_a_secret(folder: Path, seen: Evidence) -> bool:
    del folder
    pair = HYBRID.kem.derive(b"someone")
    secret, sent = HYBRID.kem.encapsulate(pair.public, system_random)
    scalar = hashlib.shake_256(pair.private.reveal()).digest(96)[64:]
    half = bindings.crypto_scalarmult(scalar, sent[1088:])
    guess = hashlib.sha3_256(half + sent[1088:] + pair.public[1184:] + b"\\.//^\\").digest()
    seen.sent(f"what follows from X25519: {guess.hex()}")
    seen.received(f"the secret is {secret.hex()}")
    return guess != secret


@attack(
    "Keys are made until the end of a safety number is the one that was read out",
    expects="So few digits verify no one.",
    stage=Stage.UNIT,
)
def end_of_a_safety_number(folder: Path, seen: Evidence) -> bool:
    del folder
    ada = Party(_ADA, _SERVER, b"a" * 32)
    end = safety_number(ada, Party(_BEN, _SERVER, b"b" * 32))[-1]
    numbers = (safety_number(ada, Party(_BEN, _SERVER, bytes([key]) * 32)) for key in range(250))
    made = next(number for number in numbers if number.endswith(end))
    seen.sent(f"a key with the number {made}; ada types {end}")
    try:
        check_typed(made, end, _BEN)
    except SetupError as error:
        seen.received(str(error))
        return True
    seen.received("the false key is verified")
    return False


@attack(
    "A server stops its clock so that keys of an epoch that is over stay",
    expects="They are dropped by the device's own clock.",
    stage=Stage.UNIT,
)
def stopped_clock(folder: Path, seen: Evidence) -> bool:
    del folder
    ended, later = Ended(Millis(1_000_000), Millis(1_000_000)), Millis(1_000_000 + 10 * KEEP_PAST)
    seen.sent("the server's time is that of the epoch's end; here 50 minutes have passed")
    keeps = ended.keeps(ended.at, later)
    seen.received(f"the keys are {'kept' if keeps else 'dropped'}")
    return not keeps


@attack(
    "A group from an earlier version has a member's key to which no one can encrypt",
    expects="The leaf is found, so that the next commit removes it.",
    stage=Stage.UNIT,
)
def unusable_leaf(folder: Path, seen: Evidence) -> bool:
    del folder
    ada = DeviceKey.generate(_ADA, _SERVER)
    store = KeyPackageStore()
    store.create(ada.credential, ada.signer, Lifetime(1, 2))
    (package,) = store
    leaf = replace(package.leaf_node, encryption_key=bytes(32))
    seen.sent(f"a leaf with the public key {leaf.encryption_key.hex()}")
    found = unusable_leaves(RatchetTree.of([package.leaf_node, None, leaf]))
    seen.received(f"leaves that the next commit removes: {sorted(found)}")
    return found == {1}


def _is_refused(act: Callable[[], object], seen: Evidence) -> bool:
    try:
        act()
    except MlsError as error:
        seen.received(str(error))
        return True
    seen.received("it is accepted")
    return False
