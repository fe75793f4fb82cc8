"""The corpus of hostile and legitimate texts."""

import json
from typing import NamedTuple

from tests.protocol.kit.text.corpus import CORPUS


class Sample(NamedTuple):
    """One text."""

    id: str
    text: str
    kind: str


def samples() -> list[Sample]:
    """Return all texts."""
    items = json.loads(CORPUS.read_text("utf-8"))
    return [Sample(item["id"], item["text"], item["kind"]) for item in items]
