"""What the operator tells everyone: taken from the server's own frame, read once, gone when it expires."""

from functools import partial

from msgspec.structs import replace
from tests.client.core.core_fake import BEGIN, Desk, FakeServer, heard

from parlour_client.core.events import Change, NoticesChanged
from parlour_protocol.frames.requests import FollowNotices
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice


async def test_notices_are_read_once_and_end(desk: Desk, server: FakeServer) -> None:
    """The connection asks for them; one that is withdrawn, or known, says nothing again; few are kept."""
    client = await desk.open()
    assert [type(one) for one in server.requests].count(FollowNotices) == 1
    end = Millis(desk.clock.now() + 1_000_000)
    notice = ServerNotice(NoticeId("7kq2m9x4tb"), Millis(BEGIN), end, NoticeText.parse("down at 8"))
    server.wires[-1].say(notice)
    await heard(client, lambda change: isinstance(change, NoticesChanged))
    assert client.notices.all == client.notices.unread == [notice]
    client.notices.mark_read()
    changes: list[Change] = []
    client.events.subscribe(changes.append)
    client.notices.received(notice)
    assert changes == []
    assert (client.notices.all, client.notices.unread) == ([notice], [])
    client.notices.received(replace(notice, expires=Millis(BEGIN)))
    assert client.notices.all == []
    for number in range(100):
        client.notices.received(replace(notice, notice=NoticeId(f"{number:010}")))
    assert len(client.notices.all) == 20


async def test_what_was_withdrawn_while_nobody_was_connected_is_gone(desk: Desk, server: FakeServer) -> None:
    """A new connection is sent the current notices; those that were read stay read."""
    client = await desk.open()
    end = Millis(desk.clock.now() + 1_000_000)
    one, other = (
        ServerNotice(NoticeId(which * 10), Millis(BEGIN), end, NoticeText.parse("down at 8"))
        for which in "ab"
    )
    for notice in (one, other):
        client.notices.received(notice)
    client.notices.mark_read()
    await desk.lose(client)
    changes: list[Change] = []
    client.events.subscribe(changes.append)
    await desk.regain(client)
    assert NoticesChanged() in changes, "views show the old ones no longer"
    assert [type(request) for request in server.requests].count(FollowNotices) == 2
    await heard(client, lambda _: other in client.notices.all, partial(server.wires[-1].say, other))
    assert (client.notices.all, client.notices.unread) == ([other], [])
