"""Views of what there is: earlier texts, stars, mentions, the outbox, people, sessions."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled, write
from tests.client.ui.ui_fake import BOB, CAROL, DIRECT, GARDEN, LAPTOP, LOBBY, START, FakeClient

from parlour_client.core.events import EntryChanged
from parlour_client.core.model import Delivery, Version
from parlour_client.core.search_query import QueryError
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.ui.chat import search
from parlour_client.ui.chat.people import SessionsScreen
from parlour_client.ui.chat.search import SearchScreen
from parlour_client.ui.dialogs.message_list import MessageChoices
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.kit.api import SessionInfo
from parlour_protocol.kit.ids import Millis, Seq, SessionId

OFFLINE = ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected", retry_in=5)


async def test_replies_are_counted_at_the_message(client: FakeClient, open_app: OpenApp) -> None:
    """A reply that comes in changes the row of what it answers."""
    root = client.say(LOBBY, BOB, "who has honey?")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.say(LOBBY, CAROL, "I", reply_to=root.seq)
        client.say(LOBBY, CAROL, "and I", reply_to=root.seq)
        screen.pane.timeline.add_pending()
        await pilot.pause()
        assert "· 2 replies" in screen_text(pilot)


async def test_earlier_texts_are_shown(client: FakeClient, open_app: OpenApp) -> None:
    """H lists what a message said before, as text and nothing else."""
    entry = client.say(LOBBY, BOB, "now")
    first = Version(Seq(4), START, MessageText.parse("before\u202e"))
    client.texts[LOBBY, Seq(4)] = (first, Version(Seq(9), Millis(START + 60_000), MessageText.parse("now")))
    client.change(replace(entry, edited=True))
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert "· edited" in screen_text(pilot)
        await pilot.press("alt+up", "h")
        await settled(pilot)
        text = screen_text(pilot)
        assert "before⟦U+202E⟧" in text
        assert text.index("first") < text.index("now")


async def test_a_star_is_put_and_taken_off(client: FakeClient, open_app: OpenApp) -> None:
    """The key for a star changes the message's row; again takes it off."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up", "asterisk")
        await settled(pilot)
        screen.pane.timeline.add_pending()
        await pilot.pause()
        assert "· starred" in screen_text(pilot)
        await pilot.press("asterisk")
        await settled(pilot)
        assert [call[3] for call in client.calls if call[0] == "star"] == [True, False]


async def test_views_are_searches_with_a_name(client: FakeClient, open_app: OpenApp) -> None:
    """F6 lists the views; mentions, unread and starred ask for what the search language calls so."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("f6")
        await settled(pilot)
        assert "Mentions: messages that mention you" in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert ("search", "is:mention", None) in client.calls
        await pilot.press("escape")
        for line, query in (("/unread", "is:unread"), ("/starred", "is:starred")):
            await screen.pane.commands.run(line)
            await settled(pilot)
            assert ("search", query, None) in client.calls
            await pilot.press("escape")
        assert not [call for call in client.calls if call[0] == "mark_read"]


async def test_a_search_says_when_there_is_more(client: FakeClient, open_app: OpenApp) -> None:
    """Fifty of many are not called all."""
    for number in range(50):
        client.say(LOBBY, BOB, f"needle {number}")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        screen.pane.results.views.search("needle")
        await settled(pilot)
        assert "50 found, newest first" in screen_text(pilot)
        await pilot.press("escape")
        client.say(LOBBY, BOB, "needle 50")
        screen.pane.results.views.search("needle")
        await settled(pilot)
        assert "The newest 50. There are more" in screen_text(pilot)
        assert "needle 50" in screen_text(pilot)


async def test_a_search_runs_while_one_types(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Enter is needed; what was said around the marked message is below; Esc changes nothing."""
    monkeypatch.setattr(search, "REST", 0.0)
    for text in ("the kettle is on", "needle in the hay", "who took my thread?", "not me"):
        client.say(LOBBY, BOB, text)
    client.mark_all_read()
    async with open_app(client, size=(100, 30)) as pilot:
        screen = await lobby(pilot)
        await pilot.press(*"half a tho", "f3", *"needle")
        await settled(pilot)
        text = screen_text(pilot)
        assert "1 found, newest first" in text
        rows = [text.index(words) for words in ("the kettle is on", "> 06:", "who took my thread?")]
        assert rows == sorted(rows)
        assert [call[1] for call in client.calls if call[0] == "search"][-1] == "needle"
        await pilot.press("escape")
        assert not [call for call in client.calls if call[0] == "mark_read"]
        assert screen.pane.composer.text == "half a tho"


async def test_a_slow_search_never_replaces_a_later_one(client: FakeClient, open_app: OpenApp) -> None:
    """Results are those of the words that stand there; Enter searches before it opens anything."""
    answers: dict[str, asyncio.Event] = {"need": asyncio.Event(), "needle": asyncio.Event()}
    first, second = client.say(LOBBY, BOB, "need"), client.say(LOBBY, BOB, "needle")

    async def find(words: str, **_rest: object) -> list[object]:
        await answers.get(words, asyncio.Event()).wait()  # a slow machine may search between two keys
        return [first] if words == "need" else [second]

    client.search = find  # type: ignore[method-assign,assignment]
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("f3", *"need", "enter", *"le", "enter")
        answers["needle"].set()
        await settled(pilot)
        answers["need"].set()
        await settled(pilot)
        assert isinstance(pilot.app.screen, SearchScreen)
        assert pilot.app.screen.query_one(MessageChoices).entries == [second]


async def test_goto_goes_to_the_first_message_of_a_day(client: FakeClient, open_app: OpenApp) -> None:
    """A day without messages says so and goes to the next one; a day too late says that there is none."""
    day = 86_400_000
    log = client.logs[GARDEN]
    for number in range(400):
        client.say(GARDEN, BOB, f"flower {number}")
        log[-1] = replace(log[-1], at=Millis(log[0].at + (number // 100) * 2 * day))
    client.mark_all_read()
    async with open_app(client, size=(100, 30)) as pilot:
        screen = await lobby(pilot)
        await screen.pane.navigation.open(GARDEN)
        for ahead, told, found in (
            (2, "", "flower 100"),
            (3, "Nothing here is from 2026-11-27. The next message is from 2026-11-28.", "flower 200"),
            (30, "Nothing here is from 2026-12-24 or later.", "flower 200"),
        ):
            date = datetime.fromtimestamp(log[0].at / 1000 + ahead * 86_400, UTC).strftime("%Y-%m-%d")
            await screen.pane.commands.run(f"/goto {date}")
            await settled(pilot)
            assert screen.pane.timeline.selected is not None
            assert screen.pane.timeline.selected.text == found
            assert told in screen_text(pilot)
            assert found in screen_text(pilot)


async def test_a_wrong_search_is_a_sentence(client: FakeClient, open_app: OpenApp) -> None:
    """What cannot be understood is told under the line, with what can be written."""

    async def refused(*_args: object, **_rest: object) -> list[object]:
        raise QueryError("has: takes one of link, file, reaction.")

    client.search = refused  # type: ignore[method-assign,assignment]
    async with open_app(client, size=(120, 30)) as pilot:
        await lobby(pilot)
        await pilot.press("f3", *"has:bees", "enter")
        await settled(pilot)
        assert "has: takes one of link, file, reaction." in screen_text(pilot)


async def test_the_outbox_shows_states_and_takes_back(client: FakeClient, open_app: OpenApp) -> None:
    """Queued and failed with the reason; s sends again, x takes back, and the list follows."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        client.set_link(OFFLINE)
        await write(pilot, "later")
        await write(pilot, "much later")
        await pilot.press("f7")
        await settled(pilot)
        assert "Outbox: 2 waiting to be sent" in screen_text(pilot)
        entry = client.logs[LOBBY][-2]
        failed = replace(entry, delivery=Delivery.FAILED, problem="too fast")
        client.logs[LOBBY][-2] = failed
        client.tell(EntryChanged(failed))
        await settled(pilot)
        assert "too fast" in screen_text(pilot)
        assert "Outbox: 1 waiting to be sent · 1 failed" in screen_text(pilot)
        await pilot.press("s", "x")
        await settled(pilot)
        assert ("retry", entry.request) in client.calls
        assert ("cancel", entry.request) in client.calls
        assert "Outbox: 1 waiting to be sent" in screen_text(pilot)


async def test_someone_ignored_is_folded_to_one_line(client: FakeClient, open_app: OpenApp) -> None:
    """A run of messages is one row with a count; Enter on it shows them; nothing new is announced."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await screen.pane.commands.run("/ignore carol")
        await pilot.pause()
        assert "Ignoring carol." in screen_text(pilot)
        for number in range(3):
            client.say(LOBBY, CAROL, f"buy {number}")
        client.say(LOBBY, BOB, "hush")
        client.say(LOBBY, CAROL, "buy 4")
        screen.pane.timeline.add_pending()
        await pilot.pause()
        text = screen_text(pilot)
        assert "ignored: 4 messages from carol (enter: show)" in text  # with the one that was there
        assert "ignored: 1 message from carol" in text
        assert "buy" not in text
        await pilot.press("alt+up", "k", "k")
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.author == CAROL
        await pilot.press("enter")
        await pilot.pause()
        assert "buy 0" in screen_text(pilot)
        await screen.pane.commands.run("/unignore carol")
        assert ("ignore", CAROL, False) in client.calls


async def test_the_card_of_a_person(client: FakeClient, open_app: OpenApp) -> None:
    """Enter in the list of people shows what is known; i ignores, d writes to them."""
    async with open_app(client, size=(120, 30)) as pilot:
        screen = await lobby(pilot)
        await screen.pane.commands.run("/whois bob")
        await settled(pilot)
        text = screen_text(pilot)
        assert "bob  away" in text
        assert "1 message from them is on this device" in text
        assert "lobby  member" in text
        await pilot.press("i")
        await settled(pilot)
        assert ("ignore", BOB, True) in client.calls
        await pilot.press("f4")
        await screen.pane.commands.run("/whois bob")
        await settled(pilot)
        assert "You are ignoring this person." in screen_text(pilot)
        await pilot.press("d")
        await settled(pilot)
        assert screen.pane.current.id == DIRECT


async def test_the_list_of_people_opens_the_card(client: FakeClient, open_app: OpenApp) -> None:
    """Choosing someone there shows the card of exactly that person."""
    async with open_app(client, size=(120, 30)) as pilot:
        screen = await lobby(pilot)
        screen.set_focus(screen.member_list)
        await pilot.press("end", "enter")
        await settled(pilot)
        assert ("person", CAROL) in client.calls


async def test_another_device_is_logged_out_from_here(client: FakeClient, open_app: OpenApp) -> None:
    """The list names the devices; x and y end one; this one cannot be ended there."""
    later = Millis(START + 86_400_000)
    client.logged_in = [
        SessionInfo(SessionId("a" * 22), LAPTOP, START, START, later, current=True),
        SessionInfo(SessionId("b" * 22), LAPTOP, START, START, later),
    ]
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await screen.pane.commands.run("/sessions")
        await settled(pilot)
        assert "this device" in screen_text(pilot)
        await pilot.press("x")
        assert isinstance(pilot.app.screen, SessionsScreen)
        await pilot.press("down", "x")
        await settled(pilot)
        await pilot.press("l")
        await settled(pilot)
        assert [call for call in client.calls if call[0] == "end_session"] == [
            ("end_session", SessionId("b" * 22))
        ]


async def test_going_to_a_result_is_a_peek(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message is shown in its room and nothing is marked read."""
    monkeypatch.setattr(search, "REST", 3600.0)  # only Enter searches, however slow the keys are
    client.mark_all_read()
    client.say(GARDEN, CAROL, "roses")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.calls.clear()
        await pilot.press("f3", *"roses", "enter")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert not [call for call in client.calls if call[0] == "mark_read"]
