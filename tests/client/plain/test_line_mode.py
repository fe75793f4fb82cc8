"""The line mode at work: what is typed, what is said, each message once."""

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.client.plain.ear import Ear
from tests.client.ui.encryption_fake import OPEN
from tests.client.ui.ui_fake import ALICE, BOB, DIRECT, GARDEN, LOBBY, FakeClient
from tools.translations import sentences_of

from parlour_client.commands.front import Front
from parlour_client.commands.table import names, topics
from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.events import (
    EntryAdded,
    EntryChanged,
    HistoryChanged,
    HistoryWithheld,
    InvitationsChanged,
    NoticesChanged,
    RoomsChanged,
    StatusChanged,
)
from parlour_client.core.model import Delivery, Entry, Invitation, Note, NoteKind
from parlour_client.core.room_log.missing import ends_early_text, withheld_text
from parlour_client.core.settings import Settings
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.plain import line_mode
from parlour_client.plain.line_text import counts_line
from parlour_client.text.date_text import clock
from parlour_client.text.room_text import room_line
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Joined, Kicked, Unreadable
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind


async def test_it_begins_with_where_one_is(client: FakeClient) -> None:
    """Rooms with what is unread, and the room that one writes in."""
    client.say(GARDEN, BOB, "hi @alice")
    ear = Ear(client)
    await ear.mode.start()
    assert ear.heard[0] == "1 unread in garden, 1 of them mentioning you."
    assert f"@bob, encryption: {OPEN}." in ear.heard
    assert [line for line in ear.heard if line.startswith("You are")] == [
        "You are writing in @bob. /help shows what you can do."
    ]


async def test_it_begins_with_the_last_messages_of_the_room(client: FakeClient) -> None:
    """Ten of them; they count as read if none that is unread was left out."""
    client.remove_room(DIRECT)
    client.remove_room(GARDEN)
    for number in range(3):
        client.say(LOBBY, BOB, f"message {number}")
    ear = Ear(client)
    await ear.mode.start()
    assert [line.rpartition(": ")[2] for line in ear.heard[-3:]] == ["message 0", "message 1", "message 2"]
    assert [call[0] for call in client.calls if call[0] == "mark_read"] == ["mark_read"]
    client.calls.clear()
    for number in range(30):
        client.say(LOBBY, BOB, f"more {number}")
    again = Ear(client)
    await again.mode.start()
    assert len([line for line in again.heard if "more" in line]) == 10
    assert not [call for call in client.calls if call[0] == "mark_read"]


async def test_what_came_before_the_beginning_is_printed_once(client: FakeClient) -> None:
    """Catching up is over before it says where one is; the open room's messages are read only there."""
    client.last_room = LOBBY
    ear = Ear(client)
    for number in range(12):
        client.say(LOBBY, BOB, f"news {number}")
    client.say(GARDEN, BOB, "the bees")
    await ear.mode.start()
    for words in ("the bees", *(f"news {number}" for number in range(12))):
        assert len([line for line in ear.heard if line.endswith(words)]) == 1
    start = next(number for number, line in enumerate(ear.heard) if line.startswith("You are writing"))
    assert [line for line in ear.heard[:start] if ": " in line] == ["garden, bob 2: the bees"]


async def test_it_begins_where_it_ended(client: FakeClient) -> None:
    """The room that was open last, on the screen or here; one that was left is not asked for."""
    ear = Ear(client)
    await ear.mode.start()
    await ear.say("/go garden")
    again = Ear(client)
    await again.mode.start()
    assert again.mode.printer.current is not None
    assert again.mode.printer.current.id == GARDEN
    client.last_room = RoomId("x" * 22)
    await again.mode.start()
    assert [line for line in again.heard if line.startswith("You are")][-1].startswith(
        "You are writing in @bob."
    )


async def test_a_line_goes_to_no_other_room_than_the_one_that_was_lost(ear: Ear) -> None:
    """Kicked in the middle of a sentence; the room that comes back is opened by the person."""
    await ear.say("/go garden")
    ear.client.happen(GARDEN, BOB, Kicked(ALICE, ReasonText("off topic")))
    ear.client.remove_room(GARDEN)
    assert ear.heard[-2:] == [
        "bob removed you from this room: off topic",
        "You are no longer in garden. Nothing is sent until you go to a room: /go ROOM. /joined lists yours.",
    ]
    ear.client.add_room(GARDEN, parse_room_name("garden"))
    ear.client.tell(RoomsChanged())
    assert "No room is open" in (await ear.say("the rest of it"))[-1]
    assert not [call for call in ear.client.calls if call[0] == "send"]


@pytest.mark.parametrize("line", ["/dm carol", "/join nowhere", "/go nowhere", "/go", "/accept nook"])
async def test_a_line_behind_a_command_that_opened_no_room_is_not_sent_to_the_old_one(
    ear: Ear, line: str
) -> None:
    """Who types ahead, and a script, write it for the other room."""
    await ear.say("/go lobby")
    ear.client.refusal = ChatRefusedError(ErrorCode.NOT_FOUND)
    heard = await ear.say(line, "psst")
    ear.client.refusal = None
    assert any("No room is open now" in one and "/go lobby goes back." in one for one in heard)
    assert not [call for call in ear.client.calls if call[0] == "send"]
    await ear.say("/go lobby", "hello")
    assert [call[1:3] for call in ear.client.calls if call[0] == "send"] == [(LOBBY, "hello")]


def burst(client: FakeClient, unread: int) -> None:
    """Let more come into the garden than is told one by one."""
    client._rooms[GARDEN] = replace(client._rooms[GARDEN], unread=unread)
    client.tell(HistoryChanged(GARDEN))


async def test_a_lost_connection_is_announced_once(ear: Ear) -> None:
    """Not with every try; another reason and the way back are news."""
    online = ear.client.status
    lost = ConnectionStatus(LinkState.OFFLINE, "test", "not connected", "Nothing listens.")
    away = replace(lost, problem="The server is not responding.")
    before = len(ear.heard)
    for status in (lost, lost, away, away, online, lost):
        ear.client.tell(StatusChanged(status))
    assert [line.split(".")[1].strip() for line in ear.heard[before:] if "Not connected" in line] == [
        "Nothing listens", "The server is not responding", "Nothing listens",
    ]  # fmt: skip
    assert len(ear.heard) == before + 4


async def test_withheld_events_are_reported(ear: Ear) -> None:
    """N10, N11: a row within the history as a note, an end that is held back as a line of its own."""
    ear.client.tell(HistoryWithheld(GARDEN, ends_early_text(Seq(3), Seq(9))))
    assert ear.heard[-1] == "garden, The server says that this room has 9 events, but shows none after 3."
    note = Note(NoteKind.MISSING, detail=withheld_text(Seq(4), Seq(5)))
    row = Entry(GARDEN, Millis(1), BOB, parse_device_name("box"), Unreadable(), seq=Seq(5), note=note)
    ear.client.tell(EntryAdded(row))
    assert ear.heard[-1] == "garden, note: The server does not show events 4 to 5: 2 events are missing."


async def test_a_burst_is_announced_once(ear: Ear) -> None:
    """Its messages are not told one by one, but that they came is, with what says them."""
    for unread in (60, 120, 180):
        burst(ear.client, unread)
    assert [line for line in ear.heard if "arrived at once" in line] == [
        "garden, 60 unread messages arrived at once and are not shown. /next shows them, /last the newest."
    ]
    await ear.say("/where")
    burst(ear.client, 240)
    assert ear.heard[-1].startswith("garden, 240 unread messages arrived at once")
    ear.client.say(GARDEN, BOB, "and one")
    burst(ear.client, 300)
    assert ear.heard[-1].startswith("garden, 300 unread messages arrived at once")


async def test_a_burst_that_mentions_no_one_is_not_announced(ear: Ear) -> None:
    """Of a muted room, of what is read already, and before the rooms were listed with their counts."""
    burst(ear.client, 0)
    fresh = Ear(FakeClient.peopled())
    burst(fresh.client, 60)
    await ear.client.silence(GARDEN)
    burst(ear.client, 70)
    assert not [line for line in (*ear.heard, *fresh.heard) if "arrived at once" in line]


async def test_without_a_room_it_says_what_to_do() -> None:
    """No dead end."""
    ear = Ear(FakeClient())
    await ear.mode.start()
    assert "/rooms lists" in ear.heard[-1]
    assert (await ear.say("hello"))[0].startswith("Not done: No room is open.")


async def test_each_message_is_printed_once(ear: Ear) -> None:
    """Also when it is heard again as changed, and only what changed then."""
    entry = ear.client.say(LOBBY, BOB, "once")
    ear.client.change(replace(entry, replies=1))
    assert [line for line in ear.heard if "once" in line] == ["bob 4: once"]


async def test_replies_name_what_they_answer(ear: Ear) -> None:
    """With its author and its beginning."""
    entry = ear.client.say(LOBBY, BOB, "shall we?")
    ear.client.say(LOBBY, BOB, "yes", reply_to=entry.seq)
    assert ear.heard[-1] == "bob 5, reply to bob 4: yes\n    replies to bob: shall we?"


async def test_a_hostile_message_is_text_behind_a_bar(ear: Ear) -> None:
    """No escape, and no line that could be a line of ours."""
    ear.client.say(LOBBY, BOB, "x\ncarol 9: hi\x1b[2J\u202e")
    first, second = ear.heard[-1].split("\n")
    assert first == "bob 4: x"
    assert second == "    more: carol 9: hi⟦ESC⟧[2J⟦U+202E⟧"


async def test_typing_sends_and_two_slashes_are_one(ear: Ear) -> None:
    """What is no command is a message."""
    await ear.say("hello", "//shrug", "   ")
    assert [call[2] for call in ear.client.calls if call[0] == "send"] == ["hello", "/shrug"]


async def test_a_room_keeps_its_name_when_it_is_left(ear: Ear) -> None:
    """Who is removed hears from which room: it is not among theirs any more when the row comes."""
    await ear.say("/go lobby")
    row = ear.client.logs[LOBBY][-1]
    del ear.client._rooms[LOBBY]
    ear.client.tell(EntryAdded(replace(row, seq=Seq(98), request=None)))
    assert ear.heard[-1].startswith("carol 98: ")


async def test_why_a_message_is_held_is_said(ear: Ear) -> None:
    """The connection is there, and the room's keys are not: nobody has to ask for the outbox."""
    await ear.say("hello")
    entry = ear.client.logs[LOBBY][-1]
    held = replace(entry, seq=None, delivery=Delivery.QUEUED, problem="This room's keys are not here yet.")
    ear.client.tell(EntryChanged(held))
    assert ear.heard[-1] == "not sent yet: This room's keys are not here yet."


async def test_offline_is_shown(ear: Ear) -> None:
    """A message waits, and the person hears it; a failed one says what can be done."""
    ear.client.set_link(ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected"))
    heard = await ear.say("hello")
    assert heard == ["not sent yet: waiting for the connection."]
    entry = ear.client.logs[LOBBY][-1]
    ear.client.tell(EntryChanged(replace(entry, delivery=Delivery.FAILED, problem="You are muted.")))
    assert ear.heard[-1] == "not sent: You are muted. /outbox shows what you can do."
    stored = replace(entry, seq=ear.client.logs[LOBBY][2].seq, delivery=Delivery.STORED)
    ear.client.tell(EntryChanged(replace(stored, seq=Seq(99))))
    assert ear.heard[-1] == "sent as 99."


async def test_unsent_can_be_heard_tried_again_and_taken_back(ear: Ear) -> None:
    """By its number in the list."""
    ear.client.online = False
    await ear.say("one")
    entry = ear.client.logs[LOBBY][-1]
    assert await ear.say("/retry 1") == [
        "Not done: That message has not failed. It will be sent automatically."
    ]
    failed = replace(entry, delivery=Delivery.FAILED, problem="You are muted.")
    ear.client.logs[LOBBY][-1] = failed
    assert (await ear.say("/unsent"))[0].startswith("1: lobby, message, failed: You are muted.")
    await ear.say("/retry 1")
    assert ("retry", entry.request) in ear.client.calls
    await ear.say("/cancel 1")
    assert ("cancel", entry.request) in ear.client.calls
    assert await ear.say("/unsent") == ["Everything is sent."]
    assert "No unsent message has that number" in (await ear.say("/cancel 1"))[0]


async def test_a_secret_is_held_back(ear: Ear) -> None:
    """It goes out with /yes, to the room that it was written in; /no drops it."""
    heard = await ear.say("password=hunter22")
    assert heard[0].startswith("Held back: this looks like a password")
    assert "hunter22" not in heard[0]
    await ear.say("/go garden", "/yes")
    assert ("send", LOBBY, "password=hunter22", None) in ear.client.calls
    heard = await ear.say("password=hunter23", "/no", "/yes")
    assert heard[0].endswith("/yes sends it to garden, /no discards it.")
    assert heard[1:] == ["Dropped.", "Not done: Nothing is held back."]


async def test_unread_goes_on_and_marks_read(ear: Ear) -> None:
    """Rooms where one is named first; with peek nothing is marked by itself."""
    ear.client.say(GARDEN, BOB, "hi @alice")
    said = [line for line in await ear.say("/next") if "encryption:" not in line]
    assert said[:2] == ["1 unread in garden.", "bob 2: hi @alice"]
    assert ("mark_read", GARDEN, 2) in ear.client.calls
    assert await ear.say("/next") == ["No unread messages."]
    peeking = Ear(ear.client, Settings(peek=True))
    ear.client.say(GARDEN, BOB, "again")
    ear.client.calls.clear()
    await peeking.say("/next", "/last")
    assert not [call for call in ear.client.calls if call[0] == "mark_read"]


async def test_history_goes_back(ear: Ear) -> None:
    """From the oldest message that was heard."""
    for number in range(30):
        ear.client.say(LOBBY, BOB, f"message {number}")
    await ear.say("/go lobby")
    heard = await ear.say("/older 3")
    assert [line.rpartition(" ")[2] for line in heard] == ["17", "18", "19"]
    assert (await ear.say("/older 1"))[0].endswith("message 16")


ONCE = [
    ("/leave", "l", ("leave", LOBBY)),
    ("/delete 2", "d", ("delete", LOBBY, 2)),
    ("/pin 2", "y", ("pin", LOBBY, 2, True)),
    ("/role carol owner", "o", ("set_role", LOBBY, "carol", Role.OWNER)),
    ("/kick carol", "r", ("kick", LOBBY, "carol", "")),
]


@pytest.mark.parametrize(("line", "yes", "call"), ONCE)
async def test_actions_that_everyone_sees_or_that_cannot_be_undone_are_confirmed_once(
    ear: Ear, line: str, yes: str, call: tuple[object, ...]
) -> None:
    """A script must say --yes; on a terminal its own letter does it, nothing else, and no text is lost."""
    assert "--yes" in (await ear.say(line))[0]
    assert call not in ear.client.calls
    ear.mode._asks = True
    assert (await ear.say(line))[0].endswith(
        "anything else for no:" if yes == "y" else "anything else to change nothing:"
    )
    assert await ear.say("n") == ["Not done."]
    await ear.say(line, "sorry, what?")
    if yes != "y":
        await ear.say(line, "y", line, "yes", line, "")
    assert call not in ear.client.calls
    assert [one[2] for one in ear.client.calls if one[0] == "send"] == ["sorry, what?"]
    await ear.say(line, yes.upper())
    assert call in ear.client.calls


async def test_a_line_that_was_typed_before_the_question_is_no_answer(ear: Ear) -> None:
    """It came with the command, or right behind the question; it is no message either."""
    ear.mode._asks = True
    ear.mode.now = lambda: 7.0
    heard = await ear.say("/kick carol", "r")
    assert heard[-1].startswith("Not done: that was written before the question.")
    assert not [one for one in ear.client.calls if one[0] in {"kick", "send"}]
    assert (await ear.say("/kick carol", "/topic"))[-2:] == [
        "Not done.",
        "lobby, topic: Everybody is welcome",
    ]


async def test_a_topic_command_without_a_text_shows_it(ear: Ear) -> None:
    """`/topic` and Enter must not delete the topic for everyone."""
    assert await ear.say("/topic") == ["lobby, topic: Everybody is welcome"]
    assert not [call for call in ear.client.calls if call[0] == "set_topic"]


async def test_a_wrong_use_is_a_sentence(ear: Ear) -> None:
    """And nothing ends."""
    assert await ear.say("/edit 2") == ["Not done: Write /edit NUMBER TEXT."]
    assert (await ear.say("/nothing"))[0].startswith("Not done: There is no command /nothing.")


async def test_a_refusal_of_the_server_is_a_sentence(ear: Ear) -> None:
    """Nothing ends."""
    ear.client.refusal = ChatRefusedError(ErrorCode.FORBIDDEN, "ask \x1b[2J carol")
    assert await ear.say("/topic x") == [
        "Not done: Your role in this room does not allow that. Ask ⟦ESC⟧[2J carol."
    ]


DEN = Invitation(
    id=RoomId("N" * 22),
    kind=RoomKind.PRIVATE,
    inviter=BOB,
    at=Millis(1),
    name=parse_room_name("attic"),
    encrypted=True,
)


async def test_an_invitation_is_stated_once_and_can_be_answered(client: FakeClient) -> None:
    """L14: at the beginning, when it comes, and when it is asked for; accepting goes there."""
    client.invited(DEN)
    ear = Ear(client)
    await ear.mode.start()
    said = [line for line in ear.heard if "attic" in line]
    words = (
        "bob invites you to attic, an encrypted private room. /accept attic joins it, /decline attic"
        " declines, /block bob hides all their invitations. They aren't notified."
    )
    assert said == [words]
    client.tell(InvitationsChanged())
    assert [line for line in ear.heard if "attic" in line] == said
    assert await ear.say("/invitations") == said
    assert "You are writing in attic." in await ear.say("/accept")
    assert ear.mode.printer.current is not None
    assert ear.mode.printer.current.id == DEN.id
    assert await ear.say("/invitations") == ["You have no invitations."]


async def test_an_invitation_can_be_declined(client: FakeClient) -> None:
    """By its name; the inviter is not notified, and the output says so."""
    ear = Ear(client)
    await ear.mode.start()
    client.invited(DEN)
    assert ear.heard[-1].startswith("bob invites you to attic")
    assert await ear.say("/decline attic") == ["attic: declined. bob isn't notified."]
    assert ("decline", DEN.id) in client.calls
    await ear.say("/block bob")
    assert await ear.say("/blocked") == ["You block bob."]


async def test_a_muted_room_is_silent_by_itself(ear: Ear) -> None:
    """It is heard when one goes there."""
    await ear.say("/silence")
    ear.client.say(LOBBY, BOB, "psst")
    assert not [line for line in ear.heard if "psst" in line]


async def test_help_is_by_topic(ear: Ear) -> None:
    """First a few lines with every command; then those of one topic, one command, or all of them."""
    heard = await ear.say("/help")
    assert len(heard) == len(topics()) + 1
    assert set(names(Front.LINE)) <= {
        word.strip().removeprefix("/") for line in heard[:-1] for word in line.partition(":")[2].split(",")
    }
    moderating = await ear.say("/help Moderating")
    assert any(line.startswith("/kick PERSON") for line in moderating)
    assert not any(line.startswith("/join") for line in moderating)
    assert await ear.say("/help edit") == ["/edit NUMBER TEXT: Edit one of your messages"]
    assert await ear.say("/help part") == ["/leave [--yes]: Leave a room (also /part; undoes /join)"]
    assert len(await ear.say("/help all")) == len(names(Front.LINE))
    unknown = "Not done: There is no command or topic knitting. /help lists the commands and topics."
    assert await ear.say("/help knitting") == [unknown]
    slip = "Not done: There is no command or topic moderatign. Did you mean /help moderating?"
    assert await ear.say("/help moderatign") == [slip]


async def test_rooms_lists_the_public_ones_as_on_the_screen(ear: Ear) -> None:
    """One word means one thing: one's own are `/joined`."""
    ear.client.calls.clear()
    assert await ear.say("/rooms") == await ear.say("/list")
    assert [call[0] for call in ear.client.calls if call[0] == "directory"] == ["directory", "directory"]
    assert any(line.startswith("lobby, ") for line in await ear.say("/joined"))


async def test_one_person_is_not_people(client: FakeClient) -> None:
    """A new room has one member."""
    found = client.room(LOBBY)
    assert found is not None
    room = replace(found, members=1)
    assert room_line(room).startswith("lobby, 1 person:")
    assert room_line(replace(room, members=2)).startswith("lobby, 2 people:")


async def test_the_operators_notices_are_printed_once_as_text(client: FakeClient) -> None:
    """In words that no line of a message begins with: each begins with a name."""
    ear = Ear(client)
    text = NoticeText.parse("down \x1b[2Jat 8")
    notice = ServerNotice(NoticeId("7kq2m9x4tb"), Millis(1), Millis(2**50), text)
    client.notices.received(notice)
    await ear.mode.start()
    ear.mode.on_change(NoticesChanged())
    client.say(LOBBY, BOB, "x\nNotice from the operator of chat.example:8443")
    lines = [line for line in ear.heard if line.startswith("Notice")]
    assert len(lines) == 1
    assert lines[0].startswith("Notice from the operator of chat.example:8443, 1970")
    assert lines[0].endswith("down ⟦ESC⟧[2Jat 8")
    client.notices.received(msgspec.structs.replace(notice, expires=Millis(2)))  # withdrawn
    ear.mode.on_change(NoticesChanged())
    client.notices.received(notice)
    ear.mode.on_change(NoticesChanged())
    assert len([line for line in ear.heard if line.startswith("Notice")]) == 2, (
        "it remembers no withdrawn ones"
    )


async def test_the_first_events_of_a_room_that_a_command_opens_are_read_once(ear: Ear) -> None:
    """They come while the command runs, and are in the room that it shows."""
    heard = await ear.say("/dm carol")
    assert len([line for line in heard if "created this room" in line]) == 1
    direct = next(room for room in ear.client.rooms.all if room.title == "@carol")
    assert direct.peer is not None
    ear.client.say(direct.id, direct.peer, "hi")
    assert "hi" in ear.heard[-1]


async def test_the_members_are_counted_first(ear: Ear) -> None:
    """A list that is read aloud says how long it is."""
    assert (await ear.say("/who"))[0] == "3 people"


async def test_a_listener_hears_a_new_room_once(ear: Ear) -> None:
    """What the command said is not told again by the events that it made; others' events are."""
    heard = await ear.say("/create nook private")
    assert heard[0].startswith("Created nook: private.")
    assert not [line for line in heard if "created this room" in line]
    ear.client.happen(LOBBY, BOB, Joined())
    assert ear.heard[-1] == "lobby, bob joined"


async def test_the_open_room_is_not_repeated_and_times_are_a_choice(ear: Ear) -> None:
    """Another room is named; the time is said only to those who want it."""
    await ear.say("/go lobby")
    row = ear.client.say(LOBBY, BOB, "here")
    ear.client.say(GARDEN, BOB, "there")
    assert ear.heard[-2:] == ["bob 4: here", "garden, bob 2: there"]
    await ear.say("/set line_times on")
    ear.client.say(LOBBY, BOB, "later")
    assert ear.heard[-1] == f"{clock(row.at)}, bob 5: later"


def test_nothing_is_said_that_is_no_word() -> None:
    """No rule, box, arrow or mark: a screen reader would read it aloud."""
    sources = Path(line_mode.__file__).parent.glob("*.py")
    signs = re.compile(r"[\u2190-\u21ff\u2500-\u259f*#>|=]")
    for path in sources:
        for sentence in sentences_of(path.read_text("utf-8"), path.name):
            assert not signs.search(sentence.text), sentence


async def test_what_is_unread_is_one_line(client: FakeClient) -> None:
    """However many rooms there are; so is that nothing is."""
    client.say(GARDEN, BOB, "one")
    client.say(GARDEN, BOB, "two @alice")
    client.say(LOBBY, BOB, "three")
    assert counts_line(client.rooms.all) == (
        "2 unread in garden, 1 of them mentioning you; 1 unread in lobby."
    )
    client.mark_all_read()
    assert counts_line(client.rooms.all) == "Nothing is unread. You are in 3 rooms; /joined lists them."
