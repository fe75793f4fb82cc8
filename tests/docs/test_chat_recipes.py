"""The recipes for the chat in `docs/how-to/extending.md`: each is applied to a copy, and its own tests pass.

Where a part is left out, importing the chat or mypy says so, in the words of the guide.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.git import needs_git
from tools.guide import Forgotten, forgotten, recipes

ROOT = Path(__file__).parents[2]
pytestmark = needs_git
PACKAGES = ("protocol", "server", "client")
RECIPES = {recipe: patch for recipe, patch in recipes().items() if recipe.startswith("chat/")}
FORGOTTEN = [one for one in forgotten() if one.recipe in RECIPES]
AT_IMPORT = [one for one in FORGOTTEN if one.by == "import"]
BY_TYPES = [one for one in FORGOTTEN if one.by == "types"]
EVERYTHING = "import parlour_server.chat.start, parlour_client.core.client"


@pytest.fixture(scope="module", params=RECIPES)
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the chat, and apply a recipe."""
    folder = tmp_path_factory.mktemp("chat")
    for name in (*PACKAGES, "tests", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "hatch_build.py"):
        shutil.copy(ROOT / name, folder)
    recipe: str = request.param
    apply(folder, recipe)
    return folder


def apply(folder: Path, recipe: str, *options: str) -> None:
    """Apply a recipe."""
    done = subprocess.run(  # noqa: S603 - our own patch
        ["git", "apply", "--whitespace=error", *options, "-"],  # noqa: S607 - found by the person's PATH
        cwd=folder,
        input=RECIPES[recipe],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"{recipe}.patch does not fit the chat any more: {done.stderr}"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, with its packages."""
    paths = os.pathsep.join(str(folder / name) for name in PACKAGES)
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def halved(folder: Path, parts: Sequence[Forgotten]) -> Iterator[None]:
    """Take these parts out of the copy for a while."""
    before: dict[Path, str] = {}
    for one in parts:
        name, old, new = one.instead or (one.without, "", "")
        file = folder / name
        before[file] = text = file.read_text(encoding="utf-8")
        assert old in text, f"{one.part} is not in {name}"
        file.write_text(text.replace(old, new) if old else (ROOT / name).read_text("utf-8"), "utf-8")
    try:
        yield
    finally:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_fits(recipe: str) -> None:
    """As soon as the code around it changes, not only when all is tested."""
    apply(ROOT, recipe, "--check")


@pytest.mark.long
def test_a_recipe_works(chat: Path, request: pytest.FixtureRequest) -> None:
    """Its patch fits, and the tests that it adds pass: on SQLite, which needs nothing beside it."""
    patch = RECIPES[request.node.callspec.params["chat"]]
    own = re.findall(r"^\+\+\+ b/(tests/\S*test_\w+\.py)$", patch, re.MULTILINE)
    assert own
    done = run(chat, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgres", *own)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("one", AT_IMPORT, ids=lambda one: one.part)
def test_what_is_left_out_is_an_error_at_import(chat: Path, one: Forgotten) -> None:
    """Whatever is started, and by whom."""
    assert run(chat, "-c", EVERYTHING).returncode == 0
    with halved(chat, [one]):
        done = run(chat, "-c", EVERYTHING)
    assert done.returncode == 1
    assert one.says in done.stderr


@pytest.mark.long
def test_types_of_the_recipes(chat: Path) -> None:
    """The whole recipe is typed; where cases are missing, mypy names each."""
    changed = sorted({one.without for one in BY_TYPES})
    assert typed(chat, changed) == ""
    with halved(chat, BY_TYPES):
        errors = typed(chat, changed)
    for one in BY_TYPES:
        said = rf"^{re.escape(one.without)}:\d+: error: {re.escape(one.says)}"
        assert re.search(said, errors, re.MULTILINE), errors


def typed(folder: Path, files: Sequence[str]) -> str:
    """Return the errors of mypy in these files."""
    options = ["--no-error-summary", "--cache-dir", str(folder / "cache"), "--follow-imports", "silent"]
    done = run(folder, "-m", "mypy", *options, *files)
    return done.stdout + done.stderr
