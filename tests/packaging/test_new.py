"""Projects of `parlour new`, made and tested with the Parlour of a wheel as someone installs it."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ATTACKS = "tests/test_attacks.py"
MUTATIONS = {
    "parlour_protocol/kit/tickets.py": (
        "del self._tickets[ticket]",
        "pass",
        "test_used_ticket",
    ),
    "parlour_server/core/net/gate.py": ("_check_origin(head, rules) or", "", "test_wrong_origin"),
}
"""Defences in files: what is there, what stands there without it, and which attack notices."""

pytestmark = pytest.mark.long


class Installed:
    """An environment with Parlour from a wheel; all else is that of the development environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", symlinks=True)
        self._bin = folder / "venv" / "bin"
        self.packages = Path(
            sysconfig.get_path("purelib", "venv", {"base": str(self._bin.parent), "platbase": str(folder)})
        )
        (self.packages / "others.pth").write_text(sysconfig.get_path("purelib"))
        self._run(ROOT, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
        self.wheel = next(folder.glob("*.whl"))
        pip = [sys.executable, "-m", "pip", "--python", str(self._bin / "python"), "install", "-q"]
        self._run(folder, *pip, "--no-index", "--no-deps", str(self.wheel))

    def run(self, folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment."""
        return self._run(folder, str(self._bin / command), *arguments, check=False)

    def _run(self, folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return subprocess.run(  # noqa: S603 - our own
            words, cwd=folder, env=environment, capture_output=True, text=True, check=check
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return the environment, made once."""
    return Installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module", params=["blank", "ticker", "game"])
def shop(request: pytest.FixtureRequest, installed: Installed) -> Path:
    """Return a project of each kind."""
    folder = installed.folder / f"{request.param}-shop"
    if not folder.exists():
        done = installed.run(installed.folder, "parlour", "new", folder.name, f"--{request.param}")
        assert done.returncode == 0, done.stderr
    return folder


def test_a_projects_own_tests_pass(installed: Installed, shop: Path) -> None:
    """With the kit that is installed; the attacks have a test of their own below."""
    origin = (shop / "requirements/parlour.txt").read_text().splitlines()[-1]
    assert origin == f"parlour @ {installed.wheel.as_uri()}"
    done = installed.run(shop, "python", "-m", "pytest", "-q", f"--ignore={ATTACKS}")
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d passed", done.stdout)
    shown = installed.run(shop, "python", "-c", "import parlour_server; print(parlour_server.__file__)")
    assert Path(shown.stdout).is_relative_to(installed.packages)


@pytest.mark.parametrize("shop", ["blank"], indirect=True)
def test_a_defence_that_is_missing_is_noticed(installed: Installed, shop: Path) -> None:
    """The attacks pass; with a defence out of the kit that is installed, they fail in the project."""
    done = installed.run(shop, "python", "-m", "pytest", "-q", ATTACKS)
    assert done.returncode == 0, done.stdout
    for file, (defence, nothing, attack) in MUTATIONS.items():
        source = installed.packages / file
        whole = source.read_text("utf-8")
        assert defence in whole
        source.write_text(whole.replace(defence, nothing), "utf-8")
        try:
            done = installed.run(shop, "python", "-m", "pytest", "-q", ATTACKS, "-k", attack)
        finally:
            source.write_text(whole, "utf-8")
        assert done.returncode == 1, done.stdout
        assert f"FAILED {ATTACKS}::{attack}" in done.stdout


@pytest.mark.parametrize("shop", ["game"], indirect=True)
def test_the_demo_of_a_project_holds(installed: Installed, shop: Path) -> None:
    """Its own server is started, someone joins, and nothing is left."""
    done = installed.run(shop, "python", "-m", f"{shop.name.replace('-', '_')}.demo", "--headless")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok"] * 4
