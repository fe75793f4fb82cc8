"""Merkle trees: the hashes of RFC 9162, and proofs that prove exactly what is so."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_protocol.kit.merkle import (
    NO_ENTRIES,
    Tree,
    consistency_proof,
    extends,
    includes,
    inclusion_proof,
    leaf_hash,
    node_hash,
)

KNOWN_ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots of the first n of these entries, as implementations of Certificate Transparency publish them."""


@dataclass
class Log:
    """A log in memory."""

    tree: Tree = field(default_factory=Tree)
    entries: list[bytes] = field(default_factory=list)
    subtrees: list[bytes] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=lambda: [NO_ENTRIES])
    reads: int = 0

    @classmethod
    def of(cls, entries: list[bytes]) -> "Log":
        log = cls()
        for entry in entries:
            log.tree = log.tree.after(entry)
            log.entries.append(entry)
            log.subtrees.append(log.tree.subtrees[-1])
            log.roots.append(log.tree.root)
        return log

    def entry(self, number: int) -> bytes:
        self.reads += 1
        return self.entries[number - 1]

    def subtree(self, number: int) -> bytes:
        self.reads += 1
        return self.subtrees[number - 1]


def log_of(size: int, other_from: int | None = None) -> Log:
    """Return a log of so many entries; from a number on they are others than usual."""
    late = size + 1 if other_from is None else other_from
    return Log.of([b"%d" % n if n < late else b"other %d" % n for n in range(1, size + 1)])


def root_by_definition(entries: list[bytes]) -> bytes:
    """Return the root as RFC 9162 defines it."""
    if not entries:
        return NO_ENTRIES
    if len(entries) == 1:
        return leaf_hash(entries[0])
    middle = 1
    while middle * 2 < len(entries):
        middle *= 2
    return node_hash(root_by_definition(entries[:middle]), root_by_definition(entries[middle:]))


@pytest.mark.parametrize("size", range(len(KNOWN_ROOTS)))
def test_known_roots(size: int) -> None:
    """What logs of Certificate Transparency have for these entries."""
    assert Log.of(KNOWN_ENTRIES[:size]).tree.root.hex() == KNOWN_ROOTS[size]


def test_known_proofs() -> None:
    """The proofs that RFC 9162 (section 2.1.5) draws for a tree of seven entries."""
    log = log_of(7)
    a, b, c, d, e, f, j = (leaf_hash(entry) for entry in log.entries)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, last = node_hash(g, h), node_hash(i, j)
    assert inclusion_proof(log, 1, 7) == [b, h, last]
    assert inclusion_proof(log, 4, 7) == [c, g, last]
    assert inclusion_proof(log, 5, 7) == [f, j, k]
    assert inclusion_proof(log, 7, 7) == [i, k]
    assert consistency_proof(log, 3, 7) == [c, d, g, last]
    assert consistency_proof(log, 4, 7) == [last]
    assert consistency_proof(log, 6, 7) == [i, j, k]


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_the_root_is_as_defined(entries: list[bytes]) -> None:
    """Grown entry by entry it is the recursive definition, and it is found from what was stored."""
    log = Log.of(entries)
    assert log.tree.root == root_by_definition(entries)
    size = len(entries)
    assert Tree(size, tuple(log.subtree(end) for end in Tree.ends(size))) == log.tree


@given(st.data(), st.integers(1, 300))
def test_an_entry_is_proved_to_be_where_it_is(data: st.DataObject, size: int) -> None:
    """At no other place, for no other entry, in no other tree, with no other proof."""
    log, number = log_of(size), data.draw(st.integers(1, size))
    entry, root = log.entries[number - 1], log.tree.root
    proof = inclusion_proof(log, number, size)
    assert includes(root, size, number, entry, proof)
    assert not includes(root, size, number, b"false", proof)
    assert not includes(bytes(32), size, number, entry, proof)
    assert not includes(root, size, number, entry, [*proof, bytes(32)])
    other = data.draw(st.integers(0, size + 1))
    assert other == number or not includes(root, size, other, entry, proof)
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        assert not includes(root, size, number, entry, proof[:place] + proof[place + 1 :])
        assert not includes(root, size, number, entry, [*proof[:place], bytes(32), *proof[place + 1 :]])


@given(st.data(), st.integers(0, 300))
def test_a_tree_is_proved_to_extend_an_earlier_one(data: st.DataObject, size: int) -> None:
    """And one with another entry anywhere before is not."""
    earlier = data.draw(st.integers(0, size))
    log = log_of(size)
    before, root = log.roots[earlier], log.tree.root
    proof = consistency_proof(log, earlier, size)
    assert extends(earlier, before, size, root, proof)
    assert not extends(earlier, bytes(32), size, root, proof)
    assert not extends(earlier, before, size, root, [*proof, bytes(32)])
    if proof:
        assert not extends(earlier, before, size, bytes(32), proof)
        place = data.draw(st.integers(0, len(proof) - 1))
        assert not extends(earlier, before, size, root, proof[:place] + proof[place + 1 :])
    if earlier:
        forged = log_of(size, data.draw(st.integers(1, earlier)))
        assert not extends(earlier, before, size, forged.tree.root, consistency_proof(forged, earlier, size))


def test_a_shorter_tree_extends_nothing() -> None:
    """Whatever its proof says."""
    log = log_of(9)
    for size in range(9):
        for proof in ([], consistency_proof(log, size, 9)):
            assert not extends(9, log.tree.root, size, log.roots[size], proof)


def test_a_proof_reads_little() -> None:
    """From a log of a hundred thousand entries, some hundred hashes."""
    log = log_of(100_000)
    for number in (1, 2, 65_536, 77_777, 100_000):
        log.reads = 0
        assert len(inclusion_proof(log, number, 100_000)) <= 17
        assert len(consistency_proof(log, number, 100_000)) <= 18
        assert log.reads <= 300
