"""Attacks from a page, in Chromium: they work on servers with the mistakes, and Parlour refuses them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from parlour_lab.attack import NotTriedError, Verdict
from parlour_lab.browser.chromium import MISSING, find_chromium
from parlour_lab.browser.lesson import STEPS, play_lesson
from parlour_lab.browser.servers import SECRET
from parlour_lab.commands import lab

PNG = b"\x89PNG\r\n"


@pytest.mark.long
def test_every_step(tmp_path: Path) -> None:
    """A page reads the secret of a careless server, and nothing of Parlour's; there is a picture of each."""
    try:
        find_chromium()
    except NotTriedError as error:
        pytest.skip(str(error))
    found = play_lesson(tmp_path / "pictures")
    assert [one.step for one in found] == list(STEPS)
    for one in found:
        assert one.ok, one.text
        assert (SECRET in one.text) == (one.outcome.verdict is Verdict.BROKEN)
        assert one.picture.read_bytes().startswith(PNG)


def test_without_chromium(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is started, and a sentence says how to get one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    said = CliRunner().invoke(lab, ["--browser", str(tmp_path / "pictures")])
    assert said.exit_code == 1
    assert MISSING in said.output
    assert not (tmp_path / "pictures").exists()
