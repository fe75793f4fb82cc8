"""`make interop` says when it can't test anything, and fails when a package is not the pinned one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools import interop

ROOT = Path(__file__).parents[2]


def npm(folder: Path, code: str) -> Path:
    """Write an npm that fails with a code, and a node that is there."""
    for name, text in (("npm", f"echo 'npm error code {code}' >&2; exit 1"), ("node", "exit 0")):
        program = folder / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return folder / "npm"


@pytest.mark.parametrize(("code", "skipped"), [("ENOTFOUND", True), ("EINTEGRITY", False)])
def test_only_a_missing_network_is_skipped(
    code: str,
    skipped: bool,  # noqa: FBT001 - a parameter
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A package with another hash than the pinned one is no reason to test nothing."""
    monkeypatch.setattr(interop, "FOLDER", tmp_path / "peers")
    program = str(npm(tmp_path, code))
    if skipped:
        assert "can't be reached" in (interop.install(program) or "")
    else:
        with pytest.raises(subprocess.CalledProcessError):
            interop.install(program)


def test_without_node_it_says_so() -> None:
    """And ends well, so that a machine without Node can run everything."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.interop"],
        cwd=ROOT,
        env={**os.environ, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Skipped: Node or npm is not installed.")


def test_every_package_is_pinned_by_hash() -> None:
    """Those that others bring with them, too."""
    packages = json.loads((interop.PINS / "package-lock.json").read_text("utf-8"))["packages"]
    unpinned = [name for name, one in packages.items() if name and not one.get("integrity")]
    assert unpinned == []
    assert len(packages) > 6


def test_the_page_names_the_versions_that_are_pinned() -> None:
    """docs/reference/interoperability.md tells of no other."""
    page = (ROOT / "docs/reference/interoperability.md").read_text("utf-8")
    pinned = json.loads((interop.PINS / "package.json").read_text("utf-8"))["dependencies"]
    assert f"ts-mls {pinned['ts-mls']}" in page
    assert f"CoreCrypto {pinned['@wireapp/core-crypto']}" in page
