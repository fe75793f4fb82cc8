"""When the disk is full or the archive cannot be opened: a sentence, and nothing that was typed is lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled, write
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient, raw_text

from parlour_client.core.errors import ArchiveError, DamagedArchiveError, WrongPassphraseError
from parlour_client.core.events import HistoryChanged
from parlour_client.core.model import Entry
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import UnreachableError
from parlour_client.ui.app import ParlourApp
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

FULL = ArchiveError("The disk is full; nothing was written.", "Free some space and try again.")


async def test_a_full_disk_leaves_the_text_where_it_is(client: FakeClient, open_app: OpenApp) -> None:
    """Sending is refused in words; the text stays in the composer and is sent when there is space."""
    send = client.send

    async def refused(_room: RoomId, _text: str, **_rest: object) -> Entry:
        raise FULL

    async with open_app(client, size=(110, 24)) as pilot:
        screen = await lobby(pilot)
        client.send = refused  # type: ignore[method-assign,assignment]
        await write(pilot, "written with care")
        assert "The disk is full; nothing was written." in screen_text(pilot)
        assert screen.pane.composer.text == "written with care"
        client.send = send  # type: ignore[method-assign]
        await pilot.press("enter")
        await settled(pilot)
        assert ("send", LOBBY, "written with care", None) in client.calls
        assert screen.pane.composer.text == ""


async def test_an_archive_that_cannot_be_read_leaves_the_screen_usable(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Paging fails in words; the room, the composer and what is on the screen stay."""
    for number in range(300):
        client.say(LOBBY, BOB, f"number {number}")
    client.mark_all_read()
    async with open_app(client, size=(110, 24)) as pilot:
        screen = await lobby(pilot)

        async def refused(*_args: object, **_rest: object) -> Sequence[Entry]:
            raise DamagedArchiveError("The archive is damaged, or its key belongs to another archive.")

        client.timeline = refused  # type: ignore[method-assign,assignment]
        screen.pane.timeline.scroll_to(y=0, animate=False)
        await settled(pilot)
        assert "The archive is damaged" in screen_text(pilot)
        assert "loading earlier" not in screen_text(pilot)
        await write(pilot, "still writing")
        assert ("send", LOBBY, "still writing", None) in client.calls


async def test_a_room_that_could_not_be_read_is_shown_with_the_next_connection(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the messages of the room before do not stand under its heading."""
    client.say(LOBBY, BOB, "said in the lobby")
    client.say(GARDEN, BOB, "said in the garden")
    async with open_app(client, size=(110, 24)) as pilot:
        screen = await lobby(pilot)

        async def refused(*_args: object, **_rest: object) -> Sequence[Entry]:
            raise UnreachableError("The connection was lost.")

        with monkeypatch.context() as patch:
            patch.setattr(client, "timeline", refused)
            screen.pane.navigation.go_to(GARDEN)
            await settled(pilot)
            assert "said in the lobby" not in screen_text(pilot)
        client.set_link(ConnectionStatus(LinkState.ONLINE, "chat.example", "TLS 1.3"))
        await settled(pilot)
        assert "said in the garden" in screen_text(pilot)


async def test_loading_that_failed_once_is_tried_at_the_next_change(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag that stays behind would keep the timeline as it is until the room is opened again."""
    async with open_app(client, size=(110, 24)) as pilot:
        await lobby(pilot)

        async def refused(*_args: object, **_rest: object) -> Sequence[Entry]:
            raise UnreachableError("The connection was lost.")

        with monkeypatch.context() as patch:
            patch.setattr(client, "timeline", refused)
            client.tell(HistoryChanged(LOBBY))
            await settled(pilot)
        client.logs[LOBBY].append(replace(client.logs[LOBBY][-1], seq=Seq(9), text=raw_text("and now this")))
        client.tell(HistoryChanged(LOBBY))
        await settled(pilot)
        assert "and now this" in screen_text(pilot)


@pytest.mark.parametrize(
    "error", [WrongPassphraseError("That is not the passphrase."), FULL, DamagedArchiveError("Damaged.")]
)
async def test_what_cannot_be_opened_is_handed_back_in_words(error: ArchiveError, client: FakeClient) -> None:
    """The app ends with the error for anyone who started it to print, and draws nothing broken."""

    async def refused(**_rest: object) -> None:
        raise error

    client.start = refused  # type: ignore[method-assign]
    app = ParlourApp(client)
    async with app.run_test():
        pass
    assert app.problem is error
    assert app.return_code == 1


async def test_a_stopped_client_says_why_and_keeps_the_draft(client: FakeClient, open_app: OpenApp) -> None:
    """The core gives up (a full disk while writing): the status line says it, the draft stays."""
    async with open_app(client, size=(120, 24)) as pilot:
        screen = await lobby(pilot)
        await pilot.press(*"half")
        client.set_link(ConnectionStatus(LinkState.STOPPED, "chat.example", "not connected", str(FULL)))
        await settled(pilot)
        assert "! The disk is full; nothing was written." in screen_text(pilot)
        assert screen.pane.composer.text == "half"


async def test_what_is_typed_while_a_room_opens_is_not_lost(client: FakeClient, open_app: OpenApp) -> None:
    """Reading the room takes its time; the letters typed meanwhile stand behind its draft."""
    client.drafts[GARDEN] = "half "
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        timeline, gate = client.timeline, asyncio.Event()

        async def slow(room: RoomId, **rest: object) -> Sequence[Entry]:
            await gate.wait()
            return await timeline(room, **rest)  # type: ignore[arg-type]

        client.timeline = slow  # type: ignore[method-assign,assignment]
        screen.pane.composer.put("of the lobby")
        opening = asyncio.ensure_future(screen.pane.navigation.open(GARDEN))
        await pilot.pause()
        screen.write()
        await pilot.press(*"word")
        gate.set()
        await opening
        assert screen.pane.composer.text == "half word"
        assert client.drafts[LOBBY] == "of the lobby"


async def test_a_pane_without_any_width_is_drawn_as_nothing(client: FakeClient, open_app: OpenApp) -> None:
    """Between two sizes the side panes may leave no cell for the empty composer: no crash."""
    async with open_app(client, size=(160, 40)) as pilot:
        screen = await lobby(pilot)
        for size in ((40, 15), (160, 50), (41, 28), (117, 15), (40, 20), (1, 1), (120, 40)):
            await pilot.resize_terminal(*size)
        composer = screen.pane.composer
        composer.styles.width = composer.styles.min_width = 0
        screen.pane.styles.width = 0
        await pilot.pause()
        assert composer.render_line(0).cell_length <= 1
        assert pilot.app.is_running
