"""The line mode's newer commands for messages: pins, readers, forgetting."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.plain.ear import Ear
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient

from parlour_client.core.events import EntryChanged
from parlour_client.core.settings import Settings, load
from parlour_client.plain.line_mode import LineMode
from parlour_protocol.kit.ids import Seq


async def test_a_message_is_pinned_and_the_pins_are_heard(ear: Ear) -> None:
    """By its number; who pinned is said once, and off takes it off."""
    ear.client.say(LOBBY, BOB, "the \u202erules")
    heard = await ear.say("/pin 4 --yes")
    assert heard == ["alice pinned #4"]
    assert await ear.say("/pins") == ["1 pinned.", "bob 4 pinned: the ⟦U+202E⟧rules"]
    await ear.say("/pin 4 off --yes")
    assert ("pin", LOBBY, Seq(4), False) in ear.client.calls
    assert (await ear.say("/pins"))[0].startswith("Nothing is pinned here.")


async def test_links_are_heard_with_what_looks_wrong(ear: Ear) -> None:
    """The newest first; each further line has the bar of a message, so that none can look like one."""
    ear.client.say(LOBBY, BOB, "https://bücher.example/ and\nhttp://a.example")
    first, second = await ear.say("/links 1")
    assert first.split("\n    more: ") == [
        "bob 4: https://bücher.example/",
        "Host: bücher.example (xn--bcher-kva.example)",
        "! “bücher” can be taken for “bucher”: ü (U+00FC).",
    ]
    assert second.split("\n    more: ")[1:] == [
        "Host: a.example",
        "! http, not https: everyone on the way can read and change what you see.",
    ]
    ear.client.say(LOBBY, BOB, "none")
    assert await ear.say("/links 1") == ["There are no links in the last messages of this room."]


async def test_a_search_says_when_there_is_more(ear: Ear) -> None:
    """A count is of all; the newest twenty are not called all."""
    for number in range(20):
        ear.client.say(LOBBY, BOB, f"needle {number}")
    assert (await ear.say("/search needle"))[0] == "20 found, newest first."
    ear.client.say(LOBBY, BOB, "needle 20")
    heard = await ear.say("/search needle")
    assert heard[0] == "The newest 20. There are more: before:DATE finds older ones."
    assert len(heard) == 21


@pytest.mark.parametrize("command", ["/edit {} x", "/delete {}", "/react {} 👍", "/unreact {} 👍", "/pin {}"])
async def test_a_change_that_is_not_done_is_reported(ear: Ear, command: str) -> None:
    """Of a message that is not there at once; of one that is, when the server or the client refuses it."""
    assert await ear.say(command.format(99)) == ["Not done: That message is not available. Check the number."]
    entry = await ear.client.entry(LOBBY, Seq(2))
    assert entry is not None
    await ear.say(command.format(2))
    ear.client.tell(EntryChanged(replace(entry, problem="It was said before the room was encrypted.")))
    assert ear.heard[-1] == "message 2, not done: It was said before the room was encrypted."


async def test_who_lets_be_known_how_far_they_read(ear: Ear) -> None:
    """Asked for, never said by itself; one's own reading is told only as the settings say."""
    assert await ear.say("/receipts") == ["lobby: no one shares how far they have read."]
    ear.client.readers[LOBBY] = {BOB: Seq(3)}
    assert await ear.say("/receipts") == ["lobby, read by bob up to #3."]
    await ear.say("/read")
    await ear.say("/receipts on", "/read")
    marks = [call for call in ear.client.calls if call[0] == "mark_read"]
    assert [call[3:] for call in marks] == [(), ("shared",)]


async def test_a_setting_that_is_changed_here_is_kept(client: FakeClient, tmp_path: Path) -> None:
    """In the file of settings, where the screen finds it, too."""
    mode = LineMode(client, print, Settings(), tmp_path)
    await mode.handle("/receipts on")
    assert load(tmp_path).receipts
    await mode.handle("/receipts off")
    assert not load(tmp_path).receipts


async def test_a_room_is_forgotten(ear: Ear) -> None:
    """With a word for all of it, since it cannot be taken back; or by age."""
    assert (await ear.say("/forget"))[0].startswith("Not done: Write /forget all")
    assert not [call for call in ear.client.calls if call[0] == "forget"]
    assert await ear.say("/forget all") == ["lobby: forgotten on this device."]
    await ear.say("/forget 30d")
    first, second = (call for call in ear.client.calls if call[0] == "forget")
    assert first == ("forget", LOBBY, None)
    assert isinstance(second[2], int)


async def test_what_was_forgotten_is_quoted_no_more(client: FakeClient) -> None:
    """The line mode lets go of it, too."""
    ear = Ear(client)
    await ear.mode.start()
    await ear.say("/go lobby", "/forget all")
    client.say(LOBBY, BOB, "yes", reply_to=Seq(2))
    assert "hello" not in ear.heard[-1]


async def test_settings_are_heard_and_changed(ear: Ear) -> None:
    """A line for each group; one setting with what it is for; a change is confirmed and applies at once."""
    lines = await ear.say("/set")
    assert "Privacy: typing off, receipts off, keep always, lock_after 30m." in lines
    assert lines[-1] == "/set NAME explains one, /set NAME VALUE changes it."
    assert await ear.say("/set typing") == [
        "typing: off. Let others see when you are typing. One of: on, off."
    ]
    assert await ear.say("/set receipts on") == ["receipts is now on."]
    assert await ear.say("/set language de") == ["language is de from the next start."]
    assert ear.mode.settings.receipts
