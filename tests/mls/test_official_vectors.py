"""The engine gives what the official vectors say (RFC 9420, RFC 9180, draft-ietf-hpke-pq), where they are."""

import pytest
from tests.mls import vectors
from tests.mls.vector_checks import CHECKS

FOLDER = vectors.official_folder()
if FOLDER is None:
    pytest.skip("the official MLS vectors are not here: `make vectors` fetches them", allow_module_level=True)


@pytest.mark.parametrize(
    ("kind", "vector"),
    [
        pytest.param(kind, vector, id=f"{kind}-{number}")
        for kind in CHECKS
        if kind != "hpke-hybrid" or vectors.holds(FOLDER, kind)
        for number, vector in enumerate(vectors.load(FOLDER, kind))
    ],
)
def test_official_vector(kind: str, vector: vectors.Vector) -> None:
    """Suite 3 of every kind, and the hybrid key encapsulation."""
    CHECKS[kind](vector)
