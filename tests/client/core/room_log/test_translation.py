"""Frames of a room that was rolled back, both ways: every field that holds a number of a log."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import ALICE, GARDEN, LAPTOP, LOBBY, FakeServer

from parlour_client.core.room_log.numbering import PLAIN
from parlour_client.core.room_log.translation import LostError, Numbers, event_here, event_there
from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames import AnyBody, AnyRequest, LogEvent, MessageText, Reaction
from parlour_protocol.frames.bodies import Blank, Deleted, Edited, EncryptedMessage, Message, Pinned, Reacted
from parlour_protocol.frames.opaque import Ciphertext, TreeBytes, WelcomeBytes
from parlour_protocol.frames.replies import Entered, Page, Pins, ReadBy, ReadMarked, RoomEntered, Stored
from parlour_protocol.frames.requests import (
    Delete,
    Edit,
    History,
    MarkRead,
    Pin,
    React,
    Report,
    Send,
    SendEncrypted,
    Typing,
)
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_welcome_id
from parlour_protocol.kit.ids import Incarnation, Millis, Seq, new_request_id
from parlour_protocol.reports import ReportReason

TEXT, THUMB, GROUP = MessageText.parse("hello"), Reaction.parse("ok"), GroupId("g" * 43)
LIFE = Incarnation("i" * 22)
FORKED = PLAIN.forked(Seq(10), Seq(20))
"""The server lost 11 to 19 of ours; its next one, 11, is 21 here."""


@pytest.fixture
def numbers() -> Numbers:
    """Return numbers with one room that was rolled back."""
    made = Numbers()
    made.know({LOBBY: FORKED})
    return made


def event(seq: int, body: AnyBody, room: RoomId = LOBBY) -> LogEvent:
    """Return an event."""
    return LogEvent(room=room, seq=Seq(seq), at=Millis(1), author=ALICE, device=LAPTOP, body=body)


BODIES: list[Callable[[Seq], AnyBody]] = [
    lambda seq: Message(text=TEXT, reply_to=seq),
    lambda seq: Edited(target=seq, text=TEXT),
    lambda seq: Deleted(target=seq),
    lambda seq: Reacted(target=seq, reaction=THUMB, on=True),
    lambda seq: Pinned(target=seq, on=True),
    lambda seq: EncryptedMessage(group=GROUP, epoch=Epoch(1), data=Ciphertext(b"x"), blanks=seq),
]


@pytest.mark.parametrize("body", BODIES)
def test_events_go_there_and_back(numbers: Numbers, body: Callable[[Seq], AnyBody]) -> None:
    """R32: the event's own number and the one that it is about; what is about a lost one has no way back."""
    there = event(13, body(Seq(12)))
    here = event(23, body(Seq(22)))
    assert numbers.push(there) == numbers.event(there) == event_here(there, FORKED) == here
    assert event_there(here, FORKED) == there
    assert event_there(event(23, body(Seq(15))), FORKED) is None
    assert event_there(event(15, body(Seq(3))), FORKED) is None
    assert numbers.event(replace(there, room=GARDEN)) == replace(there, room=GARDEN)


def test_answers_and_pushes(numbers: Numbers) -> None:
    """R32: acknowledgements, pages, pins, markers, receipts, heads and Welcomes."""
    stored = Stored(room=LOBBY, seq=Seq(12), at=Millis(1), incarnation=LIFE)
    assert numbers.result(stored) == replace(stored, seq=Seq(22))
    pins = Pins(room=LOBBY, targets=(Seq(9), Seq(11)))
    assert numbers.result(pins) == replace(pins, targets=(Seq(9), Seq(21)))
    events = tuple(event(seq, Blank(was="message")) for seq in range(8, 14))
    page = numbers.result(Page(room=LOBBY, events=events, more=False, incarnation=LIFE))
    assert isinstance(page, Page)
    assert [one.seq for one in page.events] == [21, 22, 23]  # what lies below the fork is another page
    assert page.more
    summary = FakeServer().summary(LOBBY)
    for head, read, here in ((10, 4, (20, 4)), (12, 12, (22, 22)), (9, 9, (9, 9))):
        told = replace(summary, head=Seq(head), read=Seq(read))
        moved = replace(summary, head=Seq(here[0]), read=Seq(here[1]))
        assert numbers.result(Entered(room=told)) == Entered(room=moved)
        assert numbers.push(RoomEntered(room=told)) == RoomEntered(room=moved)
    for kind in (ReadMarked(room=LOBBY, seq=Seq(11)), ReadBy(room=LOBBY, user=ALICE, seq=Seq(11))):
        assert numbers.push(kind) == replace(kind, seq=Seq(21))
    welcome = WaitingWelcome(new_welcome_id(), LOBBY, GROUP, Seq(11), WelcomeBytes(b"w"), TreeBytes(b"t"))
    assert numbers.welcome(welcome) == replace(welcome, seq=Seq(21))


def test_requests(numbers: Numbers) -> None:
    """R34: what is about an event that the server has goes with its number there; what is lost is refused."""
    about = [
        Send(id=new_request_id(), room=LOBBY, text=TEXT, reply_to=Seq(22)),
        Edit(id=new_request_id(), room=LOBBY, target=Seq(22), text=TEXT),
        Delete(id=new_request_id(), room=LOBBY, target=Seq(22)),
        React(id=new_request_id(), room=LOBBY, target=Seq(22), reaction=THUMB),
        Pin(id=new_request_id(), room=LOBBY, target=Seq(22)),
        Report(id=new_request_id(), room=LOBBY, target=Seq(22), reason=ReportReason.SPAM, quote=TEXT),
        SendEncrypted(
            id=new_request_id(), room=LOBBY, group=GROUP, epoch=Epoch(1), data=Ciphertext(b"x"),
            blanks=Seq(22),
        ),
    ]  # fmt: skip
    for frame in about:
        name = next(one for one in ("reply_to", "target", "blanks") if hasattr(frame, one))
        assert numbers.request(frame) == replace(frame, **{name: Seq(12)})
        with pytest.raises(LostError):
            numbers.request(replace(frame, **{name: Seq(15)}))
    same: AnyRequest = Typing(id=new_request_id(), room=LOBBY, on=True)
    assert numbers.request(same) is same


@pytest.mark.parametrize(
    ("after", "before", "limit", "there"),
    [
        (20, None, 200, (10, None, 200)),
        (15, None, 200, (10, None, 200)),
        (4, None, 200, (4, None, 6)),  # to the fork and no further
        (None, 25, 200, (None, 15, 4)),
        (None, 21, 200, (None, 11, 10)),
        (None, 16, 3, (None, 11, 3)),
        (None, 1, 200, (None, 1, 200)),
        (None, None, 200, (None, None, 200)),
    ],
)
def test_pages_never_reach_over_a_fork(
    numbers: Numbers, after: int | None, before: int | None, limit: int, there: tuple[int | None, ...]
) -> None:
    """R32: so that the numbers of a page go up by one on both sides."""
    ask = History(
        id=new_request_id(), room=LOBBY, after=None if after is None else Seq(after),
        before=None if before is None else Seq(before), limit=limit,
    )  # fmt: skip
    asked = numbers.request(ask)
    assert isinstance(asked, History)
    assert (asked.after, asked.before, asked.limit) == there
    marked = numbers.request(MarkRead(id=new_request_id(), room=LOBBY, seq=Seq(17)))
    assert isinstance(marked, MarkRead)
    assert marked.seq == 10
