"""The keys at the foot of the screen: those that can be pressed now, and nothing is made anew for nothing."""

from unittest.mock import Mock

import pytest
from rich.cells import cell_len
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Region
from textual.pilot import Pilot

from parlour_client.kit.widgets.footer import KeyFooter, ShownKey
from parlour_client.ui.chat.screen import ChatScreen


def keys(pilot: Pilot[None]) -> tuple[ShownKey, ...]:
    """Return what is there."""
    return pilot.app.screen.query_one(KeyFooter).keys


class Pressed(App[None]):
    """Two keys, of which one does nothing now."""

    BINDINGS = [Binding("f1", "help", "Help"), Binding("f2", "never", "Never")]  # noqa: RUF012 - Textual's declaration

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Have the role that a `SafeApp` has."""
        return {"dim": "#808080"}

    def __init__(self) -> None:
        super().__init__()
        self.helped = 0
        self.rung = 0

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield KeyFooter()

    def bell(self) -> None:
        """Count."""
        self.rung += 1

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show `never` as one that cannot be done."""
        return None if action == "never" else super().check_action(action, parameters)

    def action_help(self) -> None:
        """Count."""
        self.helped += 1

    def action_never(self) -> None:
        """Fail."""
        raise AssertionError


async def lobby(pilot: Pilot[None]) -> None:
    """Open a room with a message."""
    assert isinstance(pilot.app.screen, ChatScreen)
    await pilot.app.screen.pane.navigation.open(LOBBY)
    await settled(pilot)


async def test_it_shows_the_keys_of_what_has_the_focus(client: FakeClient, open_app: OpenApp) -> None:
    """Among the messages there are others than while one writes; and back again."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client, size=(160, 24)) as pilot:
        await lobby(pilot)
        written = screen_text(pilot).split("\n")[-1]
        assert "F1 help" in written
        await pilot.press("alt+up")
        await settled(pilot)
        assert "i inspect" in screen_text(pilot).split("\n")[-1]
        await pilot.press("escape")
        await settled(pilot)
        assert screen_text(pilot).split("\n")[-1] == written


async def test_no_key_is_cut_off(client: FakeClient, open_app: OpenApp) -> None:
    """Only those that fit are there, and more of them when the terminal becomes wider."""
    async with open_app(client, size=(40, 15)) as pilot:
        for width in (40, 60, 40):
            await pilot.resize_terminal(width, 15)
            await settled(pilot)
            shown = keys(pilot)
            assert shown[0].written == "F1"  # the last one that goes
            assert [one.written for one in shown] in (["F1", "F3", "Ctrl+K"], ["F1", "F2", "F3", "Ctrl+K"])
            row = screen_text(pilot).split("\n")[-1].rstrip()
            assert row.endswith(" · ".join(f"{one.written} {one.words}" for one in shown))
            assert cell_len(row) < width


async def test_the_same_keys_stay(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes without changing them draws none; no key is a widget, which would stay in memory."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client) as pilot:
        await lobby(pilot)
        footer = pilot.app.screen.query_one(KeyFooter)
        drawn = Mock(wraps=footer.render_lines)
        monkeypatch.setattr(footer, "render_lines", drawn)
        before = keys(pilot)
        pilot.app.screen.refresh_bindings()
        await settled(pilot)
        assert before
        assert keys(pilot) is before
        drawn.assert_not_called()
        assert not footer.children
        await pilot.press("alt+up")
        await settled(pilot)
        assert keys(pilot) != before
        drawn.assert_called()


async def test_a_click_presses_the_key() -> None:
    """On its name and on its words, but not on the blank behind; one that does nothing now only rings."""
    app = Pressed()
    async with app.run_test(size=(40, 3)) as pilot:
        assert screen_text(pilot).split("\n")[-1].rstrip().startswith("f1 Help · f2 Never")
        for column, helped, rung in ((0, 1, 0), (6, 2, 0), (8, 2, 0), (10, 2, 1), (17, 2, 2), (39, 2, 2)):
            await pilot.click(KeyFooter, offset=(column, 0))
            await pilot.pause()
            assert (app.helped, app.rung) == (helped, rung), column


async def test_the_key_under_the_mouse_is_marked() -> None:
    """And a key that does nothing now is dim."""
    app = Pressed()
    async with app.run_test(size=(40, 3)) as pilot:
        footer = app.query_one(KeyFooter)

        def looks() -> tuple[list[object], list[object]]:
            [row] = footer.render_lines(Region(0, 0, *footer.size))
            styles = [one.style for one in row for _ in one.text if one.style is not None]
            return [styles[at].bgcolor for at in (0, 4, 10, 14)], [styles[at].color for at in (4, 14)]

        backgrounds, (words, dim_words) = looks()
        assert len(set(backgrounds)) == 1
        assert words != dim_words
        await pilot.hover(KeyFooter, offset=(2, 0))
        await pilot.pause()
        marked, _ = looks()
        assert marked[0] == marked[1] != backgrounds[0]
        assert marked[2:] == backgrounds[2:]
        assert footer.styles.pointer == "pointer"
        await pilot.hover(KeyFooter, offset=(30, 0))
        await pilot.pause()
        assert looks()[0] == backgrounds
        assert footer.styles.pointer == "default"
