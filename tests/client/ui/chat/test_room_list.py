"""The list of rooms: sections, order, filter, favourites, muted rooms."""

from dataclasses import replace

from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled, write
from tests.client.ui.ui_fake import BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient
from textual.content import Content
from textual.geometry import Region

from parlour_client.ui.chat.room_list import RoomList, next_unread, sections
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.room_name import parse_room_name


def titles(client: FakeClient, sort: str = "name") -> dict[str, list[str]]:
    """Return the titles of each section that has any."""
    found = sections(client.rooms.all, sort)
    return {heading: [room.title for room in rooms] for heading, rooms, _ in found if rooms}


async def test_each_room_stands_in_one_section(client: FakeClient) -> None:
    """What is said in it, or that it is silent, moves it nowhere; that it is a favourite does."""
    before = titles(client)
    assert before == {"Direct": ["@bob"], "Rooms": ["garden", "lobby"]}
    client.say(GARDEN, BOB, "news")
    client.say(DIRECT, BOB, "psst")
    await client.silence(DIRECT)
    assert titles(client) == before
    await client.favour(GARDEN)
    assert titles(client) == {"Favourites": ["garden"], "Direct": ["@bob"], "Rooms": ["lobby"]}


def test_the_order_within_a_section(client: FakeClient) -> None:
    """By name, by what happened last, by what is unread; mentions first."""
    client.add_room(RoomId("Z" * 22), parse_room_name("zoo"))
    client.mark_all_read()
    for number, room in enumerate((GARDEN, RoomId("Z" * 22), LOBBY)):
        client._rooms[room] = replace(client._rooms[room], activity=Millis(number))
    assert titles(client)["Rooms"] == ["garden", "lobby", "zoo"]
    assert titles(client, sort="recent")["Rooms"] == ["lobby", "zoo", "garden"]
    for _ in range(3):
        client.say(GARDEN, BOB, "more")
    client.say(LOBBY, BOB, "@alice")
    assert titles(client, sort="unread")["Rooms"] == ["lobby", "garden", "zoo"]


async def test_a_muted_room_is_passed_over_unless_someone_names_you(client: FakeClient) -> None:
    """Next unread skips what was muted."""
    client.say(GARDEN, BOB, "noise")
    await client.silence(GARDEN)
    assert next_unread(client.rooms.all, LOBBY) is None
    client.say(GARDEN, BOB, "@alice")
    found = next_unread(client.rooms.all, LOBBY)
    assert found is not None
    assert found.id == GARDEN


async def test_typing_filters_and_esc_shows_all(client: FakeClient, open_app: OpenApp) -> None:
    """F2, letters, Enter: the room that fits is open."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("f2", *"gax", "backspace")
        await pilot.pause()
        assert "/ ga" in screen_text(pilot)
        assert not any("#lobby" in row[:20] for row in screen_text(pilot).split("\n"))
        await pilot.press("escape")
        await pilot.pause()
        assert any("#lobby" in row[:20] for row in screen_text(pilot).split("\n"))
        assert screen.room_list.has_focus
        await pilot.press(*"ga", "enter")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.room_list.filter == ""


async def test_keys_on_a_room(client: FakeClient, open_app: OpenApp) -> None:
    """Favourite, mute, mark read, order: each is a key; the choice is kept by the client."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.say(GARDEN, CAROL, "roses")
        await settled(pilot)
        await pilot.press("f2", *"garden", "alt+f", "alt+m", "alt+r")
        await settled(pilot)
        assert [call[:2] for call in client.calls if call[0] in {"favour", "silence", "mark_read"}] == [
            ("favour", GARDEN),
            ("silence", GARDEN),
            ("mark_read", GARDEN),
        ]
        await pilot.press("alt+o")
        await settled(pilot)
        assert "Rooms: by name." in screen_text(pilot)
        screen.write()
        await write(pilot, "/sort unread")
        assert "Rooms: most unread first." in screen_text(pilot)
        await write(pilot, "/favourite garden")
        assert ("favour", GARDEN, False) in client.calls


async def test_a_peek_marks_nothing_read(client: FakeClient, open_app: OpenApp) -> None:
    """Alt+K opens a room, the end is in sight, and nothing is told to the server until Alt+R."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.say(GARDEN, CAROL, "roses")
        await settled(pilot)
        await pilot.press("f2", *"garden", "alt+k")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert "peek: Alt+R marks read" in screen_text(pilot)
        client.say(GARDEN, CAROL, "tulips")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "mark_read"]
        await pilot.press("alt+r")
        await settled(pilot)
        assert [call for call in client.calls if call[0] == "mark_read"] == [("mark_read", GARDEN, 3)]
        assert "peek:" not in screen_text(pilot)


async def test_the_setting_makes_every_look_a_peek(client: FakeClient, open_app: OpenApp) -> None:
    """With the setting ``peek`` opening a room marks nothing."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.say(GARDEN, CAROL, "roses")
        await settled(pilot)
        pilot.app.set_setting("peek", value=True)  # type: ignore[attr-defined]
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "mark_read"]


async def test_marked_unread_stays_unread(client: FakeClient, open_app: OpenApp) -> None:
    """U on a message draws the line there; what comes in afterwards does not mark it read again."""
    for number in range(3):
        client.say(LOBBY, BOB, f"number {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "u")
        await settled(pilot)
        assert ("mark_read", LOBBY, 5) in client.calls
        assert "── 1 new ─" in screen_text(pilot)
        client.calls.clear()
        client.say(LOBBY, BOB, "another")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "mark_read"]


async def test_all_rooms_can_be_marked_read(client: FakeClient, open_app: OpenApp) -> None:
    """/read all asks once for each room with something unread."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.say(GARDEN, CAROL, "roses")
        client.say(DIRECT, BOB, "psst")
        client.calls.clear()
        await screen.pane.commands.run("/read all")
        told = {call[1] for call in client.calls if call[0] == "mark_read"}
        assert told == {GARDEN, DIRECT}
        assert not any(room.unread for room in client.rooms.all)


async def test_the_open_room_counts_nothing_that_is_in_sight(client: FakeClient, open_app: OpenApp) -> None:
    """A count that is taken back with the next frame is not drawn; scrolled up or peeking, it is told."""
    for number in range(60):
        client.say(LOBBY, BOB, f"message {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        drawn = draws(screen.room_list)
        client._rooms[LOBBY] = replace(client._rooms[LOBBY], unread=3)
        screen.pane.view.refresh()
        assert not drawn
        await pilot.press("pageup")
        await settled(pilot)
        client._rooms[LOBBY] = replace(client._rooms[LOBBY], unread=3)
        screen.pane.view.refresh()
        await settled(pilot)
        row = screen.room_list.get_option(LOBBY).prompt
        assert isinstance(row, Content)
        assert " 3 " in row.plain


async def test_a_count_draws_its_row_alone(client: FakeClient, open_app: OpenApp) -> None:
    """Another number in a row that stays where it is; a room that moves draws the list."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        drawn = draws(screen.room_list)
        client._rooms[GARDEN] = replace(client._rooms[GARDEN], favourite=True)
        screen.pane.view.refresh()
        await settled(pilot)
        assert () in drawn
        drawn.clear()
        client._rooms[GARDEN] = replace(client._rooms[GARDEN], unread=8)
        screen.pane.view.refresh()
        await settled(pilot)
        ((region,),) = drawn
        rows = screen_text(pilot).split("\n")
        (at,) = (y for y, row in enumerate(rows) if "#garden" in row)
        assert region.translate(screen.room_list.content_region.offset).line_range == range(at, at + 1)
        assert rows[at][:20] == " 2 #garden        8 "


def draws(rooms: RoomList) -> list[tuple[Region, ...]]:
    """Return the regions of the list that are to be drawn from now on; the whole list is none."""
    drawn: list[tuple[Region, ...]] = []
    refresh = rooms.refresh

    def noted(*regions: Region, **options: bool) -> RoomList:
        drawn.append(regions)
        return refresh(*regions, **options)

    rooms.refresh = noted  # type: ignore[method-assign, assignment]
    return drawn


async def test_a_count_of_any_length_stands_apart_from_the_name(
    client: FakeClient, open_app: OpenApp
) -> None:
    """One digit, two, and more than are counted: a blank follows, and the names stay in one column."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        for count in (7, 42, 500):
            client._rooms[GARDEN] = replace(client._rooms[GARDEN], unread=count)
            screen.pane.view.refresh()
            await settled(pilot)
            rows = screen_text(pilot).split("\n")
            row = next(row for row in rows if "#garden" in row)
            assert row.index("#garden") == next(row for row in rows if "#lobby" in row[:20]).index("#lobby")
            assert row[:20] == f" 2 #garden{min(count, 100):>9} ".replace("100", "99+")
