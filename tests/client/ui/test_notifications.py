"""Notifications: a fixed text of ours, only of what the person is not looking at, and not too often."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient

from parlour_client.core.events import EntryAdded
from parlour_client.core.model import Delivery
from parlour_client.core.settings import Settings
from parlour_client.ui import notifications as news
from parlour_client.ui.notifications import QUIET, Notifier, desktop_program, run_program, sequence, words
from parlour_protocol.frames.bodies import Kicked
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText

HOSTILE = "\x1b]0;PWNED\x07 @alice \u202e[/nope]; rm -rf /"


class Screen:
    """Stands for the app: keeps what it is told to do."""

    def __init__(self, **settings: str) -> None:
        self.settings = structs.replace(Settings(notifications="osc9", notify_for="all"), **settings)
        self.app_focus = True
        self.away = False
        self.open: RoomId | None = LOBBY
        self.told: list[object] = []
        self.time = 1000.0

    def sees(self, room: RoomId) -> bool:
        """Whether the person looks at a room."""
        return self.app_focus and self.open == room

    def bell(self) -> None:
        """Note a bell."""
        self.told.append("bell")

    def to_terminal(self, data: str) -> None:
        """Note a sequence."""
        self.told.append(data)

    def in_background(self, program: tuple[str, ...]) -> None:
        """Note a program."""
        self.told.append(program)

    def notifier(self) -> Notifier:
        """Return what notifies here."""
        return Notifier(
            settings=lambda: self.settings,
            sees=self.sees,
            is_away=lambda: self.away,
            ring=self.bell,
            write=self.to_terminal,
            run=self.in_background,
            now=lambda: self.time,
        )


@pytest.fixture
def follow(client: FakeClient) -> Callable[[Screen], Screen]:
    """Return what lets a notifier follow the client."""

    def followed(screen: Screen) -> Screen:
        screen.notifier().follow(client)
        return screen

    return followed


Follow = Callable[[Screen], Screen]


def test_what_one_looks_at_is_not_told(client: FakeClient, follow: Follow) -> None:
    """The open room while the terminal has the focus; anything else is."""
    screen = follow(Screen())
    client.say(LOBBY, BOB, "hello")
    assert not screen.told
    client.say(GARDEN, BOB, "hello")
    assert screen.told == ["\x1b]9;New message in Parlour\x07"]
    screen.time += QUIET
    screen.app_focus = False
    client.say(LOBBY, BOB, "hello")
    assert len(screen.told) == 2


def test_our_own_and_what_is_no_message_is_not_told(client: FakeClient, follow: Follow) -> None:
    """Nor what was read on another device, nor what is on its way."""
    screen = follow(Screen())
    screen.app_focus = False
    client.say(GARDEN, client.account.user, "mine")
    entry = client.say(LOBBY, BOB, "x")
    screen.told.clear()
    screen.time += QUIET
    client.mark_all_read()
    client.tell(EntryAdded(entry))
    client.tell(EntryAdded(replace(entry, seq=None, delivery=Delivery.QUEUED)))
    assert not screen.told


def test_many_are_one_with_a_number(client: FakeClient, follow: Follow) -> None:
    """A flood rings once, and then says how many there were."""
    screen = follow(Screen())
    for _ in range(50):
        client.say(GARDEN, BOB, "flood")
    assert len(screen.told) == 1
    screen.time += QUIET
    client.say(GARDEN, BOB, "flood")
    assert screen.told[1] == "\x1b]9;50 new messages in Parlour\x07"


def test_only_the_chosen_messages_notify(client: FakeClient, follow: Follow) -> None:
    """Mentions alone, direct rooms as well, or everything."""
    told = {}
    for wish in ("mentions", "direct", "all"):
        screen = follow(Screen(notify_for=wish))
        told[wish] = []
        for room, text in ((GARDEN, "hello"), (GARDEN, "hello @alice"), (DIRECT, "hello")):
            screen.time += QUIET
            before = len(screen.told)
            client.say(room, BOB, text)
            told[wish].append(len(screen.told) > before)
        client.mark_all_read()
    assert told == {"mentions": [False, True, False], "direct": [False, True, True], "all": [True] * 3}


def test_a_mention_after_reading_is_new_again(client: FakeClient, follow: Follow) -> None:
    """Counts that were read go down; the next mention is told."""
    screen = follow(Screen(notify_for="mentions"))
    client.say(GARDEN, BOB, "@alice one")
    client.mark_all_read()
    screen.time += QUIET
    client.say(GARDEN, BOB, "nothing")
    client.say(GARDEN, BOB, "@alice two")
    assert len(screen.told) == 2


async def test_muted_rooms_and_ignored_people_are_not_told(client: FakeClient, follow: Follow) -> None:
    """They ask for no attention, not even when they name the person."""
    screen = follow(Screen())
    await client.silence(GARDEN)
    client.say(GARDEN, BOB, "@alice")
    await client.ignore(BOB)
    client.say(DIRECT, BOB, "@alice")
    assert not screen.told
    client.say(DIRECT, CAROL, "hello")
    assert screen.told


def test_being_removed_from_a_room_is_told(client: FakeClient, follow: Follow) -> None:
    """Whatever messages notify; not who did it or why, and not what was done to others or by oneself."""
    screen = follow(Screen(notify_for="mentions"))
    client.happen(GARDEN, BOB, Kicked(CAROL, ReasonText(HOSTILE)))
    client.happen(LOBBY, BOB, Kicked(ALICE, ReasonText(HOSTILE)))
    assert screen.told == []
    client.happen(GARDEN, BOB, Kicked(ALICE, ReasonText(HOSTILE)))
    assert screen.told == [sequence("osc9", "You were removed from a room in Parlour")]


def test_off_and_away_tell_nothing(client: FakeClient, follow: Follow) -> None:
    """Whatever is said."""
    off, away = follow(Screen(notifications="off")), follow(Screen())
    away.away = True
    client.say(GARDEN, BOB, "hello")
    assert not off.told
    assert not away.told


KINDS = ("bell", "osc9", "osc777", "osc99", "desktop")


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_of_a_stranger_is_in_it(
    client: FakeClient, follow: Follow, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is said, and wherever: the bytes are ours but for one number."""
    monkeypatch.setattr("parlour_client.ui.notifications.find_program", lambda name: f"/usr/bin/{name}")
    client.set_topic_raw(GARDEN, HOSTILE)
    screen = follow(Screen(notifications=kind))
    client.say(GARDEN, BOB, HOSTILE)
    screen.time += QUIET
    client.say(GARDEN, BOB, HOSTILE)
    text = r"(?:New message|\d+ new messages) in Parlour"
    forms = {
        "bell": r"bell",
        "osc9": rf"\x1b\]9;{text}\x07",
        "osc777": rf"\x1b\]777;notify;Parlour;{text}\x07",
        "osc99": rf"\x1b\]99;i=parlour:d=1;{text}\x1b\\",
        "desktop": rf"/usr/bin/notify-send --app-name=Parlour -- Parlour {text}",
    }
    assert len(screen.told) == 2
    for told in screen.told:
        shown = " ".join(told) if isinstance(told, tuple) else str(told)
        assert re.fullmatch(forms[kind], shown)


@given(st.integers(min_value=1))
def test_a_number_is_a_number(count: int) -> None:
    """Nothing but digits and our own words."""
    assert re.fullmatch(r"New message in Parlour|\d+ new messages in Parlour", words(count))
    assert "\n" not in sequence("osc9", words(count))


def test_the_desktop_is_asked_without_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of arguments; nothing where there is no such program."""
    monkeypatch.setattr("parlour_client.ui.notifications.find_program", lambda _name: None)
    assert desktop_program("x") == ()
    monkeypatch.setattr("parlour_client.ui.notifications.find_program", lambda name: f"/bin/{name}")
    monkeypatch.setattr("sys.platform", "darwin")
    assert desktop_program("x") == ("/bin/osascript", "-e", 'display notification "x" with title "Parlour"')


async def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is not there is of no importance."""
    monkeypatch.setattr(news, "PATIENCE", 0.0)
    await run_program(("/bin/sleep", "60"))
    await run_program((str(tmp_path / "nothing"),))
