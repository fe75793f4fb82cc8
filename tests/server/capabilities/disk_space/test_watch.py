"""A disk that fills up is reported before it is full, once in a while, and when there is space again."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from parlour_server.capabilities.disk_space.served import SERVED
from parlour_server.capabilities.disk_space.settings import DiskSettings
from parlour_server.capabilities.disk_space.watch import DiskSpace, DiskWatch, find_low
from parlour_server.chat.program import CHAT
from parlour_server.core.output import captured
from parlour_server.testing.clock import FakeClock

GIB = 2**30
HOUR = 3600.0


def test_it_warns_once_in_six_hours_and_says_for_how_long_the_rest_lasts(tmp_path: Path) -> None:
    """The line has what is free and when it is full at this rate; then one line says that it is over."""
    clock = FakeClock()
    watch = DiskWatch(tmp_path, DiskSettings(warn_percent=10), clock)
    with captured() as lines:
        for free in (20, 15, 10):
            watch.look(DiskSpace(free * GIB, 100 * GIB))
            clock.forward(HOUR)
        assert not lines
        assert not watch.is_low
        watch.look(DiskSpace(5 * GIB, 100 * GIB))
        assert watch.is_low
        watch.look(DiskSpace(4 * GIB, 100 * GIB))
        (line,) = lines
        assert (line["event"], line["free_percent"], line["full_in_hours"]) == ("disk_filling", 5, 1)
        clock.forward(6 * HOUR)
        watch.look(DiskSpace(4 * GIB, 100 * GIB))
        watch.look(DiskSpace(50 * GIB, 100 * GIB))
        watch.look(DiskSpace(50 * GIB, 100 * GIB))
    assert [one["event"] for one in lines] == ["disk_filling", "disk_filling", "disk_has_space"]


def test_a_small_disk_is_low_by_bytes() -> None:
    """However many percent that is."""
    assert DiskSpace(50 * 2**20, 2**28).is_low(1)
    assert not DiskSpace(GIB, 100 * GIB).is_low(1)


def test_doctor_says_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same bound, more urgently where the server may stop at any moment; also without settings."""
    assert SERVED.findings is not None
    found = SERVED.findings(CHAT.folder(tmp_path), None, None)
    assert [one.about for one in found] == ["disk"]
    levels = []
    for free in (50 * GIB, 5 * GIB, 50 * 2**20):
        usage = SimpleNamespace(free=free, total=100 * GIB)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        levels.append(find_low(tmp_path, DiskSettings()).level)
    assert levels == ["fine", "advice", "danger"]
