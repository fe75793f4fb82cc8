"""Commands for the encryption of a room, and alarms."""

import pytest
from tests.client.commands.giving import give
from tests.client.ui.encryption_fake import AT, OTHER
from tests.client.ui.ui_fake import BOB, CAROL, LOBBY, FakeClient

from parlour_client.commands import results
from parlour_client.commands.command import Call
from parlour_client.commands.encryption import alarms, encryption, renew
from parlour_client.commands.front import Front
from parlour_client.core.e2ee.status import Alarm, RoomPerson
from parlour_client.kit.errors import SetupError
from parlour_protocol.rooms import Role


async def test_a_room_is_encrypted_with_the_people_who_were_named(client: FakeClient) -> None:
    """Exactly these are admitted, and only after a yes."""
    question = await give(client, Front.UI, "/encrypt")
    assert isinstance(question, results.EncryptQuestion)
    assert list(question.people) == [BOB, CAROL]
    client.people_in[LOBBY] = client.people_in[LOBBY][:1]
    assert not client.encryption.calls
    await question.do()
    assert client.encryption.calls == [("turn_on", LOBBY, BOB, CAROL)]


async def test_an_older_room_is_renewed_with_the_people_who_were_shown(
    client: FakeClient, call: Call
) -> None:
    """There is nothing to do where its members decide already."""
    room = call.here()
    with pytest.raises(SetupError, match="already"):
        await renew(call, room)
    older = (RoomPerson(BOB, Role.MEMBER, None, None, claimed_by_server=True, devices=(OTHER,)),)
    client.encryption.older = older
    question = await renew(call, room)
    client.encryption.older = ()
    assert isinstance(await question.do(), results.RoomRenewed)
    assert client.encryption.calls == [("adopt", LOBBY, older)]


async def test_the_report_is_of_the_room(call: Call) -> None:
    """With what the server sees."""
    shown = await encryption(call, call.here())
    assert isinstance(shown, results.EncryptionShown)
    assert shown.report.room == LOBBY


async def test_alarms_are_listed_and_dismissed_by_number(client: FakeClient, call: Call) -> None:
    """As they are listed, from 1."""
    client.encryption.told = [Alarm(7, "a key changed", AT, permanent=False)]
    assert [one.id for one in (await alarms(call)).alarms] == [7]
    await give(client, Front.LINE, "/alarms read 1")
    assert client.encryption.calls == [("dismiss", 7)]


async def test_a_group_is_created_again(client: FakeClient) -> None:
    """For the open room."""
    await give(client, Front.UI, "/refound")
    assert client.encryption.calls == [("refound", LOBBY)]
