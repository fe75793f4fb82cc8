"""The security page claims nothing that is not there: every file and every test that it names exists."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from tools.claims import ROOT, Claim, groups

from parlour_lab.rows import rows
from parlour_lab.source import find_source

SOURCE = find_source()
CLAIMS = [claim for group in groups() for claim in group.claims]
NOT_IN_THE_LABORATORY = set(Path(__file__).with_name("not_in_the_laboratory.txt").read_text().split())
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
    assert [path for path in claim.code if not SOURCE.path(path).is_file()] == []
    for test in claim.tests:
        path, _, name = test.partition("::")
        assert name.rpartition("::")[2].startswith("test_"), test
        assert name in defined(path), test


def test_claims_are_unique() -> None:
    """An id is one row, and there are as many rows as the page had when this was written, or more."""
    assert [name for name, count in Counter(claim.id for claim in CLAIMS).items() if count > 1] == []
    assert len(CLAIMS) >= 60


def test_the_threat_model_names_claims_that_exist() -> None:
    """Its brackets lead to lines of the claims."""
    text = (ROOT / "docs/explanation/threat-model.md").read_text(encoding="utf-8")
    named = {
        name
        for bracket in re.findall(r"\(([A-Z][0-9]+[^()]*)\)", text)
        for name in re.findall(r"[A-Z][0-9]+", bracket)
    }
    assert len(named) > 50
    assert named - {claim.id for claim in CLAIMS} == set()


def test_claims_are_attacked_in_the_laboratory() -> None:
    """Each has a row there, but for those that are listed; and each row there is about a claim."""
    attacked = {row.line for row in rows().values()}
    named = {claim.id for claim in CLAIMS}
    assert named - attacked <= NOT_IN_THE_LABORATORY
    assert attacked <= named


def test_rows_name_tests_that_exist() -> None:
    """Also those that no claim names: a quick one was chosen for the laboratory."""
    for row in rows().values():
        path, _, name = row.test.partition("::")
        assert name.partition("[")[0] in defined(path), row.test
