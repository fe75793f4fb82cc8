"""Keys that come in one piece, as on a slow line: each goes to what the ones before it opened or closed."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.client.ui.conftest import OpenApp, lobby, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient
from textual.events import Key, Paste
from textual.pilot import Pilot
from textual.widget import Widget

from parlour_client.kit.terminal import key_queue
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.outbox import OutboxScreen
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.search import SearchScreen

NAMES = {" ": "space", "+": "plus", "*": "asterisk", ":": "colon", "/": "slash", "!": "exclamation_mark"}


async def in_one_piece(pilot: Pilot[None], *keys: str) -> None:
    """Hand over all keys before the app has looked at the first; a key of one character is typed."""
    for key in keys:
        pilot.app.post_message(Key(NAMES.get(key, key), key if len(key) == 1 else None))
    await settled(pilot, 6)


def composer_text(pilot: Pilot[None]) -> str:
    """Return what is in the composer of the chat, which must be in front."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    return screen.pane.composer.text


@pytest.mark.parametrize(
    "keys",
    [
        ("f1", "escape"),
        ("f3", *"abc", "escape"),
        ("f6", "down", "escape"),
        ("f7", "escape"),
        ("f10", *"bell", "escape", "escape"),
        ("ctrl+o", "space"),
        ("ctrl+k", *"gar", "escape"),
        ("f2", "escape"),
        ("f4", "down", "escape"),
        ("alt+up", "+", *":ta", "down", "escape", "escape"),
        ("alt+up", "i", "down", "q", "escape"),
    ],
    ids="-".join,
)
async def test_text_after_a_dialog_is_text(
    client: FakeClient, open_app: OpenApp, keys: Sequence[str]
) -> None:
    """What opens it, what is typed in it, what closes it, and a text: each goes where it belongs."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, *"half ", *keys, *"way")
        assert composer_text(pilot) == "half way"
        assert not [call for call in client.calls if call[0] in {"send", "react", "delete"}]


@pytest.mark.parametrize("palette", ["ctrl+p", "ctrl+k"])
async def test_the_palette_waits_for_what_was_typed_before(
    client: FakeClient, open_app: OpenApp, palette: str
) -> None:
    """What Ctrl+W deletes is in the composer, however fast Ctrl+P is pressed behind it."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, *"one two three", "ctrl+w", "ctrl+w", palette, *"gar", "escape")
        assert composer_text(pilot) == "one "


async def test_keys_after_a_choice_belong_to_what_it_opened(client: FakeClient, open_app: OpenApp) -> None:
    """F6 and its last but two, F7's view: Esc closes that one, and not the text."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, "f6", *["down"] * 4, "enter")
        assert isinstance(pilot.app.screen, OutboxScreen)
        await in_one_piece(pilot, "escape", *"text")
        assert composer_text(pilot) == "text"


async def test_a_room_chosen_in_the_list_gets_the_text(client: FakeClient, open_app: OpenApp) -> None:
    """F2, a filter or Down, Enter, and a message: it is sent to the room that was marked."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await in_one_piece(pilot, *"half", "f2", *"gard", "enter", *"hello", "enter", *"next")
        assert [call[1:3] for call in client.calls if call[0] == "send"] == [(GARDEN, "hello")]
        assert (screen.pane.current.id, composer_text(pilot)) == (GARDEN, "next")
        assert client.drafts[LOBBY] == "half"


async def test_a_message_found_by_the_search_gets_the_text(client: FakeClient, open_app: OpenApp) -> None:
    """Enter turns to the room of the message: letters that are no commands on a message are written there."""
    client.say(GARDEN, BOB, "tomatoes")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await in_one_piece(pilot, "f3", *"tomatoes", "enter")
        assert isinstance(pilot.app.screen, SearchScreen)
        await in_one_piece(pilot, "enter", *"bag", "enter", *"gala")
        assert [call[1:3] for call in client.calls if call[0] == "send"] == [(GARDEN, "bag")]
        assert (screen.pane.current.id, composer_text(pilot)) == (GARDEN, "gala")


async def test_a_setting_is_changed_in_one_piece(client: FakeClient, open_app: OpenApp) -> None:
    """The search, Enter on what it found, a choice of it, twice Esc: then letters are text again."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(
            pilot, "f10", *"notifications", "enter", "down", "enter", "escape", "escape", *"ok"
        )
        assert settings_of(pilot.app.screen).notifications == "osc9"
        assert composer_text(pilot) == "ok"


async def test_a_reaction_and_a_text(client: FakeClient, open_app: OpenApp) -> None:
    """The word is the reaction; what follows Enter is for the composer."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, "alt+up", "+", *"wow", "enter", "escape", *"fine")
        assert [call[3] for call in client.calls if call[0] == "react"] == ["wow"]
        assert composer_text(pilot) == "fine"


async def test_a_question_gets_its_answer_and_the_composer_the_rest(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Its letter deletes the message that is marked; the word after it is no second answer."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, "alt+up", "d")
        await settled(pilot)
        await in_one_piece(pilot, "d", "escape", *"yes")
        assert len([call for call in client.calls if call[0] == "delete"]) == 1
        assert composer_text(pilot) == "yes"


async def test_a_paste_waits_for_its_turn_too(client: FakeClient, open_app: OpenApp) -> None:
    """It is put into the field of the dialog that the key before it opened."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        pilot.app.post_message(Key("f3", None))
        pilot.app.post_message(Paste("tomatoes"))
        pilot.app.post_message(Key("escape", None))
        pilot.app.post_message(Paste("ripe"))
        await settled(pilot, 6)
        assert composer_text(pilot) == "ripe"


class Stuck(Overlay[None]):
    """A dialog that takes its time with a key."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.goes_on = asyncio.Event(), asyncio.Event()
        self.keys = list[str]()

    async def on_key(self, event: Key) -> None:
        """Wait."""
        self.keys.append(event.key)
        self.began.set()
        await self.goes_on.wait()


async def test_the_key_that_quits_waits_for_no_dialog(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that is stuck keeps nobody from leaving; a letter waits for the one before it."""
    monkeypatch.setattr(key_queue, "LONGEST_WAIT", 3600)
    async with open_app(client) as pilot:
        quits, stuck = asyncio.Event(), Stuck()
        monkeypatch.setattr(pilot.app, "exit", quits.set)
        await pilot.app.push_screen(stuck)
        pilot.app.post_message(Key("a", "a"))
        pilot.app.post_message(Key("b", "b"))
        await stuck.began.wait()
        pilot.app.post_message(Key("ctrl+q", None))
        await quits.wait()
        assert "b" not in stuck.keys
        stuck.goes_on.set()
        await settled(pilot, 4)
        assert stuck.keys == ["a", "b"]


class Slow(Widget):
    """A widget that waits for something outside."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.goes_on = asyncio.Event(), asyncio.Event()

    async def on_key(self, event: Key) -> None:  # noqa: ARG002 - which key it is does not matter
        """Wait."""
        self.began.set()
        await self.goes_on.wait()


async def test_a_slow_widget_does_not_keep_the_keyboard(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dialog is closed above it: what is typed then waits a while for its answer, and not for ever."""
    monkeypatch.setattr(key_queue, "LONGEST_WAIT", 0.01)
    async with open_app(client) as pilot:
        screen, slow, changed = await lobby(pilot), Slow(), asyncio.Event()
        await screen.mount(slow)
        slow.post_message(Key("a", "a"))
        await slow.began.wait()
        screen.pane.composer.message_signal.subscribe(screen, lambda _: changed.set(), immediate=True)
        for key in ("f1", "escape", *"text"):
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        async with asyncio.timeout(60):
            while screen.pane.composer.text != "text":
                changed.clear()
                await changed.wait()
        slow.goes_on.set()
