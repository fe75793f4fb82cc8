"""The terminal's title: a number and a constant, only if it is wanted, and restored at the end."""

import re
from dataclasses import replace

import pytest
from tests.client.ui.conftest import OpenApp, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient

from parlour_client.core.events import RoomsChanged
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.terminal_state import TerminalTitle, unread_rooms

HOSTILE = "\x1b]0;PWNED\x07\x9c\u202e"


@pytest.fixture
def written() -> list[str]:
    """Return what the terminal was told."""
    return []


def test_it_counts_rooms_and_names_none(client: FakeClient, written: list[str]) -> None:
    """Whatever rooms, people and messages are called: these bytes and no others."""
    client.mark_all_read()
    title = TerminalTitle(written.append, lambda: True)
    title.follow(client)
    assert written == ["\x1b[22;2t\x1b]2;Parlour\x07"]
    client.say(GARDEN, BOB, HOSTILE)
    client.set_topic_raw(GARDEN, HOSTILE)
    client.say(GARDEN, BOB, f"{HOSTILE} @alice")
    client.say(LOBBY, BOB, HOSTILE)
    client.tell(RoomsChanged())
    title.forget()
    assert written[1:] == ["\x1b]2;(1) Parlour\x07", "\x1b]2;(2) Parlour\x07", "\x1b]2;\x07\x1b[23;2t"]
    client.say(LOBBY, BOB, "later")
    assert len(written) == 4


def test_who_is_not_accepted_is_not_counted(client: FakeClient) -> None:
    """A stranger can't change the title by writing."""
    room = replace(client.rooms.all[0], unread=3, mentions=1)
    assert unread_rooms([room, replace(room, request=True)]) == 1


def test_nothing_is_written_unless_it_is_wanted(client: FakeClient, written: list[str]) -> None:
    """It is off by default: a title can be read over a shoulder, and by other programs."""
    wanted = False
    title = TerminalTitle(written.append, lambda: wanted)
    title.follow(client)
    client.say(GARDEN, BOB, "hello")
    assert written == []
    wanted = True
    title.update()
    assert re.fullmatch(r"\x1b\[22;2t\x1b\]2;(\(\d+\) )?Parlour\x07", written[0])
    wanted = False
    title.update()
    assert written[1:] == ["\x1b]2;\x07\x1b[23;2t"]


async def test_the_setting_works_at_once_and_the_end_restores_it(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, written: list[str]
) -> None:
    """Through the real app and its driver."""
    async with open_app(client) as pilot:
        app = pilot.app
        assert isinstance(app, ParlourApp)
        assert app._driver is not None
        monkeypatch.setattr(type(app._driver), "is_headless", False)
        monkeypatch.setattr(app._driver, "write", written.append)
        app.set_setting("unread_in_title", True)
        await settled(pilot)
        assert [data for data in written if "Parlour" in data]
    assert "\x1b]2;\x07\x1b[23;2t" in written
