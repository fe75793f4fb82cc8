"""The home folder: closed to others."""

from pathlib import Path

import pytest

from parlour_client.kit.account.home import Home
from parlour_client.kit.errors import SetupError


def mode(path: Path) -> int:
    """Return who may do what with a folder."""
    return path.stat().st_mode & 0o777


def test_a_new_home_is_private(tmp_path: Path) -> None:
    """It is made with its parents, for this person alone."""
    Home(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700


def test_an_empty_folder_is_closed_to_others(tmp_path: Path) -> None:
    """What was made by `mkdir` a moment ago becomes a home."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    Home(folder)
    assert mode(folder) == 0o700


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """`--home .` in a project that others read neither leaks nor changes anything."""
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "readme").write_text("x")
    with pytest.raises(SetupError, match="Others can read"):
        Home(folder)
    assert mode(folder) == 0o755


def test_a_path_that_is_not_a_folder_is_reported(tmp_path: Path) -> None:
    """A file in its place is one sentence."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(SetupError):
        Home(tmp_path / "file")
