"""The mock-ups: the scene that each is of, the size of the terminal, what opens it, and where it stands.

Parts of a page are compared where they stand on a screen: from the top or the bottom of a region, or in the
middle as dialogs do. ``LISTS`` cells at the left are the rooms'.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from typing import Final
from unittest.mock import patch

from rich.cells import cell_len
from tests.client.ui.conftest import calm_hands, settled
from tests.client.ui.looks.compare import cut_out, mock_up, report, rows_of
from tests.client.ui.looks.scene import BEN, DEN, GARDEN, LOBBY, MALLORY, NOW, Scene, at
from tests.client.ui.test_welcome import FakeLogin, entrance
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.core.e2ee.values import OwnDevice, RoomEncryption, RoomState
from parlour_client.core.events import EncryptionChanged, TypingChanged
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.timeline.holes import HoleState
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import parse_device_name

LISTS: Final = 21
"""Cells of the list of rooms and its line, below 100 columns."""


class Place(Enum):
    """Where a part stands."""

    WHOLE = auto()
    TOP = auto()
    BOTTOM = auto()
    """Above the status row."""
    LAST = auto()
    """It is the status row."""
    MIDDLE = auto()


Do = Callable[["Opened"], Awaitable[None]]


@dataclass(frozen=True)
class Look:
    """A mock-up."""

    size: tuple[int, int]
    do: Do
    place: Place = Place.WHOLE
    left: int = 0
    """The column in which it begins, unless it is in the middle."""
    make: Callable[[], Scene] | None = Scene
    """What makes the client; None: there is no account."""


@dataclass(frozen=True)
class Opened:
    """The app on a scene."""

    pilot: Pilot[None]
    scene: Scene

    @property
    def chat(self) -> ChatScreen:
        """The chat."""
        screen = next(s for s in self.pilot.app.screen_stack if isinstance(s, ChatScreen))
        screen.pane.composer.cursor_blink = False
        return screen

    async def show(self, room: RoomId) -> None:
        """Open a room."""
        await self.chat.pane.navigation.open(room)
        await settled(self.pilot)

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)
        await settled(self.pilot)

    async def run(self, line: str) -> None:
        """Run a slash command."""
        await self.chat.pane.commands.run(line)
        await settled(self.pilot)

    async def select(self, text: str) -> None:
        """Select the message that begins so."""
        entry = next(e for log in self.scene.logs.values() for e in log if (e.text or "").startswith(text))
        await self.press("alt+up")
        while self.chat.pane.timeline.selected is not entry:
            await self.pilot.press("up")


async def nothing(_opened: Opened) -> None:
    """Show what is there."""


async def ben_types(opened: Opened) -> None:
    """Show the garden as it is in the mock-up: a gap is being loaded, and ben is typing."""
    timeline = opened.chat.pane.timeline
    for hole in timeline.holes:
        timeline.hole_left(hole, HoleState.LOADING)
    opened.scene.tell(TypingChanged(GARDEN, (BEN,)))
    await settled(opened.pilot)


async def thread(opened: Opened) -> None:
    """Open the thread, and begin to answer."""
    await opened.select("The tap is done")
    await opened.press("t")
    await opened.press(*"Evening or morning?")


async def lobby(opened: Opened) -> None:
    """Open the lobby."""
    await opened.show(LOBBY)


async def new_keys(opened: Opened) -> None:
    """Let ben have other keys."""
    problem = "ben has new keys: compare them (/verify ben)"
    opened.scene.encryption.rooms[GARDEN] = RoomEncryption(RoomState.BLOCKED, "Encrypted", problem)
    await opened.show(GARDEN)


def written(text: str) -> Do:
    """Return what types a text."""

    async def do(opened: Opened) -> None:
        opened.chat.pane.composer.insert(text[:-1])
        await opened.press(text[-1])

    return do


def on(text: str, *keys: str, then: str = "") -> Do:
    """Return what presses keys on the message that begins so, and types a text after them."""

    async def do(opened: Opened) -> None:
        await opened.select(text)
        await opened.press(*keys)
        if then:
            opened.chat.pane.composer.load_text(then)
            await settled(opened.pilot)

    return do


def pressed(*keys: str) -> Do:
    """Return what presses keys."""

    async def do(opened: Opened) -> None:
        await opened.press(*keys)

    return do


async def offline(opened: Opened) -> None:
    """Lose the connection, with two messages that wait."""
    opened.scene.set_link(ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected", "", 3.0))
    await opened.scene.send(GARDEN, "one")
    await opened.scene.send(GARDEN, "two")
    await settled(opened.pilot)


async def restored(opened: Opened) -> None:
    """Come back, and send what waited."""
    await offline(opened)
    for log in opened.scene.logs.values():
        log[:] = [entry for entry in log if entry.seq is not None]
    opened.scene.set_link(ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3, key pinned"))
    await settled(opened.pilot)


def _devices(scene: Scene) -> tuple[OwnDevice, OwnDevice]:
    laptop, phone = scene.encryption.listed
    name = parse_device_name("phone")
    pending = replace(phone, device=_PHONE, name=name, status=DeviceStatus.PENDING, created=at("08:20"))
    return laptop, pending


async def revoke(opened: Opened) -> None:
    """Ask to revoke this device."""
    opened.chat.pane.results.devices.ask_revoke(_devices(opened.scene)[0])
    await settled(opened.pilot)


async def approve(opened: Opened) -> None:
    """Ask to approve a phone."""
    opened.scene.encryption.listed = list(_devices(opened.scene))
    opened.scene.encryption.waiting_devices = [_devices(opened.scene)[1]]
    opened.scene.tell(EncryptionChanged())
    await settled(opened.pilot)
    await opened.press("alt+a")


async def remove(opened: Opened) -> None:
    """Ask to remove mallory."""
    await opened.run("/kick mallory")


async def link(opened: Opened) -> None:
    """Open a link that looks wrong."""
    address = "https://paypal.com.evil.example/login?next=%2Faccount"
    opened.scene.say(GARDEN, MALLORY, f"[paypal.com]({address})")
    await opened.select("[paypal.com]")
    await opened.press("o")


async def settings(opened: Opened) -> None:
    """Go to the order of rooms, in the settings."""
    app = opened.pilot.app
    assert isinstance(app, ParlourApp)
    app.action_settings("room_sort")
    await settled(opened.pilot)


async def search(opened: Opened) -> None:
    """Search what was said about watering."""
    await opened.press("f3")
    field = opened.pilot.app.screen.query_one(Input)
    field.cursor_blink = False
    field.value = "watering after:30d"
    await opened.press("enter")
    while not opened.pilot.app.screen.query_one("#around").display:  # it comes once the mark rests
        await opened.pilot.pause()


async def removed(opened: Opened) -> None:
    """Be removed from the den, while writing."""
    opened.scene.enter_den()
    await opened.show(DEN)
    opened.chat.pane.composer.insert("the surprise party is at")
    opened.scene.leave_den()
    await settled(opened.pilot)


def short() -> Scene:
    """Make the scene for small terminals."""
    return Scene(short=True)


def late() -> Scene:
    """Make the scene with a few more messages."""
    return Scene(late=True)


_PHONE: Final = DeviceId("jfhhmi7liorzgtq5" + "a" * 10)
_PANE: Final = (LISTS + 64, 24)
_LONG: Final = (
    "Plan for Saturday: we meet at the gate at nine, ada brings the cart, ben the long can. "
    "Whoever comes late finds us at the wall. Bring gloves"
)
LOOKS: Final[Mapping[str, Look]] = {
    "132x40": Look((132, 40), ben_types),
    "80x24": Look((80, 24), ben_types, make=short),
    "40x15": Look((40, 15), nothing, make=short),
    "40x15-rooms": Look((40, 15), pressed("f2"), make=short),
    "160x45": Look((160, 45), thread, make=late),
    "heading-open": Look(_PANE, lobby, Place.TOP, LISTS),
    "heading-new-keys": Look(_PANE, new_keys, Place.TOP, LISTS),
    "composer-idle": Look(_PANE, lobby, Place.BOTTOM, LISTS),
    "composer-command": Look(_PANE, written("/dm "), Place.BOTTOM, LISTS),
    "composer-long": Look(_PANE, written(_LONG), Place.BOTTOM, LISTS),
    "composer-reply": Look(_PANE, on("I can do Friday", "r", then="And I the Sunday"), Place.BOTTOM, LISTS),
    "composer-edit": Look(
        _PANE, on("The plan for", "e", then="The plan for all three beds:"), Place.BOTTOM, LISTS
    ),
    "status-offline": Look((64, 24), offline, Place.LAST),
    "status-select": Look((64, 24), on("The plan for"), Place.LAST),
    "status-restored": Look((64, 24), restored, Place.LAST),
    "question-revoke": Look((80, 24), revoke, Place.MIDDLE),
    "question-approve": Look((80, 24), approve, Place.MIDDLE),
    "question-remove": Look((80, 24), remove, Place.MIDDLE),
    "link": Look((80, 24), link, Place.MIDDLE),
    "welcome": Look((80, 24), nothing, Place.MIDDLE, make=None),
    "settings": Look((100, 24), settings, Place.TOP),
    "help": Look((92, 24), pressed("f1"), Place.TOP),
    "search": Look((100, 12), search, Place.TOP),
    "removed": Look((132, 24), removed, Place.TOP, 23),
    "removed-choices": Look((132, 24), removed, Place.BOTTOM, 23),
}


@asynccontextmanager
async def opened(look: Look, home: Path) -> AsyncIterator[Pilot[None]]:
    """Open the app at a look."""
    scene = look.make() if look.make is not None else None
    if scene is None:
        app = ParlourApp(entrance=entrance(FakeLogin(), new=True))
    else:
        app = ParlourApp(scene, folder=home)
    app.crash_log = home / "crash.log"
    app.keys.now = calm_hands()
    running = app.run_test(size=look.size, notifications=True, tooltips=True)
    with patch.object(SystemClock, "now", lambda _clock: NOW):
        async with running as pilot:
            await settled(pilot)
            if scene is not None:
                await look.do(Opened(pilot, scene))
            yield pilot


def compared(app: App[None], name: str) -> str:
    """Return how the screen differs from a mock-up; empty: not at all."""
    look, wanted = LOOKS[name], mock_up(name)
    width, height = max(map(cell_len, wanted)), len(wanted)
    across, down = look.size
    x = (across - width) // 2 if look.place is Place.MIDDLE else look.left
    y = {
        Place.WHOLE: 0,
        Place.TOP: 0,
        Place.BOTTOM: down - 1 - height,
        Place.LAST: down - height,
        Place.MIDDLE: (down - height) // 2,
    }[look.place]
    wide = across if look.place is Place.WHOLE else width
    return report(wanted, cut_out(rows_of(app), x, y, wide, height))
