"""A run of events into the archive: what is asked once for all of them tells the same as one by one."""

import pytest
from tests.client.core.archive.archive_events import add, event, message
from tests.client.core.core_fake import ALICE, LOBBY

from parlour_client.core.archive import Archive, insertion, outbox_table, search
from parlour_client.core.archive.insertion import TOLD_ONE_BY_ONE
from parlour_client.core.search_query import Query
from parlour_protocol.frames import MessageText, Reaction
from parlour_protocol.frames.bodies import Deleted, Edited, Reacted
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.ids import Millis, Seq, new_request_id


async def found(archive: Archive, word: str) -> list[str]:
    """Return the texts of the messages that are found by a word."""
    return [
        str(entry.text)
        for entry in await archive.read(search.search, Query([word], unfinished=True), ALICE, 99)
    ]


def edit(target: int, text: str) -> Edited:
    """Return a new text for a message."""
    return Edited(target=Seq(target), text=MessageText.parse(text))


async def test_a_run_says_of_each_event_what_it_did(archive: Archive) -> None:
    """Rows of its own, of messages in the same run, of messages far away, and of nothing that is here."""
    await add(archive, message(1, "long ago"), message(2, "later"))
    hand = Reacted(target=Seq(1), reaction=Reaction.parse("ok"), on=True)
    run = [
        message(5_001, "new"),
        event(5_002, hand),
        event(5_003, edit(5_001, "newer")),
        event(5_004, edit(77, "ghost")),
    ]
    told = await add(archive, *run)
    assert [one.entry and (one.entry.seq, str(one.entry.text)) for one in told] == [
        (5_001, "newer"), (1, "long ago"), (5_001, "newer"), None,
    ]  # fmt: skip
    assert told[1].entry is not None
    assert [count.reaction for count in told[1].entry.reactions] == ["ok"]


async def test_a_run_twice_is_taken_once(archive: Archive) -> None:
    """Also when it begins with what is known, and has an event twice in itself."""
    first = [message(1, "one"), message(2, "two")]
    assert len(await add(archive, *first)) == 2
    told = await add(archive, *first, message(3, "three"), message(3, "another three"))
    assert [one.event.seq for one in told] == [3]
    assert await found(archive, "three") == ["three"]
    assert await found(archive, "two") == ["two"]


async def test_events_that_another_program_stored_first_are_told_to_this_one_too(archive: Archive) -> None:
    """A `send` and the chat share an archive: whichever is faster, both show what came, in order."""
    await add(archive, message(1, "of before"), message(2, "theirs"), message(4, "theirs too"))
    run = [message(2, "theirs"), message(3, "new"), message(4, "theirs too")]
    told = await archive.write(insertion.receive, run, [False] * 3, Seq(4))
    assert [one.entry and (one.entry.seq, str(one.entry.text)) for one in told] == [
        (2, "theirs"), (3, "new"), (4, "theirs too"),
    ]  # fmt: skip


async def test_what_came_before_its_message_counts_in_the_search(archive: Archive) -> None:
    """A page from below a hole: an edit, a reaction and a deletion of its messages are here already."""
    hand = Reacted(target=Seq(2), reaction=Reaction.parse("ok"), on=True)
    await add(archive, event(7, edit(1, "second version")), event(8, hand), message(9, "plain"))
    await add(archive, message(1, "first version"), message(2, "liked"), message(3, "neither"))
    assert await found(archive, "version") == ["second version"]
    assert await found(archive, "first") == []
    assert [str(e.text) for e in await archive.read(search.search, Query(states={"edited"}), ALICE, 9)] == [
        "second version"
    ]
    assert [str(e.text) for e in await archive.read(search.search, Query(has={"reaction"}), ALICE, 9)] == [
        "liked"
    ]
    assert await found(archive, "neither") == ["neither"]


async def test_what_one_run_says_and_takes_back_is_not_found(archive: Archive) -> None:
    """Neither in the table nor in the index."""
    await add(archive, message(1, "CANARYone"), event(2, Deleted(target=Seq(1))), message(3, "stays"))
    assert await found(archive, "canary") == []
    assert await found(archive, "stays") == ["stays"]
    words = await archive.read(lambda c: list(c.execute("SELECT * FROM words_content")))
    bodies = await archive.read(lambda c: list(c.execute("SELECT body FROM events")))
    assert "CANARY" not in str(words) + str(bodies)


@pytest.mark.parametrize("length", [TOLD_ONE_BY_ONE, TOLD_ONE_BY_ONE + 1])
async def test_our_own_rows_go_with_a_run_of_any_length(archive: Archive, length: int) -> None:
    """The outbox's row of an event that is here is told and taken away; others stay."""
    frames = [Send(id=new_request_id(), room=LOBBY, text=MessageText.parse(text)) for text in ("a", "b", "c")]
    await archive.write_durably(outbox_table.put, LOBBY, frames, Millis(1))
    for frame, seq in zip(frames, (2, length, length + 1), strict=True):
        await archive.write(outbox_table.acknowledge, frame.id, LOBBY, Seq(seq))
    told = await add(archive, *[message(seq, f"said {seq}") for seq in range(1, length + 1)])
    assert {one.event.seq: one.request for one in told if one.request} == {
        2: frames[0].id, length: frames[1].id,
    }  # fmt: skip
    assert [row.frame.id for row in await archive.read(outbox_table.load)] == [frames[2].id]
    assert all((one.entry is not None) == (length <= TOLD_ONE_BY_ONE) for one in told)
