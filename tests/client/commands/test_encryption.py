"""Commands for encryption, keys and devices: what each asks for, and what it asks the person first."""

from dataclasses import replace

import pytest
from tests.client.commands.giving import call_from, give
from tests.client.ui.encryption_fake import AT, NUMBER, OTHER, THIS
from tests.client.ui.ui_fake import BOB, CAROL, DIRECT, LOBBY, FakeClient

from parlour_client.commands import results
from parlour_client.commands.command import Call
from parlour_client.commands.devices import devices, recovery, revoke, send_history
from parlour_client.commands.encryption import alarms, encryption, renew
from parlour_client.commands.front import Front
from parlour_client.commands.verification import mycode, verify, words
from parlour_client.core.e2ee.status import Alarm, RoomPerson, Trust
from parlour_client.core.errors import SetupError
from parlour_protocol.frames.base import Role
from parlour_protocol.ids import DeviceId


@pytest.fixture
def call(client: FakeClient) -> Call:
    """Return a call from the lobby, in the line mode."""
    return call_from(client, Front.LINE)


async def test_a_room_is_encrypted_with_the_people_who_were_named(client: FakeClient) -> None:
    """Exactly these are admitted, and only after a yes."""
    question = await give(client, Front.UI, "/encrypt")
    assert isinstance(question, results.EncryptQuestion)
    assert list(question.people) == [BOB, CAROL]
    client.people[LOBBY] = client.people[LOBBY][:1]
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


LAST = " ".join(NUMBER.split()[-4:])


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        (LAST, ("confirm", BOB, LAST.replace(" ", ""))),
        ("PARLOUR1:ABC", ("check_code", BOB, "PARLOUR1:ABC")),
        ("words", ("start_words", BOB)),
        ("go on", ("accept_key", BOB)),
    ],
)
async def test_a_key_is_decided_about_by_what_is_typed(
    client: FakeClient, call: Call, typed: str, asked: tuple[object, ...]
) -> None:
    """Looking decides nothing."""
    client.encryption.trusted[BOB] = Trust.CHANGED
    assert isinstance(await verify(call, "bob"), results.KeyShown)
    assert not client.encryption.calls
    await verify(call, "bob", typed)
    assert client.encryption.calls == [asked]


async def test_go_on_is_a_decision_only_where_a_key_changed(client: FakeClient, call: Call) -> None:
    """Anything else is a sentence."""
    for typed in ("go on", "yes", "y"):
        with pytest.raises(SetupError, match="not a decision"):
            await verify(call, "bob", typed)
    assert not client.encryption.calls


async def test_without_a_name_it_is_the_other_person_of_a_direct_room(client: FakeClient, call: Call) -> None:
    """In any other room there must be one; in a shell it is one's own code."""
    with pytest.raises(SetupError, match="/verify PERSON"):
        await verify(call)
    shown = await verify(replace(call, room=client.room(DIRECT)))
    assert isinstance(shown, results.KeyShown)
    assert shown.report.user == BOB
    own = await verify(call_from(client, Front.CLI))
    assert own == await mycode(call) == results.CodeShown(client.encryption.code)


async def test_short_words_go_on_with_what_is_under_way(client: FakeClient, call: Call) -> None:
    """All of them say yes, `no` ends it, and nothing typed shows how far it is."""
    keys = client.encryption
    keys.process = replace(keys.process, started_by_us=False)
    await words(call)
    assert keys.calls == [("answer_words", keys.process.process)]
    keys.process = replace(keys.process, words=("one", "two", "three", "four", "five"))
    assert isinstance(await words(call, "one two three four five"), results.ComparisonConfirmed)
    assert await words(call, "NO") is None
    assert [one[0] for one in keys.calls] == ["answer_words", "confirm_words", "cancel_words"]


async def test_alarms_are_listed_and_dismissed_by_number(client: FakeClient, call: Call) -> None:
    """As they are listed, from 1."""
    client.encryption.told = [Alarm(7, "a key changed", AT, permanent=False)]
    assert [one.id for one in (await alarms(call)).alarms] == [7]
    await give(client, Front.LINE, "/alarms read 1")
    assert client.encryption.calls == [("dismiss", 7)]


async def test_a_device_is_revoked_after_a_yes(client: FakeClient, call: Call) -> None:
    """One's own, and no other."""
    question = await revoke(call, OTHER)
    assert isinstance(question, results.RevokeQuestion)
    assert question.device.device == OTHER
    assert not client.encryption.calls
    await question.do()
    assert client.encryption.calls == [("revoke", OTHER)]
    with pytest.raises(SetupError, match="no such device"):
        await revoke(call, DeviceId("z" * 26))


async def test_a_number_of_a_device_is_that_of_the_list_that_was_printed(
    client: FakeClient, call: Call
) -> None:
    """Not of the list as it is now."""
    listed = await devices(call)
    client.encryption.listed = client.encryption.listed[::-1]
    at = replace(call, devices=tuple(one.device for one in listed.devices))
    await give(client, Front.LINE, "/devices history 2", at)
    assert client.encryption.calls == [("send_history", OTHER)]
    assert (await send_history(call, THIS)).device.device == THIS


async def test_the_recovery_words_need_a_terminal_in_a_shell(
    client: FakeClient, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no file keeps them."""
    assert (await recovery(call)).words
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    with pytest.raises(SetupError, match="on a terminal"):
        await recovery(call_from(client, Front.CLI))


async def test_the_rest_asks_for_one_thing(client: FakeClient) -> None:
    """Approving and creating a group again."""
    approved = await give(client, Front.UI, "/approve abcd-efgh")
    assert isinstance(approved, results.DeviceApproved)
    await give(client, Front.UI, "/refound")
    assert [one[0] for one in client.encryption.calls] == ["approve", "refound"]
