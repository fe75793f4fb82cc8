"""Notices of the operator on the screen."""

from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import FakeClient

from parlour_client.extras.operator_notices.bar import NoticeBar
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice


async def test_the_operators_notice_stands_above_the_chat_until_it_is_read(
    client: FakeClient, open_app: OpenApp
) -> None:
    """As text; a message that says the same stands in its room, with its author."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert not screen.query(NoticeBar)
        text = NoticeText.parse("[red]down[/] \x1b[2Jat 8")
        client.notices.received(ServerNotice(NoticeId("7kq2m9x4tb"), Millis(1), Millis(2**50), text))
        await settled(pilot)
        assert screen.query_one(NoticeBar).display
        shown = screen_text(pilot)
        assert "Notice from the operator of chat.example:8443" in shown.split("lobby")[0]
        assert "│ [red]down[/] ⟦ESC⟧[2Jat 8" in " ".join(shown.split())
        long = NoticeText.parse("word " * 99)
        client.notices.received(ServerNotice(NoticeId("8kq2m9x4tb"), Millis(1), Millis(2**50), long))
        await pilot.resize_terminal(40, 15)
        await settled(pilot)
        client.notices.received(ServerNotice(NoticeId("9kq2m9x4tb"), Millis(1), Millis(2**50), long))
        await settled(pilot)
        first, second, *_rest = screen_text(pilot).splitlines()
        rows = f"{first.strip()} {second.strip()}"
        assert rows == "! Notice from the operator of chat.example:8443 · Alt+N: read all 3"
        assert "word" not in screen_text(pilot)  # the text is a key away: every other row is for the chat
        await pilot.press("alt+n")
        await settled(pilot)
        assert isinstance(pilot.app.screen, Page)
        assert not screen.query_one(NoticeBar).display
