"""What the demo says at its end: one screen, whose commands work as they stand."""

import os
import shlex
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.test_commands import command_of, refused
from tests.e2e import commands

from parlour_client.demo.next_steps import next_steps
from parlour_client.kit.language import language

SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the programs found by their names."""
    monkeypatch.setenv("PATH", str(SCRIPTS), prepend=os.pathsep)


@pytest.fixture(params=["en", "de", "he"])
def shown(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the text in each language."""
    language.use([request.param])
    yield next_steps()
    language.use([])


def test_it_is_one_screen(shown: str) -> None:
    """Of the usual size: nothing scrolls away, and no command is broken."""
    rows = shown.split("\n")
    assert len(rows) <= 20
    assert max(map(len, rows)) < 80


def test_its_commands_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is understood; the server is made and invites, and the link is one to join with."""
    monkeypatch.setenv("HOME", str(tmp_path))
    lines = [shlex.split(line) for line in next_steps().split("\n") if line.startswith("  parlour")]
    assert [line[:2] for line in lines] == [
        ["parlour", "join"],
        ["parlour-server", "init"],
        ["parlour-server", "run"],
        ["parlour-server", "invite"],
    ]
    printed = ""
    for line in lines:
        assert refused(command_of(line)) == ""
        if line[1] in {"init", "invite"}:
            words = [word.replace("~", str(tmp_path)) for word in line[1:]]
            done = commands.run("parlour_server", *words)
            assert done.returncode == 0, done.stderr
            printed = done.stdout
    assert printed.startswith("parlour://chat.example.org:8443/join#code=")


def test_programs_that_no_name_finds_have_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `make demo` in a fresh clone, where they are in an environment below; still one screen."""
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.chdir(SCRIPTS.parent.parent)
    lines = next_steps().split("\n")
    programs = {shlex.split(line)[0] for line in lines if line.startswith("  ")}
    folder = SCRIPTS.relative_to(SCRIPTS.parent.parent)
    assert programs == {f"{folder}/parlour", f"{folder}/parlour-server"}
    assert max(map(len, lines)) < 80
    monkeypatch.chdir(tmp_path)
    assert f"\n  {SCRIPTS}/parlour join '" in next_steps()
