"""What the screen looks like, cell by cell and style by style, kept as text files beside the tests.

A change of a look fails here and shows the difference; when it is meant, write them again:
`PARLOUR_SNAPSHOTS=write pytest tests/client/ui/test_snapshots.py`.
"""

import os
import string
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, settled
from tests.client.ui.test_welcome import FakeLogin, entrance
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, GARDEN, LOBBY, FakeClient
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.core.settings import FILE
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.kit.ids import Seq

FOLDER = Path(__file__).parent / "snapshots"
SIZES = [(40, 15), (80, 24), (100, 30), (160, 50)]


pytestmark = pytest.mark.usefixtures("in_utc")


@pytest.fixture(autouse=True)
def _in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a person's own NO_COLOR change nothing."""
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def client() -> FakeClient:
    """Return a client with something of everything to look at."""
    client = FakeClient.peopled()
    first = client.say(LOBBY, BOB, "shall we meet in the #garden?")
    client.say(LOBBY, ALICE, "yes, at five", reply_to=first.seq)
    client.say(LOBBY, CAROL, "I bring tea\n\x1b]0;title\x07 \u202eand cake")
    client.say(LOBBY, BOB, "@alice: 👍 漢字 שלום")
    client.mark_all_read()
    client.say(GARDEN, BOB, "anybody here? @alice")
    return client


async def lobby(pilot: Pilot[None]) -> ChatScreen:
    """Open the lobby."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    screen.pane.composer.cursor_blink = False
    await screen.pane.navigation.open(LOBBY)
    await settled(pilot)
    return screen


def compare(pilot: Pilot[None], name: str) -> None:
    """Compare the screen with the file, or write the file."""
    drawn, file = draw(pilot), FOLDER / f"{name}.txt"
    if os.environ.get("PARLOUR_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(drawn, encoding="utf-8")
    assert drawn == file.read_text(encoding="utf-8")


def draw(pilot: Pilot[None]) -> str:
    """Return the cells, then a letter for the style of each cell, then what the letters mean."""
    names: dict[str, str] = {}
    letters = iter(string.ascii_lowercase + string.ascii_uppercase + string.digits)
    rows, styles = [], []
    for strip in pilot.app.screen._compositor.render_strips():
        rows.append(strip.text.rstrip())
        row = ""
        for segment in strip:
            style = str(segment.style)
            if style not in names:
                names[style] = next(letters)
            row += names[style] * segment.cell_length
        styles.append(row)
    legend = [f"{letter} {style}" for style, letter in names.items()]
    return "\n".join([*rows, "", *styles, "", *legend, ""])


@pytest.mark.parametrize("size", SIZES)
async def test_the_chat(client: FakeClient, open_app: OpenApp, size: tuple[int, int]) -> None:
    """From the smallest terminal to a large one."""
    async with open_app(client, size=size) as pilot:
        await lobby(pilot)
        compare(pilot, f"chat-{size[0]}x{size[1]}")


async def test_the_cosy_layout(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Names and times above the messages."""
    (tmp_path / FILE).write_text('message_layout = "cosy"\n')
    async with open_app(client, folder=tmp_path) as pilot:
        await lobby(pilot)
        compare(pilot, "cosy")


@pytest.mark.parametrize("theme", ["parlour-light", "high-contrast", "monochrome"])
async def test_the_themes(client: FakeClient, open_app: OpenApp, tmp_path: Path, theme: str) -> None:
    """The same in other colours."""
    (tmp_path / FILE).write_text(f'theme = "{theme}"\n')
    async with open_app(client, folder=tmp_path) as pilot:
        await lobby(pilot)
        compare(pilot, f"theme-{theme}")


async def test_no_color(client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """No colour at all, and no word less."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(client) as pilot:
        await lobby(pilot)
        compare(pilot, "no-color")


KEYS = {
    "help": ["f1"],
    "help-of-messages": ["alt+up", "f1"],
    "settings": ["f10"],
    "jump": ["ctrl+o"],
    "completion": [*":smil"],
    "reply": ["alt+up", "r"],
    "rooms": ["f2"],
}


@pytest.mark.parametrize("name", KEYS)
async def test_what_keys_open(client: FakeClient, open_app: OpenApp, name: str) -> None:
    """Pages, lists and modes."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press(*KEYS[name])
        await settled(pilot)
        compare(pilot, name)


async def test_the_paste_guard(client: FakeClient, open_app: OpenApp) -> None:
    """What is found, and the text by the rule."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        pilot.app.post_message(Paste("password=hunter22\nrm -rf \x1b[8m/"))
        await settled(pilot)
        compare(pilot, "paste")


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_run(size: tuple[int, int]) -> None:
    """It says what to do, from the smallest terminal to a large one."""
    app = ParlourApp(entrance=entrance(FakeLogin(), new=True))
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settled(pilot)
        compare(pilot, f"welcome-{size[0]}x{size[1]}")


async def test_the_pins(client: FakeClient, open_app: OpenApp) -> None:
    """What is pinned, and the keys for it."""
    await client.pin(LOBBY, Seq(6))
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        compare(pilot, "pinned")
        await screen.pane.commands.run("/pins")
        await settled(pilot)
        compare(pilot, "pins")


@pytest.mark.parametrize("size", SIZES)
async def test_verifying(client: FakeClient, open_app: OpenApp, size: tuple[int, int]) -> None:
    """The safety number, and where one types."""
    async with open_app(client, size=size) as pilot:
        screen = await lobby(pilot)
        await screen.pane.commands.run("/verify bob")
        await settled(pilot)
        pilot.app.screen.query_one(Input).cursor_blink = False
        compare(pilot, f"verify-{size[0]}x{size[1]}")


async def test_without_a_room(open_app: OpenApp) -> None:
    """Empty panes say which key to press."""
    async with open_app(FakeClient()) as pilot:
        await settled(pilot)
        compare(pilot, "empty")
