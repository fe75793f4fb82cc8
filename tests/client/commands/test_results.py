"""What commands give back, where they ask the client for nothing, or for more than one thing."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.commands.giving import call_from, give
from tests.client.ui.ui_fake import ALICE, BOB, DIRECT, GARDEN, LOBBY, FakeClient, a_file, raw_text

from parlour_client.commands import results
from parlour_client.commands.account import sessions
from parlour_client.commands.files import save
from parlour_client.commands.front import Front
from parlour_client.commands.rooms import dm, join
from parlour_client.core.errors import EncryptionError
from parlour_client.core.settings import Settings
from parlour_client.kit.errors import SetupError
from parlour_protocol.frames import bodies
from parlour_protocol.kit.api import SessionInfo
from parlour_protocol.kit.ids import Millis, Seq, SessionId
from parlour_protocol.kit.names import parse_device_name


async def test_going_to_a_room_gives_its_newest_messages(client: FakeClient) -> None:
    """And a peek says that it is one."""
    went = await give(client, Front.LINE, "/go @bob")
    assert isinstance(went, results.RoomOpened)
    assert (went.room.id, went.how) == (DIRECT, results.Opened.WENT)
    assert [one.room for one in went.entries] == [DIRECT]
    peeked = await give(client, Front.UI, "/peek garden")
    assert isinstance(peeked, results.RoomOpened)
    assert (peeked.room.id, peeked.peek) == (GARDEN, True)


async def test_next_is_the_next_unread_room(client: FakeClient) -> None:
    """One that mentions the person first."""
    assert await give(client, Front.LINE, "/next") == results.Done("No unread messages.")
    client.say(GARDEN, BOB, "hello")
    client.say(DIRECT, BOB, "@alice, hello")
    found = await give(client, Front.LINE, "/next")
    assert isinstance(found, results.RoomOpened)
    assert (found.room.id, [one.text for one in found.entries]) == (DIRECT, ["@alice, hello"])


async def test_older_goes_on_before_what_was_printed(client: FakeClient) -> None:
    """The line mode knows what that is."""
    call = replace(call_from(client, Front.LINE), oldest=Seq(3))
    shown = await give(client, Front.LINE, "/older 1", call)
    assert isinstance(shown, results.MessagesListed)
    assert [one.seq for one in shown.entries] == [2]
    with pytest.raises(SetupError, match="from 1 to 200"):
        await give(client, Front.LINE, "/last 201")


async def test_a_message_comes_with_what_it_answers(client: FakeClient) -> None:
    """Both are fetched."""
    client.say(LOBBY, BOB, "yes", reply_to=Seq(2))
    shown = await give(client, Front.LINE, "/show 4")
    assert isinstance(shown, results.MessageShown)
    assert shown.parent is not None
    assert (shown.entry.seq, shown.parent.seq) == (4, 2)


async def test_an_answer_is_sent_by_the_front_end(client: FakeClient) -> None:
    """Its guard looks at the text first, as at any other."""
    assert await give(client, Front.LINE, "/reply 2 yes, well") == results.SendWanted("yes, well", Seq(2))
    assert not client.calls


async def test_a_room_of_ones_own_is_opened_on_the_screen(client: FakeClient) -> None:
    """By its name, or that of the person; a public one is joined."""
    call = call_from(client, Front.UI)
    assert (await join(call, "garden")).room.id == GARDEN
    assert (await join(call, "bob")).room.id == DIRECT
    with pytest.raises(SetupError, match="no public room called meadow"):
        await join(call, "meadow")


async def test_a_shell_writes_nothing_readable_unless_asked_to(client: FakeClient) -> None:
    """A direct room that came out unencrypted gets no message."""
    call = call_from(client, Front.CLI)
    with pytest.raises(EncryptionError, match="without encryption"):
        await dm(call, BOB, "hello")
    assert not [one for one in client.calls if one[0] == "send"]
    sent = (await dm(call, BOB, "hello", is_open=True)).sent
    assert sent is not None
    assert sent.text == "hello"


async def test_a_search_says_when_there_is_more(client: FakeClient) -> None:
    """As many as a front end shows."""
    for _ in range(25):
        client.say(LOBBY, BOB, "needle")
    found = await give(client, Front.LINE, "/search needle")
    assert isinstance(found, results.MessagesFound)
    assert (len(found.entries), found.more) == (20, True)
    found = await give(client, Front.UI, "/search needle")
    assert isinstance(found, results.MessagesFound)
    assert (len(found.entries), found.more) == (25, False)


async def test_a_setting_is_changed_by_the_front_end(client: FakeClient) -> None:
    """With on or off; without, receipts are shown."""
    assert await give(client, Front.UI, "/receipts on") == results.SettingChosen("receipts", value=True)
    assert await give(client, Front.UI, "/typing off") == results.SettingChosen("typing", value=False)
    client.readers[LOBBY] = {BOB: Seq(2)}
    shown = await give(client, Front.LINE, "/receipts")
    assert isinstance(shown, results.ReceiptsShown)
    assert shown.read == {BOB: 2}


async def test_reading_is_shared_as_the_settings_say(client: FakeClient) -> None:
    """Peeking and marking unread never are."""
    call = replace(call_from(client, Front.LINE), settings=Settings(receipts=True))
    await give(client, Front.LINE, "/read", call)
    await give(client, Front.LINE, "/mark 2", call)
    assert client.calls == [("mark_read", LOBBY, 3, "shared"), ("mark_read", LOBBY, 1)]
    client.say(GARDEN, BOB, "hello")
    client.calls.clear()
    await give(client, Front.UI, "/read all")
    assert [one[:2] for one in client.calls] == [("mark_read", GARDEN), ("mark_read", LOBBY)]


async def test_logging_in_again_is_wanted_only_after_the_session_ended(client: FakeClient) -> None:
    """Reconnecting wants it then as well."""
    with pytest.raises(SetupError, match="You are already logged in"):
        await give(client, Front.UI, "/login")
    client.lose_session()
    assert await give(client, Front.UI, "/login") == results.LoginWanted()
    assert await give(client, Front.LINE, "/reconnect") == results.LoginWanted()


async def test_a_session_is_ended_by_its_number_or_its_id(client: FakeClient) -> None:
    """The line mode prints numbers, a shell ids."""
    device = parse_device_name("phone")
    client.logged_in = [
        SessionInfo(
            id=SessionId(name * 22), device=device, created=Millis(1), last_seen=Millis(1), expires=Millis(2)
        )
        for name in "ab"
    ]
    await give(client, Front.LINE, "/sessions end 2")
    assert ("end_session", "b" * 22) in client.calls
    await sessions(call_from(client, Front.CLI), end="a" * 22)
    assert ("end_session", "a" * 22) in client.calls


async def test_a_file_is_a_transfer(client: FakeClient, tmp_path: Path) -> None:
    """It begins when the front end runs it, beside everything else."""
    path = tmp_path / "a b.txt"
    transfer = await give(client, Front.UI, f"/file '{path}' look here")
    assert isinstance(transfer, results.Transfer)
    assert not client.calls
    done = await transfer.run(lambda _done, _whole: None)
    assert client.calls == [("send_file", LOBBY, path, "look here")]
    assert done == results.FileSent(transfer.room, "a b.txt")


async def test_a_file_is_saved_into_the_downloads_or_the_given_folder(
    client: FakeClient, tmp_path: Path
) -> None:
    """A message without one is a sentence."""
    entry = client.happen(LOBBY, ALICE, bodies.Message(raw_text("look"), file=a_file("plan.txt")))
    assert entry.seq is not None
    call = replace(call_from(client, Front.LINE), settings=Settings(downloads=str(tmp_path)))
    transfer = await save(call, call.here(), entry.seq)
    done = await transfer.run(lambda _done, _whole: None)
    assert done == results.FileSaved(tmp_path / "plan.txt")
    with pytest.raises(SetupError, match="That message has no file"):
        await save(call, call.here(), Seq(2))
