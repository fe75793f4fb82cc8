"""Rows of the timeline as they are drawn: what Textual would draw, by strips that stay what they are."""

from itertools import pairwise

from tests.client.ui.chat.timeline.test_widget import fill, lobby
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.ui.chat.timeline import Timeline


def drawn(timeline: Timeline) -> list[Strip]:
    """Return the rows in sight, as the compositor gets them."""
    return timeline.render_lines(timeline.size.region)


def cells(strips: list[Strip]) -> list[list[tuple[str, object]]]:
    """Return every cell's letter and style."""
    return [[(letter, style) for text, style, _ in strip for letter in text] for strip in strips]


async def test_rows_are_what_textual_would_draw(client: FakeClient, open_app: OpenApp) -> None:
    """Cell for cell, with colours, in the middle and at the end, selected, cropped, and where nothing is."""
    fill(client, 60)
    client.say(LOBBY, BOB, "naïve Ωmega ずっと ﷽ שלום")
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        for keys in ((), ("alt+up", "alt+up"), ("pageup",)):
            await pilot.press(*keys)
            await settled(pilot)
            assert cells(drawn(timeline)) == cells(Widget.render_lines(timeline, timeline.size.region))
        part = Region(3, 2, 20, 5)
        assert cells(timeline.render_lines(part)) == cells(Widget.render_lines(timeline, part))
        timeline.empty()
        await settled(pilot)
        assert cells(drawn(timeline)) == cells(Widget.render_lines(timeline, timeline.size.region))


async def test_colours_of_names_and_lines(client: FakeClient, open_app: OpenApp) -> None:
    """One's own name has the colour of text; lines have theirs, but not on the selection: it is too near."""
    client.say(LOBBY, client.account.user, "mine")
    client.say(LOBBY, BOB, "his")
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        roles = pilot.app.theme_variables
        assert _colour(timeline, "alice") == roles["foreground"]
        assert _colour(timeline, "bob") not in roles.values()
        assert _colour(timeline, "├") == roles["frame"]
        await pilot.press("alt+up")
        await settled(pilot)
        last = [strip for strip in drawn(timeline) if "his" in strip.text][-1]
        assert _colour_in(last, "├") == roles["foreground"]
        assert _colour(timeline, ":") == roles["dim"]


def _colour(timeline: Timeline, text: str) -> str:
    """Return the colour of a text where it stands last."""
    return _colour_in([strip for strip in drawn(timeline) if text in strip.text][-1], text)


def _colour_in(strip: Strip, text: str) -> str:
    style = next(segment.style for segment in strip if text in segment.text)
    assert style is not None
    assert style.color is not None
    return style.color.name


async def test_a_style_around_the_rows_is_drawn(client: FakeClient, open_app: OpenApp) -> None:
    """A theme may give the timeline a border or fade it: then Textual draws."""
    fill(client, 60)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        bare = cells(drawn(timeline))
        timeline.styles.tint = "red 50%"
        await settled(pilot)
        assert cells(drawn(timeline)) != bare
        timeline.styles.tint = "red 0%"
        timeline.styles.border = ("heavy", "red")
        await settled(pilot)
        assert drawn(timeline)[0].text.startswith("┏")


async def test_a_row_that_moves_up_is_not_recreated(client: FakeClient, open_app: OpenApp) -> None:
    """While messages pour in every row moves: what Textual made of a strip is not lost with its place."""
    fill(client, 60)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        before = drawn(timeline)
        client.say(LOBBY, BOB, "one more")
        timeline.add_pending()
        await settled(pilot)
        after = drawn(timeline)
        moved = next((n for n in range(1, 5) if after[0] is before[n]), 0)
        assert moved
        assert all(new is old for new, old in zip(after, before[moved:], strict=False))
        assert all(above is not below for above, below in pairwise(after))


async def test_the_scrollbar_is_drawn_again_only_when_it_changes(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Never at the end, where it is hidden; where the person scrolls, it is exact."""
    fill(client, 60)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        bar = timeline.vertical_scrollbar
        drawings = 0
        render = bar.render

        def counted() -> object:
            nonlocal drawings
            drawings += 1
            return render()

        bar.render = counted  # type: ignore[method-assign,assignment]
        for number in range(10):
            client.say(LOBBY, BOB, f"more {number}")
            timeline.add_pending()
            await settled(pilot, 1)
        assert not drawings
        await pilot.press("pageup")
        for number in range(10):
            await settled(pilot)
            kept = cells(bar.render_lines(bar.size.region))
            bar.refresh()
            assert cells(bar.render_lines(bar.size.region)) == kept
            client.say(LOBBY, BOB, f"still more {number}")
            timeline.add_pending()


async def test_the_scrollbar_is_there_only_away_from_the_end(client: FakeClient, open_app: OpenApp) -> None:
    """It has a column of its own: no row is wrapped again when it comes."""
    fill(client, 60)
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        column = timeline.region.right - 1

        def bar() -> str:
            return "".join(row[column] for row in screen_text(pilot).split("\n")[2:20]).strip()

        width = timeline.entries and timeline.render_line(0).cell_length
        assert bar() == ""
        await pilot.press("pageup")
        await settled(pilot)
        assert timeline.vertical_scrollbar in pilot.app.screen._compositor.visible_widgets
        assert timeline.render_line(0).cell_length == width
        await pilot.press("ctrl+end")
        await settled(pilot)
        assert timeline.vertical_scrollbar not in pilot.app.screen._compositor.visible_widgets
        assert bar() == ""
