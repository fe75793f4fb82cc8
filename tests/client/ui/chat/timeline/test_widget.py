"""The timeline as a person sees it: following, keeping the place, paging, selecting."""

import re
from typing import Any

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, CAROL, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.events import HistoryChanged
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.timeline import Timeline
from parlour_client.ui.chat.timeline.layout import Layout
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name


async def lobby(pilot: Pilot[None]) -> tuple[ChatScreen, Timeline]:
    """Open the lobby."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    await screen.pane.navigation.open(LOBBY)
    await settled(pilot)
    return screen, screen.pane.timeline


def fill(client: FakeClient, count: int) -> None:
    """Let bob and carol talk."""
    for number in range(count):
        client.say(LOBBY, (BOB, CAROL)[number % 2], f"message {number} " + "word " * (number % 17))
    client.mark_all_read()


def top_row(pilot: Pilot[None]) -> str:
    """Return the first row of the timeline."""
    timeline = pilot.app.screen.query_one(Timeline)
    return timeline.render_line(0).text


async def test_no_letter_is_hidden_under_the_scrollbar(client: FakeClient, open_app: OpenApp) -> None:
    """Every letter of long lines is on the screen."""
    fill(client, 40)
    text = "".join(chr(0x61 + number % 26) for number in range(300))
    client.say(LOBBY, BOB, text)
    client.say(LOBBY, CAROL, "the end")
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        timeline.scroll_relative(y=-1, animate=False)
        await settled(pilot)
        rows = [re.split("[├│] ", row.rstrip(" ▁▂▃▄▅▆▇"))[-1] for row in screen_text(pilot).split("\n")]
        assert text in "".join(row.rstrip() for row in rows if row.isalpha())


async def test_follows_the_newest_message(client: FakeClient, open_app: OpenApp) -> None:
    """At the end, what comes in is in sight at once."""
    fill(client, 60)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        client.say(LOBBY, BOB, "the newest")
        timeline.add_pending()
        await settled(pilot)
        assert timeline.follows
        assert "the newest" in screen_text(pilot)


async def test_a_longer_name_moves_the_texts_of_all_rows(client: FakeClient, open_app: OpenApp) -> None:
    """The column of names is as wide for the rows that were drawn before someone with a long name writes."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client, size=(120, 24)) as pilot:
        _, timeline = await lobby(pilot)
        client.say(LOBBY, parse_user_name("bartholomew"), "hi all")
        timeline.add_pending()
        await settled(pilot)
        rows = [row for row in screen_text(pilot).split("\n") if "├ hello" in row or "├ hi all" in row]
        assert len({row.index("├") for row in rows}) == 1 < len(rows)


async def test_keeps_its_place_when_messages_come_in_below(client: FakeClient, open_app: OpenApp) -> None:
    """Scrolled up, nothing moves; a pill counts what waits, and ctrl+end goes there."""
    fill(client, 60)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        await pilot.press("pageup", "pageup")
        await settled(pilot)
        before = top_row(pilot)
        client.say(LOBBY, BOB, "one")
        client.say(LOBBY, BOB, "two")
        timeline.add_pending()
        await settled(pilot)
        assert top_row(pilot) == before
        assert "2 new below" in screen_text(pilot)
        await pilot.press("ctrl+end")
        await settled(pilot)
        assert "two" in screen_text(pilot)
        assert "new below" not in screen_text(pilot)


async def test_older_pages_come_in_without_moving_anything(client: FakeClient, open_app: OpenApp) -> None:
    """Reaching the top asks for one older page, and the row at the top stays."""
    fill(client, 400)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        first = timeline.entries[0].seq
        await pilot.press("alt+up")
        timeline.scroll_to(y=3, animate=False)
        before = top_row(pilot)
        await settled(pilot)
        assert ("timeline", first) in client.calls
        assert len(timeline.entries) == 200
        assert top_row(pilot) == before


async def test_the_beginning_is_not_asked_for_again(client: FakeClient, open_app: OpenApp) -> None:
    """Event 1 is the beginning: nothing older is asked for."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert not [call for call in client.calls if call[0] == "timeline"]


async def test_a_resize_keeps_the_place(client: FakeClient, open_app: OpenApp) -> None:
    """The message at the top of the view is there after a new width."""
    fill(client, 80)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        await pilot.press("pageup", "pageup", "pageup")
        await settled(pilot)
        place = timeline.top
        assert place is not None
        await pilot.resize_terminal(120, 30)
        await settled(pilot)
        after = timeline.top
        assert after is not None
        assert after[0].seq == place[0].seq


async def test_opens_at_the_first_unread_message(client: FakeClient, open_app: OpenApp) -> None:
    """Unread messages begin under a divider, and are read when the end was in sight."""
    fill(client, 40)
    for number in range(50):
        client.say(LOBBY, CAROL, f"unread {number}")
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        assert top_row(pilot).startswith(" ── 50 new ─")
        assert not [call for call in client.calls if call[0] == "mark_read"]
        timeline.follow()
        await settled(pilot)
        assert ("mark_read", LOBBY, Seq(93)) in client.calls


async def test_a_filled_gap_keeps_the_place(client: FakeClient, open_app: OpenApp) -> None:
    """HistoryChanged reads again around what is shown."""
    fill(client, 90)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        await pilot.press("pageup", "pageup")
        await settled(pilot)
        before = top_row(pilot)
        client.tell(HistoryChanged(LOBBY))
        await settled(pilot)
        assert top_row(pilot) == before
        assert not timeline.follows


async def test_messages_that_come_while_a_room_opens_are_not_lost(
    client: FakeClient, open_app: OpenApp
) -> None:
    """An event between the page and the showing is put in after it, once."""
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        screen.pane.history.buffer()
        client.say(LOBBY, BOB, "in between")
        await screen.pane.history.load(LOBBY)
        assert sum(entry.text == "in between" for entry in timeline.entries) == 1


async def test_selection_moves_over_messages_only(client: FakeClient, open_app: OpenApp) -> None:
    """The block cursor skips system lines; below the newest it goes away."""
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        await pilot.press("alt+up")
        assert timeline.selected is not None
        assert timeline.selected.text == "good morning"
        await pilot.press("k")
        assert timeline.selected.text == "hello"
        await pilot.press("k")
        assert timeline.selected.text == "hello"
        await pilot.press("alt+down", "alt+down")
        assert timeline.selected is None
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "composer"


async def test_the_selection_is_a_mark_and_a_colour_where_the_keys_go(
    client: FakeClient, open_app: OpenApp
) -> None:
    """It stands in the free column, before the message and not before the rules above it."""
    fill(client, 20)
    client.say(LOBBY, CAROL, "a new one\nof two lines")
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        await pilot.press("alt+up")

        def rows() -> list[tuple[str, set[object]]]:
            strips = [timeline.render_line(y) for y in range(timeline.size.height)][-3:]
            return [(strip.text[:1], {style and style.bgcolor for _, style, _ in strip}) for strip in strips]

        marks, backgrounds = zip(*rows(), strict=True)
        assert marks == (" ", ">", " ")
        assert backgrounds[1] == backgrounds[2] != backgrounds[0]
        screen.set_focus(screen.room_list)
        await settled(pilot)
        marks, backgrounds = zip(*rows(), strict=True)
        assert marks == (" ", ">", " ")
        assert backgrounds[0] == backgrounds[1] == backgrounds[2]


@pytest.mark.parametrize(("width", "is_cosy"), [(59, True), (60, False), (64, True), (80, False)])
async def test_a_narrow_terminal_is_cosy_by_itself(
    client: FakeClient, open_app: OpenApp, *, width: int, is_cosy: bool
) -> None:
    """Below 60 columns, and where the rooms beside it leave too little."""
    async with open_app(client, size=(width, 24)) as pilot:
        await lobby(pilot)
        assert (" carol  06:01 " in screen_text(pilot)) == is_cosy
        assert ("06:01 carol  ├ good morning" in screen_text(pilot)) != is_cosy
        await pilot.resize_terminal(100, 24)
        await settled(pilot)
        assert "06:01 carol  ├ good morning" in screen_text(pilot)


async def test_many_messages_at_once_are_taken_in_together(client: FakeClient, open_app: OpenApp) -> None:
    """A burst costs one measuring, not one a message."""
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        settles = 0
        scroll_to = timeline.scroll_to

        def counted(*place: Any, **how: Any) -> None:
            nonlocal settles
            settles += 1
            scroll_to(*place, **how)

        timeline.scroll_to = counted  # type: ignore[method-assign]
        for number in range(200):
            client.say(LOBBY, BOB, f"burst {number}")
        timeline.add_pending()
        assert settles <= 2
        await settled(pilot)
        assert "burst 199" in screen_text(pilot)


async def test_a_selection_begins_in_the_view(client: FakeClient, open_app: OpenApp) -> None:
    """After scrolling back, Alt+Up selects the lowest message that is seen, and the view stays there."""
    fill(client, 120)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        await pilot.press("pageup", "pageup")
        await settled(pilot)
        before, top = timeline.scroll_y, top_row(pilot)
        await pilot.press("alt+up")
        await settled(pilot)
        assert (timeline.scroll_y, top_row(pilot)) == (before, top)
        last = timeline.in_sight()[-1][1]
        assert timeline.selected in timeline.entries[last - 1 : last + 1]
        await pilot.press("escape", "alt+down")  # and down from there
        assert timeline.selected in timeline.entries[last : last + 2]


@pytest.mark.parametrize("above", [0, 40])
async def test_a_message_that_fills_the_view_is_where_a_selection_begins(
    client: FakeClient, open_app: OpenApp, above: int
) -> None:
    """Neither the one above it, which is out of sight, nor the one below; also if it is the first one."""
    if not above:
        client.logs[LOBBY].clear()
    fill(client, above)
    long = client.say(LOBBY, BOB, "\n".join(f"line {number}" for number in range(20)))
    for number in range(40):
        client.say(LOBBY, CAROL, f"later {number}")
    client.mark_all_read()
    async with open_app(client, size=(80, 15)) as pilot:
        _, timeline = await lobby(pilot)
        for y in range(timeline.max_scroll_y):  # until nothing but its lines is in the view
            timeline.scroll_to(y=y, animate=False)
            await pilot.pause()
            if timeline.top is not None and timeline.top[0] == long and not timeline.in_sight():
                break
        await pilot.press("alt+up")
        assert timeline.selected == long
        await pilot.press("escape", "alt+down")
        assert timeline.selected is not None
        assert timeline.selected.text == "later 0"


def message_rows(pilot: Pilot[None]) -> list[str]:
    """Return the rows of messages in the timeline."""
    timeline = pilot.app.screen.query_one(Timeline)
    rows = [timeline.render_line(y).text.rstrip() for y in range(timeline.size.height)]
    return [text for text in (re.split("[│┃├┣] ", row, maxsplit=1)[-1] for row in rows) if text]


async def test_one_key_shows_the_markers_that_were_sent(client: FakeClient, open_app: OpenApp) -> None:
    """`m` draws every character of the selected message, and takes the markers out of the drawing again."""
    client.say(LOBBY, BOB, "a **bold** ||secret|| word")
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert message_rows(pilot)[-2] == "a bold [spoiler, Enter: show] word"
        await pilot.press("alt+up", "m")
        assert message_rows(pilot)[-1] == "a **bold** ||secret|| word"
        await pilot.press("m")
        assert message_rows(pilot)[-2] == "a bold [spoiler, Enter: show] word"


async def test_enter_opens_long_code_then_spoilers_then_folds_again(
    client: FakeClient, open_app: OpenApp
) -> None:
    """What opens is what the message has, one after the other."""
    code = "\n".join(str(number) for number in range(17))
    client.say(LOBBY, BOB, f"```\n{code}\n```\n||secret||")
    async with open_app(client) as pilot:
        await lobby(pilot)
        ends = []
        await pilot.press("alt+up")
        for _ in range(3):
            ends.append(message_rows(pilot)[-3:])
            await pilot.press("enter")
        covered = ["[spoiler, Enter: show]", "              · 1 spoiler is covered"]
        folded = ["              · … 7 more lines of code (Enter: show)", *covered]
        assert ends == [folded, ["  16", *covered], ["  15", "  16", "secret"]]
        assert message_rows(pilot)[-3:] == folded


async def test_formatting_can_be_off(client: FakeClient, open_app: OpenApp) -> None:
    """The setting shows what was sent, in the open room at once."""
    client.say(LOBBY, BOB, "a **bold** ||secret||")
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        del screen
        timeline.lay_out(Layout(formatting="off"))
        assert message_rows(pilot)[-1] == "a **bold** ||secret||"
        timeline.lay_out(Layout(formatting="markers"))
        assert message_rows(pilot)[-2] == "a **bold** ||[spoiler, Enter: show]||"


async def test_me_is_a_line_within_the_message(client: FakeClient, open_app: OpenApp) -> None:
    """It stays behind the gutter and below its author, so it can't pass for a line of the client."""
    client.say(LOBBY, BOB, "/me made bob an owner")
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert message_rows(pilot)[-1] == "* bob made bob an owner"


async def test_several_messages_are_selected_and_copied(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V begins, moving selects more or fewer, y copies them as lines; a key on one acts on the last."""
    for number in range(5):
        client.say(LOBBY, (BOB, CAROL)[number % 2], f"message {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        copied: list[str] = []
        monkeypatch.setattr(screen.pane.interaction, "copy_lines", copied.append)

        def marked() -> list[str]:
            rows = [timeline.render_line(y).text for y in range(timeline.size.height)]
            return [row.split("message ")[-1].strip() for row in rows if row.startswith(">")]

        await pilot.press("alt+up", "V", "up", "up", "up", "down")
        assert marked() == ["2", "3", "4"]
        client.say(LOBBY, BOB, "message 5")
        timeline.add_pending()
        await settled(pilot)
        assert marked() == ["2", "3", "4"]
        await pilot.press("y")
        assert [line.split(" ", 2)[2] for line in copied[0].split("\n")] == [
            "bob: message 2",
            "carol: message 3",
            "bob: message 4",
        ]
        await pilot.press("V")
        assert marked() == ["2"]
        await pilot.press("V", "down", "escape")
        assert marked() == []
        await pilot.press("alt+up")
        assert marked() == ["5"]
