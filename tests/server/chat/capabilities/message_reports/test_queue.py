"""Abuse reports: what is kept of a message, who may report what, and how many there can be."""

import pytest
from tests.server.chat.store.encryption_world import sealed
from tests.server.chat.store.world import World, message

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Blank, Deleted, Edited, Left, TopicSet
from parlour_protocol.frames.fields import MessageText, TopicText
from parlour_protocol.ids import RoomId, new_group_id
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.limits import Limit
from parlour_protocol.kit.names import UserName
from parlour_protocol.reports import ReportReason
from parlour_server.app.short_ids import new_short_id
from parlour_server.chat.capabilities.message_reports import queue as sql
from parlour_server.chat.capabilities.message_reports.records import NewReport, ReportRecord
from parlour_server.chat.program import CHAT
from parlour_server.core.errors import RefusedError

DAY = 86_400_000


def queue(world: World) -> sql.Reports:
    """Return the operator's queue."""
    return sql.Reports(world.store, world.clock)


async def report(
    world: World, reporter: UserName, room: RoomId, seq: int, quote: str = "hello"
) -> ReportRecord:
    """Report a message."""
    return await queue(world).add(
        await world.by(reporter),
        NewReport(
            new_short_id(),
            world.clock.now(),
            reporter,
            room,
            Seq(seq),
            ReportReason.THREAT,
            MessageText.parse(quote),
            ReasonText.parse("again"),
        ),
    )


async def refusal(world: World, reporter: UserName, room: RoomId, seq: int) -> ErrorCode:
    """Report a message; return why that was refused."""
    with pytest.raises(RefusedError) as refused:
        await report(world, reporter, room, seq)
    return ErrorCode(refused.value.code)


async def test_a_report_has_the_quote_and_what_the_log_has(world: World) -> None:
    """The text as it was edited last; it stays when the message is deleted."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, bob)
    sent = (await world.append(room, bob, message("I will hurt you"))).entry
    for text in ("I will hug you", "hello"):
        await world.append(room, bob, Edited(target=sent.seq, text=MessageText.parse(text)))
    made = await report(world, alice, room, sent.seq, "I will hurt you")
    await world.append(room, bob, Deleted(target=sent.seq))
    (found,) = await queue(world).list(closed=False)
    assert found == made == await queue(world).find(made.id)
    assert (found.author, found.sent, found.reporter, found.note) == (bob, sent.at, alice, "again")
    assert (found.quote, found.logged, found.encrypted, found.file) == (
        "I will hurt you",
        "hello",
        False,
        None,
    )
    assert await refusal(world, carol, room, sent.seq) is ErrorCode.NOT_FOUND


async def test_a_deleted_message_can_be_reported_without_proof(world: World) -> None:
    """Its author deleted it first: the log confirms that there was one."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    sent = (await world.append(room, bob, message())).entry
    edited = (await world.append(room, bob, Edited(target=sent.seq, text=MessageText.parse("hi")))).entry
    await world.append(room, bob, Deleted(target=sent.seq))
    found = await report(world, alice, room, sent.seq)
    assert (found.logged, found.encrypted) == (None, False)
    [blank] = [one for one in await world.events(room) if one.seq == edited.seq]
    assert isinstance(blank.body, Blank)  # deleted with its message, and none itself
    assert await refusal(world, alice, room, edited.seq) is ErrorCode.NOT_FOUND


async def test_an_encrypted_message_is_only_quoted(world: World) -> None:
    """The log has its author and time, and no text that would confirm it."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    group = new_group_id()
    event = (await world.append(room, bob, sealed(group, 0))).entry
    found = await report(world, alice, room, event.seq)
    assert (found.author, found.sent, found.encrypted, found.logged) == (bob, event.at, True, None)
    await world.append(room, bob, sealed(group, 0))
    await world.append(room, bob, sealed(group, 0, blanks=Seq(event.seq + 1)))
    deleted = await report(world, alice, room, event.seq + 1)
    assert (deleted.author, deleted.encrypted, deleted.logged) == (bob, True, None)


async def test_only_messages_of_others_in_rooms_of_ones_own_are_reported(world: World) -> None:
    """Once each; a stranger learns nothing of a room."""
    alice, bob, eve = await world.people(3)
    room = await world.room(alice, bob)
    sent = (await world.append(room, bob, message())).entry
    topic = (await world.append(room, bob, TopicSet(TopicText.parse("news")))).entry
    assert await refusal(world, bob, room, sent.seq) is ErrorCode.FORBIDDEN
    for seq in (topic.seq, 99):
        assert await refusal(world, alice, room, seq) is ErrorCode.NOT_FOUND
    for where in (room, RoomId("x" * 22)):
        assert await refusal(world, eve, where, sent.seq) is ErrorCode.NOT_FOUND
    made = await report(world, alice, room, sent.seq)
    assert await refusal(world, alice, room, sent.seq) is ErrorCode.ALREADY
    assert await queue(world).close(made.id, world.clock.now(), "banned")
    assert not await queue(world).close(made.id, world.clock.now(), "again")
    assert await refusal(world, alice, room, sent.seq) is ErrorCode.ALREADY
    await world.append(room, alice, Left())
    assert await refusal(world, alice, room, sent.seq) is ErrorCode.NOT_FOUND


async def test_who_declined_a_direct_room_reports_nothing_of_it(world: World) -> None:
    """It is not shown to them, so there is nothing that they could quote."""
    alice, bob = await world.people(2)
    room, *_ = await world.store.rooms.create(world.new_direct(alice, bob))
    sent = (await world.append(room, alice, message())).entry
    assert await world.store.consent.decline(await world.by(bob), room)
    assert await refusal(world, bob, room, sent.seq) is ErrorCode.NOT_FOUND


async def test_the_queue_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each reporter and in all; closing makes room, and what was closed long ago goes."""
    monkeypatch.setattr(sql, "REPORTS_OF_REPORTER", Limit("reports_of_reporter", 2, "", ""))
    monkeypatch.setattr(sql, "OPEN_REPORTS", Limit("open_reports", 3, "", ""))
    alice, bob, eve = await world.people(3)
    room = await world.room(alice, bob, eve)
    seqs = [(await world.append(room, bob, message())).entry.seq for _ in range(4)]
    first = await report(world, alice, room, seqs[0])
    await report(world, alice, room, seqs[1])
    assert await refusal(world, alice, room, seqs[2]) is ErrorCode.LIMIT_REACHED
    await report(world, eve, room, seqs[0])
    assert await refusal(world, eve, room, seqs[1]) is ErrorCode.LIMIT_REACHED
    now = world.clock.now()
    assert await queue(world).close(first.id, now, "")
    await report(world, eve, room, seqs[1])
    assert await queue(world).count_open() == [3]
    assert len(await queue(world).list(closed=True)) == 4
    [eves] = [one for one in await queue(world).list(closed=False) if one.seq == seqs[0]]
    assert await queue(world).close(eves.id, now, "")
    await report(world, alice, room, seqs[2])  # what was closed counts no more, for her either
    assert await world.store.prune(Millis(now + 89 * DAY), CHAT.schema.rules) == 0
    assert await world.store.prune(Millis(now + 91 * DAY), CHAT.schema.rules) == 2
    assert await queue(world).find(first.id) is None
