"""A server whose history was rolled back: nothing here is lost, nothing new is missed, and it is told."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import parts
from tests.client.core.core_fake import GARDEN, LOBBY, Desk, FakeServer, heard

from parlour_client.core.archive import divergence, known_rooms, outbox_table
from parlour_client.core.client import Client
from parlour_client.core.events import EntryAdded, HistoryWithheld, StatusChanged
from parlour_client.core.model import Delivery, Entry, NoteKind
from parlour_client.core.room_log.translation import LostError
from parlour_client.kit.connection_status import LinkState
from parlour_client.text.note_text import note_words
from parlour_protocol.frames import AnyResult, LogEvent, MessageText
from parlour_protocol.frames.bodies import Left, Message
from parlour_protocol.frames.replies import Page, Retention, RoomEntered
from parlour_protocol.frames.requests import History, MarkRead, React, Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, new_incarnation
from parlour_protocol.kit.names import parse_device_name, parse_user_name


def restore(server: FakeServer, kept: int, *, told: bool = True, room: RoomId = LOBBY) -> None:
    """Go back to the first ``kept`` events; ``told``: by `restore`, not by a copied folder."""
    known = server.rooms[room]
    del known.log[kept:]
    known.summary = replace(known.summary, read=Seq(min(known.summary.read, kept)))
    server.done = {id_: stored for id_, stored in server.done.items() if stored.seq <= kept}
    if told:
        server.incarnation = new_incarnation()


async def texts(client: Client, room: RoomId = LOBBY) -> list[str]:
    """Return what the log says here, with this client's own rows."""
    entries = await client.history.timeline(room, limit=500)
    return [note_words(one) if one.note is not None else str(one.text) for one in entries if _is_said(one)]


def _is_said(entry: Entry) -> bool:
    return entry.text is not None or entry.note is not None


def told(messages: int) -> str:
    """Return the row that says what happened."""
    only = "1 message above exists" if messages == 1 else f"{messages} messages above exist"
    return (
        "The server's history is older than this device's: it was restored from a backup or rolled back. "
        f"{only} only on this device."
    )


def leave_out(server: FakeServer, *numbers: int, kept_from: int = 0) -> None:
    """Show no event with these numbers, and say that those under ``kept_from`` expired."""
    honest = server._page

    def page(ask: History) -> AnyResult:
        whole = honest(ask)
        assert isinstance(whole, Page)
        left = tuple(one for one in whole.events if one.seq not in numbers)
        return replace(whole, events=left, kept_from=Seq(kept_from))

    server.page_of = page


async def again(desk: Desk) -> Client:
    """Start the program again."""
    await desk.close()
    desk.clients.clear()
    return await desk.open()


@pytest.mark.parametrize("by_restore", [True, False])
async def test_both_branches_are_shown(desk: Desk, server: FakeServer, *, by_restore: bool) -> None:
    """R31: what the server lost stays, the row says how much, and what comes next stands below it."""
    server.say("before")
    client = await desk.open()
    server.say("lost one")
    server.say("lost two")
    await heard(client, lambda _: True, lambda: server.say("lost three"))
    restore(server, 2, told=by_restore)
    server.say("new one", tell=False)
    server.say("new two", tell=False) if by_restore else None
    client = await again(desk)
    new = ["new one", "new two"] if by_restore else ["new one"]
    assert await texts(client) == ["before", "lost one", "lost two", "lost three", told(3), *new]
    log = await client.history.log(LOBBY, after=Seq(0))
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    server.say("live")
    await client.history.timeline(LOBBY)
    client = await again(desk)
    assert await texts(client) == ["before", "lost one", "lost two", "lost three", told(3), *new, "live"]
    found = await client.history.search("lost")
    assert [entry.text for entry in found] == ["lost three", "lost two", "lost one"]


async def test_a_running_client_goes_on(desk: Desk, server: FakeServer) -> None:
    """R31: the connection breaks, another incarnation greets: the row is there, live events follow."""
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("lost"))
    await desk.lose(client)
    restore(server, 1)
    await desk.regain(client)
    await heard(client, lambda _: True, lambda: server.say("new"))
    assert await texts(client) == ["lost", told(1), "new"]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("grown", [True, False])
async def test_lost_history_that_comes_back_is_the_same(
    desk: Desk, server: FakeServer, *, named: bool, grown: bool
) -> None:
    """R40: each message is there once, the row says so, and what comes next goes behind it."""
    client = await desk.open()
    server.say("before")
    for text in ("one", "two", "three"):
        await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say(text))  # noqa: B023
    whole, true_name = list(server.rooms[LOBBY].log), server.incarnation
    restore(server, 2, told=named)
    server.say("of the wrong backup", tell=False) if grown else None
    client = await again(desk)
    wrong = ["of the wrong backup"] if grown else []
    assert await texts(client) == ["before", "one", "two", "three", told(3), *wrong]
    server.rooms[LOBBY].log[:] = whole
    server.incarnation = true_name
    server.say("new", tell=False)
    client = await again(desk) if not grown or named else await _compared(desk)
    again_lost = [told(1)] if grown else []
    said = ["before", "one", "two", "three", divergence.BACK, *wrong, *again_lost, "new"]
    assert await texts(client) == said
    one = next(entry.seq for entry in await client.history.timeline(LOBBY) if str(entry.text) == "one")
    assert one is not None
    await client.messages.react(LOBBY, one, "ok")  # it is the server's again
    server.say("live")
    client = await again(desk)
    assert await texts(client) == [*said, "live"]
    log = await client.history.log(LOBBY, after=Seq(0), limit=500)
    assert [event.seq for event in log] == list(range(1, len(log) + 1))


async def _compared(desk: Desk) -> Client:
    """Start again where the first page of a room is what contradicts: it is compared at the next greeting."""
    await desk.close()
    desk.clients.clear()
    client = await desk.open(ready=False)
    await heard(client, lambda one: isinstance(one, StatusChanged) and one.status.state is LinkState.OFFLINE)
    await desk.regain(client)
    return client


async def test_a_part_of_the_lost_history_comes_back(desk: Desk, server: FakeServer) -> None:
    """R40: what the server still lacks stays told, and is not counted twice."""
    client = await desk.open()
    for text in ("one", "two", "three"):
        await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say(text))  # noqa: B023
    whole = list(server.rooms[LOBBY].log)
    restore(server, 1)
    client = await again(desk)
    server.rooms[LOBBY].log[:] = whole[:3]
    server.incarnation = new_incarnation()
    server.say("new", tell=False)
    client = await again(desk)
    assert await texts(client) == ["one", "two", "three", told(1), "new"]


async def test_lost_history_comes_back_around_a_hole(desk: Desk, server: FakeServer) -> None:
    """R40: an event that is not shown is no other history: those after it are the server's again."""
    client = await desk.open()
    for text in ("one", "two", "three"):
        await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say(text))  # noqa: B023
    whole, true_name = list(server.rooms[LOBBY].log), server.incarnation
    restore(server, 1)
    client = await again(desk)
    assert await texts(client) == ["one", "two", "three", told(3)]
    server.rooms[LOBBY].log[:] = whole
    server.incarnation = true_name
    leave_out(server, 3)
    assert await texts(await again(desk)) == ["one", "two", "three", divergence.BACK]


async def test_several_rollbacks(desk: Desk, server: FakeServer) -> None:
    """R32: each one adds its row, also where a later one goes back behind an earlier one, or nothing came."""
    client = await desk.open()
    for kept, word in ((3, "a"), (5, "b"), (2, "c"), (2, "d")):
        for number in range(3):
            server.say(f"{word}{number}", tell=False)
        client = await again(desk)
        restore(server, kept)
        client = await again(desk)
        restore(server, kept)  # once more, with nothing between
        client = await again(desk)
    server.say("end", tell=False)
    client = await again(desk)
    said = ["a0", "a1", "a2", told(1), "b0", "b1", "b2", told(1), "c0", "c1", "c2"]
    assert (await texts(client))[: len(said)] == said
    assert (await texts(client))[-1] == "end"
    assert sum("only on this device" in text for text in await texts(client)) == 4
    log = await client.history.log(LOBBY, after=Seq(0), limit=500)
    assert [event.seq for event in log] == list(range(1, len(log) + 1))


async def test_nothing_lost_is_nothing_told(desk: Desk, server: FakeServer) -> None:
    """R31: a restored server that has all of it, and more, is taken as it is: one page for each room."""
    server.say("one")
    await desk.open()
    await again(desk)
    server.requests.clear()
    restore(server, 9)
    server.say("two", tell=False)
    client = await again(desk)
    assert await texts(client) == ["one", "two"]
    pages = [request for request in server.requests if isinstance(request, History)]
    assert len(pages) == 2  # compared, then fetched
    server.requests.clear()
    await again(desk)
    assert not [request for request in server.requests if isinstance(request, History)]


async def test_a_long_history_is_compared_by_halves(desk: Desk, server: FakeServer) -> None:
    """R33: a fork far down is found in a few pages."""
    for number in range(3_000):
        server.say(str(number), tell=False)
    client = await desk.open()
    while await client.history.log(LOBBY, after=Seq(1), limit=1) == ():
        pass
    entries: Sequence[Entry] = await client.history.timeline(LOBBY, limit=2_900)
    assert len(entries) == 2_900
    restore(server, 700)
    for number in range(2_600):
        server.say(f"new {number}", tell=False)
    server.requests.clear()
    client = await again(desk)
    pages = [r for r in server.requests if isinstance(r, History) and r.before is not None]
    assert len(pages) < 8
    rows = await texts(client)
    assert rows[-1] == "new 2599"
    row = await client.history.timeline(LOBBY, before=Seq(3_010), limit=20)
    notes = [one for one in row if one.note is not None and one.note.kind is NoteKind.ROLLED_BACK]
    assert [note_words(one) for one in notes] == [told(2_301)]
    assert notes[0].seq == 3_002
    fresh = await client.history.log(LOBBY, after=Seq(3_001), limit=4)
    assert [_text(event) for event in fresh] == ["None", "new 0", "new 1", "new 2"]


def _text(event: LogEvent) -> str:
    return str(event.body.text) if isinstance(event.body, Message) else "None"


async def test_what_is_lost_cannot_be_acted_on(desk: Desk, server: FakeServer) -> None:
    """R34: a reply, an edit, a reaction, a deletion or a pin of what no server has is refused in words."""
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("lost"))
    restore(server, 1)
    server.say("new", tell=False)
    client = await again(desk)
    lost, new = [entry.seq for entry in await client.history.timeline(LOBBY) if entry.text is not None]
    assert lost is not None
    assert new is not None
    with pytest.raises(LostError, match="only on this device"):
        await client.messages.send(LOBBY, "to nothing", reply_to=lost)
    for act in (
        client.messages.react(LOBBY, lost, "ok"),
        client.messages.delete(LOBBY, lost),
        client.messages.edit(LOBBY, lost, "x"),
    ):
        with pytest.raises(LostError):
            await act
    sent = await client.messages.send(LOBBY, "to this", reply_to=new)
    await client.messages.react(LOBBY, new, "ok")
    assert sent.request is not None
    stored = await client.messages.stored(sent.request)
    assert stored == new + 1
    replies = [r.reply_to for r in server.requests if isinstance(r, Send)]
    assert replies == [2]  # the server's number of `new`
    while not (targets := [r.target for r in server.requests if isinstance(r, React)]):
        await heard(client, lambda _: True)
    assert targets == [2]
    entry = next(one for one in await client.history.timeline(LOBBY) if one.seq == stored)
    assert entry.reply_to == new
    assert entry.delivery is Delivery.STORED


async def test_read_markers_go_by_what_was_read_here(desk: Desk, server: FakeServer) -> None:
    """R35: what was read stays read, what is new is unread, and the server hears of its own number."""
    client = await desk.open()
    server.say("one")
    await heard(client, lambda _: True, lambda: server.say("two"))
    await client.messages.mark_read(LOBBY, Seq(3))
    restore(server, 2)
    server.say("new", tell=False)
    server.requests.clear()
    client = await again(desk)
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert (room.unread, room.read) == (1, 3)
    assert [request.seq for request in server.requests if isinstance(request, MarkRead)] == [2]
    server.rooms[LOBBY].summary = replace(server.rooms[LOBBY].summary, read=Seq(2))
    client = await again(desk)
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert (room.unread, room.read) == (1, 3)
    new = (await client.history.timeline(LOBBY))[-1].seq
    assert new is not None
    await client.messages.mark_read(LOBBY, new)
    assert server.requests[-1] == replace(server.requests[-1], seq=Seq(3))


async def test_what_was_acknowledged_and_never_came_stays(desk: Desk, server: FakeServer) -> None:
    """R31: a message that the server had stored at a lost number is not sent again, and not lost here."""
    client = await desk.open()
    sent = await client.messages.send(LOBBY, "acknowledged")
    assert sent.request is not None
    await client.messages.stored(sent.request)
    restore(server, 1)
    client = await again(desk)
    assert await texts(client) == ["acknowledged", told(1)]
    assert server.texts() == []


async def test_a_fresh_device_sees_what_the_server_has(desk: Desk, server: FakeServer) -> None:
    """R31: nothing was known here, so nothing is told."""
    server.say("gone")
    restore(server, 1)
    server.say("new", tell=False)
    client = await desk.open()
    assert await texts(client) == ["new"]


@pytest.mark.parametrize("follow", [True, False])
async def test_what_was_only_heard_of_is_lost(desk: Desk, server: FakeServer, *, follow: bool) -> None:
    """R41: nothing of it was here, so no row is in the room; it is told once all the same."""
    server.say("one")
    client = await desk.open(follow=follow, ready=follow)
    await client.connection.connected()
    summary = replace(server.summary(LOBBY), head=Seq(9))
    await parts(client).archive.write(
        known_rooms.save, [summary]
    )  # as when it is lost before anything was fetched
    restore(server, 2)
    said: list[object] = []
    for _ in range(2):
        await desk.close()
        desk.clients.clear()
        client = await desk.open(follow=follow, ready=False)
        client.events.subscribe(said.append)
        await (client.connection.ready() if follow else client.connection.connected())
    assert [change for change in said if isinstance(change, HistoryWithheld)] == [
        HistoryWithheld(LOBBY, divergence.words(0))
    ]


async def test_other_rooms_are_left_alone(desk: Desk, server: FakeServer) -> None:
    """R31: a room that lost nothing has no row."""
    server.add_room(GARDEN, "garden")
    server.say("here", room=GARDEN)
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("lost"))
    restore(server, 1)
    client = await again(desk)
    assert await texts(client, GARDEN) == ["here"]
    assert await texts(client) == ["lost", told(1)]


async def test_what_is_pushed_while_rooms_are_compared_waits(desk: Desk, server: FakeServer) -> None:
    """R33: it is taken in afterwards, under the number that it has here."""
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("lost"))
    await desk.close()
    desk.clients.clear()
    restore(server, 1)
    honest, early = server.page_of, ["new one"]

    def page(ask: History) -> object:
        if early:
            server.say(early.pop(0))
        return honest(ask)

    server.page_of = page  # type: ignore[assignment]
    server.incarnation = new_incarnation()
    client = await desk.open()
    while "new one" not in await texts(client):
        await heard(client, lambda _: True)
    assert await texts(client) == ["lost", told(1), "new one"]


async def test_what_is_not_shown_is_not_taken_for_what_is_here(desk: Desk, server: FakeServer) -> None:
    """R33: a server that shows nothing to compare proves nothing; what it shows later is known again."""
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("kept"))
    await desk.close()
    desk.clients.clear()
    server.incarnation = new_incarnation()
    honest = server.page_of
    server.page_of = lambda ask: replace(honest(ask), events=())  # type: ignore[type-var,assignment]
    client = await desk.open()
    assert client.connection.status.state is LinkState.ONLINE
    assert await texts(client) == ["kept", told(1)]
    known = client.rooms.get(LOBBY)
    assert known is not None
    assert "shows none after" in known.trouble
    server.page_of = honest
    await desk.lose(client)
    await desk.regain(client)
    assert await texts(client) == ["kept", divergence.BACK]


async def test_a_hole_where_histories_are_compared_is_compared_around(desk: Desk, server: FakeServer) -> None:
    """R33, N10: an event that is not shown is no difference: the ones beside it decide."""
    client = await desk.open()
    for number in range(3):
        await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say(f"kept {number}"))  # noqa: B023
    await desk.close()
    desk.clients.clear()
    server.incarnation = new_incarnation()
    honest = server.page_of
    leave_out(server, 3, 4)
    server.say("new", tell=False)
    client = await desk.open()
    said = await texts(client)
    assert said[:4] == ["kept 0", "kept 1", "kept 2", told(2)]
    assert "2 events are missing" in said[4]
    assert said[5:] == ["new"]
    archive = parts(client).archive
    known = (await archive.read(divergence.known))[LOBBY]
    assert await archive.read(divergence.numbers_here, LOBBY, known, Seq(5)) == [1, 2, 5]
    row = parts(client).numbers.event(server.rooms[LOBBY].log[3])
    assert await archive.read(divergence.alike, [row], client.account.user) == [None]
    await desk.close()
    desk.clients.clear()
    server.incarnation = new_incarnation()  # a row that says what is missing is nothing to compare
    server.page_of = honest
    client = await desk.open()
    assert await texts(client) == said
    assert client.connection.status.state is LinkState.ONLINE


@pytest.mark.parametrize(("ahead", "lost"), [(0, 0), (40, 0), (0, 2), (40, 2)])
async def test_an_expiry_after_a_restore_hides_nothing_young(
    desk: Desk, server: FakeServer, ahead: int, lost: int
) -> None:
    """R33: messages of today can't have expired, whatever time and retention the server claims."""
    log = server.rooms[LOBBY].log
    log[0] = replace(log[0], at=Millis(log[0].at - 90 * 86_400_000))  # so what follows may be old, it says
    client = await desk.open()
    for number in range(3):
        await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say(f"mine {number}"))  # noqa: B023
    await desk.close()
    desk.clients.clear()
    restore(server, 4 - lost)
    for number in range(lost + 1):
        server.say(f"new {number}", tell=False)
    room, greeting = server.rooms[LOBBY], server.hello()
    room.summary = replace(room.summary, retention=Retention(days=7))
    leave_out(server, 2, 3, 4, kept_from=5)
    later = Millis(greeting.now + ahead * 86_400_000)
    server.hello = lambda: replace(greeting, now=later, rooms=(server.summary(LOBBY),))  # type: ignore[method-assign]
    said = await texts(await desk.open())
    assert said[:4] == ["mine 0", "mine 1", "mine 2", told(3)]
    assert said[-1] == f"new {lost}"


@pytest.mark.parametrize("claims", [True, False])
async def test_what_expired_before_a_restore_is_no_other_history(
    desk: Desk, server: FakeServer, *, claims: bool
) -> None:
    """R33: of messages older than the retention it raises no alarm if the server says that they expired."""
    client = await desk.open()
    for number in range(3):
        await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say(f"old {number}"))  # noqa: B023
    await desk.close()
    desk.clients.clear()
    desk.clock.advance(40 * 86_400)
    server.incarnation = new_incarnation()
    server.say("new", tell=False)
    room = server.rooms[LOBBY]
    room.summary = replace(room.summary, retention=Retention(days=7))
    leave_out(server, 2, 3, 4, kept_from=5 if claims else 0)
    said = await texts(await desk.open())
    assert [said[0], said[1], said[2], said[-1]] == ["old 0", "old 1", "old 2", "new"]
    assert said[3:-1] == [] if claims else told(3) in said


async def test_a_copied_folder_that_grew_past_what_is_known(desk: Desk, server: FakeServer) -> None:
    """R31: as many events as before, and more, by the same name: the last one that is here tells."""
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("lost"))
    restore(server, 1, told=False)
    for text in ("new one", "new two"):
        server.say(text, tell=False)
    await desk.close()
    desk.clients.clear()
    client = await desk.open(ready=False)
    await heard(client, lambda one: isinstance(one, StatusChanged) and one.status.state is LinkState.OFFLINE)
    await desk.regain(client)
    assert await texts(client) == ["lost", told(1), "new one", "new two"]


@pytest.mark.parametrize("by_restore", [False, True])
async def test_a_deleted_accounts_other_name_is_no_other_history(
    desk: Desk, server: FakeServer, *, by_restore: bool
) -> None:
    """The server renames the author of what is here; another text, even by that name, is another history."""
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("hello", author="carol"))
    await desk.close()
    desk.clients.clear()
    log = server.rooms[LOBBY].log
    gone = parse_user_name("deleted-bcdfghjk")
    log[-1] = replace(log[-1], author=gone, device=parse_device_name("deleted"))
    if by_restore:
        server.incarnation = new_incarnation()
    server.append(LOBBY, Left(members=1), author="carol", tell=False)
    client = await again(desk)
    assert await texts(client) == ["hello"]
    log[1] = replace(log[1], body=Message(text=MessageText.parse("never said")))
    server.incarnation = new_incarnation()
    assert told(1) in await texts(await again(desk))


async def test_a_room_that_one_comes_back_to_is_compared(desk: Desk, server: FakeServer) -> None:
    """R31: what was here of it is of another incarnation: the connection is made again, which compares it."""
    server.add_room(GARDEN, "garden")
    client = await desk.open()
    await heard(client, lambda _: True, lambda: server.say("lost", room=GARDEN))
    await desk.close()
    desk.clients.clear()
    garden = server.rooms.pop(GARDEN)
    server.incarnation = new_incarnation()
    client = await desk.open()
    assert client.rooms.get(GARDEN) is None
    server.rooms[GARDEN] = garden
    restore(server, 1, told=False, room=GARDEN)
    server.say("new", room=GARDEN, tell=False)
    await heard(
        client,
        lambda one: isinstance(one, StatusChanged) and one.status.state is LinkState.OFFLINE,
        lambda: server.wires[0].say(RoomEntered(room=server.summary(GARDEN))),
    )
    await desk.regain(client)
    assert await texts(client, GARDEN) == ["lost", told(1), "new"]


@pytest.mark.parametrize("grown", [False, True])
async def test_what_a_program_sent_that_reads_nothing_stays(
    desk: Desk, server: FakeServer, *, grown: bool
) -> None:
    """R31: acknowledged to a program that follows no rooms, and lost: it is kept, and told of."""
    client = await desk.open(follow=False, ready=False)
    await client.connection.connected()
    server.say("of somebody else", tell=False)
    for text in ("kept", "lost"):
        sent = await client.messages.send(LOBBY, text)
        assert sent.request is not None
        await client.messages.stored(sent.request)
    restore(server, 3)
    server.say("new", tell=False) if grown else None
    for _ in range(2):
        client = await again(desk)
        said = ["of somebody else", "kept", "lost", told(1), *(["new"] if grown else [])]
        assert await texts(client) == said


async def test_a_home_that_only_sends_keeps_a_bounded_number(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R31: the newest ones; and none of them is left once their events came."""
    monkeypatch.setattr(outbox_table, "KEPT", 3)
    client = await desk.open(follow=False, ready=False)
    await client.connection.connected()
    for number in range(9):
        sent = await client.messages.send(LOBBY, str(number))
        assert sent.request is not None
        await client.messages.stored(sent.request)
    await parts(client).outbox.flush()
    assert len(await parts(client).archive.read(outbox_table.load)) <= 4
    client = await again(desk)
    assert await texts(client) == [str(number) for number in range(9)]
    assert await parts(client).archive.read(outbox_table.load) == []


async def test_numbers_that_no_server_has_are_no_holes(desk: Desk, server: FakeServer) -> None:
    """R32: between what was shared and what this device alone has, nothing is asked for."""
    client = await desk.open(follow=False, ready=False)
    await client.connection.connected()
    for number in range(5):
        server.say(f"of somebody else {number}", tell=False)
    sent = await client.messages.send(LOBBY, "lost")
    assert sent.request is not None
    assert await client.messages.stored(sent.request) == 7
    restore(server, 3)
    client = await again(desk)
    server.requests.clear()
    assert await texts(client) == ["of somebody else 0", "of somebody else 1", "lost", told(1)]
    log = await client.history.log(LOBBY, after=Seq(0))
    assert [event.seq for event in log] == [1, 2, 3, 7, 8]
    assert sum(isinstance(request, History) for request in server.requests) <= 1
    assert all(gap.gone for gap in await client.history.gaps(LOBBY, Seq(0), Seq(9)))
