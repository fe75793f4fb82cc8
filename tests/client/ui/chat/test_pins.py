"""Pins, receipts, the clock and forgetting, as the screen has them."""

from dataclasses import replace

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, GARDEN, LOBBY, FakeClient

from parlour_client.core.events import EntryChanged, ReceiptsChanged
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.pins import PinsScreen
from parlour_client.ui.chat.timeline.store import Store
from parlour_protocol.kit.ids import Seq


def called(client: FakeClient, name: str) -> list[tuple[object, ...]]:
    """Return the calls of that name."""
    return [call[1:] for call in client.calls if call[0] == name]


async def test_a_message_is_pinned_listed_and_taken_off(client: FakeClient, open_app: OpenApp) -> None:
    """P pins; the row says it, p on the row goes to the message, the view lists it and x takes it off."""
    rules = client.say(LOBBY, BOB, "the house \u202erules")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "P")
        await settled(pilot)
        assert "Pin this message for everyone in lobby?" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert not called(client, "pin")
        await pilot.press("P")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        screen.pane.timeline.add_pending()
        await pilot.pause()
        text = screen_text(pilot)
        assert "· pinned" in text
        assert "alice pinned a message (p: go there)" in text
        assert called(client, "pin") == [(LOBBY, rules.seq, True)]
        await pilot.press("end", "up", "p")
        await settled(pilot)
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.seq == rules.seq
        await screen.pane.commands.run("/pins")
        await settled(pilot)
        assert isinstance(pilot.app.screen, PinsScreen)
        assert "Pinned in this room" in screen_text(pilot)
        assert "the house ⟦U+202E⟧rules" in screen_text(pilot)
        await pilot.press("x", "escape")
        await settled(pilot)
        assert called(client, "pin") == [(LOBBY, rules.seq, True)]
        await pilot.press("x", "enter")
        await settled(pilot)
        assert called(client, "pin")[-1] == (LOBBY, rules.seq, False)
        assert "Nothing is pinned here. P pins a message." in screen_text(pilot)
        await pilot.press("escape")
        await screen.pane.commands.run("/pin")
        await settled(pilot)
        await pilot.press("y")
        await settled(pilot)
        assert called(client, "pin")[-1] == (LOBBY, rules.seq, True)
        await screen.pane.commands.run("/pins")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.seq == rules.seq


async def test_a_change_of_what_is_not_loaded_is_not_put_among_what_is(
    client: FakeClient, open_app: OpenApp
) -> None:
    """A pin of something far up must not stand as if it were said just before what is shown."""
    first = client.say(LOBBY, BOB, "far up")
    for number in range(150):
        client.say(LOBBY, BOB, f"{number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        shown = len(screen.pane.timeline.entries)
        assert shown < len(client.logs[LOBBY])
        client.tell(EntryChanged(replace(first, pinned=True)))
        assert len(screen.pane.timeline.entries) == shown


async def test_receipts_are_sent_only_when_they_are_turned_on(client: FakeClient, open_app: OpenApp) -> None:
    """Off at the start; /receipts on tells the others from then on, and marking unread never does."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.say(GARDEN, BOB, "one")
        client.calls.clear()
        await screen.pane.commands.run("/read all")
        await screen.pane.commands.run("/receipts on")
        client.say(GARDEN, BOB, "two")
        await screen.pane.commands.run("/read all")
        await screen.pane.commands.run("/receipts off")
        client.say(GARDEN, BOB, "three")
        await screen.pane.commands.run("/read all")
        told = [call[2:] for call in called(client, "mark_read") if call[0] == GARDEN]
        assert told == [(), ("shared",), ()]


async def test_who_has_read_stands_under_ones_own_message(client: FakeClient, open_app: OpenApp) -> None:
    """Under the newest of ours that each has read; of more than three there is a count."""
    mine = client.say(LOBBY, ALICE, "who comes?")
    client.say(LOBBY, BOB, "me")
    later = client.say(LOBBY, ALICE, "and you?")
    client.readers[LOBBY] = {BOB: Seq((mine.seq or 0) + 1)}
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.pause()
        rows = screen_text(pilot).split("\n")
        assert next(n for n, row in enumerate(rows) if "read by bob" in row) < next(
            n for n, row in enumerate(rows) if "and you?" in row
        )
        assert later.seq is not None
        client.readers[LOBBY] = {BOB: later.seq, CAROL: later.seq}
        client.tell(ReceiptsChanged(LOBBY))
        await pilot.pause()
        text = screen_text(pilot)
        assert text.count("read by") == 1
        assert text.index("and you?") < text.index("read by bob, carol")
        assert screen.pane.timeline.follows


def test_a_receipt_for_any_number_costs_little() -> None:
    """F8: a number that no event has, and a log with nothing of ours."""
    client = FakeClient.peopled()
    store = Store(ALICE, client.logs[LOBBY])
    store.receive({BOB: Seq(2**53 - 1), CAROL: Seq(1)})
    assert store._read_by == {}


@pytest.mark.parametrize(("chosen", "shape"), [("off", None), ("minutes", "dd:dd"), ("seconds", "dd:dd:dd")])
async def test_the_clock_is_as_exact_as_the_setting_says(
    chosen: str, shape: str | None, client: FakeClient, open_app: OpenApp
) -> None:
    """At once, without opening the room again."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("timestamps", chosen)
        await pilot.pause()
        row = next(row for row in screen_text(pilot).split("\n") if "carol" in row)
        before = row.split("carol", 1)[0].split()
        digits = ["".join("d" if c.isdigit() else c for c in word) for word in before if ":" in word]
        assert digits == ([shape] if shape else [])


async def test_a_room_is_forgotten_after_a_question(client: FakeClient, open_app: OpenApp) -> None:
    """Nothing on No; on its letter the room is read again, and what was being written stays."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        screen.pane.composer.put("half a sent")
        await screen.pane.commands.run("/forget")
        await settled(pilot)
        assert "Forget all messages in lobby on this device?" in screen_text(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert called(client, "forget") == []
        screen.pane.composer.put("half a sent")
        await screen.pane.commands.run("/forget")
        await settled(pilot)
        await pilot.press("f")
        await settled(pilot)
        assert called(client, "forget") == [(LOBBY, None)]
        assert "good morning" not in screen_text(pilot)
        assert "lobby: forgotten on this device." in screen_text(pilot)
        assert screen.pane.composer.text == "half a sent"


async def test_the_client_gets_the_retention_time(client: FakeClient, open_app: OpenApp) -> None:
    """At the start and when it is changed."""
    async with open_app(client) as pilot:
        assert called(client, "keep") == [(None,)]
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("keep", "7d")
        await pilot.pause()
        assert called(client, "keep")[-1] == (7 * 86_400,)
