"""A request on its way, as views see it."""

from tests.client.core.core_fake import LOBBY, Desk, FakeServer

from parlour_client.core.model import Delivery


async def test_the_outbox_is_listed_in_full(desk: Desk, server: FakeServer) -> None:
    """Messages, edits, deletions and reactions that wait are all listed, in order."""
    said = server.say("mine", author="alice")
    client = await desk.open()
    await desk.lose(client)
    await client.messages.send(LOBBY, "later")
    await client.messages.edit(LOBBY, said.seq, "mine, better")
    await client.messages.react(LOBBY, said.seq, "ok")
    await client.messages.delete(LOBBY, said.seq)
    waiting = client.messages.outgoing()
    assert [one.what for one in waiting] == ["message", "edit", "reaction", "deletion"]
    assert {one.entry.delivery for one in waiting} == {Delivery.QUEUED}
    await desk.regain(client)
