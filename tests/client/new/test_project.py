"""What a new project consists of, and what happens when it can't be written."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from parlour_client.kit.errors import SetupError
from parlour_client.new import project
from parlour_client.new.project import LOCKED, TREE, Kind, renamed, write_project
from parlour_client.new.project_name import MAX_NAME, ProjectName

PARLOUR = "parlour @ file:///opt/parlour.whl"
SHOP = ProjectName("my-shop")


def texts(folder: Path) -> dict[str, str]:
    """Return every file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


@pytest.fixture(params=list(Kind))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Kind, Path]:
    """Return a project of each kind."""
    return request.param, write_project(SHOP, request.param, tmp_path / "my-shop", PARLOUR)


def test_it_has_what_a_project_needs(shop: tuple[Kind, Path]) -> None:
    """The package, its tests, and a frame: a blank one is at most 300 lines, without what is installed."""
    kind, folder = shop
    files = texts(folder)
    assert files.keys() >= {
        *(f"my_shop/{name}.py" for name in ("__init__", "client", "demo", "frames", "screen", "server")),
        *("Makefile", "README.md", "pyproject.toml", ".gitignore", "Containerfile", "tests/test_attacks.py"),
        *(".github/workflows/test.yml", "requirements/parlour.txt"),
    }
    assert files.pop("requirements/program.txt") == LOCKED.read_text("utf-8")
    server = files.pop("requirements/server.txt")
    assert files["requirements/parlour.txt"].splitlines()[-1] == PARLOUR
    most = {Kind.BLANK: 300, Kind.TICKER: 460, Kind.GAME: 1_710}[kind]
    assert sum(text.count("\n") for text in files.values()) <= most
    installed = set(re.findall(r"^([a-z0-9.-]+)==", server, re.MULTILINE))
    assert {"starlette", "argon2-cffi"} <= installed
    assert not {"pytest", "mypy", "ruff", "textual", "pygments", "hatchling"} & installed
    assert "requirements/server.txt" in files["Containerfile"]
    assert "program.txt" not in files["Containerfile"]
    assert "from parlour_server.testing.attacks import *" in files["tests/test_attacks.py"]


def test_nothing_of_parlour_is_copied(shop: tuple[Kind, Path]) -> None:
    """No function or class of the packages is in it: fixes come by an upgrade."""
    _, folder = shop
    defined = re.compile(r"^(?:class|def|async def) (\w{8,})\b", re.MULTILINE)
    kit = {
        name
        for package in ("protocol", "server", "client")
        for path in (TREE / package).rglob("kit/**/*.py")
        for name in defined.findall(path.read_text("utf-8"))
    }
    assert len(kit) > 100
    assert not {name for text in texts(folder / "my_shop").values() for name in defined.findall(text)} & kit


def test_only_the_new_name_is_in_it(shop: tuple[Kind, Path]) -> None:
    """No word of the example is left, and no placeholder."""
    kind, folder = shop
    files = texts(folder)
    del files["requirements/program.txt"], files["requirements/server.txt"]
    for path, text in files.items():
        assert not re.search(rf"(?i)\b{kind}|@@", path + text), path


def test_files_of_the_frame_are_read_by_their_programs(shop: tuple[Kind, Path]) -> None:
    """TOML, and a Makefile."""
    _, folder = shop
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"] == "my-shop"
    make = ["make", "-n", "-C", str(folder), "test", "image"]
    subprocess.run(make, check=True, capture_output=True)  # noqa: S603 - it only prints


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("word", ["a", "z" * MAX_NAME])
def test_the_checks_pass_with_every_name(kind: Kind, word: str, tmp_path: Path) -> None:
    """Imports are sorted and lines formatted with the shortest and with the longest name."""
    folder = write_project(ProjectName(word), kind, tmp_path / word, PARLOUR)
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    assert ruff is not None
    for check in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run([ruff, *check], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        assert done.returncode == 0, done.stdout


def test_names_are_replaced_whole_and_once() -> None:
    """A name that contains the example's stays one; words that only contain it stay, too."""
    text = '"ticker.v1" ticker:// "Ticker" TICKER_LISTEN from ticker.frames the ticker. stickers'
    assert renamed(text, "ticker", ProjectName("x-ticker")) == (
        '"x-ticker.v1" x-ticker:// "X-ticker" X_TICKER_LISTEN from x_ticker.frames the x_ticker. stickers'
    )


@pytest.mark.parametrize("there", ["folder", "file", "dangling link"])
def test_what_is_there_is_not_touched(there: str, tmp_path: Path) -> None:
    """Not even an empty folder is filled."""
    folder = tmp_path / "my-shop"
    match there:
        case "folder":
            folder.mkdir()
        case "file":
            folder.touch()
        case _:
            folder.symlink_to(tmp_path / "nowhere")
    with pytest.raises(SetupError, match="exists already"):
        write_project(SHOP, Kind.BLANK, folder, PARLOUR)
    assert os.listdir(tmp_path) == ["my-shop"]  # noqa: PTH208 - names, also of what leads nowhere
    assert not folder.is_dir() or not list(folder.iterdir())


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither half a project nor its beginning under another name."""

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(project.shutil, "copyfile", fail)
    with pytest.raises((SetupError, KeyboardInterrupt)):
        write_project(SHOP, Kind.BLANK, tmp_path / "my-shop", PARLOUR)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The system's reason is in the sentence."""
    with pytest.raises(SetupError, match="No such file"):
        write_project(SHOP, Kind.BLANK, tmp_path / "none" / "my-shop", PARLOUR)
