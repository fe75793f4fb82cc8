"""Commands for verifying people: what is typed decides, looking does not."""

from dataclasses import replace

import pytest
from tests.client.commands.giving import call_from
from tests.client.ui.encryption_fake import NUMBER
from tests.client.ui.ui_fake import BOB, DIRECT, FakeClient

from parlour_client.commands import results
from parlour_client.commands.command import Call
from parlour_client.commands.front import Front
from parlour_client.commands.verification import mycode, verify, words
from parlour_client.core.e2ee.values import Trust
from parlour_client.kit.errors import SetupError

LAST = " ".join(NUMBER.split()[-4:])


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        (LAST, ("confirm", BOB, LAST.replace(" ", ""))),
        ("PARLOUR1:ABC", ("check_code", BOB, "PARLOUR1:ABC")),
        ("words", ("start_sas", BOB)),
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
        with pytest.raises(SetupError, match="not an answer"):
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
    assert keys.calls == [("answer_sas", keys.process.process)]
    keys.process = replace(keys.process, words=("one", "two", "three", "four", "five"))
    assert isinstance(await words(call, "one two three four five"), results.ComparisonConfirmed)
    assert await words(call, "NO") is None
    assert [one[0] for one in keys.calls] == ["answer_sas", "confirm_sas", "cancel_sas"]
