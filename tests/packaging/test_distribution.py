"""The repository packs into one distribution, with nothing forgotten and nothing unlocked."""

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import nacl
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {"protocol": "parlour_protocol", "server": "parlour_server", "client": "parlour_client"}


def tracked() -> list[Path]:
    """Return the files that git knows; in an unpacked source distribution, all but what was made there."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - git of the developer
    names = done.stdout.split("\n") if done.returncode == 0 else []
    if listed := [Path(name) for name in names if name]:
        return listed
    return [
        path
        for path in (found.relative_to(ROOT) for found in ROOT.rglob("*.py"))
        if not any(part.startswith(".") for part in path.parts)
    ]


def test_no_module_shares_a_packages_name() -> None:
    """A module in a source root but outside its package imports here and is missing from the wheel."""
    stray = [
        path
        for path in tracked()
        if path.suffix == ".py" and path.parts[0] in PACKAGES and path.parts[1] != PACKAGES[path.parts[0]]
    ]
    assert stray == []


def test_every_package_is_typed() -> None:
    """Each package carries py.typed, so that programs made from this template are checked against it."""
    assert [name for root, name in PACKAGES.items() if not (ROOT / root / name / "py.typed").is_file()] == []


def test_the_extras_say_what_the_plain_install_brings() -> None:
    """`server` and `client` together are the part of the dependencies that is not common to both."""
    extras = PROJECT["optional-dependencies"]
    sides = set(extras["server"]) | set(extras["client"])
    assert sides <= set(PROJECT["dependencies"])
    assert not set(extras["server"]) & set(extras["client"])


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "program.txt"])
def test_requirements_are_locked_with_hashes_and_without_addresses(name: str) -> None:
    """Every requirement is pinned to one version with SHA-256 hashes, and no registry is named."""
    text = (ROOT / "requirements" / name).read_text()
    pins = re.findall(r"^[a-z0-9][^\n]*?(?:\\\n +--hash[^\n]*)+", text, flags=re.MULTILINE)
    named = re.findall(r"^[a-z0-9][^ ]*", text, flags=re.MULTILINE)
    assert len(pins) == len(named) > 0
    assert all("==" in pin for pin in pins)
    assert "://" not in text
    assert "--index-url" not in text


def test_the_crypto_library_is_none_that_is_known_to_be_weak() -> None:
    """E5: PyNaCl before 1.6.2 brings a libsodium that takes points it must refuse (CVE-2025-69277)."""
    required = next(one for one in PROJECT["dependencies"] if one.startswith("pynacl"))
    locked = re.findall(r"^pynacl==(\S+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    for found in (required.removeprefix("pynacl>="), *locked, nacl.__version__):
        assert tuple(int(part) for part in found.split(".")[:3]) >= (1, 6, 2), found
    assert len(locked) == 1


def test_what_carries_addresses_is_not_in_the_repository() -> None:
    """uv.lock names registries, and an environment is never committed."""
    assert not [path for path in tracked() if path.name == "uv.lock" or path.parts[0] == ".venv"]


def test_the_source_distribution_holds_all_that_it_is_tested_with(tmp_path: Path) -> None:
    """It has every file of the repository: `make test` works there as in a clone."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - a build of our own
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as packed:
        names = {Path(*Path(name).parts[1:]) for name in packed.getnames()}
    assert set(tracked()) - names == set()
