"""A report whose quote is longer than any message: from a program that is not ours, to an honest server."""

import pytest
from msgspec.structs import replace

from parlour_client.kit.errors import ParlourClientError
from parlour_lab.hostile.people import World
from parlour_protocol.frames import AnyRequest, MessageText
from parlour_protocol.frames.requests import Report, ReportReason
from parlour_protocol.limits import MESSAGE_BYTES


@pytest.mark.parametrize(
    ("quote", "stored"),
    [
        ("q" * MESSAGE_BYTES.value, 1),
        ("q" * (MESSAGE_BYTES.value + 1), 0),
        ("q" * 30_000, 0),
        ("q\n" * 201, 0),
    ],
)
async def test_a_quote_is_no_longer_than_a_message(world: World, quote: str, stored: int) -> None:
    """What is longer is refused and not stored, and its sender's rooms go on."""
    room, (ada, ben) = await world.together("ada", "ben")
    text = await ada.say(room)
    await world.heard(room, text, ben)
    entry = next(one for one in await ben.entries(room) if str(one.text) == text)

    def forge(frame: AnyRequest) -> AnyRequest | None:
        return replace(frame, quote=MessageText(quote)) if isinstance(frame, Report) else frame

    ben.lies.requests.append(forge)
    refused = False
    try:
        await world.during(ben.client.messages.report(entry, ReportReason.SPAM))
    except ParlourClientError:
        refused = True
    ben.lies.end()
    assert refused is not bool(stored)
    assert len(world.server.look("SELECT quote FROM reports")) == stored
    await ben.connect()
    await world.goes_on(room, ada, ben)
    await world.judge()
