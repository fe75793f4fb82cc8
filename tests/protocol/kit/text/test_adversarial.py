"""The texts built from the rule are treated as the rule says, and none of them by accident."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.protocol.kit.text import adversarial, corpus

ENTRIES = [corpus.Entry(e["id"], e["text"], e["expect"], e["context"]) for e in adversarial.entries()]
OPPOSITE = {
    "escape": "unchanged", "limit-cluster": "unchanged", "limit-marks": "verbatim", "verbatim": "escape",
    "unchanged": "escape", "expand": "unchanged", "dotted-circle": "unchanged", "mark-blank": "fold",
    "fold": "escape",
}  # fmt: skip


def test_every_text_is_treated_as_the_rule_says():
    """Hundreds of texts that were not in the corpus when the rule was tuned."""
    assert len(ENTRIES) > 1_000
    assert len({entry.id for entry in ENTRIES}) == len(ENTRIES)
    assert {entry.id: found for entry in ENTRIES if (found := corpus.problems(entry))} == {}


@pytest.mark.parametrize("expect", OPPOSITE)
def test_no_text_meets_the_opposite_expectation(expect: str):
    """The judge tells: each entry fails when the opposite is claimed of it."""
    of_kind = [entry for entry in ENTRIES if (entry.expect, entry.context) == (expect, "message")]
    assert of_kind
    claimed = OPPOSITE[expect]
    fooled = [e.id for e in of_kind if not corpus.problems(corpus.Entry(e.id, e.text, claimed, e.context))]
    assert fooled == []


def test_the_file_that_it_writes_is_a_corpus(tmp_path: Path):
    """Lone surrogates included, the file goes through the runner."""
    path = tmp_path / "adversarial.json"
    subprocess.run([sys.executable, adversarial.__file__, str(path)], check=True)  # noqa: S603 - our own script
    assert [entry["text"] for entry in json.loads(path.read_text("ascii"))] == [e.text for e in ENTRIES]
