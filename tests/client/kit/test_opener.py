"""What opens an address: a program without a shell, and nothing but addresses."""

from pathlib import Path

import pytest

from parlour_client.kit import opener
from parlour_client.kit.errors import SetupError
from parlour_client.kit.opener import open_address, opener_command


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the program a minute: other tests have the cores, too."""
    monkeypatch.setattr(opener, "PATIENCE", 60.0)


def program(folder: Path, name: str, script: str) -> Path:
    """Write a program."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


async def test_the_address_is_one_argument_after_those_of_the_setting(tmp_path: Path) -> None:
    """No shell reads it, and the program has no terminal."""
    script = f'printf "%s\\n" "$@" > {tmp_path}/seen; test -t 0 && echo terminal >> {tmp_path}/seen; true'
    browser = program(tmp_path, "my browser", script)
    await open_address("https://a.example/x?a=1&b=%24%28id%29;c", f"'{browser}' --new-window")
    assert (tmp_path / "seen").read_text() == "--new-window\nhttps://a.example/x?a=1&b=%24%28id%29;c\n"


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "--help",
        "-https://a.example",
        "https://a.example/ x",
        "https://a.example/\n",
        "https://a.example/$(id)",
        "https://a.example/`id`",
        "https://a.example/'",
        "https://а.example",  # noqa: RUF001 - the letter is Cyrillic
        "HTTPS://a.example",
        "https://",
        "https://" + "a" * 9_000,
        "",
    ],
)
async def test_what_is_no_plain_address_is_not_opened(tmp_path: Path, address: str) -> None:
    """Whatever the caller thought."""
    with pytest.raises(ValueError, match="can't be opened"):
        await open_address(address, str(program(tmp_path, "browser", f"touch {tmp_path}/ran")))
    assert not (tmp_path / "ran").exists()


async def test_an_opener_that_fails_is_an_error(tmp_path: Path) -> None:
    """With what to do instead; so is one that isn't there."""
    with pytest.raises(SetupError, match="failed"):
        await open_address("https://a.example", str(program(tmp_path, "browser", "exit 3")))
    with pytest.raises(SetupError, match="failed"):
        await open_address("https://a.example", str(tmp_path / "nowhere"))
    with pytest.raises(SetupError, match="quotation mark"):
        await open_address("https://a.example", "'browser")


async def test_a_browser_that_stays_open_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was started, so nothing failed; it ends when the person closes it."""
    monkeypatch.setattr(opener, "PATIENCE", 0.01)
    gate = tmp_path / "gate"
    opener.os.mkfifo(gate)
    await open_address("https://a.example", str(program(tmp_path, "browser", f"read line < {gate}")))
    gate.write_text("end\n")


def test_the_system_has_an_opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux one of two programs, on macOS the one of the system; Windows opens it itself."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="no program here"):
        opener_command("", "linux")
    found = program(tmp_path, "xdg-open", "true")
    assert opener_command("", "linux") == [str(found)]
    assert opener_command("", "darwin") == ["/usr/bin/open"]
    assert opener_command("", "win32") == []
