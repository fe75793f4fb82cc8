# ruff: noqa: INP001 - a folder of programs, not a package
"""Atheris target: every MLS decoder, and a whole group, on coverage-guided input; for long runs by hand.

    uv pip install atheris
    python fuzz/mls_decoders.py [--seed] fuzz/corpus/mls [libFuzzer options, e.g. -max_total_time=3600]

`--seed` first fills the corpus from the vectors of `tests/data/mls`. Anything but an `MlsError` that comes
out of the engine, and any refused input that changes a group, is a crash.
"""

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from parlour_mls import (
    Credential,
    Group,
    KeyPackageStore,
    Lifetime,
    MlsError,
    SigningKey,
    add_proposal,
)
from parlour_mls.codec import decode
from parlour_mls.group.group_state import State
from parlour_mls.messages import (
    AuthenticatedContent,
    Commit,
    GroupInfo,
    GroupSecrets,
    LeafNode,
    UpdatePath,
    Welcome,
    decode_external_senders,
    encode_message,
    read_message,
    read_proposal,
)
from parlour_mls.messages.leaf_node import read_extensions
from parlour_mls.tree import RatchetTree

NOW = 1_790_000_000
FOLDER = Path(__file__).resolve().parents[1] / "tests" / "data" / "mls"


def _group() -> Group:
    lifetime = Lifetime(NOW, NOW + 86_400)
    return Group.create(b"fuzz", Credential.basic(b"fuzz"), SigningKey.generate(), lifetime)


def _same_bytes(data: bytes) -> None:
    if encode_message(read_message(data)) != data:
        raise AssertionError("a message was read and written differently")


GROUP = _group()
STORE = KeyPackageStore()

TARGETS: tuple[Callable[[bytes], Any], ...] = (
    _same_bytes,
    lambda data: decode(RatchetTree.read, data).tree_hash,
    lambda data: decode(Commit.read, data),
    lambda data: decode(read_proposal, data),
    lambda data: decode(UpdatePath.read, data),
    lambda data: decode(LeafNode.read, data),
    lambda data: decode(GroupInfo.read, data),
    lambda data: decode(GroupSecrets.read, data),
    lambda data: decode(Welcome.read, data),
    lambda data: decode(AuthenticatedContent.read, data),
    lambda data: decode(read_extensions, data),
    decode_external_senders,
    lambda data: decode(State.read, data),
    KeyPackageStore.restore,
    lambda data: GROUP.process(data, now=NOW),
    lambda data: GROUP.commit([add_proposal(data)], now=NOW) and GROUP.clear_pending_commit(),
    lambda data: Group.join(data, STORE),
)


def one_input(data: bytes) -> None:
    """Give one input, behind a byte that chooses the target, to a decoder."""
    if not data:
        return
    target = TARGETS[data[0] % len(TARGETS)]
    before = GROUP.epoch, GROUP.proposals
    try:
        target(data[1:])
    except MlsError:
        if (GROUP.epoch, GROUP.proposals) != before:
            raise AssertionError("a refused input has changed the group") from None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def seeds() -> Iterator[bytes]:
    """Give the structures of the vectors, each for every target that may want it."""
    for name in ("messages", "tree-validation", "treekem", "welcome", "message-protection"):
        for text in _texts(json.loads((FOLDER / f"{name}.json").read_text("utf-8"))):
            try:
                data = bytes.fromhex(text)
            except ValueError:
                continue
            for target in range(len(TARGETS)):
                yield bytes((target,)) + data


def fill(corpus: Path) -> int:
    """Write the seeds into a corpus folder, named by their hashes; tells how many."""
    corpus.mkdir(parents=True, exist_ok=True)
    names = set()
    for data in seeds():
        name = hashlib.sha256(data).hexdigest()[:20]
        (corpus / name).write_bytes(data)
        names.add(name)
    return len(names)


def main(arguments: list[str]) -> None:
    """Run Atheris; without it say how to get it."""
    if "--seed" in arguments:
        arguments.remove("--seed")
        folders = [argument for argument in arguments[1:] if not argument.startswith("-")]
        sys.stdout.write(f"{fill(Path(folders[0]))} seeds written to {folders[0]}\n")
    try:
        atheris: Any = importlib.import_module("atheris")  # optional: for long runs by hand
    except ImportError:
        sys.exit("Atheris is not installed: uv pip install atheris (CPython up to the version it supports)")
    atheris.instrument_all()
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
