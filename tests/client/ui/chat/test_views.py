"""Views of what there is: earlier texts, stars, mentions, the outbox, people, sessions."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled, write
from tests.client.ui.sentences import longest
from tests.client.ui.ui_fake import BOB, CAROL, DIRECT, GARDEN, LAPTOP, LOBBY, START, FakeClient, raw_text
from textual.widgets import Input

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
        assert "50 found" in screen_text(pilot)
        await pilot.press("escape")
        client.say(LOBBY, BOB, "needle 50")
        screen.pane.results.views.search("needle")
        await settled(pilot)
        assert "There are more: before:DATE finds older ones." in screen_text(pilot)
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
        assert "1 found" in text
        rows = [text.index(words) for words in ("the kettle is on", "├ needle", "who took my thread?")]
        assert rows == sorted(rows)
        assert [call[1] for call in client.calls if call[0] == "search"][-1] == "needle"
        await pilot.press("escape")
        assert not [call for call in client.calls if call[0] == "mark_read"]
        assert screen.pane.composer.text == "half a tho"


async def test_what_is_searched_for_is_seen_in_a_narrow_terminal(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes before how much was found."""
    monkeypatch.setattr(search, "REST", 0.0)
    client.say(GARDEN, BOB, "the watering plan")
    async with open_app(client, size=(40, 15)) as pilot:
        await lobby(pilot)
        await pilot.press("f3", *"the watering plan")
        await settled(pilot)
        assert "the watering plan" in screen_text(pilot).split("\n")[0]


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


@pytest.mark.parametrize("code", ["en", "de", "he"])
async def test_no_refusal_of_a_search_is_cut(client: FakeClient, open_app: OpenApp, code: str) -> None:
    """The longest sentences of each language are there to the last word."""
    sentences = longest(code, "core/search_query.py")
    assert len(sentences) > 3

    async def refused(*_args: object, **_rest: object) -> list[object]:
        raise QueryError(sentences[0])

    client.search = refused  # type: ignore[method-assign,assignment]
    async with open_app(client, size=(40, 15)) as pilot:
        await lobby(pilot)
        await pilot.press("f3", "x")
        while sentences:
            await pilot.press("y", "enter")
            await settled(pilot)
            assert sentences.pop(0) in " ".join(screen_text(pilot).split())


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
        assert "ignored: 4 messages from carol (Enter: show)" in text  # with the one that was there
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
        assert "─ bob ─" in text
        assert "away" in text
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


async def test_the_way_back_from_a_message_is_to_the_results(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same words, mark and place; once the person did something else, Esc goes to writing."""
    monkeypatch.setattr(search, "REST", 3600.0)
    for number in range(30):
        client.say(GARDEN, CAROL, f"rose {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("f3", *"rose", "enter")
        await settled(pilot)
        await pilot.press(*["down"] * 25)
        await settled(pilot)
        before = screen_text(pilot)
        assert "> " in next(row for row in before.split("\n") if "rose 4" in row)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.text == "rose 4"
        assert "Esc: back to the results" in screen_text(pilot)
        calls = len(client.calls)
        await pilot.press("escape")
        await settled(pilot)
        assert screen_text(pilot) == before
        assert not [call for call in client.calls[calls:] if call[0] == "search"]
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("up", "escape")
        await settled(pilot)
        assert pilot.app.screen is screen
        assert screen.focused is screen.pane.composer
        assert not [call for call in client.calls if call[0] == "mark_read"]


async def test_results_are_grouped_by_room(client: FakeClient, open_app: OpenApp) -> None:
    """The room with the newest one first; in a narrow terminal its name is above them."""
    for room, text in ((LOBBY, "bee 1"), (GARDEN, "bee 2"), (LOBBY, "bee 3")):
        client.say(room, BOB, text)
    for size, heads in (((80, 24), 0), ((40, 15), 2)):
        async with open_app(client, size=size) as pilot:
            screen = await lobby(pilot)
            screen.pane.results.views.search("bee")
            await settled(pilot)
            listed = screen_text(pilot).split("\n")[2:]
            rows = [row for row in listed if "│ bee" in row or row.startswith("  #")]
            found = [row.partition("│ ")[2].strip() for row in rows if "│" in row]
            assert found == ["bee 3", "bee 1", "bee 2"]
            assert sum("│" not in row for row in rows) == heads


async def test_tab_completes_what_a_search_can_have(client: FakeClient, open_app: OpenApp) -> None:
    """The keys, then their values; the row below says which there are."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("f3")
        field = pilot.app.screen.query_one(Input)
        for typed, hint, completed in (
            ("h", "has:", "has:"),
            ("has:l", "has:link · Tab takes one", "has:link "),
            ("has:", "has:link has:file has:reaction", "has:link "),
            ("bees i", "in: is:", "bees in:"),
            ("in:#gar", "in:garden", "in:garden "),
            ("from:c", "from:carol", "from:carol "),
            ("after:", "after:today after:yesterday", "after:today "),
            ("bees", "from: in: on:", "bees"),
        ):
            field.value = typed
            field.cursor_position = len(typed)
            await pilot.pause()
            assert hint in screen_text(pilot)
            await pilot.press("tab")
            assert field.value == completed
            assert field.has_focus


async def test_others_texts_wrap_behind_our_mark(client: FakeClient, open_app: OpenApp) -> None:
    """In a page every row of them has it."""
    entry = client.say(LOBBY, BOB, "now")
    words = "── 4 new ── " * 20
    client.texts[LOBBY, Seq(4)] = (Version(Seq(4), START, raw_text(words)),)
    client.change(replace(entry, edited=True))
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "h")
        await settled(pilot)
        rows = [row[4:76] for row in screen_text(pilot).split("\n") if "4 new" in row[4:76]]
        assert len(rows) > 3
        assert all(row.startswith("│ │ ") for row in rows)
