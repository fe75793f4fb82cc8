"""Emoji by their names."""

from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient

from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.input.completion import complete
from parlour_client.ui.input.emoji_names import SHORTEST, _names, named
from parlour_protocol.kit.text import safe_text


def test_names_find_emoji() -> None:
    """By the beginning of the name, or of a part of it."""
    assert ("thumbsup", "👍") in named("thumbs", 8)
    assert "😄" in {emoji for _, emoji in named("smile", 8)}
    assert len(named("face", 5)) == 5
    assert named("nothinglikethis", 5) == []


def test_what_is_no_question_offers_nothing() -> None:
    """Times and smileys made of letters are left alone."""
    for text in (":", ":)", "10:30", "see: this", ":-"):
        assert complete(text, (), ()).offers == ()


def test_what_is_offered_is_shown_as_itself() -> None:
    """No emoji is offered that others would see as escapes."""
    beginnings = {name[:SHORTEST] for name, _ in _names()}  # of every name: all are offered for some
    offered = {emoji for begin in beginnings for _, emoji in named(begin, len(_names()))}
    assert len(offered) > 1_000
    assert not [emoji for emoji in offered if safe_text(emoji).hidden]


async def test_tab_takes_it(client: FakeClient, open_app: OpenApp) -> None:
    """In a message, and as a command's word."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press(*"ok :thumbsu")
        await pilot.pause()
        assert ":thumbsup:" in screen_text(pilot)
        await pilot.press("tab")
        assert screen.composer.text == "ok 👍 "
        screen.composer.put("")
        await pilot.press(*"/react heart_ey", "tab")
        assert screen.composer.text.startswith("/react 😍")
