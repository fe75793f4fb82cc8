"""Commands for the devices of one's own account, and the words for when all of them are lost."""

import sys
from typing import TYPE_CHECKING, Annotated

from parlour_client.commands.command import (
    Asks,
    Call,
    Connect,
    Device,
    Elsewhere,
    Kind,
    Takes,
    View,
    command,
    shown_by,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    DeviceApproved,
    DeviceLinkShown,
    DevicesListed,
    Done,
    RecoveryWordsShown,
    RevokeQuestion,
)
from parlour_client.kit.answers import TypedName
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import DeviceId

if TYPE_CHECKING:
    from parlour_client.core.e2ee.values import OwnDevice

_CHOOSE = Elsewhere(N_("Choose the device in /devices."))


@command("devices", cli="device list", connect=Connect.CAUGHT_UP, json=True, examples=("device list --json",))
async def devices(call: Call) -> DevicesListed:
    """List your devices; this one shows its code while it waits for approval."""
    listed = await call.client.encryption.devices()
    return DevicesListed(listed, call.client.encryption.own())


@command("add-device", cli="device add", connect=Connect.ONLINE, examples=("device add",))
async def add_device(call: Call) -> DeviceLinkShown:
    """Show the link with which another device of yours logs in to this account."""
    return DeviceLinkShown(await call.client.sessions.login_link())


@command(
    "approve",
    cli="device approve",
    connect=Connect.CAUGHT_UP,
    examples=("device approve abcd-efgh-ijkl-mnop",),
)
async def approve(call: Call, code: Annotated[str, Takes(Kind.WORD, "CODE")]) -> DeviceApproved:
    """Approve a new device with the code it shows."""
    return DeviceApproved(await call.client.encryption.approve(code))


@command(
    ui=_CHOOSE,
    line="devices history",
    cli="device history",
    connect=Connect.CAUGHT_UP,
    examples=("device history wrsbdoaig26q5uurgq6oh3c7ae",),
)
async def send_history(call: Call, device: Device) -> Done:
    """Send the messages this device can read to another of your devices, encrypted."""
    owned = await _own(call, device)
    count = await call.client.send_history(device)
    return Done(_("Sent {count} events to {name}, encrypted.").format(count=count, name=owned.name))


@command(
    ui=_CHOOSE,
    line="devices revoke",
    cli="device revoke",
    asks=Asks(for_good=True, cli=True),
    connect=Connect.CAUGHT_UP,
    examples=("device revoke wrsbdoaig26q5uurgq6oh3c7ae",),
)
async def revoke(call: Call, device: Device) -> RevokeQuestion:
    """Revoke another device for good: it is logged out, and removed from every encrypted room."""
    owned = await _own(call, device)
    if owned.current:
        raise SetupError(
            _("This is the device that you are using."),
            _("To revoke it all the same: {written}").format(written=call.written(revoke_this)),
        )
    return _revoke_question(call, owned)


@command(
    "revoke-this-device",
    cli="device revoke-this",
    asks=Asks(for_good=True, cli=True),
    connect=Connect.CAUGHT_UP,
    examples=("device revoke-this",),
)
async def revoke_this(call: Call) -> RevokeQuestion:
    """Revoke the device that you are using, for good."""
    here = next((device for device in await call.client.encryption.devices() if device.current), None)
    if here is None:
        raise SetupError(_("This device has no keys yet."), _("There is nothing to revoke."))
    return _revoke_question(call, here)


def _revoke_question(call: Call, owned: "OwnDevice") -> RevokeQuestion:
    async def do() -> Done:
        await call.client.encryption.revoke(DeviceId(owned.device))
        return Done(_("{name} is revoked.").format(name=owned.name))

    question = _("Revoke {name} for good?").format(name=owned.name)
    return RevokeQuestion(question, TypedName(owned.name, _("revoke it")), do, device=owned)


async def _own(call: Call, device: DeviceId) -> "OwnDevice":
    found = next((owned for owned in await call.client.encryption.devices() if owned.device == device), None)
    if found is None:
        raise SetupError(
            _("You have no device with that id."),
            _("List them: {written}").format(written=call.written(devices)),
        )
    return found


@command("recovery", cli="recovery show", connect=Connect.CAUGHT_UP, examples=("recovery show",))
async def recovery(call: Call) -> RecoveryWordsShown:
    """Show your 24 recovery words; anyone who has them has your account."""
    if call.front is Front.CLI and not sys.stdout.isatty():
        raise SetupError(
            _("Recovery words are only shown in a terminal, so that they don't end up in a file.")
        )
    return RecoveryWordsShown(await call.client.encryption.recovery_words())


_FIRST = Elsewhere(N_("It is done before a chat can be read."))
recover = shown_by(
    View.SHELL,
    N_("Approve this device with your 24 recovery words"),
    ui=_FIRST,
    line=_FIRST,
    cli="recovery use",
)
reset_identity = shown_by(
    View.SHELL,
    N_("Make a new key for your account if you have lost all devices and the recovery words"),
    ui=_FIRST,
    line=_FIRST,
    cli="recovery reset",
)
