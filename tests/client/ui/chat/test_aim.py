"""What Enter sends, and as what, however fast the keys come: the next before the last one is done."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.client.extras.test_two_rooms import WIDE, split
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.dialogs.test_key_order import composer_text, in_one_piece
from tests.client.ui.ui_fake import ALICE, BOB, DIRECT, GARDEN, LOBBY, FakeClient
from textual.events import Paste
from textual.pilot import Pilot

from parlour_client.commands.front import Front
from parlour_client.commands.table import OPENS, names
from parlour_client.core.errors import ChatRefusedError
from parlour_client.ui.chat.aim import Aim, Edit, Reply, is_message
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.paste import PasteScreen
from parlour_protocol.errors import ErrorCode
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

WRITES = {"send", "edit", "react", "pin", "star", "delete"}


class SlowDisk:
    """A disk that takes what is sent only when the test lets it."""

    def __init__(self, client: FakeClient) -> None:
        self.client, self.goes_on = client, asyncio.Event()
        self.refuses = False

    async def wait(self) -> None:
        """Wait, and refuse what the test wants refused."""
        await self.goes_on.wait()
        if self.refuses:
            raise ChatRefusedError(ErrorCode.FORBIDDEN, "No.")

    async def release(self, pilot: Pilot[None]) -> None:
        """Take what waits."""
        self.goes_on.set()
        await settled(pilot, 3)


@pytest.fixture
def disk(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    """Return a disk on which everything that is sent waits."""
    made, send, edit = SlowDisk(client), client.send, client.edit

    async def slow_send(*given: object, **named: object) -> object:
        client.calls.append(("asked", *given, named.get("reply_to")))
        await made.wait()
        return await send(*given, **named)  # type: ignore[arg-type]

    async def slow_edit(*given: object) -> None:
        client.calls.append(("asked to edit", *given))
        await made.wait()
        await edit(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "send", slow_send)
    monkeypatch.setattr(client, "edit", slow_edit)
    return made


async def pressed(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, and let everything be handled except what waits for the disk."""
    await pilot.press(*keys)
    await pilot.pause()


def written(client: FakeClient) -> list[tuple[object, ...]]:
    """Return what was sent or changed."""
    return [call for call in client.calls if call[0] in WRITES]


def test_a_command_uses_no_reply_up() -> None:
    """It is not sent to the room; what `/me` begins is."""
    reply = Aim(LOBBY, Reply(Seq(2)))
    for text in ("hello", "//hello", "/me waves", "/ME waves"):
        assert is_message(text)
        assert reply.after(text) == Aim(LOBBY)
    for text in ("/topic", "/away", "/nonsense", "/reply 2 hello"):
        assert not is_message(text)
        assert reply.after(text) is reply
    assert Aim(LOBBY, Edit(Seq(2))).after("better") == Aim(LOBBY)


async def test_the_message_after_a_reply_is_none(
    client: FakeClient, open_app: OpenApp, disk: SlowDisk
) -> None:
    """The second Enter is pressed while the reply is being written to the disk."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pressed(pilot, "alt+up", "r", *"yes", "enter", *"new", "enter", *"half")
        assert "reply to" not in screen_text(pilot)
        await disk.release(pilot)
        assert written(client) == [("send", LOBBY, "yes", Seq(3)), ("send", LOBBY, "new", None)]
        assert composer_text(pilot) == "half"


async def test_a_command_between_leaves_the_reply(
    client: FakeClient, open_app: OpenApp, disk: SlowDisk
) -> None:
    """A reply is for the next message."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pressed(pilot, "alt+up", "r", *"/away", "enter", *"yes", "enter", *"new", "enter")
        await disk.release(pilot)
        assert written(client) == [("send", LOBBY, "yes", Seq(3)), ("send", LOBBY, "new", None)]


async def test_the_message_after_an_edit_is_none(
    client: FakeClient, open_app: OpenApp, disk: SlowDisk
) -> None:
    """Nothing is edited twice, and the draft that was set aside is there at once."""
    seq = client.say(LOBBY, ALICE, "tpyo").seq
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pressed(pilot, *"half", "alt+up", "e", "!", "enter")
        assert composer_text(pilot) == "half"
        await pressed(pilot, *" way", "enter", *"next")
        await disk.release(pilot)
        assert written(client) == [("edit", LOBBY, seq, "tpyo!"), ("send", LOBBY, "half way", None)]
        assert composer_text(pilot) == "next"


async def test_a_reply_while_an_edit_is_on_its_way_stays(
    client: FakeClient, open_app: OpenApp, disk: SlowDisk
) -> None:
    """What was begun since is not ended by the end of the first."""
    seq = client.say(LOBBY, ALICE, "tpyo").seq
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pressed(pilot, "alt+up", "e", "!", "enter", "alt+up", "alt+up", "r", *"re")
        await disk.release(pilot)
        assert "Reply to carol (Esc: no reply) ╭ good morning" in screen_text(pilot)
        assert screen.pane.timeline.selected is not None
        await pressed(pilot, "enter")
        await settled(pilot)
        assert written(client) == [("edit", LOBBY, seq, "tpyo!"), ("send", LOBBY, "re", Seq(3))]


async def test_a_message_that_goes_out_takes_no_selection_away(
    client: FakeClient, open_app: OpenApp, disk: SlowDisk
) -> None:
    """The key that follows acts on the message that the person chose meanwhile."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pressed(pilot, *"hello", "enter", "alt+up")
        await disk.release(pilot)
        assert screen.pane.timeline.selected is not None
        await in_one_piece(pilot, "r", *"yes", "enter")
        assert written(client) == [("send", LOBBY, "hello", None), ("send", LOBBY, "yes", Seq(3))]


@pytest.mark.parametrize("typed", ["", "next"])
async def test_a_refused_reply_is_a_reply_again(
    typed: str, client: FakeClient, open_app: OpenApp, disk: SlowDisk
) -> None:
    """Its text comes back, and Enter means the same as before."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pressed(pilot, "alt+up", "r", *"yes", "enter", *typed)
        disk.refuses = True
        await disk.release(pilot)
        assert composer_text(pilot) == ("yes\nnext" if typed else "yes")
        disk.refuses = False
        await pressed(pilot, "enter", *"new", "enter")
        await settled(pilot)
        assert [call[3] for call in written(client)] == [Seq(3), None]


async def test_a_refused_reply_makes_no_reply_of_what_was_begun_since(
    client: FakeClient, open_app: OpenApp, disk: SlowDisk
) -> None:
    """Another reply was begun: it keeps its own message."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pressed(pilot, "alt+up", "r", *"yes", "enter", "alt+up", "alt+up", "r")
        disk.refuses = True
        await disk.release(pilot)
        disk.refuses = False
        assert composer_text(pilot) == "yes"
        await pressed(pilot, "enter")
        await settled(pilot)
        assert written(client) == [("send", LOBBY, "yes", Seq(2))]


async def test_a_refused_edit_is_an_edit_again(client: FakeClient, open_app: OpenApp, disk: SlowDisk) -> None:
    """It becomes no message; the draft is aside again, with what was typed meanwhile."""
    seq = client.say(LOBBY, ALICE, "tpyo").seq
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pressed(pilot, *"half", "alt+up", "e", "!", "enter", *" way")
        disk.refuses = True
        await disk.release(pilot)
        assert composer_text(pilot) == "tpyo!"
        assert isinstance(screen.pane.composing.aim.mode, Edit)
        disk.refuses = False
        await pressed(pilot, "enter")
        await settled(pilot)
        assert written(client) == [("edit", LOBBY, seq, "tpyo!")]
        assert composer_text(pilot) == "half way"


async def test_a_reply_begun_in_an_edit_does_not_send_the_edited_text(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The edit is given up, and the draft is what Enter sends."""
    client.say(LOBBY, ALICE, "tpyo")
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, *"half", "alt+up", "e", "!", "alt+up", "r", *" way", "enter")
        assert written(client) == [("send", LOBBY, "half way", Seq(3))]
        assert composer_text(pilot) == ""


@pytest.mark.parametrize(
    ("keys", "sent", "left"),
    [
        (("alt+up", "r", *"hello", "enter", *"new", "enter"), [("hello", Seq(4)), ("new", None)], ""),
        (("alt+up", "r", "escape", *"red", "enter"), [("red", None)], ""),
        (("alt+up", "e", *"xyz", "escape", *"deck", "enter"), [("deck", None)], ""),
        ((*"half", "alt+up", "e", *"xyz", "escape", *" way", "enter"), [("half way", None)], ""),
        (("alt+up", "r", "r", "e", "d", "enter", "d"), [("red", Seq(4))], "d"),
        (("alt+up", "q", *"a", "enter"), [("qa", None)], ""),
    ],
    ids=lambda keys: "-".join(keys) if isinstance(keys, tuple) else "",
)
async def test_letters_after_a_key_on_a_message_are_text(
    client: FakeClient,
    open_app: OpenApp,
    keys: Sequence[str],
    sent: Sequence[tuple[str, Seq | None]],
    left: str,
) -> None:
    """All keys are there before the app has looked at the first."""
    client.say(LOBBY, ALICE, "mine")
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, *keys)
        assert [call[2:] for call in written(client)] == list(sent)
        assert composer_text(pilot) == left


async def test_an_edit_in_one_piece(client: FakeClient, open_app: OpenApp) -> None:
    """The edit, and two messages after it."""
    seq = client.say(LOBBY, ALICE, "mine").seq
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, "alt+up", "e", *"red", "enter", *"new", "enter", *"and", "enter")
        assert written(client) == [
            ("edit", LOBBY, seq, "minered"),
            ("send", LOBBY, "new", None),
            ("send", LOBBY, "and", None),
        ]


@pytest.mark.parametrize("key", ["end", "alt+up"])
async def test_a_paste_that_is_asked_about_gets_the_keys_behind_it(
    client: FakeClient, open_app: OpenApp, key: str
) -> None:
    """Enter does not send what was written before it; the answer and the rest go where they belong."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await in_one_piece(pilot, *"see: ", key)
        pilot.app.post_message(Paste("one\ntwo"))
        await in_one_piece(pilot, "enter")
        assert isinstance(pilot.app.screen, PasteScreen)
        assert not written(client)
        await in_one_piece(pilot, "e", *"end", "enter")
        assert [call[2] for call in written(client)] == ["see: one\ntwoend"]


async def test_two_composers_have_an_aim_each(client: FakeClient, open_app: OpenApp, disk: SlowDisk) -> None:
    """A reply on the left stays one; what is written on the right is a message there."""
    client.say(GARDEN, BOB, "roses")
    async with open_app(client, size=WIDE) as pilot:
        await split(pilot)
        await pressed(
            pilot, "alt+up", "r", *"yes", "alt+w", *"over", "enter", "alt+w", "enter", *"new", "enter"
        )
        await disk.release(pilot)
        assert set(written(client)) == {
            ("send", GARDEN, "over", None),
            ("send", LOBBY, "yes", Seq(3)),
            ("send", LOBBY, "new", None),
        }
        assert [call[2] for call in written(client) if call[1] == LOBBY] == ["yes", "new"]


@asynccontextmanager
async def opening_garden(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Pilot[None], asyncio.Event]]:
    """Open the garden from the lobby on a disk that is slow to give its messages."""
    for _ in range(4):
        client.say(GARDEN, ALICE, "my roses")
    client.say(LOBBY, ALICE, "my tea")
    client.mark_all_read()
    async with open_app(client) as pilot:
        await lobby(pilot)
        read, goes_on = client.timeline, asyncio.Event()

        async def slowly(*given: object, **named: object) -> object:
            await goes_on.wait()
            return await read(*given, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(client, "timeline", slowly)
        yield pilot, goes_on


@pytest.mark.parametrize(
    "keys",
    [
        ("alt+up", "r", "!", "enter"),
        ("alt+up", "e", "!", "enter"),
        (*"/react wow", "enter"),
        (*"/pin", "enter"),
        (*"/star", "enter"),
        ("f3", "escape", "alt+up", "r", "!", "enter"),
    ],
    ids="-".join,
)
async def test_no_key_acts_on_a_message_of_the_room_that_was_left(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, keys: Sequence[str]
) -> None:
    """Its number is that of another message in the new room, whose own messages are not there yet."""
    async with opening_garden(client, open_app, monkeypatch) as (pilot, goes_on):
        screen = pilot.app.screen
        screen.query_one("#timeline").focus()
        number = 1 + [room.id for room in client.rooms.all].index(GARDEN)
        await pressed(pilot, "alt+up", f"alt+{number}", *keys)
        assert not [call for call in written(client) if call[0] != "send" or call[3] is not None]
        goes_on.set()
        await settled(pilot, 3)
        assert not [call for call in written(client) if call[0] != "send" or call[3] is not None]
        await in_one_piece(pilot, "escape", "alt+c", "alt+up", "r", *"fine", "enter")
        assert written(client)[-1] == ("send", GARDEN, "fine", client.rooms.get(GARDEN).head - 1)  # type: ignore[union-attr]


def test_every_command_that_opens_a_room_is_known() -> None:
    """What is typed behind it waits for the room."""
    listed = names(Front.UI)
    assert {name for name, one in listed.items() if one in OPENS} == {
        "join", "create", "dm", "peek", "next", "accept"
    }  # fmt: skip


@asynccontextmanager
async def writing_to_bob(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Pilot[None], asyncio.Event, RoomId]]:
    """Open the lobby, with a server that is slow to open the room with bob."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        find, goes_on = client.open_direct, asyncio.Event()

        async def slowly(*given: object, **named: object) -> object:
            await goes_on.wait()
            if client.refusal is not None:
                raise client.refusal
            return await find(*given, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(client, "open_direct", slowly)
        yield pilot, goes_on, DIRECT


async def test_what_is_typed_behind_a_command_that_opens_a_room_goes_there(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word for one person is not said in the lobby, nor is half of it."""
    client.drafts[DIRECT] = "half"
    async with writing_to_bob(client, open_app, monkeypatch) as (pilot, goes_on, room):
        await pressed(pilot, *"/dm bob", "enter", *"psst", "enter", *"a sec")
        assert "the room is still being opened" in screen_text(pilot)
        goes_on.set()
        await settled(pilot, 3)
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert screen.pane.current.id == LOBBY  # other keys were pressed since: a key opens it
        await in_one_piece(pilot, *"ret")
        screen.pane.hint.forget()
        await pilot.pause()
        assert "@bob is open (Alt+G: go there)" in screen_text(pilot)
        await in_one_piece(pilot, "enter")
        await settled(pilot, 3)
        assert (screen.pane.current.id, written(client)) == (room, [])
        await in_one_piece(pilot, "enter")
        assert written(client) == [("send", room, "half\npsst\na secret", None)]
        assert client.drafts.get(LOBBY, "") == ""


async def test_a_command_behind_it_waits_too(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is about the room that it is given in."""
    client.say(DIRECT, BOB, "hi")
    async with writing_to_bob(client, open_app, monkeypatch) as (pilot, goes_on, room):
        await pressed(pilot, *"/dm bob", "enter", *"/react wow", "enter")
        goes_on.set()
        await settled(pilot, 3)
        assert not written(client)
        await pressed(pilot, "enter")
        await settled(pilot)
        assert not written(client)
        await pressed(pilot, "enter")
        await settled(pilot)
        assert {call[1] for call in written(client)} == {room}


async def test_a_room_that_the_person_opens_meanwhile_gets_nothing_of_it(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text stays with its room, and nothing waits any more."""
    async with writing_to_bob(client, open_app, monkeypatch) as (pilot, goes_on, _room):
        await pressed(pilot, *"/dm bob", "enter", *"psst")
        number = 1 + [room.id for room in client.rooms.all].index(GARDEN)
        await pressed(pilot, f"alt+{number}", *"roses", "enter", *"and")
        assert written(client) == [("send", GARDEN, "roses", None)]
        goes_on.set()
        await settled(pilot, 3)
        assert composer_text(pilot) == "and"
        assert "@bob is open (Alt+G: go there)" in screen_text(pilot)
        await pressed(pilot, "alt+g")
        await settled(pilot)
        assert composer_text(pilot) == ""
        await lobby(pilot)
        assert composer_text(pilot) == "psst"
        assert client.drafts[GARDEN] == "and"


async def test_a_room_that_cannot_be_opened_leaves_the_text_where_it_is(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person sees why; the first Enter says where the text would go now, the next one sends it."""
    async with writing_to_bob(client, open_app, monkeypatch) as (pilot, goes_on, _room):
        client.refusal = ChatRefusedError(ErrorCode.FORBIDDEN, "No.")
        await pressed(pilot, *"/dm bob", "enter", *"psst", "enter")
        goes_on.set()
        await settled(pilot, 3)
        client.refusal = None
        assert not written(client)
        assert composer_text(pilot) == "psst\n"
        await pressed(pilot, "enter")
        await settled(pilot)
        assert not written(client)
        assert "Not sent: no other room was opened. Enter sends it to" in screen_text(pilot)
        await pressed(pilot, "enter")
        await settled(pilot)
        assert written(client) == [("send", LOBBY, "psst", None)]


async def test_a_message_that_comes_late_takes_no_letter_away(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/goto` asks the server; who writes meanwhile goes on writing, and no letter is a command."""
    client.say(LOBBY, ALICE, "mine")
    find, goes_on = client.since, asyncio.Event()

    async def slowly(*given: object) -> object:
        await goes_on.wait()
        return await find(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "since", slowly)
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pressed(pilot, *"/goto 2000-01-01", "enter", *"half")
        goes_on.set()
        await settled(pilot, 3)
        assert screen.pane.timeline.selected is None
        await in_one_piece(pilot, *" red", "enter")
        assert written(client) == [("send", LOBBY, "half red", None)]
        assert "The message is there (Alt+G: go there)" in screen_text(pilot)
        await pressed(pilot, "alt+g")
        await settled(pilot)
        assert screen.focused is screen.pane.timeline
        await pressed(pilot, "escape")
        await pressed(pilot, *"/goto 2000-01-01", "enter")
        await settled(pilot, 3)
        assert screen.focused is screen.pane.timeline
