"""A server that replays, reorders, drops, moves, changes and makes up messages, against running clients.

Each lie is refused and told in words, and everything that was honest, before and after, is shown.
"""

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.lying_server import LyingServer, last_sealed, noted, rows, sealed_of, shown
from tests.client.core.e2ee.test_chat import GARDEN, texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.archive import outbox_table
from parlour_client.core.client import Client
from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import Delivery, NoteKind
from parlour_client.kit.connection_status import LinkState
from parlour_client.text.note_text import note_words
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import (
    AnyBody,
    Blank,
    Deleted,
    Edited,
    EncryptedMessage,
    Message,
    Pinned,
    Reacted,
)
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.frames.replies import Retention, Stored
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

CANARY = "CANARY"


async def goes_on(harness: Harness, clients: tuple[Client, Client], room: RoomId, before: list[str]) -> None:
    """Require that what was said before stands, and that both can talk."""
    for number, client in enumerate(clients):
        await say(harness, client, room, f"after {number}")
    for client in clients:
        await shown(harness, client, room)
        assert await texts(client, room) == [*before, "after 0", "after 1"]


async def told_at(client: Client, room: RoomId, event: LogEvent) -> str:
    """Return what the row of one event says in words."""
    (row,) = [one for one in await rows(client, room) if one.seq == event.seq]
    assert row.text is None
    return row.trouble or (row.note.detail if row.note is not None else "")


def is_sealed(event: LogEvent) -> bool:
    """Say whether it is an encrypted message."""
    return isinstance(event.body, EncryptedMessage)


def inject(harness: Harness, room: RoomId, body: AnyBody, author: UserName = BEN) -> LogEvent:
    """Let the server append something of its own."""
    return harness.server.write(harness.server.rooms[room], author, body)


async def test_a_replayed_message_is_reported_and_shown_once(harness: Harness) -> None:
    """E4: the same bytes at a later place, to its reader and to its writer."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "once")
    await shown(harness, ben, room)
    _, body = last_sealed(harness.server.rooms[room])
    replay = inject(harness, room, body, ANA)
    for client in (ana, ben):
        await shown(harness, client, room)
        assert await texts(client, room) == ["once"]
        assert await told_at(client, room, replay)
    await goes_on(harness, (ana, ben), room, ["once"])


async def test_a_replay_after_reconnecting_is_reported(harness: Harness) -> None:
    """E4: a new connection is no new beginning."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "once")
    await shown(harness, ben, room)
    _, body = last_sealed(harness.server.rooms[room])
    for wire in list(harness.server.wires):
        wire.drop()  # type: ignore[attr-defined]
    replay = inject(harness, room, body, ANA)
    await harness.until(lambda: ben.connection.status.state is LinkState.ONLINE)
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["once"]
    assert await told_at(ben, room, replay)
    await harness.until(lambda: ana.connection.status.state is LinkState.ONLINE)
    await goes_on(harness, (ana, ben), room, ["once"])


async def test_a_replay_after_a_restart_of_the_client_is_reported(harness: Harness) -> None:
    """E4: what was used is on the disk, not in the memory of a program."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "once")
    await shown(harness, ben, room)
    _, body = last_sealed(harness.server.rooms[room])
    await harness.close(ben)
    replay = inject(harness, room, body, ANA)
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["once"]
    assert await told_at(ben, room, replay)
    await goes_on(harness, (ana, ben), room, ["once"])


async def test_a_replay_after_the_epoch_moved_is_reported(harness: Harness) -> None:
    """E4: the keys of the past epoch are still here, the message's own is not."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "once")
    _, body = last_sealed(harness.server.rooms[room])
    await encrypted_rooms(ana).reconciler.renew(room)
    replay = inject(harness, room, body, ANA)
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["once"]
    assert await told_at(ben, room, replay)
    await goes_on(harness, (ana, ben), room, ["once"])


async def test_reordered_messages_are_all_shown(harness: Harness) -> None:
    """E4: the server decides on an order, not on what is read."""
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    for number in range(4):
        await say(harness, ana, room, f"message {number}")
    log = harness.server.rooms[room].log
    first, *_, last = sealed_of(harness.server.rooms[room])
    log[first.seq - 1], log[last.seq - 1] = (
        replace(last, seq=first.seq, at=first.at),
        replace(first, seq=last.seq, at=last.at),
    )
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["message 3", "message 1", "message 2", "message 0"]


async def test_a_dropped_message_leaves_a_row_and_the_rest(harness: Harness) -> None:
    """E4: something else in its place is not silence; what comes after is read."""
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    for number in range(3):
        await say(harness, ana, room, f"message {number}")
    gone = sealed_of(harness.server.rooms[room])[1]
    harness.server.rooms[room].log[gone.seq - 1] = replace(gone, body=Blank(was="sealed"))
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    entries = [e for e in await rows(ben, room) if e.text is not None or e.deleted]
    assert [str(e.text) if e.text else "deleted" for e in entries] == ["message 0", "deleted", "message 2"]
    await say(harness, ana, room, "after")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["message 0", "message 2", "after"]


async def test_a_hole_in_the_log_is_a_row_and_the_room_goes_on(harness: Harness) -> None:
    """N13: a number that is skipped is told in its place, also after a restart; what follows is read."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "first")
    await shown(harness, ben, room)
    gone = harness.server.rooms[room].head + 1
    liar = LyingServer(harness)
    liar.events[BEN] = lambda event: None if event.seq == gone and event.room == room else event
    for text in ("dropped", "later"):
        await say(harness, ana, room, text)
    await shown(harness, ben, room)
    assert ben.connection.status.state is LinkState.ONLINE
    assert await texts(ben, room) == ["first", "later"]
    told = [f"The server does not show event {gone}: 1 event is missing."]
    assert await noted(ben, room, NoteKind.MISSING) == told
    assert [row.seq for row in await rows(ben, room) if row.note and note_words(row) in told] == [gone]
    await harness.close(ben)
    ben = await harness.open(BEN)
    liar.events.clear()  # a server that shows it later is not believed: the group has moved on
    await say(harness, ana, room, "after")
    await say(harness, ben, room, "and after")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["first", "later", "after", "and after"]
    assert await noted(ben, room, NoteKind.MISSING) == told


@pytest.mark.parametrize(
    ("kept", "read", "told"), [(7, 0, NoteKind.EXPIRED), (7, 1, NoteKind.EXPIRED), (30, 0, NoteKind.MISSING)]
)
async def test_messages_that_expired_alarm_no_one_and_others_do(
    harness: Harness, kept: int, read: int, told: NoteKind
) -> None:
    """A device that was away reads on, and its next message alarms no one; without a retention it is told.

    ``read`` of the messages that expired had been read on the device: they are counted once.
    """
    ana, ben, room = await pair(harness)
    for one in (ana, ben):
        await say(harness, one, room, f"first of {one.account.user}")
    await shown(harness, ben, room)
    await harness.close(ben)
    gone = range(harness.server.rooms[room].head + 1 - read, harness.server.rooms[room].head + 4)
    for text in ("a", "b", "c", "later"):
        await say(harness, ana, room, text)
    harness.clock.advance(10 * 86_400)
    liar = LyingServer(harness)
    liar.events[BEN] = lambda event: None if event.room == room and event.seq in gone else event
    liar.kept_from[BEN] = Seq(gone[-1] + 1)
    liar.summaries[BEN] = lambda one: replace(one, retention=Retention(days=kept))
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    assert "later" in await texts(ben, room)
    assert len(await noted(ben, room, told)) == 1
    alarms = [await noted(ben, room, kind) for kind in (NoteKind.LEFT_OUT, NoteKind.MOVED)]
    assert any(alarms) is (told is NoteKind.MISSING)
    if told is NoteKind.EXPIRED:
        for one in (ben, ana, ben):
            await say(harness, one, room, f"after of {one.account.user}")
        for one in (ana, ben):
            await shown(harness, one, room)
            for kind in (NoteKind.LEFT_OUT, NoteKind.MOVED):
                assert await noted(one, room, kind) == []


async def test_a_hole_that_hides_a_message_of_ones_own_is_reported(harness: Harness) -> None:
    """N13: the answer is "stored", and the number is skipped: the message stays, as one that failed."""
    ana, ben, room = await pair(harness)
    liar, gone = LyingServer(harness), harness.server.rooms[room].head + 1
    liar.events[ANA] = lambda event: None if event.seq == gone and event.room == room else event
    entry = await ana.messages.send(room, "kept")
    assert entry.request is not None
    await harness.until(lambda: bool(sealed_of(harness.server.rooms[room])))
    await say(harness, ben, room, "later")
    await shown(harness, ana, room)
    await parts(ana).outbox.flush()
    kept = [one for one in await rows(ana, room) if one.request == entry.request]
    assert [(str(one.text), one.delivery) for one in kept] == [("kept", Delivery.FAILED)]
    assert "later" in await texts(ana, room)


@pytest.mark.parametrize(("days", "kept"), [(20, []), (5, ["kept"])])
async def test_a_message_of_ones_own_that_expired_before_it_came_back_did_not_fail(
    harness: Harness, days: int, kept: list[str]
) -> None:
    """A device was off in between: what is older than the retention is gone, and what is younger failed."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "first")
    await shown(harness, ben, room)
    liar, gone = LyingServer(harness), harness.server.rooms[room].head + 1
    liar.events[ANA] = lambda event: event if event.seq < gone or event.room != room else None
    entry = await ana.messages.send(room, "kept")
    assert entry.request is not None
    await ana.messages.stored(entry.request)
    await parts(ana).outbox.flush()
    await harness.close(ana)
    harness.clock.advance(days * 86_400)
    await say(harness, ben, room, "later")
    liar.events[ANA] = lambda event: None if event.room == room and event.seq == gone else event
    liar.kept_from[ANA] = Seq(gone + 1)
    liar.summaries[ANA] = lambda one: replace(one, retention=Retention(days=10))
    ana = await harness.open(ANA)
    await shown(harness, ana, room)
    failed = [str(one.text) for one in await rows(ana, room) if one.delivery is Delivery.FAILED]
    assert failed == kept
    assert [str(one.entry.text) for one in ana.messages.outgoing()] == kept
    assert [row.state for row in await parts(ana).archive.read(outbox_table.load)] == ["failed" for _ in kept]


async def test_an_end_that_is_held_back_holds_back_nothing_else(harness: Harness) -> None:
    """N11: a head without its events is told in the room, which sends and receives as before."""
    ana, ben, room = await pair(harness)
    head = harness.server.rooms[room].head
    liar = LyingServer(harness)
    liar.summaries[BEN] = lambda told: replace(told, head=Seq(head + 7)) if told.room == room else told
    await harness.close(ben)
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    known = ben.rooms.get(room)
    assert known is not None
    assert (
        known.trouble == f"The server says that this room has {head + 7} events, but shows none after {head}."
    )
    await goes_on(harness, (ben, ana), room, [])


async def test_what_the_server_says_it_stored_and_does_not_show_is_reported(harness: Harness) -> None:
    """E4: the answer is "stored", and something else is in its place: the message stays and says so."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    for user in (ANA, BEN):
        liar.events[user] = lambda event: (
            replace(event, body=Blank(was="sealed")) if is_sealed(event) and event.author == ANA else event
        )
    entry = await ana.messages.send(room, "kept")
    assert entry.request is not None
    await harness.until(lambda: bool(sealed_of(harness.server.rooms[room])))
    await shown(harness, ana, room)
    await parts(ana).outbox.flush()
    kept = [one for one in await rows(ana, room) if one.text is not None]
    assert [(str(one.text), one.delivery) for one in kept] == [("kept", Delivery.FAILED)]
    assert "shows something else" in kept[0].problem
    await harness.close(ana)
    ana = await harness.open(ANA)
    kept = [one for one in await rows(ana, room) if one.text is not None]
    assert [(str(one.text), one.delivery) for one in kept] == [("kept", Delivery.FAILED)]
    await goes_on_without(harness, ana, ben, room)


async def goes_on_without(harness: Harness, ana: Client, ben: Client, room: RoomId) -> None:
    """Require that others talk on."""
    await say(harness, ben, room, "after")
    await shown(harness, ana, room)
    assert "after" in await texts(ana, room)


async def test_an_answer_that_names_a_place_long_gone_loses_nothing(harness: Harness) -> None:
    """E4: "stored" at the place of an earlier event, so that the message would vanish from its writer."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "earlier")
    await shown(harness, ana, room)
    liar, place = LyingServer(harness), Seq(harness.server.rooms[room].head)
    liar.answers[ANA] = lambda stored: replace(stored, seq=place) if isinstance(stored, Stored) else stored
    liar.events[ANA] = lambda event: event if event.seq <= place else None
    entry = await ana.messages.send(room, "kept")
    assert entry.request is not None
    item = parts(ana).outbox._items[entry.request]
    await harness.until(item.done.is_set)
    await parts(ana).outbox.flush()
    kept = [one for one in await rows(ana, room) if one.request == entry.request]
    assert [(str(one.text), one.delivery) for one in kept] == [("kept", Delivery.FAILED)]
    assert "shows something else" in kept[0].problem


async def test_a_message_in_anothers_name_is_refused(harness: Harness) -> None:
    """E6: of two people who can both write, and in the name of the one who reads."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    liar.events[BEN] = lambda event: replace(event, author=EVE) if is_sealed(event) else event
    await say(harness, ana, room, CANARY)
    await shown(harness, ben, room)
    assert await texts(ben, room) == []
    (told,) = await noted(ben, room, NoteKind.FORGED)
    assert "wrong author" in told
    liar.events.clear()
    await say(harness, ana, room, "after")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["after"]


async def test_a_message_moved_between_rooms_is_refused(harness: Harness) -> None:
    """E4: under its own group's name, and under that of the room that it was put into."""
    ana, ben, room = await pair(harness)
    other = (await ana.rooms.open_direct(BEN)).id
    await harness.quiet()
    await say(harness, ana, other, CANARY)
    await shown(harness, ben, other)
    _, body = last_sealed(harness.server.rooms[other])
    here = harness.server.rooms[room]
    assert here.group is not None
    inject(harness, room, body, ANA)
    inject(harness, room, replace(body, group=here.group, epoch=Epoch(here.epoch)), ANA)
    for client in (ana, ben):
        await shown(harness, client, room)
        assert await texts(client, room) == []
        assert len(await noted(client, room, NoteKind.FORGED)) == 2
        assert await texts(client, other) == [CANARY]
    await goes_on(harness, (ana, ben), room, [])


async def test_a_message_made_by_the_server_is_refused(harness: Harness) -> None:
    """E6: it has no key of anyone; bytes of its own are a row with a cause."""
    ana, ben, room = await pair(harness)
    here = harness.server.rooms[room]
    assert here.group is not None
    await say(harness, ben, room, "genuine")
    for data in (b"\0", b"\0" * 600, bytes(range(256))):
        inject(
            harness, room, EncryptedMessage(group=here.group, epoch=Epoch(here.epoch), data=Ciphertext(data))
        )
    await shown(harness, ana, room)
    assert await texts(ana, room) == ["genuine"]
    told = [one for one in await rows(ana, room) if one.trouble]
    assert len(told) == 3
    assert all("damaged or forged" in one.trouble for one in told)
    await goes_on(harness, (ana, ben), room, ["genuine"])


PARTS = {"header": 0, "group": 10, "epoch": 45, "kind": 52, "sender": 60, "content": 150, "tag": -1}


@pytest.mark.parametrize("part", PARTS)
async def test_a_flipped_bit_is_reported_and_burns_no_key(harness: Harness, part: str) -> None:
    """E4: in every part of a message; the genuine one, which comes afterwards, is read."""
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    await say(harness, ana, room, "genuine")
    genuine, body = last_sealed(harness.server.rooms[room])
    data = bytearray(body.data)
    data[PARTS[part]] ^= 1
    flipped = replace(body, data=Ciphertext(bytes(data)))
    harness.server.rooms[room].log[genuine.seq - 1] = replace(genuine, body=flipped)
    inject(harness, room, body, ANA)
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["genuine"]
    (row,) = [one for one in await rows(ben, room) if one.seq == genuine.seq]
    assert row.trouble or (row.note is not None and row.note.detail)
    await say(harness, ana, room, "after")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["genuine", "after"]


@pytest.mark.parametrize("lie", ["epoch before", "epoch to come", "group"])
async def test_a_false_epoch_or_group_is_reported(harness: Harness, lie: str) -> None:
    """E4: what the server claims of a message is compared with what the message proves."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)

    def claim(event: LogEvent) -> LogEvent:
        if not isinstance(event.body, EncryptedMessage):
            return event
        body, epoch = event.body, event.body.epoch
        false = {
            "epoch before": replace(body, epoch=Epoch(epoch - 1)),
            "epoch to come": replace(body, epoch=Epoch(epoch + 1)),
            "group": replace(body, group=GroupId("A" * 43)),
        }
        return replace(event, body=false[lie])

    liar.events[BEN] = claim
    await say(harness, ana, room, CANARY)
    await shown(harness, ben, room)
    assert await texts(ben, room) == []
    assert len(await noted(ben, room, NoteKind.FORGED)) == 1
    liar.events.clear()
    _, body = last_sealed(harness.server.rooms[room])
    inject(harness, room, body, ANA)  # the genuine claim, later: its key was not burnt
    await shown(harness, ben, room)
    assert await texts(ben, room) == [CANARY]


READABLE: list[AnyBody] = [
    Message(text=MessageText.parse(CANARY)),
    Edited(target=Seq(1), text=MessageText.parse(CANARY)),
    Reacted(target=Seq(1), reaction=Reaction.parse("👍"), on=True),
    Pinned(target=Seq(1), on=True),
    Deleted(target=Seq(1)),
]


@pytest.mark.parametrize("body", READABLE, ids=lambda body: type(body).__name__)
async def test_plaintext_is_an_error_live_and_in_history(harness: Harness, body: AnyBody) -> None:
    """E2: from the server, in anyone's name, at any place after the room became encrypted."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "sealed")
    await shown(harness, ben, room)
    (genuine,) = sealed_of(harness.server.rooms[room])
    target = {"target": genuine.seq} if hasattr(body, "target") else {}
    inject(harness, room, replace(body, **target), ANA)
    await harness.close(ben)
    inject(harness, room, replace(body, **target), BEN)
    ben = await harness.open(BEN)
    for client in (ana, ben):
        await shown(harness, client, room)
        assert await texts(client, room) == ["sealed"]
        refused = await noted(client, room, NoteKind.PLAINTEXT_REFUSED)
        assert len(refused) == 2
        assert all("unencrypted" in one for one in refused)
        (row,) = [one for one in await rows(client, room) if one.seq == genuine.seq]
        assert (row.edited, row.deleted, row.reactions) == (False, False, ())
        assert not await client.history.search(CANARY)
    await goes_on(harness, (ana, ben), room, ["sealed"])


async def test_a_room_is_never_open_again_whatever_the_server_says(harness: Harness) -> None:
    """E2: `not encrypted` in the summary, after a restart; what is written goes out sealed or not at all."""
    ana, ben, room = await pair(harness)
    await harness.close(ana)
    liar = LyingServer(harness)
    liar.summaries[ANA] = lambda summary: replace(summary, encrypted=False)
    ana = await harness.open(ANA)
    assert ana.encryption.room(room).state is not RoomState.OPEN
    assert "NOT" not in ana.encryption.room(room).label
    await say(harness, ana, room, CANARY)
    await shown(harness, ben, room)
    assert await texts(ben, room) == [CANARY]
    assert CANARY not in repr(harness.server.rooms[room].log)


async def test_a_room_that_was_to_be_encrypted_and_is_not_is_reported(harness: Harness) -> None:
    """E2: the server makes an open one instead, or says so: the first words do not go there unwarned."""
    ana = await harness.open(ANA)
    liar = LyingServer(harness)
    liar.summaries[ANA] = lambda summary: replace(summary, encrypted=False)
    with pytest.raises(EncryptionError, match="created this room without encryption"):
        await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)


async def test_a_flood_of_what_cannot_be_opened_is_bounded(harness: Harness) -> None:
    """Thousands of encrypted events of no key: taken in steadily, and the genuine one behind them is read."""
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    here = harness.server.rooms[room]
    await say(harness, ana, room, "genuine")
    genuine = here.log.pop()
    assert here.group is not None
    junk = EncryptedMessage(group=here.group, epoch=Epoch(here.epoch), data=Ciphertext(bytes(range(256))))
    for _ in range(3_000):
        harness.server.write(here, ANA, junk, tell=False)
    here.log.append(replace(genuine, seq=Seq(here.head + 1)))
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    window = await ben.history.timeline(room)
    assert len(window) <= 200
    assert await texts(ben, room) == ["genuine"]
    assert all(one.trouble for one in window if one.text is None)
    await say(harness, ben, room, "after")
    assert (await texts(ben, room))[-1] == "after"


async def test_open_rooms_go_on_beside_a_room_that_is_attacked(harness: Harness) -> None:
    """A lie in one room costs that room alone."""
    ana, ben, room = await pair(harness)
    opened = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE)).id
    await harness.invite(ana, opened, BEN)
    await harness.until(lambda: ben.rooms.get(opened) is not None)
    here = harness.server.rooms[room]
    assert here.group is not None
    for _ in range(20):
        inject(
            harness, room, EncryptedMessage(group=here.group, epoch=Epoch(7), data=Ciphertext(b"\1" * 300))
        )
    await say(harness, ana, opened, "in the open")
    await shown(harness, ben, opened)
    assert await texts(ben, opened) == ["in the open"]
