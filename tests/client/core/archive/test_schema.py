"""An archive of an earlier version is taken over whole: history, search, times."""

import json
from pathlib import Path

import apsw
from tests.client.core.core_fake import ALICE, BEGIN, LOBBY, FakeServer

from parlour_client.core.archive import Archive, events, known_rooms, search, threads
from parlour_client.core.archive.schema import MIGRATIONS
from parlour_client.core.search_query import Query
from parlour_protocol.kit.ids import Seq

EVENTS = [
    (1, "message", None, 0, {"kind": "message", "text": "honey at http://bees.example"}),
    (2, "message", None, 1, {"kind": "message", "text": "for @alice", "reply_to": 1}),
    (3, "edited", 2, 0, {"kind": "edited", "target": 2, "text": "for you, @alice"}),
    (4, "reacted", 1, 0, {"kind": "reacted", "target": 1, "reaction": "ok", "on": True}),
    (5, "message", None, 0, {"kind": "message", "text": "caf\u00e9"}),
]


async def first_version(folder: Path) -> None:
    """Write an archive as the first version did."""
    made = await Archive.open(folder / "archive.db", folder / "archive.key")
    key = made.key
    await made.close()
    (folder / "archive.db").unlink()
    connection = apsw.Connection(str(folder / "archive.db"))
    connection.pragma("cipher", "chacha20")
    connection.execute(f"PRAGMA key = 'raw:{key.raw.reveal()}'")
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.pragma("user_version", 1)
    query = """
        INSERT INTO events (room, seq, at, author, device, kind, target, is_row, mention, body)
        VALUES (?, ?, ?, 'bobby', 'laptop', ?, ?, ?, ?, ?)"""
    for seq, kind, target, mention, body in reversed(EVENTS):
        at = BEGIN if seq < 3 else BEGIN + seq  # two in the same millisecond
        values = (LOBBY, seq, at, kind, target, target is None, mention, json.dumps(body))
        connection.execute(query, values)
    connection.close()


async def test_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """Everything is there, in order, found by words and by facts, newest first, and quoted by its replies."""
    await first_version(tmp_path)
    archive = await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")
    await archive.write(known_rooms.save, [FakeServer().summary(LOBBY)])
    entries = (await archive.read(events.below, LOBBY, Seq(6), 9)).entries
    assert [entry.text for entry in entries] == [
        "honey at http://bees.example",
        "for you, @alice",
        "caf\u00e9",
    ]
    assert [entry.replies for entry in entries] == [1, 0, 0]

    async def found(query: Query) -> list[Seq | None]:
        return [entry.seq for entry in await archive.read(search.search, query, ALICE, 9)]

    assert await found(Query(["cafe"])) == [5]
    assert await found(Query(has={"link"})) == [1]
    assert await found(Query(has={"reaction"})) == [1]
    assert await found(Query(states={"mention"})) == [2]
    assert await found(Query(states={"edited"})) == [2]
    assert set(await found(Query(rooms=[LOBBY]))) == {1, 2, 5}
    assert (await found(Query(rooms=[LOBBY])))[0] == 5
    thread = await archive.read(threads.thread, LOBBY, Seq(2))
    assert [entry.seq for entry in thread.entries] == [1, 2]
    await archive.close()
