"""Forgetting: what is gone from this device is gone from file, index and views, and stays gone."""

from pathlib import Path

import apsw
from tests.client.core.core_fake import BEGIN, GARDEN, LOBBY, Desk, FakeServer, heard

from parlour_client.core.archive import archive, retention
from parlour_client.core.archive.schema import create
from parlour_client.core.client import Client
from parlour_client.core.events import Change, RoomForgotten
from parlour_client.core.history import SWEEP_SECONDS
from parlour_client.core.model import Gap
from parlour_protocol.frames.bodies import RoleSet
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import Role


async def texts(client: Client, room: RoomId = LOBBY) -> list[str]:
    """Return what a room's timeline shows."""
    return [entry.text for entry in await client.history.timeline(room) if entry.text is not None]


async def test_a_room_is_forgotten_and_not_fetched_again(desk: Desk, server: FakeServer) -> None:
    """Not by scrolling, not by a search, not by its number, and not after a restart; others keep theirs."""
    server.add_room(GARDEN, "garden")
    server.say("CANARY one")
    server.say("CANARY two")
    server.say("kept", room=GARDEN)
    client = await desk.open()
    await client.messages.star(LOBBY, Seq(2))
    told: list[Change] = []
    client.events.subscribe(told.append)
    assert await client.history.forget(LOBBY) == 1
    assert RoomForgotten(LOBBY) in told
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert room.unread == 0
    await desk.lose(client)
    await desk.regain(client)
    asked = sum(isinstance(frame, History) for frame in server.requests)
    assert await texts(client) == []
    assert not await client.history.search("canary")
    assert await client.history.entry(LOBBY, Seq(2)) is None
    assert await texts(client, GARDEN) == ["kept"]
    assert await client.history.gaps(LOBBY, Seq(1), Seq(4)) == [
        Gap(LOBBY, Seq(1), Seq(4), gone=True, forgotten=True)
    ]
    assert sum(isinstance(frame, History) for frame in server.requests) == asked
    await heard(client, lambda _: True, lambda: server.say("new"))
    await client.connection.ready()
    assert await texts(client) == ["new"]
    assert await client.history.forget(LOBBY) == 1
    assert await client.history.forget(LOBBY) == 0


async def test_a_page_that_reaches_below_brings_nothing_back(desk: Desk, server: FakeServer) -> None:
    """A hole above what was forgotten is filled; what the server sends of below is not taken."""
    server.say("CANARY")
    client = await desk.open()
    await client.history.forget(LOBBY)
    await desk.lose(client)
    for number in range(10_150):  # so many that the newest page alone is fetched
        server.say(f"{number}", tell=False)
    await desk.regain(client)
    found = await client.history.timeline(LOBBY, before=Seq(60), limit=100)
    assert [entry.text for entry in found][-1] == "56"
    assert "CANARY" not in [entry.text for entry in found]


async def test_events_that_rules_depend_on_are_kept(desk: Desk, server: FakeServer) -> None:
    """Who made the room and who has which role: without it no right could be judged."""
    server.append(LOBBY, RoleSet(who=parse_user_name("carol"), role=Role.MODERATOR), author="house")
    server.say("CANARY")
    client = await desk.open()
    await client.history.forget()
    kinds = [type(entry.body).__name__ for entry in await client.history.timeline(LOBBY)]
    assert kinds == ["Created", "RoleSet"]


async def test_what_is_old_is_forgotten_by_itself(desk: Desk, server: FakeServer) -> None:
    """At once, and again every hour, by the clock of this device; what is newer stays."""
    server.say("old")
    client = await desk.open()
    assert await texts(client) == ["old"]
    await heard(client, lambda c: isinstance(c, RoomForgotten), lambda: client.history.keep(0 - 1))
    assert await texts(client) == []
    client.history.keep(30 * 86_400)
    await heard(client, lambda _: True, lambda: server.say("young"))
    await client.connection.ready()
    assert await texts(client) == ["young"]

    def later() -> None:
        desk.clock.time = BEGIN + 31 * 86_400_000
        desk.clock.advance(SWEEP_SECONDS)

    await heard(client, lambda c: isinstance(c, RoomForgotten), later)
    assert await texts(client) == []
    client.history.keep(None)


async def test_before_a_time_only(desk: Desk, server: FakeServer) -> None:
    """The younger half stays, edits and reactions go with their message."""
    server.say("old")
    server.say("young")
    client = await desk.open()
    assert await client.history.forget(LOBBY, before=Millis(BEGIN + 2)) == 1
    assert await texts(client) == ["young"]


def test_nothing_of_it_is_left_in_the_file_or_its_log(tmp_path: Path) -> None:
    """Overwritten in the table, in the index and in the write-ahead log: seen in a file without a cipher."""
    connection = apsw.Connection(str(tmp_path / "plain.db"))
    connection.pragma("journal_mode", "wal")
    connection.pragma("secure_delete", 1)
    create(connection)
    secret = "CANARYWORD"
    connection.execute(
        "INSERT INTO events (id, room, seq, at, author, device, kind, is_row, mention, body)"
        " VALUES (1, ?, 1, 0, 'ada', 'laptop', 'message', 1, 0, ?)",
        (LOBBY, f'{{"kind":"message","text":"{secret}"}}'),
    )
    connection.execute("INSERT INTO words (rowid, text, facts) VALUES (1, ?, 'any')", (secret,))

    def left() -> bool:
        data = b"".join(path.read_bytes() for path in tmp_path.iterdir() if "shm" not in path.name)
        return secret.lower().encode() in data.lower()

    assert left()
    retention.forget(connection, None, None)
    archive._shorten(connection)
    assert not left()
    connection.close()
