"""The counter, on a real server: what is added is counted once, and everyone sees it."""

from pathlib import Path

import pytest

from parlour_client.kit.testing import joined
from parlour_client.kit.unsafe_text import unsafe_lines
from parlour_protocol.kit.frames import Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_server.testing.server import running

import blank
from blank.frames import HIGHEST, WIRE, Add, Count
from blank.screen import CounterScreen
from blank.server import Counter, app


async def test_everyone_sees_what_someone_adds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the name of who did it; after the highest number it begins again."""
    monkeypatch.setattr(Counter, "total", HIGHEST)
    async with running(app, tmp_path / "data") as world:
        ben = await (await world.person("ben")).connect()
        assert isinstance(await ben.ask(Add(new_request_id(), 0)), Ok)
        assert await ben.push() == Count(HIGHEST, parse_user_name("ben"))
        async with joined(WIRE, CounterScreen, tmp_path / "home", await world.link()) as client:
            await client.shows(f"{HIGHEST}  last: anna")
            await client.pilot.press("space")
            await client.shows("0  last: anna")
        anna = parse_user_name("anna")
        assert [await ben.push() for _ in range(2)] == [Count(HIGHEST, anna), Count(0, anna)]


def test_no_text_is_taken_for_markup() -> None:
    """Neither widgets nor titles nor tooltips show what others wrote, unless it is marked as text."""
    assert unsafe_lines(blank) == []
