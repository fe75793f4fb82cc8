"""Each page of docs/patterns shows the lines that its attack is stopped by, and the attack can be played."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import PurePosixPath

import pytest
from tests.docs.pages import ROOT, read
from tools.claims import PAGE, groups
from tools.guide import excerpt, places
from tools.patterns import FOLDER, INDEX, Pattern, patterns

from parlour_lab.rows import place, rows
from parlour_lab.source import find_source

PATTERNS = patterns()
SECTIONS = [
    "The mistake",
    "The attack",
    "The code",
    "What it costs",
    "When not to use it",
    "Take it home",
]
BENCH = (ROOT / "bench/__main__.py").read_text(encoding="utf-8")
each = pytest.mark.parametrize("pattern", PATTERNS, ids=lambda one: one.path.stem)


def test_there_are_ten_and_the_index_has_them_all() -> None:
    """It also says which weakness each answers."""
    assert len(PATTERNS) == 10
    assert {one.path.name for one in PATTERNS} | {"README.md"} == {
        path.name for path in (ROOT / FOLDER).iterdir()
    }
    index = Counter(read(PurePosixPath(INDEX)).links)
    assert [one.title for one in PATTERNS if index[one.path.name] < 2] == []


@each
def test_a_page_has_its_sections_and_one_or_two_screens(pattern: Pattern) -> None:
    """The same on each page, in the same order; the code is counted for itself."""
    text = (ROOT / pattern.path).read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    words = re.sub(r"```.*?```", "", text, flags=re.DOTALL).split()
    assert 300 < len(words) < 900
    measured = re.findall(r"`python -m bench(.)(\w+)`", text)
    assert measured, "what it costs is measured by a command"
    for kind, name in measured:
        assert (ROOT / f"bench/{name}.py").is_file() if kind == "." else f'"{name}": ' in BENCH


@each
def test_the_code_is_short_and_stops_the_attack(pattern: Pattern) -> None:
    """Of 10 to 25 lines, in which all that the laboratory takes out for this attack lies."""
    assert 10 <= sum(len(excerpt(file, list(names)).splitlines()) for file, names in pattern.excerpts) <= 25
    shown = {
        (file, line)
        for file, names in pattern.excerpts
        for lines in places(file, list(names))
        for line in lines
    }
    source = find_source()
    for name in pattern.rows:
        row = rows()[name]
        for defence in row.defences:
            begin = place(defence, source)
            count = len(defence.text.strip("\n").splitlines())
            taken_out = {(defence.file, line) for line in range(begin, begin + count)}
            assert taken_out <= shown, f"{name} takes out what the page does not show"
        assert row.defences, f"{name} takes nothing out"


@pytest.mark.long
def test_the_attacks_are_withstood() -> None:
    """All of them, by the server as it is; `make lab-check` also plays them without these lines."""
    named = [name for one in PATTERNS for name in one.rows]
    command = [sys.executable, "-m", "parlour_client", "drill", "--quiet", *named]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_leads_to_each_pattern_and_to_its_claims() -> None:
    """In ten lines; the groups of claims are in docs/security.md, with a link to their rows."""
    readme = read(PurePosixPath("README.md"))
    assert [link for link in readme.links if link.startswith(f"{FOLDER}/") and "README" not in link] == [
        str(one.path) for one in PATTERNS
    ]
    claims = read(PurePosixPath(PAGE))
    assert {f"{PAGE.name}#{group.anchor}" for group in groups()} <= set(claims.links)
    assert {claim.id.lower() for group in groups() for claim in group.claims} <= claims.anchors
