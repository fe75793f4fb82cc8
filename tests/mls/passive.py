"""Plays scenario files in the passive-client format: join by a Welcome, then follow every commit.

    python tests/mls/passive.py FILE...

Scenarios of other suites than ours (3, and the hybrid 0xF003) are passed over. Each failure is a line that
names the file, the scenario and the reason; a file or a scenario that cannot be read is a failure, too. Ends
with `N passed, M failed` and exits 0 only when at least one was played and all passed. The policy is the
widest one that RFC 9420 allows, because scenarios hold external commits, external proposals, ReInit, and key
packages that live for ever; every MUST of the RFC stays in force.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from parlour_mls import (
    CLASSIC,
    HYBRID,
    Group,
    KeyPackageStore,
    MlsError,
    Policy,
    Psks,
    Secret,
    SigningKey,
)
from parlour_mls.codec import decode
from parlour_mls.epoch import RatchetLimits
from parlour_mls.group import KeyPackageSecrets
from parlour_mls.messages import KeyPackage, read_message
from parlour_mls.tree import MAX_LEAVES

SUITES = (CLASSIC.number, HYBRID.number)
_BARE_KEY_PACKAGES = tuple(bytes((0, 1, *suite.to_bytes(2, "big"))) for suite in SUITES)
"""Version and suite: how a key package begins that is not framed as an MLSMessage."""


def _anything(*_of: object) -> None:
    """Accept every identity: a scenario has no authentication service."""


WIDEST = Policy(
    ratchets=RatchetLimits(steps=100_000, kept=100_000),
    resumption_epochs=1 << 20,
    max_lifetime=None,
    max_leaves=MAX_LEAVES,
    external_commits=True,
    external_proposals=True,
    new_member_proposals=True,
    reinit=True,
    validate_credential=_anything,
    validate_successor=_anything,
    validate_external_sender=_anything,
)


class Hex(bytes):
    """Bytes that a scenario file writes as hexadecimal text."""

    __slots__ = ()


class ExternalPsk(msgspec.Struct):
    """A pre-shared key that the application would provide."""

    psk_id: Hex
    psk: Hex


class Step(msgspec.Struct):
    """One epoch: the proposals that may be referred to, and the commit that ends it."""

    commit: Hex
    epoch_authenticator: Hex
    proposals: list[Hex] | None = None


class Scenario(msgspec.Struct):
    """One object of a scenario file; fields that the format does not have are passed over."""

    key_package: Hex
    signature_priv: Hex
    encryption_priv: Hex
    init_priv: Hex
    welcome: Hex
    initial_epoch_authenticator: Hex
    ratchet_tree: Hex | None = None
    external_psks: list[ExternalPsk] | None = None
    epochs: list[Step] | None = None


class _Suite(msgspec.Struct):
    """What is read of a scenario first."""

    cipher_suite: int


class ScenarioFailedError(Exception):
    """A scenario came out differently than its file says."""


def _from_hex(kind: type, value: object) -> Any:
    if kind is not Hex or not isinstance(value, str):
        raise NotImplementedError(kind)
    return Hex(bytes.fromhex(value))  # msgspec makes a ValueError a ValidationError that says where


def load(data: bytes) -> Iterable[tuple[int, Scenario | Exception]]:
    """Give the scenarios of our suites with their places in the file, or why one cannot be read."""
    for number, raw in enumerate(msgspec.json.decode(data, type=list[msgspec.Raw])):
        try:
            if msgspec.json.decode(raw, type=_Suite).cipher_suite in SUITES:
                yield number, msgspec.json.decode(raw, type=Scenario, dec_hook=_from_hex)
        except msgspec.DecodeError as error:
            yield number, error


def play(scenario: Scenario) -> None:
    """Play one scenario; raises when anything differs."""
    store = KeyPackageStore()
    store.add(_key_package(scenario))
    psks = Psks({p.psk_id: Secret(p.psk) for p in scenario.external_psks or ()})
    group = Group.join(
        scenario.welcome, store, ratchet_tree=scenario.ratchet_tree or None, psks=psks, policy=WIDEST
    )
    _compare("the Welcome", group, scenario.initial_epoch_authenticator)
    for number, step in enumerate(scenario.epochs or ()):
        _follow(f"commit {number}", group, step, psks)
        group = Group.restore(group.serialise(), WIDEST)  # every epoch also survives a restart


def _follow(where: str, group: Group, step: Step, psks: Psks) -> None:
    refused: list[str] = []
    for proposal in step.proposals or ():
        try:
            group.process(proposal, now=None, psks=psks)
        except MlsError as error:
            refused.append(str(error))  # matters only if the commit takes it
    try:
        group.process(step.commit, now=None, psks=psks)
    except MlsError as error:
        raise ScenarioFailedError(
            "; ".join((f"{where}: {type(error).__name__}: {error}", *refused))
        ) from None
    _compare(where, group, step.epoch_authenticator)


def _key_package(scenario: Scenario) -> KeyPackageSecrets:
    if scenario.key_package.startswith(_BARE_KEY_PACKAGES):
        package: object = decode(KeyPackage.read, scenario.key_package)
    else:
        package = read_message(scenario.key_package)
    if not isinstance(package, KeyPackage):
        raise ScenarioFailedError("key_package is no key package")
    init, encryption, seed = map(
        Secret, (scenario.init_priv, scenario.encryption_priv, scenario.signature_priv)
    )
    return KeyPackageSecrets(package, init, encryption, SigningKey(seed))


def _compare(where: str, group: Group, expected: bytes) -> None:
    if group.epoch_authenticator != expected:
        raise ScenarioFailedError(f"after {where} the epoch authenticator differs")


def play_file(path: Path) -> tuple[int, int]:
    """Play a file, print its failures, and give how many scenarios passed and failed."""
    passed = failed = 0
    try:
        for number, scenario in load(path.read_bytes()):
            reason = _reason(scenario)
            if reason is None:
                passed += 1
            else:
                failed += 1
                sys.stdout.write(f"{path.name} scenario {number}: {reason}\n")
    except (OSError, msgspec.DecodeError) as error:
        failed += 1
        sys.stdout.write(f"{path}: this is no file of scenarios: {error}\n")
    return passed, failed


def _reason(scenario: Scenario | Exception) -> str | None:
    """Tell why a scenario fails, if it does."""
    if isinstance(scenario, Exception):
        return f"not in the passive-client format: {scenario}"
    try:
        play(scenario)
    except ScenarioFailedError as error:
        return str(error)
    except MlsError as error:
        return f"{type(error).__name__}: {error}"
    return None


def main(arguments: list[str]) -> int:
    """Play all scenarios of suite 3 in the files named."""
    parser = argparse.ArgumentParser(description="Play MLS passive-client scenario files (suite 3).")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    counts = [play_file(path) for path in parser.parse_args(arguments).files]
    passed, failed = (sum(column) for column in zip(*counts, strict=True))
    if not passed and not failed:
        sys.stderr.write(
            f"nothing was played: there is no scenario of suite {CLASSIC.number} in these files\n"
        )
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
