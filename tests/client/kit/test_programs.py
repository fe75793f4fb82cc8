"""Programs that the client starts by name come from the folders of PATH."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from parlour_client.kit.programs import end_program, find_program


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


async def test_a_program_with_a_full_pipe_ends() -> None:
    """More than asyncio buffers was written and never read; waiting for the end must not take for ever."""
    script = "import sys\nwhile True: sys.stdout.buffer.write(bytes(100_000))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, limit=1
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.read(1)
        await end_program(process)
    assert process.returncode is not None
