"""Plays scenario files in the passive-client format: join by a Welcome, then follow every commit.

    python tests/protocol/mls/passive.py FILE...

Scenarios of other suites than 3 are passed over. Prints `N passed, M failed`, and exits 0 only when all
passed. The policy is the widest one that RFC 9420 allows, because scenarios hold external commits, external
proposals, ReInit, and key packages that live for ever; every MUST of the RFC stays in force.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from parlour_protocol.mls import Group, KeyPackageStore, MlsError, Policy, Psks, Secret, SigningKey
from parlour_protocol.mls.join import KeyPackageSecrets
from parlour_protocol.mls.key_package import KeyPackage
from parlour_protocol.mls.messages import read_message
from parlour_protocol.mls.secret_tree import RatchetLimits

SUITE = 3


def _anything(*_of: object) -> None:
    """Accept every identity: a scenario has no authentication service."""


WIDEST = Policy(
    ratchets=RatchetLimits(steps=100_000, kept=100_000),
    resumption_epochs=1 << 20,
    max_lifetime=None,
    external_commits=True,
    external_proposals=True,
    new_member_proposals=True,
    reinit=True,
    branching=True,
    validate_credential=_anything,
    validate_successor=_anything,
    validate_external_sender=_anything,
)


class ScenarioFailedError(Exception):
    """A scenario came out differently than its file says."""


def play(scenario: dict[str, Any]) -> None:
    """Play one scenario; raises when anything differs."""
    store = KeyPackageStore()
    store.add(_key_package(scenario))
    psks = Psks(
        {
            bytes.fromhex(p["psk_id"]): Secret(bytes.fromhex(p["psk"]))
            for p in scenario.get("external_psks", ())
        }
    )
    tree = scenario.get("ratchet_tree")
    group = Group.join(
        bytes.fromhex(scenario["welcome"]),
        store,
        ratchet_tree=bytes.fromhex(tree) if tree else None,
        psks=psks,
        policy=WIDEST,
    )
    _compare("the first epoch", group, scenario["initial_epoch_authenticator"])
    for number, epoch in enumerate(scenario.get("epochs", ())):
        for proposal in epoch.get("proposals", ()):
            group.process(bytes.fromhex(proposal), now=None, psks=psks)
        group.process(bytes.fromhex(epoch["commit"]), now=None, psks=psks)
        _compare(f"commit {number}", group, epoch["epoch_authenticator"])
        group = Group.restore(group.serialise(), WIDEST)  # every epoch also survives a restart


def _key_package(scenario: dict[str, Any]) -> KeyPackageSecrets:
    package = read_message(bytes.fromhex(scenario["key_package"]))
    if not isinstance(package, KeyPackage):
        raise ScenarioFailedError("key_package is no key package")
    init, encryption, seed = (
        Secret(bytes.fromhex(scenario[name])) for name in ("init_priv", "encryption_priv", "signature_priv")
    )
    return KeyPackageSecrets(package, init, encryption, SigningKey(seed))


def _compare(where: str, group: Group, expected: str) -> None:
    if group.epoch_authenticator.hex() != expected:
        raise ScenarioFailedError(f"after {where} the epoch authenticator differs")


def main(arguments: list[str]) -> int:
    """Play all scenarios of suite 3 in the files named."""
    parser = argparse.ArgumentParser(description="Play MLS passive-client scenario files (suite 3).")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    passed = failed = 0
    for path in parser.parse_args(arguments).files:
        for number, scenario in enumerate(json.loads(path.read_text())):
            if scenario["cipher_suite"] != SUITE:
                continue
            try:
                play(scenario)
                passed += 1
            except (MlsError, ScenarioFailedError) as error:
                failed += 1
                sys.stdout.write(f"{path.name} scenario {number}: {type(error).__name__}: {error}\n")
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
