"""What a person does on the chat screen, key by key."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled, write
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.events import EntryChanged, RoomsChanged, StatusChanged, TypingChanged
from parlour_client.core.model import Delivery, MemberView
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import UnreachableError
from parlour_client.ui.chat import search
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.status_line import StatusLine
from parlour_client.ui.palette import Palette
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Kicked
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import Role


async def test_starts_and_stops_the_client(client: FakeClient, open_app: OpenApp) -> None:
    """The app owns the client's life."""
    async with open_app(client):
        assert client.started
    assert client.stopped


async def test_what_is_typed_is_sent_with_enter(client: FakeClient, open_app: OpenApp) -> None:
    """Typed keys go to the composer without a click, and Enter sends."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press(*"hey", "enter")
        await settled(pilot)
        assert ("send", LOBBY, "hey", None) in client.calls
        assert screen.pane.composer.text == ""
        screen.pane.timeline.add_pending()
        assert screen.pane.timeline.entries[-1].text == "hey"


async def test_a_refused_text_stays_in_the_composer(client: FakeClient, open_app: OpenApp) -> None:
    """Nothing written is lost, and the reason is told."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.refusal = ChatRefusedError(ErrorCode.MUTED)
        await write(pilot, "let me speak")
        assert screen.pane.composer.text == "let me speak"
        assert "You are muted in this room." in screen_text(pilot)


async def test_a_text_over_the_limit_is_reported_and_stays(client: FakeClient, open_app: OpenApp) -> None:
    """The first wall refuses in words."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await write(pilot, "x" * 9_000)
        assert len(screen.pane.composer.text) == 9_000
        assert "The text was refused" in screen_text(pilot)


async def test_reply_names_what_it_answers(client: FakeClient, open_app: OpenApp) -> None:
    """R on a message answers it; the line above the composer says so; esc leaves."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "k", "r")
        assert "Reply to bob (Esc: no reply) ╭ hello" in screen_text(pilot)
        await write(pilot, "hello too")
        assert ("send", LOBBY, "hello too", Seq(2)) in client.calls
        assert "Reply to" not in screen_text(pilot)
        assert "╭ bob: hello" in screen_text(pilot)


async def test_me_is_sent_as_it_is_written_also_as_an_answer(client: FakeClient, open_app: OpenApp) -> None:
    """`/me` is a command of the composer and a text on the wire; an edit of it is one as well."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "k", "r")
        await write(pilot, "/me waves")
        assert ("send", LOBBY, "/me waves", Seq(2)) in client.calls
        assert "* alice waves" in screen_text(pilot)
        await pilot.press("alt+up", "e")
        assert screen.pane.composer.text == "/me waves"
        await write(pilot, "/me waves twice")
        assert ("edit", LOBBY, Seq(4), "/me waves twice") in client.calls


async def test_an_own_message_is_edited(client: FakeClient, open_app: OpenApp) -> None:
    """E loads it and sends the change."""
    client.say(LOBBY, ALICE, "tyop")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "e")
        assert screen.pane.composer.text == "tyop"
        await write(pilot, "typo")
        assert ("edit", LOBBY, Seq(4), "typo") in client.calls
        assert "edited" in screen_text(pilot)


async def test_delete_asks_first(client: FakeClient, open_app: OpenApp) -> None:
    """N keeps the message, its own letter deletes it, and neither y nor Enter does."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "d")
        assert "Delete this message for everyone?" in screen_text(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "delete"]
        await pilot.press("d")
        await settled(pilot)
        await pilot.press("y")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "delete"]
        await pilot.press("d")
        await settled(pilot)
        await pilot.press("d")
        await settled(pilot)
        assert ("delete", LOBBY, Seq(3)) in client.calls
        assert "· deleted" in screen_text(pilot)


@pytest.mark.parametrize(
    ("keys", "reaction"),
    [
        (["enter"], "👍"),
        (["down", "enter"], "🎉"),
        ([*":rocket", "enter"], "🚀"),
        ([*"tada", "enter"], "🎉"),
        ([*"rocket", "up", "enter"], "rocket"),
        ([*"lgtm", "enter"], "lgtm"),
    ],
)
async def test_a_reaction_is_chosen_or_typed(
    client: FakeClient, open_app: OpenApp, keys: list[str], reaction: str
) -> None:
    """Enter takes what is highlighted: an emoji by its name, or the word, which is the last of the list."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "plus", *("colon" if key == ":" else key for key in keys))
        await settled(pilot)
        assert ("react", LOBBY, Seq(3), reaction, True) in client.calls


async def test_a_name_that_no_emoji_has_is_not_sent(client: FakeClient, open_app: OpenApp) -> None:
    """A colon asks for an emoji: the half of a name is no reaction."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "plus", "colon", *"zzzz", "enter", "escape")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "react"]


async def test_react_and_take_back(client: FakeClient, open_app: OpenApp) -> None:
    """The same reaction again is taken back."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "plus", *"lgtm", "enter")
        await settled(pilot)
        assert ("react", LOBBY, Seq(3), "lgtm", True) in client.calls
        screen.pane.timeline.add_pending()
        assert "lgtm 1" in screen_text(pilot)
        await write(pilot, "/react lgtm")
        assert ("react", LOBBY, Seq(3), "lgtm", False) in client.calls


async def test_the_inspector_shows_code_points_and_wire_form(client: FakeClient, open_app: OpenApp) -> None:
    """I shows what a text really holds."""
    client.say(LOBBY, BOB, "a\u202eb")
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "i")
        await pilot.pause()
        text = screen_text(pilot)
        assert "RIGHT-TO-LEFT OVERRIDE" in text
        assert '"text": "a⟦U+202E⟧b"' in text
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_copy_copies_what_is_shown(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """The clipboard never gets a raw escape."""
    (tmp_path / "settings.toml").write_text('clipboard = "terminal"\n')
    client.say(LOBBY, BOB, "curl x\x1b[8m;evil\x1b[0m")
    async with open_app(client, folder=tmp_path) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "y")
        await settled(pilot)
        assert pilot.app.clipboard == "curl x⟦ESC⟧[8m;evil⟦ESC⟧[0m"
        assert "Copied as shown" in screen_text(pilot)


async def test_unsent_messages_say_so_and_can_be_taken_back(client: FakeClient, open_app: OpenApp) -> None:
    """Queued and failed are words; s tries again, x takes back."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.set_link(ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected", retry_in=5))
        await write(pilot, "later")
        screen.pane.timeline.add_pending()
        assert "queued" in screen_text(pilot)
        entry = client.logs[LOBBY][-1]
        client.tell(EntryChanged(replace(entry, delivery=Delivery.FAILED, problem="too fast")))
        screen.pane.timeline.add_pending()
        assert "not sent" in screen_text(pilot)
        await pilot.press("alt+up", "s", "x")
        await settled(pilot)
        assert ("retry", entry.request) in client.calls
        assert ("cancel", entry.request) in client.calls
        assert "later" not in " ".join(entry.text or "" for entry in client.logs[LOBBY])
        assert screen.pane.composer.text == "later"  # it was written: cancelling does not lose it


async def test_the_status_line_says_state_and_protection(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words for the state, a countdown, and what protects when it is new; never the word "secure"."""
    seconds = Mock()  # seconds pass when the test says so
    monkeypatch.setattr(StatusLine, "set_interval", seconds)
    async with open_app(client, size=(120, 24)) as pilot:
        screen = await lobby(pilot)
        assert "connected" not in screen_text(pilot)  # quiet while all is well
        assert "TLS" not in screen_text(pilot)
        client.set_link(
            ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected", "no route", retry_in=5)
        )
        await pilot.pause()
        assert "alice · not connected: again in 5 s" in screen_text(pilot)
        assert "! no route" in screen_text(pilot)
        screen.status_line._tick()
        await pilot.pause()
        assert "again in 4 s" in screen_text(pilot)
        client.set_link(ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3, key pinned"))
        await pilot.pause()
        assert "alice · connected " in screen_text(pilot)
        assert "no route" not in screen_text(pilot)
        screen.status_line._be_calm()
        await pilot.pause()
        assert "connected" not in screen_text(pilot)
        client.set_link(ConnectionStatus(LinkState.CONNECTING, "chat.example:8443", "not connected"))
        client.set_link(ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3, another key"))
        await pilot.pause()
        assert "connected · TLS 1.3, another key · chat.example:8443" in screen_text(pilot)
        client.set_link(
            ConnectionStatus(LinkState.STOPPED, "chat.example:8443", "key changed", "Ask the owner.")
        )
        await pilot.pause()
        assert "alice · not connected " in screen_text(pilot)
        assert "! Ask the owner." in screen_text(pilot)
        assert "secure" not in screen_text(pilot).lower()


async def test_rooms_show_unread_and_ctrl_n_goes_there(client: FakeClient, open_app: OpenApp) -> None:
    """Counts and mentions are in the list; mentions come first."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.say(GARDEN, CAROL, "roses")
        client.say(DIRECT, BOB, "psst @alice")
        await settled(pilot)
        assert "#garden        1 │" in screen_text(pilot)
        assert "@bob           1@│" in screen_text(pilot)
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert screen.pane.current.id == DIRECT
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert "No unread messages." in screen_text(pilot)


async def test_f2_chooses_a_room(client: FakeClient, open_app: OpenApp) -> None:
    """F2, arrows and Enter open a room and come back to writing."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("f2", "down", "enter")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.pane.composer.has_focus


async def test_drafts_stay_with_their_rooms(client: FakeClient, open_app: OpenApp) -> None:
    """What was being written comes back with the room."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press(*"half")
        await screen.pane.navigation.open(GARDEN)
        assert screen.pane.composer.text == ""
        await screen.pane.navigation.open(LOBBY)
        assert screen.pane.composer.text == "half"


async def test_people_are_shown_with_role_and_status_in_words(client: FakeClient, open_app: OpenApp) -> None:
    """F4 goes to who is here, and hides it again."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert not screen.member_list.display
        await pilot.press("f4")
        await pilot.pause()
        text = screen_text(pilot)
        for words in ("Online 1", "alice ", "owner ", "Away 1", "Offline 1", "muted"):
            assert words in text
        assert screen.member_list.has_focus
        await pilot.press("f4")
        await pilot.pause()
        assert not screen.member_list.display
        assert screen.pane.composer.has_focus


async def test_members_are_asked_for_when_the_connection_comes(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client starts before it is connected: that is no error to tell, and the list does not stay empty."""

    async def unreachable(_room: RoomId) -> Sequence[MemberView]:
        raise UnreachableError("There is no connection to the server right now.")

    with monkeypatch.context() as patch:
        patch.setattr(client, "members", unreachable)
        async with open_app(client) as pilot:
            screen = await lobby(pilot)
            await pilot.press("f4")
            await settled(pilot)
            assert "Not loaded yet" in screen_text(pilot)
            assert "There is no connection" not in screen_text(pilot)
            patch.undo()
            client.tell(StatusChanged(client.status))
            client.tell(RoomsChanged())
            await settled(pilot)
            assert "Online 1" in screen_text(pilot)
            patch.setattr(client, "members", unreachable)
            client.tell(StatusChanged(client.status))
            client.tell(RoomsChanged())
            await settled(pilot)
            assert "Online 1" in screen_text(pilot)  # what was known stays
            assert list(screen.pane.composer.people) == [BOB, CAROL]


async def test_typing_is_shown(client: FakeClient, open_app: OpenApp) -> None:
    """Names and a word; and we tell no one unless asked."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        client.tell(TypingChanged(LOBBY, (BOB, CAROL)))
        await pilot.pause()
        assert "bob, carol are typing" in screen_text(pilot)
        client.tell(TypingChanged(LOBBY, ()))
        await pilot.press(*"hm")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "typing"]
        await write(pilot, "/typing on")
        await pilot.press(*"hm")
        await settled(pilot)
        assert ("typing", LOBBY, True) in client.calls


async def test_being_removed_leaves_no_dead_end(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room stays and says who did it and when; a refusal of what was asked meanwhile is not news."""
    answered, members = asyncio.Event(), client.members

    async def refused_late(room: RoomId) -> Sequence[MemberView]:
        if room == LOBBY:
            await answered.wait()
            raise ChatRefusedError(ErrorCode.NOT_FOUND)
        return await members(room)

    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        monkeypatch.setattr(client, "members", refused_late)
        client.happen(
            LOBBY, BOB, Kicked(client.account.user, ReasonText("off topic"))
        )  # asks for the members
        await pilot.pause()
        client.remove_room(LOBBY)
        answered.set()
        await settled(pilot)
        assert screen.pane.current.id == LOBBY
        shown = screen_text(pilot)
        assert not screen.pane.composer.people
        assert re.search(r"! bob removed you at [^·]+ · read only", shown)
        assert re.search(r"bob removed you from this room.*\n.*│ off topic", shown)
        assert "Nothing can be sent here any more" in shown
        assert "Join it again  /join lobby" in shown
        await pilot.press("escape", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, Palette)


async def test_without_a_room_the_pane_says_what_to_do(open_app: OpenApp) -> None:
    """An empty pane names the commands."""
    async with open_app(FakeClient()) as pilot:
        assert "Browse the public rooms" in screen_text(pilot)
        await write(pilot, "hello?")
        assert "No room is open" in screen_text(pilot)


async def test_search_goes_to_the_message(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F3, words, Up to the last result, Enter: the message is selected in its room, however far back."""
    monkeypatch.setattr(search, "REST", 3600.0)  # only Enter searches, however slow the keys are
    for number in range(300):
        client.say(GARDEN, BOB, f"flower {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("f3", *"flower 7")
        client.logs[LOBBY][-1] = replace(client.logs[LOBBY][-1], text=None)
        await pilot.press("enter")
        await settled(pilot)
        assert "11 found" in screen_text(pilot)
        await pilot.press("up", "enter")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.text == "flower 7"


async def test_help_is_about_what_has_the_focus(client: FakeClient, open_app: OpenApp) -> None:
    """F1 in the composer and in the rooms tells different things, and lists all commands."""
    async with open_app(client, size=(100, 110)) as pilot:
        await lobby(pilot)
        await pilot.press("f1")
        await pilot.pause()
        assert "Type a message and press Enter." in screen_text(pilot)
        assert "/ban PERSON" in screen_text(pilot)
        await pilot.press("escape", "f2", "f1")
        await pilot.pause()
        assert "Up, Down and Enter choose a room." in screen_text(pilot)


async def test_the_palette_finds_rooms_people_and_actions(client: FakeClient, open_app: OpenApp) -> None:
    """Ctrl+P, a word, Enter."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        await pilot.press(*"garden")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN


async def test_alt_and_a_digit_open_rooms_by_their_number(client: FakeClient, open_app: OpenApp) -> None:
    """The list shows the number; a draft stays with its room; a number without a room does nothing."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert " 3 @bob" in screen_text(pilot)
        assert " 2 #garden" in screen_text(pilot)
        client.say(DIRECT, BOB, "psst")
        await settled(pilot)
        assert " 3 @bob           1 " in screen_text(pilot)
        await pilot.press(*"half a tho", "alt+2")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        await pilot.press("alt+9")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        await pilot.press("alt+1")
        await settled(pilot)
        assert (screen.pane.current.id, screen.pane.composer.text) == (LOBBY, "half a tho")
        await write(pilot, "/number 7 garden")
        assert ("open_by", GARDEN, 7) in client.calls
        await pilot.press("ctrl+u", "alt+7")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN


async def test_a_line_is_a_command_or_a_message(client: FakeClient, open_app: OpenApp) -> None:
    """What each command asks of the client is tested with the commands."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await screen.pane.commands.run("/kick bob too loud")
        await settled(pilot)
        await pilot.press("r")
        await settled(pilot)
        assert ("kick", LOBBY, BOB, "too loud") in client.calls
        await screen.pane.commands.run("//not a command")
        assert ("send", LOBBY, "/not a command", None) in client.calls


@pytest.mark.parametrize(
    ("line", "yes", "question", "call"),
    [
        ("/leave", "l", "Leave lobby?", ("leave", LOBBY)),
        ("/role bob owner", "o", "Make bob an owner of lobby?", ("set_role", LOBBY, BOB, Role.OWNER)),
        ("/pin", "enter", "Pin this message for everyone in lobby?", ("pin", LOBBY, Seq(3), True)),
        ("/kick bob", "r", "Remove bob from lobby?", ("kick", LOBBY, BOB, "")),
        ("/ban bob", "b", "Ban bob from lobby for good?", ("ban", LOBBY, BOB, None, "")),
        ("/delete-room", "lobby enter", "Delete lobby?", ("delete_room", LOBBY)),
    ],
)
async def test_actions_that_everyone_sees_or_that_cannot_be_undone_are_confirmed_once(
    client: FakeClient, open_app: OpenApp, line: str, yes: str, question: str, call: tuple[object, ...]
) -> None:
    """Esc does nothing, nor does Enter or y unless it is harmless; only its own yes does it."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        no = ["escape"] if yes == "enter" else ["escape", "y escape", "enter"]
        for keys, done in (*((key, False) for key in no), (yes, True)):
            await screen.pane.commands.run(line)
            await settled(pilot)
            assert question in screen_text(pilot)
            word, _blank, last = keys.rpartition(" ")
            await pilot.press(*word, last)
            await settled(pilot)
            assert (call in client.calls) is done


async def test_a_topic_alone_is_shown_and_not_taken_away(client: FakeClient, open_app: OpenApp) -> None:
    """`/topic` and Enter must not delete the topic for everyone."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await write(pilot, "/topic")
        assert "lobby  topic" in screen_text(pilot)
        assert not [call for call in client.calls if call[0] == "set_topic"]


async def test_the_whole_topic_is_shown_on_request(client: FakeClient, open_app: OpenApp) -> None:
    """The heading shows its beginning and that there is more; Alt+T shows all of it, by the rule for text."""
    client.set_topic_raw(LOBBY, "bees and honey, " * 12 + "\u202ethe end")
    async with open_app(client, size=(80, 30)) as pilot:
        await lobby(pilot)
        topic = screen_text(pilot).split("\n")[1].rstrip()
        assert " │ bees and honey" in topic
        assert topic.endswith("…")
        await pilot.press("alt+t")
        await settled(pilot)
        assert "⟦U+202E⟧the end" in screen_text(pilot)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/help part", "/leave"),
        ("/help moderating", "/kick PERSON"),
        ("/h unread", "/unread"),
        ("/help", "Help · you are in the composer"),
    ],
)
async def test_help_explains_a_command_or_a_topic(
    client: FakeClient, open_app: OpenApp, line: str, words: str
) -> None:
    """By any of a command's words; alone it is about what has the focus."""
    async with open_app(client, size=(120, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, line)
        await settled(pilot)
        text = screen_text(pilot)
        assert words in text
        assert ("/uninvite" in text) is (line == "/help")  # which lists all commands, below the keys


WRONG = [
    ("/help knitting", "There is no command or topic knitting."),
    ("/nope", "There is no command /nope."),
    ("/kcik bob", "Did you mean /kick?"),
    ("/nick allie", "Your name is your account's"),
    ("/theme parlor", "There is no theme called parlor. Did you mean parlour?"),
    ("/join nowhere", "There is no public room called nowhere."),
    ("/role bob king", "Write /role PERSON owner|moderator|member."),
    ("/mute bob long", "Write how long as 10m, 2h or 7d."),
    ("/typing maybe", "Write /typing on|off."),
]


async def test_wrong_commands_are_reported_in_words(client: FakeClient, open_app: OpenApp) -> None:
    """A wrong argument is a sentence, not an error."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        for line, words in WRONG:
            await write(pilot, line)
            assert words in screen_text(pilot)
        await write(pilot, "/dm x\u202ey")
        assert pilot.app.is_running


@pytest.mark.parametrize("line", ["/join bob", "/join @bob", "/join garden"])
async def test_a_room_that_is_listed_is_opened_by_its_name(
    client: FakeClient, open_app: OpenApp, line: str
) -> None:
    """Of a direct room that name is the person's; nothing is asked of the server."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await write(pilot, line)
        await settled(pilot)
        assert screen.pane.current.id == (GARDEN if "garden" in line else DIRECT)


async def test_the_room_that_was_open_is_open_again(client: FakeClient, open_app: OpenApp) -> None:
    """Not one that was only peeked into, and not one that was left since."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await screen.pane.navigation.open(GARDEN, peek=True)
        await settled(pilot)
    client.say(GARDEN, BOB, "news")
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await settled(pilot)
        assert screen.pane.current.id == LOBBY
    client.last_room = RoomId("x" * 22)
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await settled(pilot)
        assert screen.pane.current.id == GARDEN


async def test_what_is_behind_the_panes_costs_one_row(client: FakeClient, open_app: OpenApp) -> None:
    """The screen and the containers on it are rendered with every frame, and are covered."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        for container in (screen, screen.query_one("#panes"), screen.pane):
            first, *others = container.render_lines(container.size.region)
            assert others
            assert all(row is first for row in others)
