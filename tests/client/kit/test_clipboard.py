"""The clipboard programs: which one is found, and that it gets the text and nothing else."""

from pathlib import Path

import pytest

from parlour_client.kit import clipboard
from parlour_client.kit.clipboard import ClipboardProgram, copy_with, find_clipboard_program
from parlour_client.kit.errors import SetupError


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the program a minute: other tests have the cores, too."""
    monkeypatch.setattr(clipboard, "PATIENCE", 60.0)


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """Return an environment with every clipboard program: each writes what it reads, and its arguments."""
    for name in ("pbcopy", "clip.exe", "wl-copy", "xclip", "xsel", "tmux"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\nexec > {tmp_path}/copied\necho "{name} $*"\ncat\n')
        path.chmod(0o700)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("platform", "variables", "name"),
    [
        ("linux", {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "wl-copy"),
        ("linux", {"DISPLAY": ":0"}, "xclip"),
        ("linux", {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a"}, "xclip"),
        ("linux", {"WSL_DISTRO_NAME": "Debian"}, "clip.exe"),
        ("linux", {"TMUX": "/tmp/tmux-0/default,1,0", "SSH_CONNECTION": "a"}, "tmux"),
        ("linux", {"TMUX": "/tmp/tmux-0/default,1,0", "WAYLAND_DISPLAY": "wayland-0"}, "wl-copy"),
        ("darwin", {"TMUX": "/tmp/tmux-0/default,1,0", "SSH_TTY": "a"}, "tmux"),
        ("linux", {}, None),
        ("darwin", {}, "pbcopy"),
        ("darwin", {"SSH_CONNECTION": "a"}, None),
        ("win32", {}, "clip.exe"),
        ("win32", {"SSH_TTY": "a"}, None),
    ],
)
def test_the_program_fills_the_clipboard_that_the_person_sees(
    programs: dict[str, str], platform: str, variables: dict[str, str], name: str | None
) -> None:
    """Not that of a machine that they are only logged in to."""
    found = find_clipboard_program(programs | variables, platform)
    assert (Path(found.command[0]).name if found is not None else None) == name


def test_a_program_that_is_not_installed_is_not_found(tmp_path: Path) -> None:
    """Then the terminal may be asked."""
    assert (
        find_clipboard_program({"PATH": str(tmp_path), "DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}, "linux")
        is None
    )


async def test_the_text_goes_in_by_the_input(programs: dict[str, str], tmp_path: Path) -> None:
    """No shell and no argument has it, so nothing in it can be an option."""
    found = find_clipboard_program(programs | {"DISPLAY": ":0"}, "linux")
    assert found is not None
    await copy_with(found, "--help $(id)\nü", programs)
    assert (tmp_path / "copied").read_text() == "xclip -selection clipboard -in\n--help $(id)\nü"


async def test_windows_reads_its_own_encoding(programs: dict[str, str], tmp_path: Path) -> None:
    """With the mark that tells it so."""
    found = find_clipboard_program(programs, "win32")
    assert found is not None
    await copy_with(found, "ü", programs)
    assert (tmp_path / "copied").read_bytes() == b"clip.exe \n" + "ü".encode("utf-16")


@pytest.mark.parametrize("script", ["exit 1", "exec sleep 60"], ids=["fails", "hangs"])
async def test_what_is_not_taken_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """The person hears that the clipboard has nothing new."""
    monkeypatch.setattr(clipboard, "PATIENCE", 0.05)
    path = tmp_path / "xclip"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    with pytest.raises(SetupError, match="Nothing was copied: xclip failed"):
        await copy_with(ClipboardProgram((str(path),)), "text")
    with pytest.raises(SetupError, match="Nothing was copied"):
        await copy_with(ClipboardProgram((str(tmp_path / "nowhere"),)), "text")
