"""A thread: what stands in it, that what is written in it goes there and nowhere else, where the focus is."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.extras.test_two_rooms import WIDE, split
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.dialogs.test_key_order import in_one_piece
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.events import HistoryChanged
from parlour_client.core.model import Entry
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.ui.chat import composer_controller
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Blank
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

NARROW = (80, 24)
OFFLINE = ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected", retry_in=5)


@pytest.fixture(autouse=True)
def root(client: FakeClient) -> Entry:
    """Let three messages hang together, with another one between; return the first."""
    first = client.say(LOBBY, BOB, "who has honey?")
    client.say(LOBBY, CAROL, "nice weather")
    answer = client.say(LOBBY, CAROL, "I have", reply_to=first.seq)
    client.say(LOBBY, BOB, "how much?", reply_to=answer.seq)
    client.mark_all_read()
    client.calls.clear()
    return first


async def opened(pilot: Pilot[None], *keys: str) -> ChatScreen:
    """Open the thread of the newest message, and press further keys."""
    screen = await lobby(pilot)
    await pilot.press("alt+up", "t", *keys)
    await settled(pilot)
    return screen


def thread(screen: ChatScreen) -> RoomPane:
    """Return the pane of the thread."""
    assert screen.panes.thread is not None
    return screen.panes.thread


def texts(pane: RoomPane) -> list[str | None]:
    """Return what stands in a pane."""
    return [entry.text for entry in pane.timeline.entries]


def sent(client: FakeClient) -> list[tuple[object, ...]]:
    """Return what was sent, and what it replies to."""
    return [call[1:] for call in client.calls if call[0] == "send"]


# --- what stands in it


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_thread_is_all_that_hangs_together(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """From its first message, at any depth; the room is beside it, or below."""
    async with open_app(client, size=size) as pilot:
        screen = await opened(pilot)
        assert texts(thread(screen)) == ["who has honey?", "I have", "how much?"]
        shown = screen_text(pilot)
        assert "▸ Thread of bob, " in shown
        assert " · 3 messages" in shown
        assert ("nice weather" in shown) == (size == WIDE)
        assert not screen.member_list.display


async def test_it_follows_what_happens(client: FakeClient, open_app: OpenApp, root: Entry) -> None:
    """New replies at any depth, edits and deletions, of the first message as well; the rest stays out."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        late = client.say(LOBBY, CAROL, "two glasses", reply_to=Seq(7))
        client.say(LOBBY, CAROL, "good night")
        client.say(LOBBY, BOB, "thanks", reply_to=late.seq)
        await client.edit(LOBBY, late.seq or Seq(0), "three glasses")
        client.change(replace(root, text=None, deleted=True, body=Blank("message")))
        await settled(pilot)
        assert texts(thread(screen)) == [None, "I have", "how much?", "three glasses", "thanks"]
        assert "Thread of bob" in screen_text(pilot)
        assert " · 5 messages" in screen_text(pilot)
        await pilot.press(*"sorry", "enter")
        assert sent(client) == [(LOBBY, "sorry", root.seq)]


async def test_what_is_missing_is_fetched(client: FakeClient, open_app: OpenApp) -> None:
    """The first message and a reply that were not on this device; what is here is shown before."""
    log = client.logs[LOBBY]
    gone = [entry for entry in log if entry.text in {"who has honey?", "I have"}]
    client.logs[LOBBY], client.far[LOBBY] = [entry for entry in log if entry not in gone], gone
    client.pages_wait.clear()
    async with open_app(client, size=WIDE) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "t", *"really", "enter")
        await pilot.pause()
        assert texts(thread(screen))[0] == "how much?"
        assert "its first message is missing" in screen_text(pilot)
        client.pages_wait.set()
        await settled(pilot)
        assert texts(thread(screen))[:3] == ["who has honey?", "I have", "how much?"]
        assert "Thread of bob" in screen_text(pilot)
        await pilot.press(*"yes", "enter")
        assert [reply for _room, _text, reply in sent(client)] == [6, 4]


async def test_it_is_read_again_after_many_changes(client: FakeClient, open_app: OpenApp) -> None:
    """Such as after a night without a connection: nothing is told one by one."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        client.say(LOBBY, CAROL, "two glasses", reply_to=Seq(7))
        client.tell(HistoryChanged(LOBBY))
        await settled(pilot)
        assert texts(thread(screen)) == ["who has honey?", "I have", "how much?", "two glasses"]


async def test_what_is_visible_in_a_thread_is_not_read_in_the_room(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Messages that the room got meanwhile were not seen; over the room, a reply counts as unread."""
    async with open_app(client, size=NARROW) as pilot:
        screen = await opened(pilot)
        client.calls.clear()
        client.say(LOBBY, CAROL, "two glasses", reply_to=Seq(7))
        await settled(pilot)
        thread(screen).history.read_now()
        assert "two glasses" in screen_text(pilot)
        assert not [call for call in client.calls if call[0] == "mark_read"]
        assert client.rooms.get(LOBBY).unread == 1  # type: ignore[union-attr]


async def test_an_ignored_person_is_folded_in_a_thread(client: FakeClient, open_app: OpenApp) -> None:
    """As in the room, also while it is open."""
    async with open_app(client, size=NARROW) as pilot:
        await opened(pilot)
        await client.ignore(CAROL)
        await settled(pilot)
        assert "ignored: 1 message from carol" in screen_text(pilot)
        assert "├ I have" not in screen_text(pilot)


@pytest.mark.parametrize("how", ["enter", "click", "command"])
async def test_other_ways_into_a_thread(client: FakeClient, open_app: OpenApp, root: Entry, how: str) -> None:
    """Enter on its first message, a click on the count of its replies, `/thread`."""
    client.change(replace(root, replies=1))
    async with open_app(client, size=WIDE) as pilot:
        screen = await lobby(pilot)
        if how == "enter":
            await pilot.press(*["alt+up"] * 4, "enter")
        elif how == "command":
            await pilot.press(*"/thread", "enter")
        else:
            rows = screen_text(pilot).split("\n")
            y = next(at for at, row in enumerate(rows) if "1 reply" in row)
            await pilot.click(offset=(rows[y].index("1 reply"), y))
        await settled(pilot)
        await pilot.press(*"me")
        assert texts(thread(screen)) == ["who has honey?", "I have", "how much?"]
        assert thread(screen).composer.text == "me"


async def test_a_thread_that_comes_late_takes_no_keys(client: FakeClient, open_app: OpenApp) -> None:
    """Someone writes while it is being fetched: it is offered."""
    client.pages_wait.clear()
    async with open_app(client, size=WIDE) as pilot:
        screen = await lobby(pilot)
        await pilot.press(*"/thread", "enter", *"good mo")
        client.pages_wait.set()
        await settled(pilot)
        assert screen.panes.thread is None
        assert screen.pane.composer.text == "good mo"
        await pilot.press("alt+g")
        await settled(pilot)
        await pilot.press(*"I")
        assert (screen.panes.rooms[0].composer.text, thread(screen).composer.text) == ("good mo", "I")


# --- what is written in it


async def test_what_is_written_there_is_a_reply_there(
    client: FakeClient, open_app: OpenApp, root: Entry
) -> None:
    """To the first message, or to the one that was selected; Alt+W writes in the room."""
    async with open_app(client, size=WIDE) as pilot:
        await opened(pilot, *"one", "enter", *"two", "enter")
        await pilot.press("alt+up", "alt+up", "alt+up", "r", *"three", "enter", *"four", "enter")
        await pilot.press("alt+w", *"five", "enter", "alt+w", *"/me waves", "enter")
        await settled(pilot)
        assert sent(client) == [
            (LOBBY, "one", root.seq),
            (LOBBY, "two", root.seq),
            (LOBBY, "three", Seq(7)),
            (LOBBY, "four", root.seq),
            (LOBBY, "five", None),
            (LOBBY, "/me waves", root.seq),
        ]


async def test_keys_in_one_piece_are_for_the_thread(
    client: FakeClient, open_app: OpenApp, root: Entry
) -> None:
    """No letter behind `t` is a command of the room's messages, none behind Esc is written in the thread."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await lobby(pilot)
        await in_one_piece(pilot, "alt+up", "t", *"dey+", "enter", "escape", "escape", *"room", "enter")
        await settled(pilot)
        assert sent(client) == [(LOBBY, "dey+", root.seq), (LOBBY, "room", None)]
        assert not screen.pane.composer.text


async def test_an_edit_in_a_thread(client: FakeClient, open_app: OpenApp) -> None:
    """The draft is there again afterwards, and Up brings back what was sent in the thread only."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot, *"tpyo", "enter", *"draft", "alt+up", "e", "!", "enter")
        await settled(pilot)
        mine = client.logs[LOBBY][-1]
        assert [call for call in client.calls if call[0] == "edit"] == [("edit", LOBBY, mine.seq, "tpyo!")]
        assert thread(screen).composer.text == "draft"
        await pilot.press("alt+c", "up", "up", "alt+w", "up")
        assert thread(screen).composer.text == "tpyo"
        assert screen.panes.rooms[0].composer.text == ""


async def test_keys_in_one_piece_go_to_the_thread_and_to_the_room_that_they_were_typed_in(
    client: FakeClient, open_app: OpenApp, root: Entry
) -> None:
    """However fast someone turns from one to the other; nothing is left behind in either."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        there, here = [*"in", "enter"], [*"out", "enter"]
        await in_one_piece(pilot, *there, "alt+w", *here, "alt+w", *there, "alt+w", *here)
        inside, outside = (LOBBY, "in", root.seq), (LOBBY, "out", None)
        assert sent(client) == [inside, outside, inside, outside]
        assert not thread(screen).composer.text
        assert not screen.panes.rooms[0].composer.text


async def test_a_file_in_a_thread_is_a_reply(
    client: FakeClient, open_app: OpenApp, root: Entry, tmp_path: Path
) -> None:
    """So are other commands of its room about the room."""
    (tmp_path / "honey.txt").write_text("honey")
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        thread(screen).composer.put(f"/file {tmp_path / 'honey.txt'}")
        await pilot.press("enter")
        await settled(pilot)
        assert [call[-1] for call in client.calls if call[0] == "send_file"] == [root.seq]
        assert texts(thread(screen))[-1] == "honey.txt"
        await pilot.press(*"/topic bees", "enter")
        await settled(pilot)
        assert ("set_topic", LOBBY, "bees") in client.calls


async def test_a_reaction_in_a_thread_is_for_its_message(client: FakeClient, open_app: OpenApp) -> None:
    """The selected one there, or its newest; never the newest of the room."""
    async with open_app(client, size=WIDE) as pilot:
        await opened(pilot)
        client.say(LOBBY, CAROL, "good night")
        await pilot.press(*"/react :+1:", "enter")
        await settled(pilot)
        assert [call[1:] for call in client.calls if call[0] == "react"] == [(LOBBY, 7, "👍", True)]


async def test_what_is_queued_stands_in_the_thread(client: FakeClient, open_app: OpenApp) -> None:
    """Without a connection, also when it is opened later; cancelled, it is written there again."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        client.set_link(OFFLINE)
        await pilot.press(*"me", "enter")
        await settled(pilot)
        assert texts(thread(screen))[-1] == "me"
        await pilot.press("escape", "t")
        await settled(pilot)
        assert texts(thread(screen))[-1] == "me"
        await pilot.press("alt+up", "x")
        await settled(pilot)
        assert texts(thread(screen))[-1] == "how much?"
        assert (screen.panes.rooms[0].composer.text, thread(screen).composer.text) == ("", "me")


async def test_a_refused_reply_waits_in_its_thread(client: FakeClient, open_app: OpenApp) -> None:
    """It was closed before the refusal came."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        client.refusal = ChatRefusedError(ErrorCode.MUTED)
        client.sends_wait.clear()
        await pilot.press(*"me", "enter", "escape")
        await pilot.pause()
        assert screen.panes.thread is None
        client.sends_wait.set()
        await settled(pilot)
        assert screen.pane.composer.text == ""
        assert client.thread_drafts[LOBBY, Seq(4)] == "me"
        await pilot.press("t")
        await settled(pilot)
        assert thread(screen).composer.text == "me"


async def test_a_refused_reply_comes_back_to_its_thread_that_was_opened_again(
    client: FakeClient, open_app: OpenApp
) -> None:
    """There is a new text in it by then: both are there, on the screen and in the archive."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        client.refusal = ChatRefusedError(ErrorCode.MUTED)
        client.sends_wait.clear()
        await pilot.press(*"me", "enter", "escape", "t", *"too")
        await pilot.pause()
        client.sends_wait.set()
        await settled(pilot)
        assert thread(screen).composer.text.split() == ["me", "too"]
        await pilot.press("escape")
        await settled(pilot)
    assert client.thread_drafts[LOBBY, Seq(4)].split() == ["me", "too"]


async def test_a_refused_reply_is_not_overtaken_by_its_thread_that_is_just_opened(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its draft is just being read: it is given back afterwards, to the composer that has it then."""
    reading, read = asyncio.Event(), asyncio.Event()
    draft = client.draft

    async def slow(room: RoomId, at: Seq | None = None) -> str:
        text = await draft(room, at)
        if at is not None:
            reading.set()
            await read.wait()
        return text

    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        client.refusal = ChatRefusedError(ErrorCode.MUTED)
        client.sends_wait.clear()
        await pilot.press(*"me", "enter", "escape")
        await pilot.pause()
        monkeypatch.setattr(client, "draft", slow)
        await pilot.press("t")
        await reading.wait()
        client.sends_wait.set()
        await pilot.pause()
        read.set()
        await settled(pilot)
        assert thread(screen).composer.text == "me"
        await pilot.press("end", *" too", "escape")
        await settled(pilot)
    assert client.thread_drafts[LOBBY, Seq(4)] == "me too"


# --- its draft


@pytest.mark.parametrize("leaves", ["escape", "alt+3", "/close", "end"])
async def test_a_thread_keeps_its_draft(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, leaves: str
) -> None:
    """When it is closed, when another room is opened, and at the end; it is there the next time."""
    monkeypatch.setattr(composer_controller, "SOON", 3600.0)
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot, *"two gla")
        if leaves == "/close":
            await screen.pane.commands.run("/close")
        elif leaves != "end":
            await pilot.press(leaves)
        await settled(pilot)
        if leaves != "end":
            assert screen.panes.thread is None
            assert screen.pane.composer.text == ""
    assert client.thread_drafts[LOBBY, Seq(4)] == "two gla"
    assert not client.drafts.get(LOBBY)
    async with open_app(client, size=NARROW) as pilot:
        screen = await opened(pilot, *"sses")
        assert thread(screen).composer.text == "two glasses"


async def test_nothing_lands_elsewhere_when_the_terminal_changes_its_size(
    client: FakeClient, open_app: OpenApp, root: Entry
) -> None:
    """Across the width from which two panes fit, with text in both."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot, *"in", "alt+w", *"out", "alt+w")
        await pilot.resize_terminal(100, 30)
        await settled(pilot)
        assert "nice weather" not in screen_text(pilot)
        await pilot.press(*"side")
        assert "inside" in screen_text(pilot)
        await pilot.press("alt+w", *"side")
        await settled(pilot)
        assert "nice weather" in screen_text(pilot)
        assert "Alt+W: back to the thread" in screen_text(pilot)
        await pilot.resize_terminal(*WIDE)
        await settled(pilot)
        await pilot.press("enter", "alt+w", "enter")
        await settled(pilot)
        assert sent(client) == [(LOBBY, "outside", None), (LOBBY, "inside", root.seq)]
        assert not screen.panes.rooms[0].composer.text


async def test_a_command_that_opens_a_room_takes_what_is_typed_behind_it(
    client: FakeClient, open_app: OpenApp
) -> None:
    """As in a room: it was meant for the other one. Nothing of it stays in the thread."""
    client.drafts[DIRECT] = "draft"
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot)
        await in_one_piece(pilot, *"/dm bob", "enter", *"hello")
        await settled(pilot)
        if screen.panes.thread is not None:  # it was too late to turn there by itself
            await pilot.press("alt+g")
            await settled(pilot)
        assert screen.panes.thread is None
        assert (screen.pane.current.id, screen.pane.composer.text) == (DIRECT, "draft\nhello")
        assert not client.thread_drafts.get((LOBBY, Seq(4)))


# --- the focus


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_closing_gives_the_focus_back(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """To the selected message; a text in the thread is no reason to stay, and a reply is given up first."""
    async with open_app(client, size=size) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "alt+up", "t", *"draft", "alt+up", "r", "escape")
        await settled(pilot)
        assert screen.focused is thread(screen).composer
        await pilot.press("escape")
        await settled(pilot)
        selected = screen.pane.timeline.selected
        assert screen.focused is screen.pane.timeline
        assert selected is not None
        assert selected.seq == 6
        assert "nice weather" in screen_text(pilot)


async def test_closing_after_writing_in_the_room_goes_on_writing(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The focus was in the composer last, so letters are text."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await opened(pilot, "alt+w", *"half", "alt+w", "escape", *" a thought")
        assert screen.panes.thread is None
        assert screen.pane.composer.text == "half a thought"


async def test_the_hint_says_how_to_go_back(client: FakeClient, open_app: OpenApp) -> None:
    """While the thread has the keys."""
    async with open_app(client, size=WIDE) as pilot:
        await opened(pilot)
        assert "Alt+W: back to #lobby" in screen_text(pilot)
        await pilot.press("alt+w")
        await settled(pilot)
        assert "Alt+W" not in screen_text(pilot)


async def test_going_to_a_message_of_the_room_shows_the_room(client: FakeClient, open_app: OpenApp) -> None:
    """One in the thread is selected there."""
    async with open_app(client, size=NARROW) as pilot:
        screen = await opened(pilot)
        await screen.pane.navigation.reveal(LOBBY, Seq(6))
        await settled(pilot)
        assert screen.focused is thread(screen).timeline
        await screen.pane.navigation.reveal(LOBBY, Seq(5))
        await settled(pilot)
        assert screen.focused is screen.panes.rooms[0].timeline
        assert screen.panes.rooms[0].timeline.selected.seq == 5  # type: ignore[union-attr]
        assert "nice weather" in screen_text(pilot)
        assert texts(thread(screen)) == ["who has honey?", "I have", "how much?"]


# --- with other things


async def test_a_thread_beside_its_room_hides_the_second_room(client: FakeClient, open_app: OpenApp) -> None:
    """Two panes at most; the second room is there again afterwards, with what was written."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        client.say(GARDEN, CAROL, "the roses are out")
        await pilot.press("alt+w", *"roses", "alt+w", "alt+up", "t", *"honey")
        await settled(pilot)
        assert "the roses are out" not in screen_text(pilot)
        assert "Thread of" in screen_text(pilot)
        await pilot.press("alt+w")
        assert screen.pane.current.id == LOBBY
        await pilot.press("alt+w", "escape")
        await settled(pilot)
        assert "the roses are out" in screen_text(pilot)
        await pilot.press("escape", "alt+w")
        assert (screen.pane.current.id, screen.pane.composer.text) == (GARDEN, "roses")
        assert client.thread_drafts[LOBBY, Seq(4)] == "honey"


async def test_going_to_the_room_that_is_hidden_closes_the_thread(
    client: FakeClient, open_app: OpenApp
) -> None:
    """It has the place of the thread."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        await pilot.press("alt+up", "t", *"honey")
        await settled(pilot)
        screen.pane.navigation.go_to(GARDEN)
        await settled(pilot)
        assert screen.panes.thread is None
        assert (screen.pane.current.id, screen.pane.composer.text) == (GARDEN, "")
        assert client.thread_drafts[LOBBY, Seq(4)] == "honey"


async def test_removed_while_a_thread_is_open(client: FakeClient, open_app: OpenApp) -> None:
    """The thread stays with its draft and sends nothing, also after the room is back; Esc leaves it."""
    async with open_app(client, size=NARROW) as pilot:
        screen = await opened(pilot, *"secret")
        client.remove_room(LOBBY)
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert thread(screen).composer.text == "secret"
        assert "Not sent" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert screen.panes.thread is None
        assert "You are no longer in this room" in screen_text(pilot)
        assert client.thread_drafts[LOBBY, Seq(4)] == "secret"
        assert sent(client) == []


async def test_another_thread_takes_its_place(client: FakeClient, open_app: OpenApp) -> None:
    """Each has its own draft; the same one again only gets the focus."""
    other = client.say(LOBBY, ALICE, "any plans?")
    async with open_app(client, size=WIDE) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "t", *"plans")
        await settled(pilot)
        await pilot.press("alt+w", "alt+up", "alt+up", "t", *"honey")
        await settled(pilot)
        first = thread(screen)
        assert (texts(first)[0], first.composer.text) == ("who has honey?", "honey")
        assert client.thread_drafts[LOBBY, other.seq or Seq(0)] == "plans"
        await pilot.press("alt+w", "alt+up", "alt+up", "t", *"!")
        await settled(pilot)
        assert thread(screen) is first
        assert first.composer.text == "honey!"
