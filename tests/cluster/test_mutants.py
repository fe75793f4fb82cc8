"""The mutants are still changes of the server as it is; `make torture-mutants` sees that they are caught."""

import ast

import pytest
from tests.cluster.mutant_servers import MUTANTS
from tests.cluster.mutants import changed


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_changes_what_is_there(name: str) -> None:
    """Each place is there once, and what stands there afterwards is Python."""
    for text in changed(MUTANTS[name]).values():
        ast.parse(text)
