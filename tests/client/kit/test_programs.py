"""Programs that the client starts by name come from the folders of PATH."""

import os
import shutil
from pathlib import Path

import pytest

from parlour_client.kit.programs import find_program


def program(folder: Path, name: str) -> str:
    """Write a program, and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return str(path)


@pytest.mark.parametrize("relative", ["", ".", "saved"])
def test_a_saved_file_is_not_taken_for_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: str
) -> None:
    """However relative the folders of PATH are: what people send is saved to such places."""
    program(tmp_path, "xclip")
    program(tmp_path / "saved", "xclip")
    monkeypatch.chdir(tmp_path)
    assert find_program("xclip", {"PATH": relative}) is None
    genuine = program(tmp_path / "bin", "xclip")
    assert find_program("xclip", {"PATH": f"{relative}{os.pathsep}{tmp_path / 'bin'}"}) == genuine


def test_the_folder_of_the_start_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows looks there first for a bare name, so none is asked for."""
    asked: list[str] = []
    monkeypatch.setattr(shutil, "which", asked.append)
    assert find_program("clip.exe", {"PATH": f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}"}) is None
    assert asked == [str(tmp_path / "a" / "clip.exe"), str(tmp_path / "b" / "clip.exe")]
