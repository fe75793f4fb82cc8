"""The official vectors of RFC 9420 (github.com/mlswg/mls-implementations, commit cfd45028), suite 3.

They are read from `../shared/mls` beside the project, or from the folder that PARLOUR_MLS_VECTORS names;
when they are absent the tests fail and say so, they never skip. Formats: `test-vectors.md` in that folder.
"""

import json
import os
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("PARLOUR_MLS_VECTORS", str(_ROOT.parent / "shared" / "mls")))


def load(name: str) -> list[dict[str, Any]]:
    """Read one file of vectors, or fail loudly."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"THE OFFICIAL MLS VECTORS ARE ABSENT: {path} does not exist. Put the vectors of "
            "github.com/mlswg/mls-implementations there, or name their folder in PARLOUR_MLS_VECTORS."
        )
    vectors: list[dict[str, Any]] = json.loads(path.read_text())
    if not vectors:
        raise ValueError(f"{path} holds no vectors: a test over it could not fail")
    return vectors


def unhex(text: str) -> bytes:
    """Read the hex encoding that all vectors use."""
    return bytes.fromhex(text)
