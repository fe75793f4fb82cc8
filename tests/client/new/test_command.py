"""`parlour new` itself: exit statuses, and the modes of what it writes."""

import os
import stat
from pathlib import Path

import pytest

from parlour_client.cli.root import guarded


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_what_comes_next(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A blank project is the default; its files are as readable as the person's others."""
    umask = os.umask(0o022)
    try:
        assert guarded(["new", "shop"]) == 0
    finally:
        os.umask(umask)
    assert "make demo" in capsys.readouterr().out
    assert "CounterScreen" in (here / "shop/shop/screen.py").read_text()
    assert stat.S_IMODE((here / "shop").stat().st_mode) == 0o755
    assert stat.S_IMODE((here / "shop/shop/server.py").stat().st_mode) == 0o644


def test_the_option_chooses_the_example(here: Path) -> None:
    """And a name with hyphens has a package with underscores."""
    assert guarded(["new", "my-shop", "--ticker"]) == 0
    assert "PriceScreen" in (here / "my-shop/my_shop/screen.py").read_text()


def test_exit_statuses(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2 for a name that can't be meant, 1 for a folder that is there; nothing is written."""
    assert guarded(["new", "../shop"]) == 2
    (here / "shop").mkdir()
    assert guarded(["new", "shop"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert [path.name for path in here.rglob("*")] == ["shop"]
