"""Lists at the side: rows in columns, sections apart while there is room, and what is out of sight."""

from dataclasses import replace

from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import DIRECT, GARDEN, FakeClient
from textual.pilot import Pilot

from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.ids import RoomId
from parlour_protocol.room_name import parse_room_name

TAMIL = "தமிழ்மொழிநிகழ்ச்சிவரலாறுகலை"


def rows(pilot: Pilot[None]) -> list[str]:
    """Return what stands in the list of rooms, and the line beside it, at 80 columns."""
    return [row[:21] for row in screen_text(pilot).split("\n")]


def with_rooms(client: FakeClient, count: int) -> list[RoomId]:
    """Add rooms, behind those that are there."""
    return [
        client.add_room(RoomId(f"{number:022}"), parse_room_name(f"room-{number:02}")).id
        for number in range(count)
    ]


async def unread(pilot: Pilot[None], client: FakeClient, *unread: RoomId) -> None:
    """Show these rooms only as unread."""
    for room in client.rooms.all:
        client._rooms[room.id] = replace(room, unread=3 if room.id in unread else 0, mentions=0)
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    screen.pane.view.refresh()
    await settled(pilot)


async def test_a_row_has_its_columns(client: FakeClient, open_app: OpenApp) -> None:
    """`>`, the number, the name, the count and its mark; a long name is cut before the count."""
    client.add_room(RoomId("Z" * 22), parse_room_name("a-room-with-a-long-name"))
    client._rooms[GARDEN] = replace(client._rooms[GARDEN], unread=42, mentions=1)
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert rows(pilot)[:8] == [
            " Rooms           F2 │",
            " Direct             │",
            " 3 @bob             │",
            "                    │",
            " Rooms              │",
            ">1 #lobby           │",
            " 2 #garden       42@│",
            " 4 #a-room-wit…     │",
        ]
        await pilot.press("f2")
        await pilot.pause()
        assert rows(pilot)[0] == "▸ Rooms          F2 │"


async def test_a_name_of_any_width_moves_no_count(client: FakeClient, open_app: OpenApp) -> None:
    """Terminals disagree about it: the count begins in an absolute column, and the line behind it, too."""
    tamil = client.add_room(RoomId("T" * 22), parse_room_name(TAMIL)).id
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await unread(pilot, client, tamil)
        strip = next(
            s for s in screen.room_list.render_lines(screen.room_list.outer_size.region) if "த" in s.text
        )
        drawn = strip.render(pilot.app.console)
        assert "\x1b[16G\x1b[1;" in drawn
        assert drawn.index("\x1b[16G\x1b[1;") < drawn.index("   3")
        assert drawn.endswith("\x1b[22G")


async def test_sections_are_apart_while_everything_fits(client: FakeClient, open_app: OpenApp) -> None:
    """A room more than fits with blank rows: there are none."""
    with_rooms(client, 15)
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert "                    │" in rows(pilot)[:5]
        with_rooms(client, 17)
        screen.pane.view.refresh()
        await settled(pilot)
        assert "                    │" not in rows(pilot)[:5]


async def test_the_edges_tell_of_unread_rooms(client: FakeClient, open_app: OpenApp) -> None:
    """Above in the title, below in the last row, which is there only then; a click goes there."""
    added = with_rooms(client, 40)
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await unread(pilot, client, DIRECT, added[20], added[30], added[39])
        assert rows(pilot)[0] == " Rooms           F2 │"
        assert rows(pilot)[22] == " 3 unread below     │"
        bottom = screen.room_list.outer_size.height - 1
        await pilot.click("#rooms", offset=(3, bottom))
        await settled(pilot)
        assert "room-20" in "".join(rows(pilot))
        assert rows(pilot)[bottom] == " 2 unread below     │"
        for _ in range(2):
            await pilot.click("#rooms", offset=(3, bottom))
            await settled(pilot)
        assert "room-39" in rows(pilot)[bottom]
        assert rows(pilot)[0] == " 1 unread above  F2 │"
        await unread(pilot, client, DIRECT)
        assert rows(pilot)[0] == " 1 unread above  F2 │"
        await pilot.click("#rooms", offset=(3, 0))
        await settled(pilot)
        assert rows(pilot)[0] == " Rooms           F2 │"
        assert " 3 @bob           3 │" in rows(pilot)


async def test_a_click_hits_the_row_under_it(client: FakeClient, open_app: OpenApp) -> None:
    """Below the title, in a list that is scrolled, too."""
    with_rooms(client, 40)
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        for scrolled in (0, 7):
            screen.room_list.scroll_to(y=scrolled, animate=False)
            await settled(pilot)
            at = next(y for y, row in enumerate(rows(pilot)) if f"room-{scrolled + 10:02}" in row)
            await pilot.click("#rooms", offset=(5, at))
            await settled(pilot)
            assert screen.pane.current.id == RoomId(f"{scrolled + 10:022}")
