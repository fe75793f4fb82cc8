"""The corpus of hostile and legitimate texts, read from the shared folder."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

SHARED = Path(os.environ.get("PARLOUR_SHARED", Path(__file__).parents[4] / "shared"))


class Sample(NamedTuple):
    """One text."""

    id: str
    text: str
    kind: str


def samples() -> list[Sample]:
    """Return all texts, or skip loudly when the corpus is not there."""
    path = SHARED / "text" / "corpus.json"
    if not path.exists():
        pytest.skip(f"THE TEXT CORPUS IS MISSING: {path} (set PARLOUR_SHARED)")
    return [Sample(item["id"], item["text"], item["kind"]) for item in json.loads(path.read_text())]
