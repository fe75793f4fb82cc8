"""What the account writes: queued, sent, stored, refused."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.client.core.core_fake import LOBBY, Desk, FakeServer, heard
from tests.client.core.test_history import answer

from parlour_client.core.events import EntryAdded, EntryChanged, RoomsChanged
from parlour_client.core.model import Delivery
from parlour_client.kit.errors import SetupError
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, MessageText, Reaction
from parlour_protocol.frames.bodies import Archived, Deleted, Edited, Reacted
from parlour_protocol.frames.requests import Report
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.reports import ReportReason
from parlour_protocol.rooms import RoomKind


async def test_a_message_is_queued_sent_and_stored(desk: Desk, server: FakeServer) -> None:
    """Sending waits for no network; the server's word comes by ``stored``, the row by its event."""
    client = await desk.open()
    entry = await client.messages.send(LOBBY, "hello")
    assert (entry.delivery, entry.seq) == (Delivery.QUEUED, None)
    assert entry.request is not None
    changed = await heard(client, lambda c: isinstance(c, EntryChanged) and c.entry.seq is not None)
    assert isinstance(changed, EntryChanged)
    assert (changed.entry.request, changed.entry.delivery) == (entry.request, Delivery.STORED)
    assert await client.messages.stored(entry.request) == Seq(2)
    rows = await client.history.timeline(LOBBY)
    assert [(row.seq, row.text) for row in rows] == [(1, None), (2, "hello")]
    assert server.texts() == ["hello"]


async def test_nothing_is_queued_or_uploaded_for_an_archived_room(
    desk: Desk, server: FakeServer, tmp_path: Path
) -> None:
    """It would be refused later: the person hears it at once, and a file is not even encrypted."""
    client = await desk.open()
    await heard(
        client, lambda c: isinstance(c, RoomsChanged), lambda: server.append(LOBBY, Archived(on=True))
    )
    with pytest.raises(SetupError, match="archived"):
        await client.messages.send(LOBBY, "hello")
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(SetupError, match="archived"):
        await client.files.send(LOBBY, tmp_path / "notes.txt")
    assert not client.messages.outgoing()


async def test_a_message_of_an_archived_room_can_be_deleted(desk: Desk, server: FakeServer) -> None:
    """And nothing else about it changes."""
    client = await desk.open()
    said = server.say("regretted", author="alice").seq
    await heard(
        client, lambda c: isinstance(c, RoomsChanged), lambda: server.append(LOBBY, Archived(on=True))
    )
    with pytest.raises(SetupError, match="archived"):
        await client.messages.edit(LOBBY, said, "something else")
    with pytest.raises(SetupError, match="archived"):
        await client.messages.react(LOBBY, said, "+1", on=True)
    deleted = lambda c: isinstance(c, EntryChanged) and c.entry.seq == said  # noqa: E731
    await heard(client, deleted, lambda: asyncio.ensure_future(client.messages.delete(LOBBY, said)))
    assert [row.text for row in await client.history.timeline(LOBBY) if row.seq == said] == [None]


async def test_edits_reactions_and_deletions_change_the_row(desk: Desk, server: FakeServer) -> None:
    """A row shows its newest text and reactions, and nothing of a deleted message."""
    client = await desk.open()
    target = server.say("first").seq
    server.append(LOBBY, Edited(target=target, text=MessageText.parse("second")))
    server.append(LOBBY, Reacted(target=target, reaction=Reaction.parse("+1"), on=True), author="alice")
    await heard(
        client,
        lambda c: (
            isinstance(c, EntryChanged)
            and len(c.entry.reactions) == 1
            and len(c.entry.reactions[0].users) == 2
        ),
        lambda: server.append(LOBBY, Reacted(target=target, reaction=Reaction.parse("+1"), on=True)),
    )
    (row,) = (await client.history.timeline(LOBBY))[1:]
    assert (row.text, row.edited, row.reactions[0].users) == ("second", True, ("alice", "bobby"))
    await heard(
        client,
        lambda c: isinstance(c, EntryChanged) and c.entry.deleted,
        lambda: server.append(LOBBY, Deleted(target=target)),
    )
    (row,) = (await client.history.timeline(LOBBY))[1:]
    assert (row.text, row.deleted, row.reactions) == (None, True, ())
    assert list(await client.history.search("second")) == []


async def test_a_refused_edit_is_reported_at_its_message(desk: Desk, server: FakeServer) -> None:
    """An edit has no row of its own: why it was refused stands at the message."""
    client = await desk.open()
    server.say("theirs")
    server.refusals.append(Error(code=ErrorCode.FORBIDDEN))
    await client.messages.edit(LOBBY, Seq(2), "mine now")
    change = await heard(client, lambda c: isinstance(c, EntryChanged) and bool(c.entry.problem))
    assert isinstance(change, EntryChanged)
    assert (change.entry.seq, change.entry.text) == (2, "theirs")


async def test_what_cannot_be_sent_is_refused_before_it_is_queued(desk: Desk, server: FakeServer) -> None:
    """An empty, an oversized and an ill-formed text never reach the outbox."""
    client = await desk.open()
    for text in ("", "  ", "x" * 9_000, "nul\0", "\ud800", "\n" * 300):
        with pytest.raises(SetupError, match="cannot be sent"):
            await client.messages.send(LOBBY, text)
    assert server.texts() == []


async def test_drafts_survive_a_restart(desk: Desk) -> None:
    """What was typed and not sent is there the next time."""
    client = await desk.open()
    await client.messages.save_draft(LOBBY, "half a sent")
    await client.stop()
    assert await (await desk.open()).messages.draft(LOBBY) == "half a sent"


async def test_a_thread_has_a_draft_of_its_own(desk: Desk, server: FakeServer) -> None:
    """It is found from each message of the thread, also once an earlier one became the first."""
    root = server.say("who has honey?")
    first = answer(server, "I have", root.seq)
    second = answer(server, "how much?", first.seq)
    client = await desk.open()
    await client.messages.save_draft(LOBBY, "in the room")
    await client.messages.save_draft(LOBBY, "two glasses", second.seq)
    for seq in (root.seq, first.seq, second.seq):
        assert await client.messages.draft(LOBBY, seq) == "two glasses"
    await client.messages.save_draft(LOBBY, "three glasses", root.seq)
    assert await client.messages.draft(LOBBY, second.seq) == "three glasses"
    assert await client.messages.draft(LOBBY) == "in the room"
    await client.messages.save_draft(LOBBY, "", first.seq)
    assert await client.messages.draft(LOBBY, root.seq) == ""


async def test_a_draft_outlives_the_discovery_of_earlier_messages(desk: Desk, server: FakeServer) -> None:
    """Offline the thread begins with what is here; its draft is there when the rest is."""
    root = server.say("the beginning")
    for number in range(200):
        server.say(f"hay {number}")
    late = answer(server, "the end", root.seq)
    later = answer(server, "really", late.seq)
    client = await desk.open()
    await client.messages.save_draft(LOBBY, "yes", later.seq)
    assert (await client.history.thread(LOBBY, later.seq)).missing is None
    assert await client.messages.draft(LOBBY, root.seq) == "yes"


async def test_a_report_quotes_the_message_as_it_is_here(desk: Desk, server: FakeServer) -> None:
    """With its number at the server; what cannot be read here cannot be reported."""
    client = await desk.open()
    said = server.say("go away")
    await heard(client, lambda c: isinstance(c, EntryAdded))
    entry = await client.history.entry(LOBBY, said.seq)
    assert entry is not None
    await client.messages.report(entry, ReportReason.THREAT, "again")
    report = next(one for one in server.requests if isinstance(one, Report))
    assert (report.target, report.quote, report.reason, report.note) == (
        said.seq,
        "go away",
        ReportReason.THREAT,
        "again",
    )
    with pytest.raises(SetupError, match="can be read here"):
        await client.messages.report(replace(entry, text=None), ReportReason.SPAM)


async def test_a_direct_room_that_the_other_person_left_takes_no_messages(
    desk: Desk, server: FakeServer
) -> None:
    """They can't leave it, so their account was deleted; one can still delete there."""
    peer = parse_user_name("carol")
    left = structs.replace(server.rooms[LOBBY].summary, kind=RoomKind.DIRECT, name=None, peer=peer, members=1)
    server.rooms[LOBBY].summary = left
    client = await desk.open()
    with pytest.raises(SetupError, match="carol's account was deleted"):
        await client.messages.send(LOBBY, "hello")
    await client.messages.delete(LOBBY, Seq(1))
