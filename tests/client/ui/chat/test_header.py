"""The header by itself: the room, its encryption, and what must not be missed."""

from dataclasses import replace

from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.app import App, ComposeResult

from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_client.text.retention_text import retention_short
from parlour_client.ui.chat.header import RoomHeader
from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.ids import Millis


class Alone(App[None]):
    """Nothing but a header."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield RoomHeader()


async def test_it_shows_what_it_is_given(client: FakeClient) -> None:
    """In three rows, of which those with nothing to say are hidden."""
    room = client.rooms.get(LOBBY)
    assert room is not None
    async with Alone().run_test() as pilot:
        header = pilot.app.query_one(RoomHeader)
        rows = [pilot.app.query_one(f"#{name}", SafeStatic) for name in ("heading", "lock", "alarm")]
        header.show_room(replace(room, request=True), peeking=True)
        header.show_encryption(client.encryption.room(LOBBY))
        header.show_alarms([own("a key has changed"), own("a device is waiting")])
        await pilot.pause()
        heading, lock, alarm = (str(row.render()) for row in rows)
        assert heading.startswith("lobby  wants to chat: /accept /decline /block  public room, 3 people")
        assert "peek" in heading
        assert lock == client.encryption.room(LOBBY).label
        assert alarm == "a key has changed\na device is waiting"
        header.show_room(None, peeking=False)
        header.show_encryption(None)
        header.show_alarms([])
        await pilot.pause()
        assert str(rows[0].render()) == "Parlour"
        assert [row.display for row in rows] == [True, False, False]


async def test_what_needs_the_person_is_in_sight_in_a_narrow_window(client: FakeClient) -> None:
    """Before the facts about the room; of how long messages are kept, the length comes first."""
    room = client.rooms.get(LOBBY)
    assert room is not None
    kept = Retention(next_days=30, next_from=Millis(2**41))
    async with Alone().run_test(size=(40, 15)) as pilot:
        header = pilot.app.query_one(RoomHeader)
        for shown, words in (
            (replace(room, retention=kept, trouble="x"), "the server is withholding"),
            (replace(room, retention=kept, archived=True), "archived: read only"),
        ):
            header.show_room(shown, peeking=False)
            await pilot.pause()
            assert words in str(pilot.app.query_one("#heading", SafeStatic).render())[:36]
    assert retention_short(kept).startswith("messages kept for 30 days from 20")
