"""Help for the argument that is being typed."""

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient

from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.input.argument_help import argument_help

HELP = [
    ("/ban ", "/ban PERSON [10m|2h|7d] [REASON]  PERSON: someone's name"),
    ("/ban bo", "/ban PERSON [10m|2h|7d] [REASON]  PERSON: someone's name"),
    ("/ban bob ", "For how long; default: for good"),
    ("/ban bob 1", "For how long; default: for good"),
    ("/ban bob ru", "The reason; everyone in the room sees it"),
    ("/ban bob 10m rude wo", "The reason; everyone in the room sees it"),
    ("/role bob ", "ROLE: one of owner, moderator, member"),
    ("/msg bob hel", "the rest of the line"),
    ("/typing ", "on or off; the other state if you write neither"),
    ("/create garden pri", "People join by invitation only, and it isn't listed"),
    ("/devices ", "/devices  "),
    ("/set ", "the name of a setting; all of them if you name none"),
    ("/set typ", "the name of a setting"),
    ("/set typing ", "let others see when you are typing: one of on, off"),
    ("/set editor vi", "your editor's command; empty: VISUAL or EDITOR from the environment"),
    ("/set nope ", "no setting has this name"),
]


@pytest.mark.parametrize(("before", "words"), HELP)
def test_the_argument_being_typed_is_explained(before: str, words: str) -> None:
    """What it wants, and its choices; by any of the command's words."""
    content = argument_help(before)
    assert content is not None
    assert words in content.plain


def test_it_names_the_key_that_takes_what_is_offered() -> None:
    """At the end, and only where something is."""
    content = argument_help("/ban bo", "Tab")
    assert content is not None
    assert content.plain.endswith("PERSON: someone's name · Tab takes it")


@pytest.mark.parametrize("before", ["", "hello ", "/", "/ban", "/nothing ", "//ban ", "/ban bob\nx "])
def test_there_is_none_for_anything_else(before: str) -> None:
    """Messages, half a command, several lines."""
    assert argument_help(before) is None


async def test_it_is_shown_while_one_types(client: FakeClient, open_app: OpenApp) -> None:
    """Above the composer; what is not complete stays to be completed, and Up brings it back, too."""
    async with open_app(client, size=(140, 30)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await pilot.press(*"/role bob ")
        await settled(pilot)
        assert "ROLE: one of owner, moderator, member" in screen_text(pilot)
        await pilot.press(*"king", "enter")
        await settled(pilot)
        assert "Write /role PERSON owner|moderator|member." in screen_text(pilot)
        assert screen.pane.composer.text == "/role bob king"
        screen.pane.composer.put("")
        await pilot.press("up")
        assert screen.pane.composer.text == "/role bob king"
