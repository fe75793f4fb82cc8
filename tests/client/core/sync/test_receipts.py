"""Receipts: told to others only where the person wished, heard of others only as they chose."""

from tests.client.core.core_fake import ALICE, BOB, GARDEN, LOBBY, Desk, FakeServer, heard

from parlour_client.core.events import ReceiptsChanged
from parlour_client.core.sync.receipts import MAX_READERS, Receipts
from parlour_protocol.frames.replies import ReadBy
from parlour_protocol.frames.requests import MarkRead
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name


def shares(server: FakeServer) -> list[tuple[Seq, bool]]:
    """Return what the server was asked to mark, and whether to tell it."""
    return [(frame.seq, frame.share) for frame in server.requests if isinstance(frame, MarkRead)]


async def test_no_one_gets_a_receipt_unless_the_person_shares_them(desk: Desk, server: FakeServer) -> None:
    """Also not what was read without a connection, and never that something was marked unread again."""
    server.say("one")
    server.say("two")
    client = await desk.open()
    await client.messages.mark_read(LOBBY, Seq(2))
    await client.messages.mark_read(LOBBY, Seq(3), share=True)
    await client.messages.mark_read(LOBBY, Seq(1), share=True)
    assert shares(server) == [(Seq(2), False), (Seq(3), True), (Seq(1), False)]
    await desk.lose(client)
    await client.messages.mark_read(LOBBY, Seq(2))
    await desk.regain(client)
    assert shares(server)[-1] == (Seq(2), False)


async def test_the_views_are_notified_of_receipts(desk: Desk, server: FakeServer) -> None:
    """The newest of each; going back is no news."""
    server.say("one")
    client = await desk.open()

    def says(seq: int) -> None:
        for wire in server.wires:
            wire.say(ReadBy(room=LOBBY, user=BOB, seq=Seq(seq)))

    await heard(client, lambda c: c == ReceiptsChanged(LOBBY), lambda: says(2))
    says(1)
    await heard(client, lambda c: c == ReceiptsChanged(LOBBY), lambda: says(3))
    assert client.messages.receipts(LOBBY) == {BOB: Seq(3)}
    assert client.messages.receipts(GARDEN) == {}


def test_a_server_cannot_fill_the_memory_with_readers() -> None:
    """F8: so many people a room, and never oneself."""
    told: list[object] = []
    receipts = Receipts(ALICE, told.append)
    receipts.read_by(LOBBY, ALICE, Seq(9))
    for number in range(MAX_READERS + 20):
        receipts.read_by(LOBBY, parse_user_name(f"user{number}"), Seq(9))
    assert len(receipts.of(LOBBY)) == len(told) == MAX_READERS
    assert ALICE not in receipts.of(LOBBY)
    receipts.forget(LOBBY)
    assert receipts.of(LOBBY) == {}
