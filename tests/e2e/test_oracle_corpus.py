"""The corpus of hostile texts in the real client: no byte acts, no border moves, nothing is typed.

`make test` shows a part of it in which every kind of text is, and texts that every place takes and refuses.
`make test-all` shows all of it, through the script that people run.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.e2e import terminal_oracle
from tests.e2e.oracle.places import SEALED, TIMELINE, device_name, room_name, user_name
from tests.protocol.kit.text.corpus import CORPUS

EVERY: Final = 60
"""One text in so many of its kind, and at least the first."""
KINDS: Final = ("class", "expect", "context")

Item = dict[str, Any]
TAKES: Final[dict[str, Callable[[str], bool]]] = {
    **{place.name: place.takes for place in (*TIMELINE, *SEALED)},
    **{
        name.__name__: lambda text, name=name: name(text) is not None
        for name in (user_name, room_name, device_name)
    },
}


def kind_of(item: Item) -> tuple[str, ...]:
    """Return what the text is an example of."""
    return tuple(item[name] for name in KINDS)


def part_of(items: list[Item]) -> list[Item]:
    """Return texts of every kind, and for each place one that it takes and one that it refuses."""
    kinds: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        kinds[kind_of(item)].append(number)
    chosen = {number for numbers in kinds.values() for number in numbers[::EVERY]}
    for takes in TAKES.values():
        for wanted in (True, False):
            found = [number for number, item in enumerate(items) if takes(item["text"]) is wanted]
            chosen |= set(found[:1]) if chosen.isdisjoint(found) else set()
    return [items[number] for number in sorted(chosen)]


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the part."""
    path = tmp_path_factory.mktemp("corpus") / "part.json"
    path.write_text(json.dumps(part_of(json.loads(CORPUS.read_text("utf-8")))))
    return path


def test_the_part_has_every_kind_and_a_text_for_every_place(part: Path):
    """What is left out differs from what is shown in nothing that the corpus names."""
    whole, shown = json.loads(CORPUS.read_text("utf-8")), json.loads(part.read_text())
    assert {kind_of(item) for item in shown} == {kind_of(item) for item in whole}
    assert len(shown) < len(whole) / 4
    for name, takes in TAKES.items():
        assert {takes(item["text"]) for item in shown} == {takes(item["text"]) for item in whole}, name


JOBS: Final = [
    job
    for job in terminal_oracle.jobs()
    if job not in {("acting", 1), ("sealed", 1), ("reading", 0), ("lists", 1), ("lines", 1)}
]
"""One size of the two: at it, dialogs and lists show half of the texts; `make test-all` shows all of them."""


@pytest.mark.part
@pytest.mark.timeout(300)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job[0]} {job[1]}")
def test_a_part_of_the_corpus(job: tuple[str, int], part: Path):
    """Each job of the oracle."""
    assert terminal_oracle.do(job, part) == []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_whole_corpus(tmp_path: Path):
    """Every text of the corpus, in every place, at two sizes."""
    command = [sys.executable, terminal_oracle.__file__, str(CORPUS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)  # noqa: S603 - our script
    count = len(json.loads(CORPUS.read_text("utf-8")))
    assert (done.returncode, done.stdout) == (0, f"{count} passed, 0 failed\n"), done.stdout + done.stderr
