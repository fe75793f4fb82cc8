"""Reading history: search, threads, earlier texts, gaps, and what a server hides."""

import pytest
from tests.client.core.core_fake import GARDEN, LOBBY, Desk, FakeServer, heard

from parlour_client.core.client import Client
from parlour_client.core.events import EntryAdded, EntryChanged
from parlour_client.core.search_query import QueryError
from parlour_client.kit.errors import SessionEndedError
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import Deleted, Edited, Message, Reacted
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.frames.replies import AnyResult, Page
from parlour_protocol.frames.requests import History, MarkRead
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_user_name


def answer(server: FakeServer, text: str, to: int, *, author: str = "bobby", tell: bool = True) -> LogEvent:
    """Say something in reply."""
    body = Message(text=MessageText.parse(text), reply_to=Seq(to))
    return server.append(LOBBY, body, author=author, tell=tell)


async def texts(client: Client, words: str, room: RoomId | None = None) -> list[str | None]:
    """Search and return the texts."""
    return [entry.text for entry in await client.history.search(words, room=room)]


async def test_search_by_each_restriction(desk: Desk, server: FakeServer) -> None:
    """Every restriction finds what it says and nothing else, newest first."""
    server.add_room(GARDEN, "garden")
    said = server.say("honey at http://bees.example")
    server.say("honey for @alice", author="carol")
    server.say("more honey", room=GARDEN)
    mine = server.say("my honey", author="alice")
    server.append(LOBBY, Reacted(target=said.seq, reaction=Reaction.parse("ok"), on=True))
    server.append(LOBBY, Edited(target=mine.seq, text=MessageText.parse("my own honey")), author="alice")
    client = await desk.open()
    await client.messages.star(LOBBY, mine.seq)
    assert await texts(client, "has:link") == [said.body.text]  # type: ignore[union-attr]
    assert await texts(client, "is:mention") == ["honey for @alice"]
    assert await texts(client, "in:garden honey") == ["more honey"]
    assert await texts(client, "from:carol") == ["honey for @alice"]
    assert await texts(client, "is:mine") == ["my own honey"]
    assert await texts(client, "is:edited") == ["my own honey"]
    assert await texts(client, "is:starred") == ["my own honey"]
    assert await texts(client, "has:reaction") == [said.body.text]  # type: ignore[union-attr]
    assert await texts(client, "from:carol from:alice own") == ["my own honey"]
    assert await texts(client, "honey", GARDEN) == ["more honey"]
    assert await texts(client, "after:2200 honey") == []
    assert len(await texts(client, "before:2200 honey")) == 4
    assert await texts(client, "has:file") == []


async def test_a_reaction_taken_back_is_no_reaction(desk: Desk, server: FakeServer) -> None:
    """The index follows what is there now."""
    said = server.say("honey")
    client = await desk.open()
    for on, found in ((True, ["honey"]), (False, [])):
        body = Reacted(target=said.seq, reaction=Reaction.parse("ok"), on=on)
        await heard(
            client, lambda c: isinstance(c, EntryChanged), lambda body=body: server.append(LOBBY, body)
        )
        assert await texts(client, "has:reaction") == found


async def test_unread_is_found_and_stays_unread(desk: Desk, server: FakeServer) -> None:
    """Searching marks nothing as read, here or on the server."""
    client = await desk.open()
    await client.messages.mark_read(LOBBY, Seq(1))
    await heard(client, lambda _: True, lambda: server.say("fresh"))
    await client.connection.ready()
    before = len([frame for frame in server.requests if isinstance(frame, MarkRead)])
    assert await texts(client, "is:unread") == ["fresh"]
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert room.unread == 1
    assert len([frame for frame in server.requests if isinstance(frame, MarkRead)]) == before
    await client.messages.mark_read(LOBBY, Seq(2))
    assert await texts(client, "is:unread") == []


async def test_a_wrong_search_is_refused(desk: Desk) -> None:
    """With a sentence, and before anything is asked."""
    client = await desk.open()
    with pytest.raises(QueryError, match="no room with that name"):
        await client.history.search("in:attic x")
    with pytest.raises(QueryError, match="Write what to look for"):
        await client.history.search("   ")


async def test_search_works_without_a_connection(desk: Desk, server: FakeServer) -> None:
    """What is here is found offline."""
    server.say("honey")
    client = await desk.open()
    await desk.lose(client)
    assert await texts(client, "hon") == ["honey"]


async def test_a_thread_from_anywhere_in_it(desk: Desk, server: FakeServer) -> None:
    """The same thread from its root, from its middle and from its end; others stay out."""
    root = server.say("who has honey?")
    server.say("nice weather")
    first = answer(server, "I have", root.seq, author="carol")
    answer(server, "how much?", first.seq)
    answer(server, "I, too", root.seq, author="carol")
    client = await desk.open()
    for seq in (root.seq, first.seq, Seq(root.seq + 3)):
        thread = await client.history.thread(LOBBY, seq)
        assert [entry.text for entry in thread.entries] == [
            "who has honey?", "I have", "how much?", "I, too",
        ]  # fmt: skip
        assert thread.missing is None
    (entry,) = [e for e in await client.history.timeline(LOBBY) if e.seq == root.seq]
    assert entry.replies == 2


async def test_a_thread_in_a_circle_ends(desk: Desk, server: FakeServer) -> None:
    """A server that lets two messages answer each other does not hang the client."""
    one = server.say("one")
    answer(server, "two", one.seq + 2)
    answer(server, "three", one.seq + 1)
    client = await desk.open()
    thread = await client.history.thread(LOBBY, Seq(one.seq + 2))
    assert [entry.text for entry in thread.entries] == ["two", "three"]


async def test_a_thread_fetches_its_root(desk: Desk, server: FakeServer) -> None:
    """The root lies in history that this device never read."""
    root = server.say("the beginning")
    for number in range(600):
        server.say(f"hay {number}")
    answer(server, "the end", root.seq)
    client = await desk.open()
    thread = await client.history.thread(LOBBY, Seq(len(server.rooms[LOBBY].log)))
    assert [entry.text for entry in thread.entries] == ["the beginning", "the end"]


async def test_a_thread_fetches_what_is_missing_in_it(desk: Desk, server: FakeServer) -> None:
    """Its first message is here, a reply is in a gap."""
    root = server.say("the beginning")
    answer(server, "in between", root.seq)
    for number in range(600):
        server.say(f"hay {number}")
    answer(server, "the end", root.seq)
    client = await desk.open()
    await client.history.entry(LOBBY, root.seq)
    assert [entry.text for entry in (await client.history.thread_here(LOBBY, root.seq)).entries] == [
        "the beginning", "the end",
    ]  # fmt: skip
    thread = await client.history.thread(LOBBY, root.seq)
    assert [entry.text for entry in thread.entries] == ["the beginning", "in between", "the end"]


async def test_a_thread_has_what_is_not_sent_yet(desk: Desk, server: FakeServer) -> None:
    """Written offline: it stands at the end, other unsent messages stay out."""
    root = server.say("who has honey?")
    client = await desk.open()
    await client.history.timeline(LOBBY)
    await desk.lose(client)
    await client.messages.send(LOBBY, "I", reply_to=root.seq)
    await client.messages.send(LOBBY, "nice weather")
    thread = await client.history.thread(LOBBY, root.seq)
    assert [entry.text for entry in thread.entries] == ["who has honey?", "I"]


async def test_a_root_that_cannot_be_had_is_reported(desk: Desk, server: FakeServer) -> None:
    """Offline the thread says what it lacks."""
    root = server.say("the beginning")
    for number in range(600):
        server.say(f"hay {number}")
    answer(server, "the end", root.seq)
    client = await desk.open()
    await desk.lose(client)
    thread = await client.history.thread(LOBBY, Seq(len(server.rooms[LOBBY].log)))
    assert [entry.text for entry in thread.entries] == ["the end"]
    assert thread.missing == root.seq


async def test_a_number_that_no_event_has_accuses_nobody(desk: Desk, server: FakeServer) -> None:
    """Typed by the person, or named by a member's reply: the server claimed no such event, and hides none."""
    said = answer(server, "what do you mean?", 900)
    client = await desk.open()
    await client.connection.ready()
    assert await client.history.entry(LOBBY, Seq(999)) is None
    assert (await client.history.thread(LOBBY, said.seq)).missing == 900
    assert [entry.text for entry in await client.history.timeline(LOBBY)][-1] == "what do you mean?"
    assert not [entry.note for entry in await client.history.timeline(LOBBY) if entry.note is not None]
    assert client.rooms.get(LOBBY).trouble == ""  # type: ignore[union-attr]


async def test_earlier_texts_are_kept_until_the_message_is_deleted(desk: Desk, server: FakeServer) -> None:
    """All texts in order; none after a deletion."""
    said = server.say("first")
    for text in ("second", "third"):
        server.append(LOBBY, Edited(target=said.seq, text=MessageText.parse(text)))
    client = await desk.open()
    assert [one.text for one in await client.history.versions(LOBBY, said.seq)] == [
        "first",
        "second",
        "third",
    ]
    await heard(
        client,
        lambda c: isinstance(c, EntryChanged) and c.entry.deleted,
        lambda: server.append(LOBBY, Deleted(target=said.seq)),
    )
    assert list(await client.history.versions(LOBBY, said.seq)) == []


async def test_gaps_are_reported_and_filled(desk: Desk, server: FakeServer) -> None:
    """After a long absence the newest page is here and the gap below it is known; reading fills it."""
    client = await desk.open()
    await desk.lose(client)
    for number in range(10_300):
        server.say(f"number {number}", tell=False)
    await desk.regain(client)
    head = len(server.rooms[LOBBY].log)
    (gap,) = await client.history.gaps(LOBBY, Seq(0), Seq(head + 1))
    assert (gap.after, gap.gone) == (1, False)
    assert gap.count > 9_000
    entries = await client.history.timeline(LOBBY, before=gap.before, limit=100)
    assert [entry.seq for entry in entries] == list(range(gap.before - 100, gap.before))
    (left,) = await client.history.gaps(LOBBY, Seq(0), Seq(head + 1))
    assert left.before < gap.before


async def test_a_server_that_denies_its_history_hides_nothing_that_is_here(
    desk: Desk, server: FakeServer
) -> None:
    """It answers with an empty page: what is here below is shown, and the gap says that it is gone."""
    for number in range(20):
        server.say(f"number {number}")
    client = await desk.open()
    await desk.lose(client)
    for number in range(10_300):
        server.say(f"later {number}", tell=False)
    await desk.regain(client)

    def denying(ask: History) -> AnyResult:
        return Page(room=ask.room, events=(), more=False, incarnation=server.incarnation)

    server.page_of = denying
    head = len(server.rooms[LOBBY].log)
    (gap,) = await client.history.gaps(LOBBY, Seq(0), Seq(head + 1))
    entries = await client.history.timeline(LOBBY, before=gap.before, limit=500)
    assert "number 3" in [entry.text for entry in entries]
    (gap,) = await client.history.gaps(LOBBY, Seq(0), Seq(head + 1))
    assert gap.gone


async def test_older_history_is_fetched_while_scrolling_back(desk: Desk, server: FakeServer) -> None:
    """A fresh device takes the newest page; the rest comes when it is asked for, without a hole."""
    for number in range(500):
        server.say(f"old {number}", tell=False)
    client = await desk.open()
    seen: list[int | None] = []
    before: Seq | None = None
    while rows := await client.history.timeline(LOBBY, before=before, limit=90):
        seen[:0] = [row.seq for row in rows]
        before = rows[0].seq
    assert seen == list(range(1, 502))


async def test_offline_the_archive_answers(desk: Desk, server: FakeServer) -> None:
    """Without a server the rooms, the history and the search are what they were."""
    server.say("remember the honey", tell=False)
    await (await desk.open()).stop()
    server.refuse_dial = SessionEndedError("The session has ended.")
    client = await desk.open(ready=False)
    assert [room.title for room in client.rooms.all] == ["lobby"]
    assert [row.text for row in await client.history.timeline(LOBBY)] == [None, "remember the honey"]
    assert [row.text for row in await client.history.search("hon")] == ["remember the honey"]


async def test_the_wire_form_is_what_the_server_sent(desk: Desk, server: FakeServer) -> None:
    """The inspector shows the event's JSON, byte for byte."""
    from parlour_protocol.frames import encode  # noqa: PLC0415 - beside its one use

    client = await desk.open()
    event = server.say("exactly \x1b this")
    await heard(client, lambda c: isinstance(c, EntryAdded) and c.entry.seq == 3, lambda: server.say("next"))
    (_, row, _) = await client.history.timeline(LOBBY)
    assert client.history.wire_form(row) == encode(event).decode()


async def test_a_moment_is_found_in_history_that_is_not_here(desk: Desk, server: FakeServer) -> None:
    """The room's numbers are halved, so a few requests are enough; an edit at that time has no row."""
    for number in range(3_000):
        server.say(f"hay {number}")
    server.append(LOBBY, Edited(target=Seq(3), text=MessageText.parse("straw")), tell=False)
    client = await desk.open()
    wanted = server.rooms[LOBBY].log[700]
    asked = len([frame for frame in server.requests if isinstance(frame, History)])
    found = await client.history.since(LOBBY, wanted.at)
    assert found is not None
    assert found.seq == wanted.seq
    assert len([frame for frame in server.requests if isinstance(frame, History)]) - asked <= 8
    first = await client.history.since(LOBBY, Millis(0))
    assert first is not None
    assert first.seq == 1
    assert await client.history.since(LOBBY, Millis(wanted.at + 10**12)) is None


async def test_a_moment_that_is_not_here_counts_as_earlier_offline(desk: Desk, server: FakeServer) -> None:
    """The first message on this device after it is found, and nothing waits for the network."""
    for number in range(1_000):
        server.say(f"hay {number}")
    client = await desk.open()
    await desk.lose(client)
    here = await client.history.timeline(LOBBY, limit=5_000)
    found = await client.history.since(LOBBY, Millis(0))
    assert found is not None
    assert found.seq == here[0].seq


async def test_what_was_said_around_a_message(desk: Desk, server: FakeServer) -> None:
    """Messages only, the nearest ones, and none of someone who is ignored."""
    for text in ("one", "two", "three", "four", "five", "six"):
        server.say(text, author="carol" if text == "two" else "bobby")
    client = await desk.open()
    await client.people.ignore(parse_user_name("carol"))
    (wanted,) = [entry for entry in await client.history.timeline(LOBBY) if entry.text == "three"]
    before, after = await client.history.around(wanted, 2)
    assert [entry.text for entry in (*before, *after)] == ["one", "four", "five"]


async def test_the_newest_of_all_rooms_come_together(desk: Desk, server: FakeServer) -> None:
    """In the order in which they came, of the rooms that are asked for, without ignored people."""
    server.add_room(GARDEN, "garden")
    client = await desk.open()
    for number, room in enumerate((LOBBY, GARDEN, LOBBY, GARDEN, LOBBY)):
        author = "carol" if number == 3 else "bobby"
        await heard(
            client,
            lambda change: isinstance(change, EntryAdded),
            lambda room=room, number=number, author=author: server.say(f"{number}", room=room, author=author),
        )
    both = [LOBBY, GARDEN]
    assert [entry.text for entry in await client.history.newest(both, 4)] == ["1", "2", "3", "4"]
    assert [entry.text for entry in await client.history.newest([GARDEN], 9)] == ["1", "3"]
    await client.people.ignore(parse_user_name("carol"))
    assert [entry.text for entry in await client.history.newest(both, 3)] == ["1", "2", "4"]
