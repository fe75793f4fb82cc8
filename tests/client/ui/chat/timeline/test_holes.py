"""What is missing is shown, loaded when it comes near, and said to be missing when it cannot be had."""

from dataclasses import replace

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, LOBBY, FakeClient

from parlour_client.core.events import EntryAdded, HistoryChanged, HistoryWithheld, RoomsChanged
from parlour_client.core.model import Entry, Gap, Note, NoteKind
from parlour_client.core.room_log.missing import ends_early_text, withheld_text
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.ui.chat.timeline.holes import Hole, HoleState, Run, covered
from parlour_client.ui.chat.timeline.store import Store
from parlour_protocol.frames.bodies import Unreadable
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name

OFFLINE = ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected", retry_in=5)
ONLINE = ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3")
WHOLE = Gap(LOBBY, Seq(0), Seq(0))


def gap(after: int, before: int) -> Gap:
    """Return a gap of the lobby."""
    return Gap(LOBBY, Seq(after), Seq(before))


def test_a_run_takes_its_part_out_of_a_hole() -> None:
    """What was loaded in the middle leaves two holes; what covers all of it leaves none."""
    holes = [Hole(gap(10, 50))]
    left = covered(holes, Run(Seq(19), Seq(31)), (Seq(0), Seq(60)), WHOLE)
    assert [one.gap for one in left] == [gap(10, 20), gap(30, 50)]
    assert covered(holes, Run(Seq(10), Seq(50)), (Seq(0), Seq(60)), WHOLE) == []


def test_a_run_away_from_the_rest_leaves_a_hole_between() -> None:
    """Below and above what was loaded; a neighbour leaves none."""
    span = (Seq(99), Seq(151))
    assert [one.gap for one in covered([], Run(Seq(19), Seq(31)), span, WHOLE)] == [gap(30, 100)]
    assert [one.gap for one in covered([], Run(Seq(199), Seq(231)), span, WHOLE)] == [gap(150, 200)]
    assert covered([], Run(Seq(150), Seq(160)), span, WHOLE) == []
    assert covered([], Run(Seq(89), Seq(100)), span, WHOLE) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (HoleState.LOADING, "up to 12 messages missing: loading…"),
        (HoleState.OFFLINE, "up to 12 messages missing: no connection"),
        (HoleState.REFUSED, "up to 12 messages missing: not sent by the server"),
        (HoleState.GONE, "up to 12 messages missing: no longer on the server"),
    ],
)
def test_a_hole_says_what_is_done_about_it(state: HoleState, words: str) -> None:
    """Each state has its sentence."""
    assert Hole(gap(3, 16), state).words == words


def test_an_absurd_number_is_not_counted() -> None:
    """A server may claim any number; the row stays short."""
    assert Hole(gap(3, 2**53)).words == "more than a million messages missing: loading…"
    assert Hole(gap(3, 5)).words == "1 message missing: loading…"


def test_a_merge_never_holds_a_message_twice(client: FakeClient) -> None:
    """What comes in again, in any order, stands once and in order."""
    entries = [client.say(LOBBY, BOB, f"number {number}") for number in range(40)]
    store = Store(ALICE, entries[10:20])
    store.estimate(60)
    new = store.merge(
        reversed(entries[5:15]), Run(Seq((entries[5].seq or 0) - 1), Seq((entries[14].seq or 0) + 1))
    )
    assert new == 5
    assert [entry.seq for entry in store.entries] == [entry.seq for entry in entries[5:20]]
    assert store.holes == []


async def test_what_the_server_cannot_read_is_a_row(client: FakeClient, open_app: OpenApp) -> None:
    """A damaged row of the server's is told where it stands; no one is said to have done it."""
    client.say(LOBBY, BOB, "before")
    client.happen(LOBBY, BOB, Unreadable())
    client.say(LOBBY, BOB, "behind")
    async with open_app(client, size=(100, 24)) as pilot:
        await lobby(pilot)
        text = screen_text(pilot)
        assert "Can't be read: the server's storage is damaged" in text
        assert "behind" in text


async def test_a_hole_is_seen_loaded_and_gone(client: FakeClient, open_app: OpenApp) -> None:
    """Offline the row says what is missing; with the connection back it is loaded and the row goes."""
    for number in range(40):
        client.say(LOBBY, BOB, f"number {number}")
    client.mark_all_read()
    whole = list(client.logs[LOBBY])
    client.logs[LOBBY] = [entry for entry in whole if not 30 < (entry.seq or 0) < 36]
    client.missing[LOBBY] = [(Seq(30), Seq(36), False)]
    client.status, client.online = OFFLINE, False
    async with open_app(client, size=(80, 30)) as pilot:
        await lobby(pilot)
        assert "up to 5 messages missing: no connection" in screen_text(pilot)
        client.logs[LOBBY], client.missing[LOBBY] = whole, ()
        client.set_link(ONLINE)
        await settled(pilot, 3)
        text = screen_text(pilot)
        assert "missing" not in text
        assert "number 30" in text


async def test_withheld_events_are_printed_once(client: FakeClient, open_app: OpenApp) -> None:
    """A hole that cannot be filled says so, and is not asked for again and again."""
    for number in range(40):
        client.say(LOBBY, BOB, f"number {number}")
    client.mark_all_read()
    client.logs[LOBBY] = [entry for entry in client.logs[LOBBY] if not 30 < (entry.seq or 0) < 36]
    client.missing[LOBBY] = [(Seq(30), Seq(36), False)]
    async with open_app(client, size=(80, 30)) as pilot:
        screen = await lobby(pilot)
        assert "up to 5 messages missing: not sent by the server" in screen_text(pilot)
        client.calls.clear()
        await pilot.press("pageup", "pagedown")
        await settled(pilot)
        assert not [call for call in client.calls if call == ("timeline", Seq(36))]
        client.missing[LOBBY] = [(Seq(30), Seq(36), True)]
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        assert "no longer on the server" in screen_text(pilot)


async def test_a_flood_leaves_a_hole_that_fills_when_looked_at(client: FakeClient, open_app: OpenApp) -> None:
    """Many events told as one change: the newest page is read, the rest when it is looked at, in order."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        timeline = screen.pane.timeline
        listeners, client._listeners = client._listeners, {}
        for number in range(1000):
            client.say(LOBBY, CAROL, f"flood {number}")
        client._listeners = listeners
        client.tell(HistoryChanged(LOBBY))
        await settled(pilot)
        assert "flood 999" in screen_text(pilot)
        assert len(timeline.entries) < 250
        assert [hole.gap.count for hole in timeline.holes] == [900]
        seen = 0
        while timeline.scroll_y > 0 and seen < 400:
            await pilot.press("pageup")
            await settled(pilot)
            seen += 1
        texts = [entry.text for entry in timeline.entries if (entry.text or "").startswith("flood")]
        assert texts == [f"flood {number}" for number in range(1000)]
        assert timeline.holes == []


async def test_a_flood_while_reading_further_up_is_counted_whole(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Single events overtake what is reported as one change: what lies between them is new below as well."""
    for number in range(90):
        client.say(LOBBY, BOB, f"before {number}")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        screen.pane.timeline.follow()
        await settled(pilot)
        await pilot.press("pageup", "pageup")
        await settled(pilot)
        listeners = client._listeners
        for _ in range(3):
            client._listeners = {}
            for number in range(300):
                client.say(LOBBY, CAROL, f"flood {number}")
            client._listeners = listeners
            client.say(LOBBY, CAROL, "told by itself")
            await settled(pilot)
            client.tell(HistoryChanged(LOBBY))
            await settled(pilot)
        assert "903 new below" in screen_text(pilot)
        assert "#lobby       99+" in screen_text(pilot)


async def test_a_jump_far_back_reads_around_the_message(client: FakeClient, open_app: OpenApp) -> None:
    """Going to an old message costs two pages, however far back it is, and leaves a hole to be filled."""
    old = client.say(LOBBY, BOB, "the needle")
    for number in range(3000):
        client.say(LOBBY, CAROL, f"hay {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.calls.clear()
        await screen.pane.navigation.reveal(LOBBY, old.seq or Seq(0))
        await settled(pilot)
        assert "the needle" in screen_text(pilot)
        assert len([call for call in client.calls if call[0] == "timeline"]) <= 3
        assert len(screen.pane.timeline.entries) < 400


async def test_a_quote_fetches_what_it_answers(client: FakeClient, open_app: OpenApp) -> None:
    """The parent stands far above: its words are quoted all the same, and P goes there."""
    old = client.say(LOBBY, BOB, "shall we meet?")
    for number in range(300):
        client.say(LOBBY, CAROL, f"hay {number}")
    client.say(LOBBY, CAROL, "yes", reply_to=old.seq)
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert "╭ bob: shall we meet?" in screen_text(pilot)
        await pilot.press("alt+up", "p")
        await settled(pilot)
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.seq == old.seq


async def test_earlier_messages_say_that_they_are_loading(client: FakeClient, open_app: OpenApp) -> None:
    """While an older page is on its way, the row above says so; it goes when the page is here."""
    for number in range(300):
        client.say(LOBBY, BOB, f"number {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.pages_wait.clear()
        screen.pane.timeline.scroll_home(animate=False)
        await pilot.pause(0.1)
        assert "loading earlier messages…" in screen_text(pilot)
        client.pages_wait.set()
        await settled(pilot)
        assert "loading" not in screen_text(pilot)


async def test_what_a_server_leaves_out_is_on_the_screen(client: FakeClient, open_app: OpenApp) -> None:
    """N10, N11: a row where events are missing; for an end that is held back the heading, and words."""
    note = Note(NoteKind.MISSING, detail=withheld_text(Seq(8_000), Seq(9_000)))
    row = Entry(LOBBY, Millis(1), BOB, parse_device_name("box"), Unreadable(), seq=Seq(9_000), note=note)
    async with open_app(client, size=(180, 30)) as pilot:
        await lobby(pilot)
        client.tell(EntryAdded(row))
        client._rooms[LOBBY] = replace(client._rooms[LOBBY], trouble=ends_early_text(Seq(9_000), Seq(9_009)))
        client.tell(HistoryWithheld(LOBBY, client._rooms[LOBBY].trouble))
        client.tell(RoomsChanged())
        await settled(pilot)
        text = screen_text(pilot)
        assert "The server does not show events 8000 to 9000: 1001 events are missing." in text
        assert "the server is withholding messages" in text
        assert "The server says that this room has 9009 events, but shows none after 9000." in text
