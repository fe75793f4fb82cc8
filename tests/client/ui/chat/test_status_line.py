"""The status row: what changes, and nothing while all is well."""

from dataclasses import replace

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, DIRECT, GARDEN, FakeClient
from textual.pilot import Pilot

from parlour_client.core.events import EntryChanged
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.language import ENGLISH, language
from parlour_protocol.kit.ids import new_request_id

ONLINE = ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3, key pinned")
OFFLINE = ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected", retry_in=3)


def row(pilot: Pilot[None]) -> str:
    """Return the status row."""
    return screen_text(pilot).split("\n")[-1]


def unread(client: FakeClient) -> None:
    """Let three messages be unread, one of them a mention."""
    client.say(GARDEN, BOB, "anybody here?")
    client.say(GARDEN, BOB, "@alice?")
    client.say(DIRECT, BOB, "psst")


@pytest.mark.parametrize(
    ("size", "code", "words"),
    [
        ((80, 24), "en", " alice · 3 unread, 1 mention (Ctrl+N) "),
        ((40, 15), "en", " 3 unread, 1 mention "),
        ((80, 24), "de", " alice · 3 ungelesen, 1 Erwähnung (Strg+N) "),
        ((40, 15), "de", " 3 ungelesen, 1 Erwähnung "),
    ],
)
async def test_what_is_unread_is_counted(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int], code: str, words: str
) -> None:
    """The account and the key have to go before a count has; help is always at the right."""
    language.use([code])
    try:
        async with open_app(client, size=size) as pilot:
            await lobby(pilot)
            assert "unread" not in row(pilot)
            unread(client)
            await settled(pilot)
            assert row(pilot).startswith(words)
            assert {"en": "F1 help", "de": "F1 Hilfe"}[code] in row(pilot)
    finally:
        language.use([ENGLISH])


async def test_a_silenced_room_counts_only_mentions(client: FakeClient, open_app: OpenApp) -> None:
    """As in the list of rooms, and for Ctrl+N."""
    client._rooms[GARDEN] = replace(client._rooms[GARDEN], muted=True)
    async with open_app(client) as pilot:
        await lobby(pilot)
        unread(client)
        await settled(pilot)
        assert "1 unread, 1 mention" in row(pilot)


async def test_what_is_queued_is_counted_and_what_was_sent_afterwards(
    client: FakeClient, open_app: OpenApp
) -> None:
    """With the key that shows it; when the connection is back, for some seconds."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.set_link(OFFLINE)
        queued = [
            replace(client.say(GARDEN, ALICE, text), seq=None, request=new_request_id())
            for text in ("one", "two")
        ]
        client.logs[GARDEN][-2:] = queued
        client.tell(EntryChanged(queued[0]))
        await settled(pilot)
        assert row(pilot).startswith(" alice · not connected: again in 3 s · 2 queued (F7) ")
        client.set_link(ONLINE)
        del client.logs[GARDEN][-2:]
        client.tell(EntryChanged(queued[0]))
        await settled(pilot)
        assert row(pilot).startswith(" alice · connected · 2 sent ")
        screen.status_line._be_calm()
        await settled(pilot)
        assert row(pilot).startswith(" alice  ")


async def test_nothing_is_drawn_by_a_clock_while_all_is_well(client: FakeClient, open_app: OpenApp) -> None:
    """The seconds to the next try are counted only while there are some."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        beat = screen.status_line._beat
        assert beat is not None
        assert not beat._active.is_set()
        client.set_link(OFFLINE)
        assert beat._active.is_set()
        client.set_link(ONLINE)
        assert not beat._active.is_set()


async def test_help_says_what_protects_the_connection(client: FakeClient, open_app: OpenApp) -> None:
    """The row says it only when it is new."""
    async with open_app(client, size=(132, 60)) as pilot:
        _screen = await lobby(pilot)
        assert "TLS 1.3" not in screen_text(pilot)
        await pilot.press("f1")
        await settled(pilot)
        assert "chat.example:8443 · TLS 1.3, key pinned" in screen_text(pilot)
