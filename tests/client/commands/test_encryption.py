"""Commands for the encryption of a room, and alarms."""

from tests.client.commands.giving import give
from tests.client.ui.encryption_fake import AT
from tests.client.ui.ui_fake import BOB, CAROL, LOBBY, FakeClient

from parlour_client.commands import results
from parlour_client.commands.command import Call
from parlour_client.commands.encryption import alarms, encryption
from parlour_client.commands.front import Front
from parlour_client.core.e2ee.values import Alarm


async def test_a_room_is_encrypted_with_the_people_who_were_named(client: FakeClient) -> None:
    """Exactly these are admitted, and only after a yes."""
    question = await give(client, Front.UI, "/encrypt")
    assert isinstance(question, results.EncryptQuestion)
    assert list(question.people) == [BOB, CAROL]
    client.people_in[LOBBY] = client.people_in[LOBBY][:1]
    assert not client.encryption.calls
    await question.do()
    assert client.encryption.calls == [("turn_on", LOBBY, BOB, CAROL)]


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
    """For the open room, after a question."""
    question = await give(client, Front.UI, "/recreate")
    assert isinstance(question, results.Question)
    assert not client.encryption.calls
    await question.do()
    assert client.encryption.calls == [("recreate", LOBBY)]
