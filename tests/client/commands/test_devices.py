"""Commands for one's own devices."""

from dataclasses import replace

import pytest
from tests.client.commands.giving import call_from, give
from tests.client.ui.encryption_fake import OTHER, THIS
from tests.client.ui.ui_fake import FakeClient

from parlour_client.commands import results
from parlour_client.commands.command import Call
from parlour_client.commands.devices import devices, recovery, revoke, revoke_this, send_history
from parlour_client.commands.front import Front
from parlour_client.kit.answers import TypedName
from parlour_client.kit.errors import SetupError
from parlour_protocol.kit.ids import DeviceId


async def test_a_device_is_revoked_after_a_yes(client: FakeClient, call: Call) -> None:
    """One's own, and no other."""
    question = await revoke(call, OTHER)
    assert isinstance(question, results.RevokeQuestion)
    assert question.device.device == OTHER
    assert not client.encryption.calls
    await question.do()
    assert client.encryption.calls == [("revoke", OTHER)]
    with pytest.raises(SetupError, match="no device with that id"):
        await revoke(call, DeviceId("z" * 26))


async def test_the_device_in_use_is_revoked_by_a_command_of_its_own(client: FakeClient, call: Call) -> None:
    """Its number in the list is no mistake away from another one's."""
    with pytest.raises(SetupError, match="the device that you are using") as refused:
        await revoke(call, THIS)
    assert "revoke-this-device" in refused.value.hint
    question = await revoke_this(call)
    assert question.yes == TypedName(question.device.name, "revoke it")
    await question.do()
    assert client.encryption.calls == [("revoke", THIS)]


async def test_a_number_of_a_device_is_that_of_the_list_that_was_printed(
    client: FakeClient, call: Call
) -> None:
    """Not of the list as it is now."""
    listed = await devices(call)
    client.encryption.listed = client.encryption.listed[::-1]
    at = replace(call, devices=tuple(one.device for one in listed.devices))
    await give(client, Front.LINE, "/devices history 2", at)
    assert client.encryption.calls == [("send_history", OTHER)]
    assert await send_history(call, THIS) == results.Done("Sent 0 events to laptop, encrypted.")


async def test_the_recovery_words_need_a_terminal_in_a_shell(
    client: FakeClient, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no file keeps them."""
    assert (await recovery(call)).words
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    with pytest.raises(SetupError, match="in a terminal"):
        await recovery(call_from(client, Front.CLI))


async def test_a_device_is_approved_by_its_code(client: FakeClient) -> None:
    """The code is all that is needed."""
    approved = await give(client, Front.UI, "/approve abcd-efgh")
    assert isinstance(approved, results.DeviceApproved)
    assert client.encryption.calls == [("approve", "abcd-efgh")]
