"""What a process is refused to start with."""

import os
from pathlib import Path
from unittest import mock

import pytest

from parlour_server.core.errors import SetupError
from parlour_server.core.net.message_assembler import refuse_old_websockets
from parlour_server.host.server_process import Ready, _Stop


@pytest.mark.parametrize("found", ["16.1", "17.0", "17.3", "17.3.1"])
def test_vulnerable_dependencies_are_refused(found: str) -> None:
    """O1: a library without a bound on fragments does not serve (F7)."""
    with pytest.raises(SetupError, match=r"install 17\.4"):
        refuse_old_websockets(found)


@pytest.mark.parametrize("found", ["17.4", "17.4.1", "17.10", "18.0"])
def test_newer_dependencies_are_not_refused(found: str) -> None:
    """Numbers are compared as numbers."""
    refuse_old_websockets(found)


@pytest.mark.parametrize(("together", "hurries"), [(0.0, True), (60.0, False)])
async def test_a_worker_takes_signals_that_come_together_as_one(*, together: float, hurries: bool) -> None:
    """Ctrl-C and systemd reach it twice, by its supervisor as well: it drains all the same."""
    stop = _Stop(0, together)
    with mock.patch("threading.Timer") as last:
        stop()
        stop()
    assert (stop.asked.is_set(), stop.hurry.is_set()) == (True, hurries)
    assert last.call_count == 1 + hurries


def test_the_address_is_written_whole(tmp_path: Path) -> None:
    """To a file, and to a descriptor that is closed afterwards."""
    reading, writing = os.pipe()
    Ready(tmp_path / "ready", writing).announce("https://127.0.0.1:1")
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b'{"url": "https://127.0.0.1:1"}\n'
    assert (tmp_path / "ready").read_bytes() == b'{"url": "https://127.0.0.1:1"}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_a_descriptor_that_is_none_is_a_sentence() -> None:
    """Not a traceback."""
    with pytest.raises(SetupError, match="descriptor 9999"):
        Ready(None, 9999).announce("https://127.0.0.1:1")
