"""What the chat screen does about one's own devices: see them, let one in, hand it history, revoke it.

What cannot be taken back is asked first. History goes to another device only when the person says so: it is
all that was read here. The chat screen inherits it.
"""

from typing import Final

from parlour_client.core.e2ee.status import OwnDevice
from parlour_client.ui.chat.encryption import devices as device_views
from parlour_client.ui.chat.encryption_part import EncryptionPart
from parlour_client.ui.dialogs.questions import ChooseScreen, ConfirmScreen
from parlour_client.ui.safe import own
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.ids import DeviceId

_HISTORY: Final = "history"
_REVOKE: Final = "revoke"


class DevicesPart(EncryptionPart):
    """One's own devices."""

    async def _do_devices(self, _rest: str) -> None:
        listed = await self.client.encryption.devices()
        by_id = {str(one.device): one for one in listed}

        def take(chosen: str | None) -> None:
            if chosen is not None:
                self._about_device(by_id[chosen])

        head = device_views.heading(self.client.encryption.own())
        self.push(ChooseScreen(head, device_views.choices(listed), "No device has keys yet."), take)

    def _about_device(self, one: OwnDevice) -> None:
        """Ask what to do with a device; there is one thing only for this one, and for one that waits."""
        if one.current or one.status is not DeviceStatus.ACTIVE:
            self._ask_revoke(one)
            return

        def take(chosen: str | None) -> None:
            if chosen == _HISTORY:
                self.ask(lambda: self._hand_over(one))
            elif chosen == _REVOKE:
                self._ask_revoke(one)

        deeds = [
            (_HISTORY, own("Send it what was read here in encrypted rooms")),
            (_REVOKE, own("Revoke it for good")),
        ]
        self.push(ChooseScreen(self.heading("", one.name), deeds, ""), take)

    def _ask_revoke(self, one: OwnDevice) -> None:
        def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if yes:
                self.ask(lambda: self.client.encryption.revoke(DeviceId(one.device)))

        self.push(ConfirmScreen(device_views.revoke_question(one)), answer)

    async def _do_approve(self, rest: str) -> None:
        if not rest.strip():
            raise ValueError("Write /approve and the code that your new device shows.")
        one = await self.client.encryption.approve(rest.strip())

        def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if yes:
                self.ask(lambda: self._hand_over(one))

        self.push(ConfirmScreen(device_views.history_question(one)), answer)

    async def _hand_over(self, one: OwnDevice) -> None:
        self.say("Sending what was read here: the other device must be running.")
        count = await self.client.encryption.send_history(DeviceId(one.device))
        self.say(f"Sent {count} events, sealed. They come up there as they arrive.")

    async def _do_recovery(self, _rest: str) -> None:
        self.push(device_views.recovery_page(await self.client.encryption.recovery_words()))
