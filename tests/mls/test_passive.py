"""The scenario runner on scenarios of every kind, written down from groups of our own.

The official files have only commits of members; here a passive client also follows external joins and
proposals, requests to join, PSKs, Updates by reference, encrypted handshakes and a ReInit, and meets GREASE.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.mls import passive, vectors
from tests.mls.mls_world import NOW, World
from tests.mls.outsider import external_commit, external_proposal, new_member_proposal

from parlour_mls import (
    Capabilities,
    CommitOptions,
    Credential,
    Extension,
    ExternalSender,
    GroupContextExtensions,
    KeyPackageSecrets,
    PendingCommit,
    Psks,
    ReInit,
    Secret,
    SigningKey,
    add_proposal,
    remove_proposal,
)
from parlour_mls.codec import EXTERNAL_SENDERS
from parlour_mls.messages import Add, encode_message
from parlour_mls.messages.group_extensions import encode_external_senders

PUBLIC = CommitOptions(public=True)
WARDEN = SigningKey(Secret(bytes(range(32))))
SENDERS = Extension(
    EXTERNAL_SENDERS, encode_external_senders([ExternalSender(WARDEN.public, Credential.basic(b"w"))])
)


class Script:
    """A group whose every epoch is written down for one passive client."""

    def __init__(self, *, tree_beside: bool = False) -> None:
        self.world = World(3, policy=passive.WIDEST, extensions=(SENDERS,))
        self.world.psks = Psks({b"id": Secret(b"psk")})
        client = self._greased(self.world.device("client").secrets())
        options = CommitOptions(tree_in_welcome=not tree_beside)
        pending = self.world.commit("m0", [Add(client.package)], options)
        self.scenario: dict[str, Any] = {
            "cipher_suite": 3,
            "external_psks": [{"psk_id": b"id".hex(), "psk": b"psk".hex()}],
            "key_package": encode_message(client.package).hex(),
            "init_priv": client.init_private.reveal().hex(),
            "encryption_priv": client.encryption_private.reveal().hex(),
            "signature_priv": client.signer.seed.reveal().hex(),
            "welcome": (pending.welcome or b"").hex(),
            "ratchet_tree": pending.ratchet_tree.hex() if tree_beside else None,
            "initial_epoch_authenticator": self.world["m0"].epoch_authenticator.hex(),
            "epochs": [],
        }
        self.proposals: list[str] = []

    def _greased(self, own: KeyPackageSecrets) -> KeyPackageSecrets:
        """Make a package as some clients do: GREASE, and default types, in its capabilities."""
        odd = (0x0A0A, 0xDADA)
        caps = Capabilities((1, *odd), (1, 3, *odd), (1, 2, *odd), (1, 2, 3, *odd), (1, 2, *odd))
        leaf = replace(
            own.package.leaf_node, capabilities=caps, extensions=(Extension(0x7A7A, b"g"),)
        ).signed(own.signer)
        package = replace(own.package, leaf_node=leaf, extensions=(Extension(0xEAEA, b""),))
        return replace(own, package=package.signed(own.signer))

    def say(self, message: bytes, by: str = "") -> None:
        """Send a proposal."""
        self.world.deliver(message, by=by)
        self.proposals.append(message.hex())

    def epoch(self, commit: bytes) -> None:
        """Write down an epoch, after everyone has followed."""
        self.world.agree()
        authenticator = self.world["m0"].epoch_authenticator.hex()
        self.scenario["epochs"].append(
            {"proposals": self.proposals, "commit": commit.hex(), "epoch_authenticator": authenticator}
        )
        self.proposals = []

    def commit(self, by: str, proposals: Any = (), options: CommitOptions = PUBLIC) -> PendingCommit:
        """Commit, let all follow, and write it down."""
        pending = self.world.commit(by, proposals, options)
        self.epoch(pending.message)
        return pending

    def knock(self, name: str, *proposals: Any) -> None:
        """Let someone in from outside."""
        own, info = self.world.device(name).secrets(), self.world["m0"].group_info()
        message, group = external_commit(
            info, own, proposals, self.world.psks, passive.WIDEST, self.world.random
        )
        self.world.groups.pop(name, None)
        self.world.deliver(message, by=name)
        self.world.groups[name] = group
        self.epoch(message)


def commits(script: Script) -> None:
    """Commit in all ways, in both wire formats, with Updates by reference."""
    for options in (PUBLIC, CommitOptions(), CommitOptions(path=False)):
        package = script.world.device(f"new {options.public} {options.path}").publish()
        script.commit("m1", [add_proposal(package)], options)
    for name in ("m1", "m2"):
        script.say(script.world[name].propose_update(now=NOW), by=name)
    script.commit("m0", (), CommitOptions())
    script.world.groups.pop("m2")
    script.commit("m1", [remove_proposal(2), GroupContextExtensions((SENDERS,))])


def psks(script: Script) -> None:
    """External and resumption PSKs, with and without a path."""
    group = script.world["m0"]
    script.commit("m0", [script.world.external_psk(b"id"), script.world.resumption_psk(group.epoch)])
    again = [script.world.resumption_psk(group.epoch - 1), script.world.external_psk(b"id")]
    script.commit("m0", again, CommitOptions(path=False))


def external_joins(script: Script) -> None:
    """Accept a newcomer, and a member that returns with a PSK and removes its old leaf."""
    script.knock("guest")
    script.commit("guest")
    script.knock("m2", remove_proposal(2), script.world.external_psk(b"id"))
    script.commit("m2")


def external_proposals(script: Script) -> None:
    """Let an external sender add, remove and change extensions, and someone ask to be added."""
    world = script.world
    package = world.device("added").publish()
    script.say(external_proposal(world["m0"].context, 0, WARDEN, add_proposal(package)))
    script.say(new_member_proposal(world["m0"].context, world.device("asking").secrets()))
    script.commit("m1")
    script.say(external_proposal(world["m0"].context, 0, WARDEN, GroupContextExtensions((SENDERS,))))
    script.say(external_proposal(world["m0"].context, 0, WARDEN, remove_proposal(2)))
    script.world.groups.pop("m2")
    script.commit("m0")


def reinit(script: Script) -> None:
    """Close the group in favour of another one."""
    script.say(external_proposal(script.world["m0"].context, 0, WARDEN, ReInit(b"next", 1, 1, ())))
    script.commit("m1", (), CommitOptions())


KINDS = (commits, psks, external_joins, external_proposals, reinit)


@pytest.mark.parametrize("beside", [False, True], ids=["tree inside", "tree beside"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_scenarios(kind: Any, beside: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001
    """A passive client follows to the end; a scenario of another suite is passed over."""
    script = Script(tree_beside=beside)
    kind(script)
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps([script.scenario, {"cipher_suite": 2}]))
    assert passive.main([str(path)]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out == "1 passed, 0 failed\n"
    script.scenario["epochs"][-1]["epoch_authenticator"] = "00" * 32
    path.write_text(json.dumps([script.scenario]))
    assert passive.main([str(path)]) == 1
    assert "0 passed, 1 failed" in capsys.readouterr().out


def test_files_that_cannot_be_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file or a scenario that is broken counts as a failure, says where, and stops nothing else."""
    script = Script()
    commits(script)
    good = script.scenario
    cut = {name: value for name, value in good.items() if name != "init_priv"}
    odd = {**good, "welcome": "no hex"}
    bare = {**good, "key_package": good["key_package"][8:], "external_psks": None, "ratchet_tree": ""}
    contents = {
        "mixed": json.dumps([good, "text", {}, {"cipher_suite": 1}, cut, odd, bare]),
        "no list": json.dumps(good),
        "cut off": json.dumps([good])[:-9],
    }
    files = [tmp_path / name for name in (*contents, "absent")]
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    assert passive.main(list(map(str, files))) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "2 passed, 7 failed"
    broken = [line.partition(": ")[0] for line in lines[:-1]]
    assert broken == [*(f"mixed scenario {n}" for n in (1, 2, 4, 5)), *map(str, files[1:])]
    assert "init_priv" in lines[2]
    assert "$.welcome" in lines[3]


def test_no_scenario_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with only other suites proves nothing."""
    path = tmp_path / "others.json"
    path.write_text(json.dumps([{"cipher_suite": 1}, {"cipher_suite": 7}]))
    assert passive.main([str(path)]) == 1
    assert capsys.readouterr() == (
        "0 passed, 0 failed\n",
        "nothing was played: there is no scenario of suite 3 in these files\n",
    )


def test_a_proposal_that_no_commit_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a scenario sends and does not commit need not be valid; what its commit takes must be."""
    script = Script()
    script.commit("m1")
    script.say(script.world["m1"].propose_update(now=NOW), by="m1")
    script.commit("m0")
    first, second = script.scenario["epochs"]
    first["proposals"] = [second["proposals"][0]]  # of an epoch that has not begun
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps([script.scenario]))
    assert passive.main([str(path)]) == 0, capsys.readouterr().out
    second["proposals"] = ["00"]
    path.write_text(json.dumps([script.scenario]))
    assert passive.main([str(path)]) == 1
    assert "refers to a proposal that has not come" in capsys.readouterr().out


def test_the_runner_counts_and_fails(tmp_path: Path) -> None:
    """The runner exits 0 when all passed, and not when one scenario is wrong."""
    runner = [sys.executable, str(Path(passive.__file__))]
    good, bad = vectors.OWN / "passive-client-welcome.json", tmp_path / "bad.json"
    scenarios = vectors.load(vectors.OWN, "passive-client-welcome")
    scenarios[0]["initial_epoch_authenticator"] = "00" * 32
    bad.write_text(json.dumps(scenarios))
    passed = subprocess.run([*runner, str(good)], capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert (passed.returncode, passed.stdout) == (0, "2 passed, 0 failed\n")
    failed = subprocess.run([*runner, str(good), str(bad)], capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert failed.returncode == 1
    assert failed.stdout.endswith("3 passed, 1 failed\n")
