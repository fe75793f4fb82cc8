"""`/devices`: the account's devices, the code of this one while it is pending, and actions on them.

A device is revoked only after a question that says what is lost. The recovery words are shown on a page that
can't be copied. History is sent to another device only when the person says so: it is everything that was
read here.
"""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from parlour_client.core.client import Client
from parlour_client.core.e2ee.status import OwnDevice, OwnKeys
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import join, lines, own, peer_line
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.chat.timeline.sentences import clock, day
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.ids import DeviceId

_STATUS: Final = {
    DeviceStatus.ACTIVE: ("approved", "$text-success"),
    DeviceStatus.PENDING: ("waiting for approval", "$text-warning"),
    DeviceStatus.REVOKED: ("revoked", "dim"),
}


def heading(own_keys: OwnKeys) -> Content:
    """Return the heading of the list."""
    parts = [own("Your devices", "bold"), own(f"Archive: {own_keys.protection}", "dim")]
    if waiting := waits(own_keys):
        parts += waiting
        parts.append(
            own("No other device left? In a shell: parlour recovery use, with your 24 recovery words.", "dim")
        )
    elif own_keys.has_account_key:
        parts.append(own("To approve a new device: /approve CODE with the code that it shows.", "dim"))
    parts.append(own("Enter on a device: send it history, or revoke it", "dim"))
    return lines(*parts)


def waits(own_keys: OwnKeys) -> list[Content]:
    """Return a row for what must be done before this device can read encrypted rooms, if anything."""
    if own_keys.status is not DeviceStatus.PENDING:
        return []
    todo = own("Waiting for approval. On another device: ")
    return [join(todo, own(f"/approve {own_keys.code}", "bold"))]


def choices(devices: Sequence[OwnDevice]) -> list[tuple[str, Content]]:
    """Return the rows of the list."""
    return [(one.device, _row(one)) for one in devices]


def _row(one: OwnDevice) -> Content:
    words, style = _STATUS[one.status]
    here = own("  (this one)", "dim") if one.current else own("")
    seen = own(f"  seen {day(one.last_seen)} {clock(one.last_seen)}", "dim")
    return join(peer_line(one.name, limit=40, style="bold"), own("  "), own(words, style), here, seen)


def revoke_question(one: OwnDevice) -> Content:
    """Return the question before revoking a device."""
    return lines(
        join(own("Revoke ", "bold"), peer_line(one.name, limit=40, style="bold"), own(" for good?", "bold")),
        own("It is logged out and removed from every encrypted room. It keeps what it has already read."),
    )


def history_question(one: OwnDevice) -> Content:
    """Return the question after approving a device."""
    return lines(
        join(peer_line(one.name, limit=40, style="bold"), own(" is approved.", "bold")),
        own("Once it connects, it can read new messages."),
        own("Send it the messages from this device, too?"),
        own("They are encrypted for that device only. You can do it later in /devices."),
    )


def recovery_page(words: Sequence[str]) -> Page:
    """Return the page with the 24 words."""
    rows = [
        own("   ".join(f"{start + n + 1:>2} {word:<9}" for n, word in enumerate(words[start : start + 4])))
        for start in range(0, len(words), 4)
    ]
    return Page(
        lines(
            own("Recovery words", "bold"),
            own("They are the key to your account: anyone who has them can add devices to it."),
            own("Write them on paper, show them to no one, and close this page."),
            own(""),
            *rows,
        )
    )


def code_page(code: str, rows: Sequence[str]) -> Page:
    """Return the page with this account's code, for others to scan or copy; the QR code fits into 24 rows."""
    return Page(
        lines(
            own("Your code, to scan; the text is below", "bold"),
            *(own(row, "#000000 on #ffffff") for row in rows),  # dark on light, or some scanners fail
            own("Others scan it, or paste it after /verify. It only proves something if they get it from"),
            own("you outside this chat."),
            own(""),
            own(code),
        )
    )


class DevicePrompts:
    """Shows the account's devices, and asks what to do with them."""

    def __init__(self, client: Client, interaction: Interaction) -> None:
        self._client, self._interaction = client, interaction

    def choose(self, listed: Sequence[OwnDevice], own_keys: OwnKeys) -> None:
        """List the devices, and ask about the chosen one."""
        by_id = {str(one.device): one for one in listed}

        def take(chosen: str | None) -> None:
            if chosen is not None:
                self._ask_about(by_id[chosen])

        screen = ChooseScreen(heading(own_keys), choices(listed), "No device has keys yet.")
        self._interaction.push(screen, take)

    def _ask_about(self, one: OwnDevice) -> None:
        """Ask what to do with a device; this one, and a pending one, can only be revoked."""
        if one.current or one.status is not DeviceStatus.ACTIVE:
            self._ask_revoke(one)
            return

        def take(chosen: str | None) -> None:
            if chosen == "history":
                self._interaction.run(lambda: self._send_history(one))
            elif chosen == "revoke":
                self._ask_revoke(one)

        actions = [
            ("history", own("Send it the history of encrypted rooms from this device")),
            ("revoke", own("Revoke it for good")),
        ]
        self._interaction.push(ChooseScreen(peer_line(one.name, style="bold"), actions, ""), take)

    def _ask_revoke(self, one: OwnDevice) -> None:
        self._interaction.confirm(
            revoke_question(one), lambda: self._client.encryption.revoke(DeviceId(one.device))
        )

    def offer_history(self, one: OwnDevice) -> None:
        """Offer to send history to a device that was approved."""
        self._interaction.confirm(history_question(one), lambda: self._send_history(one))

    async def _send_history(self, one: OwnDevice) -> None:
        self._interaction.say("Sending history: the other device must be running.")
        count = await self._client.encryption.send_history(DeviceId(one.device))
        self._interaction.say(f"Sent {count} events, encrypted. They appear there as they arrive.")

    def show_recovery(self, words: Sequence[str]) -> None:
        """Show the recovery words."""
        self._interaction.push(recovery_page(words))
