"""The mutants are still changes of the server as it is; `make torture-mutants` sees that they are caught."""

import ast
from pathlib import Path

import pytest
from tests.cluster.mutants import MUTANTS, changed


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_changes_what_is_there(name: str, tmp_path: Path) -> None:
    """Each place is there once, and what stands there afterwards is Python."""
    package = changed(MUTANTS[name], tmp_path)
    for file, _, _ in MUTANTS[name].edits:
        ast.parse((package / "parlour_server" / file).read_text(encoding="utf-8"))
