"""What is drawn again when rooms change: only what is not as it was shown."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.ui.chat.header import RoomHeader
from parlour_client.ui.chat.room_list import RoomList
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.ids import RoomId


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return which parts were given something to show, in order."""
    called: list[str] = []
    for part, name in ((RoomList, "fill"), (RoomList, "count"), (RoomHeader, "show_room")):
        show = getattr(part, name)

        def noted(*args: Any, _name: str = name, _show: Callable[..., None] = show, **rest: Any) -> None:
            called.append(_name)
            _show(*args, **rest)

        monkeypatch.setattr(part, name, noted)
    return called


async def test_a_message_draws_only_what_it_changes(
    client: FakeClient, open_app: OpenApp, drawn: list[str]
) -> None:
    """One in the open room, read at once, leaves the list and the heading alone."""
    async with open_app(client, size=(80, 32)) as pilot:
        await lobby(pilot)
        await tell(client, pilot, LOBBY, "the first one changes what is unread")
        drawn.clear()
        await tell(client, pilot, LOBBY, "here")
        assert drawn == []
        await tell(client, pilot, GARDEN, "elsewhere")
        assert drawn == ["count"]
        client.set_topic_raw(LOBBY, "bees")
        await settled(pilot)
        assert drawn == ["count", "fill", "show_room"]
        assert "bees" in screen_text(pilot)


async def tell(client: FakeClient, pilot: Pilot[None], room: RoomId, text: str) -> None:
    """Let a message arrive, and everything that it changes be shown."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    client.say(room, BOB, text)
    screen.pane.view._count.draw()
    await settled(pilot)
    screen.pane.view._count.draw()  # it was read now
