"""The terminal's title: a number and a constant, only if it is wanted, and restored at the end."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.client.ui.conftest import OpenApp, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.events import RoomsChanged
from parlour_client.extras.unread_title.title import title_sequence, unread_rooms
from parlour_client.ui.app import ParlourApp

HOSTILE = "\x1b]0;PWNED\x07\x9c\u202e"
SAVED, RESTORED = "\x1b[22;2t", "\x1b]2;\x07\x1b[23;2t"


@pytest.fixture
def written() -> list[str]:
    """Return what the terminal was told."""
    return []


def wanted(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch, written: list[str]) -> ParlourApp:
    """Write down what the app tells its terminal, and turn the setting on."""
    app = pilot.app
    assert isinstance(app, ParlourApp)
    assert app._driver is not None
    monkeypatch.setattr(type(app._driver), "is_headless", False)
    monkeypatch.setattr(app._driver, "write", written.append)
    app.set_setting("unread_in_title", True)
    return app


def titles(written: list[str]) -> list[str]:
    """Return what of it is about the title."""
    return [data for data in written if "\x1b]2;" in data or data == SAVED]


async def test_it_counts_rooms_and_names_none(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, written: list[str]
) -> None:
    """Whatever rooms, people and messages are called: these bytes and no others."""
    client.mark_all_read()
    async with open_app(client) as pilot:
        wanted(pilot, monkeypatch, written)
        await settled(pilot)
        assert titles(written) == [SAVED, "\x1b]2;Parlour\x07"]
        client.say(GARDEN, BOB, HOSTILE)
        client.set_topic_raw(GARDEN, HOSTILE)
        client.say(GARDEN, BOB, f"{HOSTILE} @alice")
        client.say(LOBBY, BOB, HOSTILE)
        client.tell(RoomsChanged())
        assert all(re.fullmatch(r"\x1b\]2;(\(\d\) )?Parlour\x07", data) for data in titles(written)[1:])
        assert all(before != after for before, after in pairwise(titles(written)))
        assert "\x1b]2;(1) Parlour\x07" in written


def test_who_is_not_accepted_is_not_counted(client: FakeClient) -> None:
    """A stranger can't change the title by writing."""
    room = replace(client.rooms.all[0], unread=3, mentions=1)
    assert unread_rooms([room, replace(room, request=True)]) == 1
    assert title_sequence(2) == "\x1b]2;(2) Parlour\x07"


async def test_the_setting_works_at_once_and_the_end_restores_it(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, written: list[str]
) -> None:
    """It is off by default: a title can be read over a shoulder, and by other programs."""
    async with open_app(client) as pilot:
        app = wanted(pilot, monkeypatch, written)
        await settled(pilot)
        assert titles(written)[0] == SAVED
        app.set_setting("unread_in_title", False)
        await settled(pilot)
        assert titles(written)[-1] == RESTORED
        written.clear()
        client.say(GARDEN, BOB, "hello")
        assert titles(written) == []
        app.set_setting("unread_in_title", True)
        await settled(pilot)
        assert titles(written)[0] == SAVED
    assert titles(written)[-1] == RESTORED
