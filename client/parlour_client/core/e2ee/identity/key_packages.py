"""This device's key packages: made in advance, so that others can add it to groups while it is offline.

The server has fifty for single use and one last resort, and sixteen and one for post-quantum rooms. Their
private keys are only in the archive, written before anything is published, and each is used up by one
Welcome.
"""

import itertools
from dataclasses import dataclass
from typing import Final

import apsw

from parlour_client.core.archive import own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.identity.keys import KNOWN, SUITES, restored
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_mls import KeyPackageStore, Lifetime, Policy, suite_of
from parlour_protocol.delivery import DeviceInfo, KeyPackages
from parlour_protocol.frames.opaque import KeyPackageBytes
from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import HYBRID_PACKAGES, HYBRID_PACKAGES_LOW, KEY_PACKAGES, KEY_PACKAGES_LOW
from parlour_protocol.rooms import RoomSuite

DAY: Final = 86_400
LIFETIME: Final = 30 * DAY
"""Seconds that a key package may be used."""
RENEW_AFTER: Final = 20 * DAY
"""Seconds after which all are replaced, while devices can still be added with the old ones."""
KEEP_LAST_RESORT: Final = 7 * DAY
"""Seconds that a last resort is kept after the next one was made: a Welcome may be in transit."""
SKEW: Final = 3_600
"""Seconds that clocks may differ."""
MAX_HELD: Final = 400
"""Packages of one suite whose private keys are kept, however often publishing fails."""

_ABLE: Final = " ".join(f"{one:x}" for one in sorted(KNOWN)).encode()
"""The features that key packages of this version declare."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """The rules for the packages of one cipher suite."""

    most: int
    low: int
    unsure: Name
    renewed: Name
    able: Name


_KINDS: Final = {
    RoomSuite.X25519: _Kind(
        KEY_PACKAGES.value,
        KEY_PACKAGES_LOW.value,
        Name.PACKAGES_UNSURE,
        Name.PACKAGES_RENEWED,
        Name.PACKAGES_ABLE,
    ),
    RoomSuite.X_WING: _Kind(
        HYBRID_PACKAGES.value,
        HYBRID_PACKAGES_LOW.value,
        Name.HYBRID_UNSURE,
        Name.HYBRID_RENEWED,
        Name.HYBRID_ABLE,
    ),
}


def load(connection: apsw.Connection) -> KeyPackageStore:
    """Return the packages with their private keys."""
    blob = own_keys.get(connection, Name.PACKAGES)
    return restored(KeyPackageStore.restore, blob) if blob is not None else KeyPackageStore()


def save(connection: apsw.Connection, store: KeyPackageStore) -> None:
    """Save them, after a join used one up."""
    own_keys.put(connection, Name.PACKAGES, store.serialise())


def prepare(
    connection: apsw.Connection, own: OwnIdentity, info: DeviceInfo, now: Millis, suite: RoomSuite
) -> KeyPackages | None:
    """Make the packages that the server lacks and store their private keys; None if none. Call durably.

    Publish what this returns, then call ``published``; until then it is unknown whether it arrived.
    """
    seconds, kind = now // 1000, _KINDS[suite]
    there, has_last_resort = (
        (info.hybrid_packages, info.hybrid_last_resort)
        if suite is RoomSuite.X_WING
        else (info.packages, info.last_resort)
    )
    store = load(connection)
    _tidy(store, seconds)
    replace = _must_replace(connection, kind, seconds)
    single = kind.most if replace else _missing(there, kind)
    last_resort = replace or not has_last_resort
    if not (single or last_resort) or not suite_of(suite).kem.available():  # which may load a library
        save(connection, store)
        return None
    made = [_create(store, own, seconds, suite, last_resort=False) for _ in range(single)]
    last = _create(store, own, seconds, suite, last_resort=True) if last_resort else None
    save(connection, store)
    own_keys.put(connection, kind.unsure, b"1")
    if replace:
        own_keys.put(connection, kind.renewed, b"%d" % seconds)
        own_keys.put(connection, kind.able, _ABLE)
    return KeyPackages(
        packages=tuple(made),
        last_resort=last,
        replace=replace,
        expires=Millis((seconds + LIFETIME) * 1000),
        suite=suite,
    )


def doubt(connection: apsw.Connection) -> None:
    """Treat the server's packages as unknown: the next ones replace all of them."""
    for kind in _KINDS.values():
        own_keys.put(connection, kind.unsure, b"1")


def published(connection: apsw.Connection, suite: RoomSuite) -> None:
    """Note that the server has what was prepared."""
    own_keys.drop(connection, _KINDS[suite].unsure)


def _missing(there: int, kind: _Kind) -> int:
    return kind.most - there if there < kind.low else 0


def _must_replace(connection: apsw.Connection, kind: _Kind, now: int) -> bool:
    """Say whether the server's packages must be replaced: never published, too old, or unknown.

    So must those of an earlier version, with which no one could add this device to the groups of this one.
    """
    renewed = own_keys.get(connection, kind.renewed)
    if renewed is None or own_keys.get(connection, kind.unsure) is not None:
        return True
    if own_keys.get(connection, kind.able) != _ABLE:
        return True
    return not -DAY < now - int(renewed) < RENEW_AFTER  # a clock that was wrong must not stop the renewal


def _able() -> tuple[int, ...]:
    """Return the cipher suites that this installation supports; its leaves list them."""
    return tuple(suite for suite in SUITES if suite_of(suite).kem.available())


def _create(
    store: KeyPackageStore, own: OwnIdentity, now: int, suite: RoomSuite, *, last_resort: bool
) -> KeyPackageBytes:
    return KeyPackageBytes(
        store.create(
            own.key.credential,
            own.key.signer,
            Lifetime(now - SKEW, now + LIFETIME),
            suite=suite_of(suite),
            last_resort=last_resort,
            leaf_extensions=own.leaf_extensions,
            policy=Policy(extensions=KNOWN, cipher_suites=_able()),
        )
    )


def _tidy(store: KeyPackageStore, now: int) -> None:
    """Delete expired packages, old last resorts, and the oldest above the limit."""
    store.expire(now - SKEW)
    packages = sorted(store, key=lambda package: _made(package.leaf_node.lifetime))
    for suite in SUITES:
        resorts = [package for package in packages if package.last_resort and package.cipher_suite == suite]
        for old, following in itertools.pairwise(resorts):
            if _made(following.leaf_node.lifetime) + KEEP_LAST_RESORT < now:
                store.drop(old.ref)
        single = [one for one in packages if not one.last_resort and one.cipher_suite == suite]
        for package in single[:-MAX_HELD]:
            store.drop(package.ref)


def _made(lifetime: Lifetime | None) -> int:
    return lifetime.not_before if lifetime is not None else 0
