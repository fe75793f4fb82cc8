"""Hostile text in every place that shows text: nothing crashes, nothing forbidden is drawn."""

from dataclasses import replace

import pytest
from rich.segment import Segment
from rich.style import Style
from tests.client.ui.conftest import OpenApp, settled
from tests.client.ui.corpus import samples
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, LOBBY, FakeClient
from textual.color import Color
from textual.content import Content
from textual.pilot import Pilot

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.model import ReactionCount
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.terminal.guard import AllFilters, TerminalGuard
from parlour_client.kit.widgets.safe import SafeStatic, own, peer_line
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.timeline.store import Store
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import bodies
from parlour_protocol.frames.fields import Reaction, TopicText
from parlour_protocol.frames.replies import RoomListing
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.text.forbidden import FORBIDDEN
from parlour_protocol.room_name import parse_room_name

WORST = (
    "\x1b]52;c;ZXZpbA==\x1b\\", "\x1b[c", "\x1b[>q", "\x9b2J", "\x1bc", "\x1b[?1049l",
    "\x1b]8;;http://x\x1b\\y",
    "[/nope] [bold]x", "[@click=app.quit]x[/]", "\u202egnp.exe", "\U000e0041\U000e0042",
    "\u2028\u2029\x0b\x0c\x85",
    "a\ud800b", "\x00", "\ufffe", "\u200b\u200b\u200b",
    "Z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 3,
)  # fmt: skip


def drawn(pilot: Pilot[None]) -> str:
    """Return all text that the screen would send to a terminal."""
    return "".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def forbidden(pilot: Pilot[None]) -> list[str]:
    """Return what must not be drawn."""
    return FORBIDDEN.findall(drawn(pilot))


@pytest.mark.parametrize("before", range(12, 20))
def test_a_flag_is_cut_whole(before: int) -> None:
    """What is shortened to one line ends between clusters: bare tags are never drawn."""
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    shown = peer_line("x" * before + flag * 9, limit=24).plain
    assert not FORBIDDEN.search(shown)
    assert shown.endswith("…")


async def test_the_whole_corpus_as_messages(client: FakeClient, open_app: OpenApp) -> None:
    """Every text of the corpus is drawn without a forbidden code point, and without the guard's help."""
    texts = [sample.text for sample in samples()]
    for number, text in enumerate(texts):
        client.say(LOBBY, (BOB, CAROL)[number % 2], text)
    client.mark_all_read()
    async with open_app(client, size=(100, 60)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        screen.pane.timeline.prepend(client.logs[LOBBY], complete=True)
        assert len(screen.pane.timeline.entries) == len(texts) + 3
        store = Store(ALICE, screen.pane.timeline.entries)
        store.estimate(60)
        rows = [piece.text for index in range(len(store)) for row in store.rows(index) for piece in row]
        assert not [text for text in rows if FORBIDDEN.search(text)]
        for _ in range(3):
            await pilot.press("pageup")
            assert not forbidden(pilot)


@pytest.mark.parametrize("text", ["[/nope]" + "".join(WORST), "\u200b\u202e"], ids=["all", "invisible"])
async def test_the_worst_texts_everywhere(text: str, client: FakeClient, open_app: OpenApp) -> None:
    """Topic, reason, reaction, hint, status, search, inspector, confirmation, directory: all hold."""
    entry = client.say(LOBBY, BOB, text)
    client.change(replace(entry, reactions=(ReactionCount(str.__new__(Reaction, text), (BOB,)),)))
    client.say(LOBBY, CAROL, "an answer", reply_to=entry.seq)
    client.happen(LOBBY, CAROL, bodies.Kicked(BOB, str.__new__(ReasonText, text)))
    client.set_topic_raw(LOBBY, text)
    name = parse_room_name("meadow")
    client.listing.append(RoomListing(RoomId("M" * 22), name, 1, str.__new__(TopicText, text)))
    async with open_app(client, size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        client.set_link(ConnectionStatus(LinkState.OFFLINE, text, text, text, retry_in=3))
        client.refusal = ChatRefusedError(ErrorCode.FORBIDDEN, text)
        screen.pane.interaction.run(lambda: client.send(LOBBY, "x"))
        await settled(pilot)
        assert not forbidden(pilot)
        client.refusal = None
        assert screen.pane.timeline.reveal(Seq(entry.seq or 0))
        screen.pane.timeline.focus()
        await pilot.pause()
        for key in ("i", "d"):
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.screen is not screen
            assert not forbidden(pilot)
            await pilot.press("escape")
        await client.pin(LOBBY, Seq(entry.seq or 0))
        await screen.pane.commands.run("/pins")
        await settled(pilot)
        assert pilot.app.screen is not screen
        assert not forbidden(pilot)
        await pilot.press("escape")
        await screen.pane.commands.run("/rooms")
        await pilot.pause()
        assert not forbidden(pilot)
        await pilot.press("escape")
        screen.pane.results.views.search("hello")
        await settled(pilot)
        await pilot.press("escape")
        screen.pane.results.views.search(text[:1])
        await settled(pilot)
        assert not forbidden(pilot)


def test_the_guard_replaces_what_a_mistake_lets_through() -> None:
    """The third wall works alone: escapes, bidi, tags and links do not pass."""
    segments = [Segment(text, Style(link="http://x")) for text in WORST] + [Segment("\x1b[2J", None, [])]
    passed = TerminalGuard().apply(segments, Color(0, 0, 0))
    assert not FORBIDDEN.search("".join(segment.text for segment in passed))
    assert not [segment for segment in passed if segment.style and segment.style.link]
    assert not [segment for segment in passed if segment.control]


async def test_the_guard_stands_behind_every_widget(client: FakeClient, open_app: OpenApp) -> None:
    """A widget with raw text (a mistake) draws the replacement, also without colours."""
    async with open_app(client) as pilot:
        raw = SafeStatic(Content("\x1b[c\u202e", strip_control_codes=False))
        await pilot.app.screen.mount(raw, before=0)
        await pilot.pause()
        assert not forbidden(pilot)
        assert "\ufffd" in drawn(pilot)


def test_own_words_are_no_markup() -> None:
    """Brackets stay brackets."""
    assert own("[/nope]").plain == "[/nope]"


async def test_the_title_is_ours(client: FakeClient, open_app: OpenApp) -> None:
    """No room name and no text gets into the terminal's title."""
    async with open_app(client) as pilot:
        assert pilot.app.title == "Parlour"
        assert not pilot.app.sub_title


async def test_a_row_passes_one_filter_in_which_the_guard_is_the_last(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Each further one would be looked up for each row of each frame; another theme is another filter."""
    async with open_app(client) as pilot:
        (one,) = pilot.app.get_line_filters()
        assert isinstance(one, AllFilters)
        assert isinstance(one.filters[-1], TerminalGuard)
        assert list(pilot.app.get_line_filters()) == [one]
        pilot.app.theme = "high-contrast"
        (other,) = pilot.app.get_line_filters()
        assert other is not one
