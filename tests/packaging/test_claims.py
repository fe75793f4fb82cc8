"""The security page claims nothing that is not there: every file and every test that it names exists."""

import ast
from collections import Counter
from functools import cache

import pytest
from tools.claims import ROOT, Claim, groups

from parlour_lab.rows import rows

CLAIMS = [claim for group in groups() for claim in group.claims]
NOT_IN_THE_LABORATORY = set(
    [
        "K50",
        "K51",
        "P20",
        "P21",
        "P22",
        "P23",
        "P24",
        "P25",
        "P26",
        "P27",
        "P28",
        "P29",
        "P30",
        "M1",
        "M3",
        "M4",
        "M5",
        "M6",
        "M7",
        "D1",
        "D2",
        "D3",
        "D4",
        "D5",
        "D6",
        "D7",
        "D8",
        "D9",
        "D10",
        "D11",
        "E1",
        "E2",
        "E3",
        "E4",
        "E5",
        "E7",
        "E8",
        "O1",
        "O3",
        "O4",
        "L6",
        "L8",
        "L9",
        "L11",
        "L13",
        "L14",
        "L15",
        "L16",
        "L17",
        "L18",
        "L19",
        "L20",
        "L21",
        "L22",
        "L23",
        "L26",
        "L27",
        "L28",
        "L29",
        "L30",
        "K20",
        "R20",
        "R21",
        "R22",
        "K21",
        "R31",
        "R32",
        "R33",
        "R34",
        "R36",
        "N1",
        "N2",
        "N3",
        "N4",
        "N5",
        "N10",
        "N11",
        "N12",
        "N13",
        "R37",
        "K40",
        "K41",
        "K42",
        "K22",
        "K23",
        "K24",
        "K25",
        "M21",
        "M22",
        "M23",
        "M24",
        "M25",
        "M26",
        "M27",
        "R38",
        "R39",
        "R40",
        "R41",
        "D20",
        "D21",
        "D22",
        "D23",
        "D24",
        "D25",
        "D26",
    ]
)
"""Claims without an attack there; a new one needs it, and this list only gets shorter."""


@cache
def defined(path: str) -> frozenset[str]:
    """Return the tests of a file, as `name` or `Class::name`."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{name}" for name in _functions(node)}
    return frozenset(names | _functions(tree))


def _functions(node: ast.Module | ast.ClassDef) -> set[str]:
    return {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_has_its_code_and_its_tests(claim: Claim) -> None:
    """Each path exists, and each test is defined in the file that is named."""
    assert claim.code
    assert claim.tests
    assert [path for path in claim.code if not (ROOT / path).is_file()] == []
    for test in claim.tests:
        path, _, name = test.partition("::")
        assert name.rpartition("::")[2].startswith("test_"), test
        assert name in defined(path), test


def test_claims_are_unique() -> None:
    """An id is one row, and there are as many rows as the page had when this was written, or more."""
    assert [name for name, count in Counter(claim.id for claim in CLAIMS).items() if count > 1] == []
    assert len(CLAIMS) >= 60


def test_claims_are_attacked_in_the_laboratory() -> None:
    """Each has a row there, but for those that are listed; and each row there is about a claim."""
    attacked = {row.line for row in rows().values()}
    named = {claim.id for claim in CLAIMS}
    assert named - attacked <= NOT_IN_THE_LABORATORY
    assert attacked <= named
