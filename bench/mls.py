"""Measures the MLS engine against its limits: messages, commits, joins, restores, memory.

Builds groups of up to 1,000 members with a filled tree (every parent has a key, as after everyone has
committed) and prints one table: what was measured, its limit, and whether it holds. Run it by `python -m
bench.mls`; it exits 1 when a limit does not hold.
"""

import gc
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace

from nacl import bindings

from parlour_mls import (
    CLASSIC,
    HYBRID,
    CipherSuite,
    CommitOptions,
    Credential,
    Group,
    KeyPackageStore,
    Lifetime,
    SigningKey,
)
from parlour_mls.crypto import Secret
from parlour_mls.epoch import Epoch, SecretTree, derive_epoch, interim_hash
from parlour_mls.group import add_proposal
from parlour_mls.group.group_state import State
from parlour_mls.group.key_package_store import own_leaf
from parlour_mls.messages import GroupContext
from parlour_mls.tree import RatchetTree, plan_path
from parlour_mls.validate import STRICT
from parlour_mls.validate.policy import DAY

NOW = 1_790_000_000
LIFETIME = Lifetime(NOW - 3_600, NOW + 30 * DAY)
GROUP_ID = b"bench"
MESSAGE = bytes(256)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    measured: float
    limit: float | None
    unit: str = "ms"

    @property
    def holds(self) -> bool:
        """Whether the limit holds; a row without a limit is for information."""
        return self.limit is None or self.measured <= self.limit


def timed(action: Callable[[], object], times: int) -> float:
    """Milliseconds that one call takes: the median of `times`."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2] * 1_000


def filled(size: int, suite: CipherSuite = CLASSIC) -> tuple[Group, Group]:
    """Make two members of a group in which every member has committed since it came.

    Their epochs are put together from the inside: letting 1,000 members follow 1,000 commits would take an
    hour.
    """
    signers = [SigningKey.generate() for _ in range(size)]
    tree, privates = RatchetTree.of([None]), [dict[int, Secret]() for _ in range(size)]
    for index, signer in enumerate(signers):
        pair = suite.kem.generate()
        leaf = own_leaf(Credential.basic(b"member %d" % index), signer, LIFETIME, pair, STRICT, suite)
        tree, _ = tree.with_added(leaf)
    for index, signer in enumerate(signers):
        leaf = tree.leaf(index)
        if leaf is None:
            raise RuntimeError("a leaf is missing")
        planned = plan_path(suite, tree, index, leaf, signer, GROUP_ID)
        tree = planned.tree
        for node, secret in planned.opened.privates.items():
            for watcher in (0, 1):
                if node == 2 * watcher or node in _above(watcher, tree):
                    privates[watcher][node] = secret
            if node == 2 * index:
                privates[index][node] = secret
    secrets, encryption = derive_epoch(os.urandom(32))
    context = GroupContext(GROUP_ID, 1, tree.tree_hash, bytes(32), (), cipher_suite=suite.number)
    interim = interim_hash(bytes(32), secrets.confirmation_tag(bytes(32)))
    start = SecretTree.start(tree.size, encryption.reveal())
    first, second = (
        Group(State.start(Epoch(context, tree, secrets, start, interim, i, privates[i], signers[i])))
        for i in (0, 1)
    )
    return first, second


def _above(leaf: int, tree: RatchetTree) -> set[int]:
    return {node for node, _ in tree.filtered_path(leaf)}


def copy(group: Group) -> Group:
    """Make an independent group out of a state."""
    return Group(group.state, group.policy)  # states are immutable, so sharing one is a copy


def message_rows(first: Group, second: Group) -> list[Row]:
    """Messages of 256 bytes, both ways."""
    times = 1_000
    sender, receiver = copy(first), copy(second)
    sent = [sender.encrypt(MESSAGE) for _ in range(times)]
    waiting = iter(sent)
    protect = timed(lambda: sender.encrypt(MESSAGE), times)
    unprotect = timed(lambda: receiver.decrypt(next(waiting)), times)
    return [Row("protect, 256 bytes", protect, 0.15), Row("unprotect, 256 bytes", unprotect, 0.35)]


def commit_rows(
    name: str, first: Group, second: Group, limit: float, most_bytes: int | None = None
) -> list[Row]:
    """Make an empty commit (fresh keys), and receive it."""
    times = 15
    pending = copy(first).commit(now=NOW)
    made = timed(lambda: copy(first).commit(now=NOW), times)
    received = timed(lambda: copy(second).process(pending.message, now=NOW), times)
    return [
        Row(f"commit, {name}", made, limit),
        Row(f"receive that commit, {name}", received, None),
        Row(f"size of that commit, {name}", len(pending.message), most_bytes, "bytes"),
    ]


def founding_rows() -> list[Row]:
    """Add 999 members in one commit, and commit in the tree that is blank after it: the worst case."""
    founder = Group.create(GROUP_ID, Credential.basic(b"founder"), SigningKey.generate(), LIFETIME)
    packages = [
        add_proposal(KeyPackageStore().create(Credential.basic(b"%d" % n), SigningKey.generate(), LIFETIME))
        for n in range(999)
    ]
    start = time.perf_counter()
    founder.commit(packages, now=NOW)
    took = (time.perf_counter() - start) * 1_000
    founder.merge_pending_commit()
    blank = timed(lambda: copy(founder).commit(now=NOW), 5)
    return [
        Row("one commit that adds 999 members", took, None),
        Row("the next commit, 1,000 members, blank tree", blank, None),
    ]


def adding_rows(size: int) -> list[Row]:
    """Add one member, in a filled tree and in one that is blank; and what X25519 alone takes in that one."""
    newcomer = add_proposal(_package(b"newcomer", CLASSIC))
    beside = CommitOptions(tree_in_welcome=False)
    rows = []
    for name, group in (("filled", filled(size)[0]), ("blank", blank(size, CLASSIC))):
        took = timed(lambda of=group: copy(of).commit([newcomer], now=NOW, options=beside), 9)
        rows.append(Row(f"add one to {size} members, {name} tree", took, None))
    public = CLASSIC.kem.generate().public
    one = timed(lambda: bindings.crypto_scalarmult(bindings.crypto_scalarmult_base(public), public), 500)
    return [*rows, Row(f"X25519 for {size} members", size * one, None)]


def _package(name: bytes, suite: CipherSuite) -> bytes:
    return KeyPackageStore().create(Credential.basic(name), SigningKey.generate(), LIFETIME, suite=suite)


def blank(size: int, suite: CipherSuite) -> Group:
    """Make a group whose members were all added by one commit: no parent but the founder's has a key."""
    founder = Group.create(
        GROUP_ID, Credential.basic(b"founder"), SigningKey.generate(), LIFETIME, suite=suite
    )
    founder.commit([add_proposal(_package(b"%d" % n, suite)) for n in range(size - 1)], now=NOW)
    founder.merge_pending_commit()
    return founder


def blank_hybrid_rows(size: int) -> list[Row]:
    """Weigh the commit after a mass add, when each member has a share of its own."""
    sent = len(copy(blank(size, HYBRID)).commit(now=NOW).message)
    return [Row(f"size of a commit, {size} members, blank tree, hybrid suite", sent, 256 * 1024, "bytes")]


def join_rows(first: Group) -> list[Row]:
    """Add one member to the large group, and join it with the tree inside of the Welcome."""
    store, signer = KeyPackageStore(), SigningKey.generate()
    package = store.create(Credential.basic(b"newcomer"), signer, LIFETIME)
    welcome = copy(first).commit([add_proposal(package)], now=NOW).welcome or b""
    kept = store.serialise()
    joined = timed(lambda: Group.join(welcome, KeyPackageStore.restore(kept)), 5)
    return [
        Row("join a group of 1,000", joined, 300),
        Row("size of that Welcome", len(welcome), None, "bytes"),
    ]


def state_rows(first: Group, second: Group) -> list[Row]:
    """Write and read back the state of the large group, and weigh it in memory."""
    active = copy(second)
    active.process(copy(first).commit(now=NOW).message, now=NOW)
    active.encrypt(MESSAGE)
    blob = active.serialise()
    gc.collect()
    tracemalloc.start()
    held = Group.restore(blob)
    held.encrypt(MESSAGE)
    held.commit(now=NOW)  # a staged commit holds a second tree: the most that a member ever has
    memory = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return [
        Row("serialise a 1,000-member state", timed(active.serialise, 5), None),
        Row("restore a 1,000-member state", timed(lambda: Group.restore(blob), 5), 100),
        Row("size of that state", len(blob) / 1e6, None, "MB"),
        Row("memory of a 1,000-member group, commit staged", memory, 20, "MB"),
    ]


def rows() -> list[Row]:
    """Measure everything."""
    two, hundred, thousand = filled(2), filled(100), filled(999)
    hybrid = "hybrid suite"
    table = message_rows(*two)
    table += commit_rows("2 members", *two, 0.6)
    table += commit_rows("100 members, filled tree", *hundred, 15)
    table += commit_rows("1,000 members, filled tree", *thousand, 20)
    table += commit_rows(f"2 members, {hybrid}", *filled(2, HYBRID), 1.5, 6_000)
    table += commit_rows(f"100 members, filled tree, {hybrid}", *filled(100, HYBRID), 15)
    table += join_rows(thousand[0])
    table += state_rows(*thousand)
    table += founding_rows()
    for size in (10, 100, 500):
        table += adding_rows(size)
    for size in (100, 128):
        table += blank_hybrid_rows(size)
    return [replace(row, measured=round(row.measured, 3)) for row in table]


def main() -> int:
    """Print the table."""
    table = rows()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores\n")
    print("| what | measured | limit | holds |\n|---|---|---|---|")
    for row in table:
        limit = "-" if row.limit is None else f"{row.limit:g} {row.unit}"
        print(f"| {row.what} | {row.measured:,g} {row.unit} | {limit} | {'yes' if row.holds else 'NO'} |")
    return 0 if all(row.holds for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
