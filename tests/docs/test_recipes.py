"""The recipes of `docs/how-to/extending.md`: each is applied to a copy of the ticker, and its own tests pass.

Where a part of a recipe is left out, the server's start or mypy says so, in the words of the guide.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.git import needs_git
from tools.guide import Forgotten, forgotten, recipes

ROOT = Path(__file__).parents[2]
pytestmark = needs_git
TICKER = ROOT / "examples/ticker"
RECIPES = {recipe: patch for recipe, patch in recipes().items() if not recipe.startswith("chat/")}
FORGOTTEN = [one for one in forgotten() if one.recipe in RECIPES]
AT_START = [one for one in FORGOTTEN if one.by == "start"]
BY_TYPES = [one for one in FORGOTTEN if one.by == "types"]


def copied(folder: Path, recipe: str, without: str = "") -> Path:
    """Copy the ticker, and apply a recipe."""
    shutil.copytree(TICKER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["git", "apply", "--whitespace=error", *([f"--exclude={without}"] if without else []), "-"]
    done = subprocess.run(  # noqa: S603 - our own patch
        command, cwd=folder, input=RECIPES[recipe], text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, f"{recipe}.patch does not fit the ticker any more: {done.stderr}"
    return folder


def halved(folder: Path, one: Forgotten) -> Path:
    """Copy the ticker, and apply a recipe without one part."""
    copied(folder, one.recipe, one.without)
    if one.instead is not None:
        name, old, new = one.instead
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    return folder


def own_tests(recipe: str) -> list[str]:
    """Return the recipe's own test files."""
    return re.findall(r"^\+\+\+ b/(tests/test_\w+\.py)$", RECIPES[recipe], re.MULTILINE)


def name(one: Forgotten) -> str:
    """Return the id of a test."""
    return f"{one.recipe}: {one.part}"


@dataclass
class Done:
    """What a copy of the ticker did."""

    status: int
    output: str


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """Run everything that needs no mypy, in one process."""
    base = tmp_path_factory.mktemp("recipes")
    lines = [(recipe, [str(copied(base / recipe, recipe)), "test", own_tests(recipe)]) for recipe in RECIPES]
    for number, one in enumerate(AT_START):
        lines.append((name(one), [str(halved(base / str(number), one)), "start", []]))
    runner = subprocess.run(  # noqa: S603 - our own
        [sys.executable, str(Path(__file__).with_name("run_forked.py"))],
        input="".join(json.dumps(line) + "\n" for _, line in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert runner.returncode == 0, runner.stderr
    statuses = runner.stdout.split()
    return {
        what: Done(int(status), Path(str(line[0]), "output").read_text())
        for (what, line), status in zip(lines, statuses, strict=True)
    }


@pytest.mark.long
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_works(done: dict[str, Done], recipe: str) -> None:
    """Its patch fits, and the tests that it adds pass."""
    assert own_tests(recipe)
    assert done[recipe].status == 0, done[recipe].output


@pytest.mark.long
@pytest.mark.parametrize("one", AT_START, ids=name)
def test_a_server_without_a_part_does_not_start(done: dict[str, Done], one: Forgotten) -> None:
    """And says which."""
    assert done[name(one)].status == 1
    assert f"ProgramError: {one.says}" in done[name(one)].output


def test_recipes_fit_a_new_project(tmp_path: Path) -> None:
    """With its name in place of the ticker's, as the guide says."""
    parlour = Path(sys.executable).with_name("parlour")
    subprocess.run([parlour, "new", "shop", "--ticker"], cwd=tmp_path, check=True, capture_output=True)  # noqa: S603 - our own
    for recipe, patch in RECIPES.items():
        renamed = patch.replace("ticker", "shop").replace("Ticker", "Shop")
        done = subprocess.run(
            ["git", "apply", "--check", "-"],  # noqa: S607 - found by the person's PATH
            cwd=tmp_path / "shop",
            input=renamed,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{recipe}: {done.stderr}"


@pytest.mark.long
def test_types_of_the_recipes(tmp_path: Path) -> None:
    """Each whole recipe is typed; where a part is missing, mypy says which."""
    halves = [halved(tmp_path / str(number), one) for number, one in enumerate(BY_TYPES)]
    wholes = [copied(tmp_path / recipe, recipe) for recipe in RECIPES]
    assert [typed(whole) for whole in wholes] == [""] * len(wholes)
    for half, one in zip(halves, BY_TYPES, strict=True):
        assert one.says in typed(half)


def typed(folder: Path) -> str:
    """Return the errors of mypy."""
    options = ["--strict", "--no-error-summary", "--cache-dir", str(folder.with_name("cache"))]
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "mypy", *options, "-p", "ticker"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
