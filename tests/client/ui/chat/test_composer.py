"""The composer: lines, history, completion, and the wall on what is typed and pasted."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import ALICE, GARDEN, LOBBY, FakeClient
from textual.events import Key, Paste
from textual.pilot import Pilot

from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat import composer as composer_module
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.input.completion import complete
from parlour_client.ui.input.sanitiser import clean
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.text.forbidden import FORBIDDEN
from parlour_protocol.rooms import Role


async def composer(pilot: Pilot[None]) -> Composer:
    """Open the lobby and return its composer."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    await screen.pane.navigation.open(LOBBY)
    await settled(pilot)
    return screen.pane.composer


async def test_the_cursor_rests_with_the_person(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some seconds after the last key it does not blink, so that nothing is drawn; a key wakes it."""
    monkeypatch.setattr(composer_module, "BLINKS", 0.01)
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        async with asyncio.timeout(60):
            while writing.cursor_blink:
                await pilot.pause()
        monkeypatch.setattr(composer_module, "BLINKS", 60.0)
        await pilot.press("a")
        assert writing.cursor_blink


async def test_shift_enter_and_ctrl_j_begin_a_line(client: FakeClient, open_app: OpenApp) -> None:
    """Enter alone sends."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        await pilot.press("a", "shift+enter", "b", "ctrl+j", "c")
        assert writing.text == "a\nb\nc"
        await pilot.press("enter")
        await settled(pilot)
        assert ("send", LOBBY, "a\nb\nc", None) in client.calls


async def test_keys_that_come_in_one_piece_are_taken_in_turn(client: FakeClient, open_app: OpenApp) -> None:
    """A slow line hands over what was typed for a second at once: Backspace takes what stood before it."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        burst = [*"lost", "ctrl+u", *"teh", "backspace", "backspace", *"he", "left", "left", *"ee"]
        for key in burst:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert writing.text == "teehe"


@pytest.mark.parametrize(
    "text", ["می\u200cشد", "👨\u200d👩\u200d👧", "全角\u3000空白", "voilà\xa0!", "12\u202f000"], ids=ascii
)
async def test_joiners_and_wide_spaces_are_typed(client: FakeClient, open_app: OpenApp, text: str) -> None:
    """Persian keyboards have a non-joiner, emoji pickers send joiners, and TextArea leaves both out."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        for character in text:
            pilot.app.post_message(Key(character, character))
        await settled(pilot)
        assert writing.text == text


async def test_alt_b_and_alt_f_go_by_words(client: FakeClient, open_app: OpenApp) -> None:
    """As in readline, and as Option and an arrow on a Mac."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        await pilot.press(*"one", "space", *"two", "alt+b", "alt+b", "X", "alt+f", "Y")
        assert writing.text == "XoneY two"


async def test_up_and_down_move_within_the_lines(client: FakeClient, open_app: OpenApp) -> None:
    """They leave what is being written only at its edges."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        await pilot.press("a", "ctrl+j", "b", "up", "x", "down", "y")
        assert writing.text == "ax\nby"


async def test_commands_come_back_with_up(client: FakeClient, open_app: OpenApp) -> None:
    """As they were typed, also those that were refused, and a message that begins with a slash."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        for line in ("/away", "//etc/hosts"):
            await pilot.press(*line, "enter")
            await settled(pilot)
        await pilot.press("up")
        assert writing.text == "//etc/hosts"
        await pilot.press("up")
        assert writing.text == "/away"


async def test_a_paste_is_never_sent_by_itself(client: FakeClient, open_app: OpenApp) -> None:
    """Lines of a paste are shown first, and stay in the composer until Enter is pressed."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        pilot.app.post_message(Paste("one\r\ntwo\rthree\n"))
        await settled(pilot)
        assert "3 lines" in screen_text(pilot)
        await pilot.press("e")
        await settled(pilot)
        assert writing.text == "one\ntwo\nthree\n"
        assert not [call for call in client.calls if call[0] == "send"]


async def test_hidden_characters_of_a_paste_are_taken_out_and_told(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Controls and bidi overrides never get into the composer."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        pilot.app.post_message(Paste("ls\x1b[8m \u202erm\u2028 -rf\x0b"))
        await settled(pilot)
        assert writing.text == "ls[8m rm -rf"
        assert "Removed 4 invisible or control characters." in screen_text(pilot)


async def test_what_others_see_as_escapes_is_reported(client: FakeClient, open_app: OpenApp) -> None:
    """A stray joiner is kept, with a word about it."""
    async with open_app(client) as pilot:
        await composer(pilot)
        for typed in "a\u200db":  # one by one: only a whole paste is judged before it is in
            pilot.app.post_message(Paste(typed))
            await settled(pilot)
        await settled(pilot)
        assert "Others will see 1 character of this as escapes." in screen_text(pilot)


@given(st.text())
def test_nothing_forbidden_is_left(text: str) -> None:
    """Whatever is pasted, what stays is drawable."""
    cleaned = clean(text).text
    assert not FORBIDDEN.search(cleaned.replace("\n", "").replace("\t", ""))
    assert clean(cleaned) == (cleaned, 0)


def test_a_paste_is_judged_by_the_rule() -> None:
    """Joiners out of place, towers of marks and runs of tones are taken out; words of every script stay."""
    assert clean("a\u200d\u200d\u200db") == ("ab", 3)
    assert clean("o" + "\u0300\u0316" * 9) == ("o" + "\u0300\u0316" * 2, 14)
    assert clean("\u0645\u06cc\u200c\u062e\t\U0001f468\u200d\U0001f469").removed == 0
    assert clean("\u200c") == ("\u200c", 0)


async def test_up_goes_back_through_what_was_written(client: FakeClient, open_app: OpenApp) -> None:
    """Up and Down at the edges; never over a text that was not sent."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        for text in ("first", "second"):
            await pilot.press(*text, "enter")
            await settled(pilot)
        await pilot.press("up")
        assert writing.text == "second"
        await pilot.press("up")
        assert writing.text == "first"
        await pilot.press("down", "down")
        assert writing.text == ""
        await pilot.press(*"new", "up")
        assert writing.text == "new"


async def test_tab_completes_names_and_commands(client: FakeClient, open_app: OpenApp) -> None:
    """The list shows while typing; Tab takes its first entry."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        await pilot.press(*"@ca")
        await pilot.pause()
        assert "carol" in screen_text(pilot)
        await pilot.press("tab")
        assert writing.text == "@carol "
        writing.put("")
        await pilot.press(*"/ki", "tab", *"b", "tab")
        assert writing.text == "/kick bob "


async def test_enter_takes_what_is_highlighted(client: FakeClient, open_app: OpenApp) -> None:
    """The beginning of a name or a command is completed; Esc closes the list, and Enter sends it as it is."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        for typed, taken in (
            ("@c", "@carol "),
            ("/cr", "/create "),
            (":tada", "🎉 "),
            ("/dm car", "/dm carol "),
        ):
            writing.put("")
            for letter in typed:
                await pilot.press("space" if letter == " " else "colon" if letter == ":" else letter)
            await settled(pilot)
            await pilot.press("enter")
            assert writing.text == taken
        assert not [call for call in client.calls if call[0] == "send"]
        writing.put("")
        await pilot.press(*"@c", "escape", "enter")
        await settled(pilot)
        assert ("send", LOBBY, "@c", None) in client.calls


async def test_enter_sends_what_needs_no_completion(client: FakeClient, open_app: OpenApp) -> None:
    """A whole name, a sign without letters, and a list that came after the key."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        for keys in ("@carol", "see @"):
            await pilot.press(*("space" if key == " " else key for key in keys))
            await settled(pilot)
            await pilot.press("enter")
            await settled(pilot)
            assert ("send", LOBBY, keys, None) in client.calls
        await pilot.press(*"@", "down", "enter")
        assert writing.text == "@bob "
        writing.put("")
        for key in "@c":
            pilot.app.post_message(Key(key, key))
        pilot.app.post_message(Key("enter", "\r"))
        await settled(pilot)
        assert ("send", LOBBY, "@c", None) in client.calls


async def test_escape_closes_the_list_first(client: FakeClient, open_app: OpenApp) -> None:
    """What was typed stays."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        await pilot.press(*"@", "escape")
        assert writing.text == "@"
        assert writing._offers.first is None


def test_completions_are_by_place() -> None:
    """A command's first argument completes to what it takes, elsewhere the sign decides."""
    people, rooms = dict.fromkeys(["bob", "carol"], "online"), ["garden"]
    assert [offer.insert for offer in complete("/invite ", people, rooms).offers] == ["bob ", "carol "]
    assert [offer.insert for offer in complete("/join g", people, rooms).offers] == ["garden "]
    assert [offer.insert for offer in complete("see #g", people, rooms).offers] == ["#garden "]
    assert [offer.insert for offer in complete("hi @b", people, rooms).offers] == ["@bob "]
    assert not complete("hi b", people, rooms).offers
    assert [offer.insert for offer in complete("/unm", people, rooms).offers] == ["/unmute "]


async def test_what_was_written_can_be_undone_and_cleared(client: FakeClient, open_app: OpenApp) -> None:
    """Clearing is one step, like a word; what was sent does not come back into the next text."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        await pilot.press(*"one", "ctrl+j", *"two")
        await pilot.press("alt+c")
        assert writing.text == ""
        await pilot.press("alt+z")
        assert writing.text == "one\ntwo"
        await pilot.press("ctrl+y")
        assert writing.text == ""
        await pilot.press("ctrl+underscore", "ctrl+underscore")
        assert writing.text == "one\n"
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("alt+z", "alt+z")
        assert writing.text == ""


async def test_undoing_stays_within_a_room(client: FakeClient, open_app: OpenApp) -> None:
    """The text of another room must not come up here."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        await pilot.press(*"for the lobby")
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        await pilot.press("alt+z", "alt+z")
        assert writing.text == ""


async def test_an_edit_that_was_cancelled_can_be_brought_back(client: FakeClient, open_app: OpenApp) -> None:
    """Esc is pressed by mistake, too."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        client.say(LOBBY, ALICE, "mine")
        await settled(pilot)
        await pilot.press("alt+up", "e")
        await settled(pilot)
        await pilot.press(*"!!", "escape")
        await settled(pilot)
        assert writing.text == ""
        await pilot.press("alt+z")
        assert writing.text == "mine!!"


async def test_tab_takes_an_emoji_by_its_name(client: FakeClient, open_app: OpenApp) -> None:
    """In a message, and as a command's word."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press(*"ok :thumbsu")
        await pilot.pause()
        assert ":thumbsup:" in screen_text(pilot)
        await pilot.press("tab")
        assert screen.pane.composer.text == "ok 👍 "
        screen.pane.composer.put("")
        await pilot.press(*"/react heart_ey", "tab")
        assert screen.pane.composer.text.startswith("/react 😍")


async def test_everything_that_is_written_on_the_screen_may_have_names(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Messages, edits, topics and reactions; with the setting off they stay as they are."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        for line in ("hello :tada:", "/topic all :bee:", "/react :+1:"):
            await screen.pane.commands.run(line)
        assert ("send", LOBBY, "hello 🎉", None) in client.calls
        assert ("set_topic", LOBBY, "all 🐝") in client.calls
        assert ("react", LOBBY, Seq(4), "👍", True) in client.calls
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("shortcodes", value=False)
        await screen.pane.commands.run("hello :tada:")
        assert ("send", LOBBY, "hello :tada:", None) in client.calls


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (Role.OWNER, "Archived: read only. /archive off opens it again."),
        (Role.MEMBER, "Archived: read only. An owner can open it again."),
    ],
)
async def test_an_archived_room_says_so_where_one_writes(
    client: FakeClient, open_app: OpenApp, role: Role, words: str
) -> None:
    """It names who can change that, warns while text is typed, and invites again once it is active."""
    client.set_role_raw(LOBBY, role)
    client.set_archived(LOBBY)
    async with open_app(client) as pilot:
        await composer(pilot)
        assert words in screen_text(pilot)
        await pilot.press(*"hi")
        await settled(pilot)
        assert "nobody can write here" in screen_text(pilot)
        await pilot.press("backspace", "backspace", "slash")
        await settled(pilot)
        assert "nobody can write here" not in screen_text(pilot)
        await pilot.press("backspace")
        client.set_archived(LOBBY, on=False)
        await settled(pilot)
        assert "Write to #lobby (not encrypted)" in screen_text(pilot)
        assert not [call for call in client.calls if call[0] == "typing"]


@pytest.mark.parametrize("line", ["/kick", "/kick  ", "/mut bob", "/typing maybe"])
async def test_a_command_that_is_incomplete_or_misspelt_stays_to_be_completed(
    client: FakeClient, open_app: OpenApp, line: str
) -> None:
    """The hint says what is missing; nothing is typed twice. What was refused otherwise comes with Up."""
    async with open_app(client) as pilot:
        writing = await composer(pilot)
        writing.insert(line)
        await pilot.press("enter")
        await settled(pilot)
        assert writing.text == line
        writing.exchange("/goto nowhere-at-all")
        await pilot.press("enter")
        await settled(pilot)
        assert writing.text == ""
