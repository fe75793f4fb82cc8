"""`/devices`: the account's devices, the code of this one while it is pending, and actions on them.

A device is revoked only after a question that says what is lost. The recovery words are shown on a page that
can't be copied. History is sent to another device only when the person says so: it is everything that was
read here.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList

from parlour_client.core.client import Client
from parlour_client.core.e2ee.values import OwnDevice, OwnKeys
from parlour_client.kit.answers import Letter, TypedName
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.qr_code import qr_rows
from parlour_client.kit.widgets.box import ALERT, Box, blocks, quoted
from parlour_client.kit.widgets.questions import Answers, ChooseScreen, GuardedQuestion
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, peer_line
from parlour_client.text.date_text import clock, day, day_number
from parlour_client.text.device_text import steps_to_add
from parlour_client.ui.chat.encryption.status import waiting, waits
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.ids import DeviceId

_STATUS: Final = {
    DeviceStatus.ACTIVE: (N_("approved"), "$text-success"),
    DeviceStatus.PENDING: (N_("waiting for approval"), "$text-warning"),
    DeviceStatus.REVOKED: (N_("revoked"), "dim"),
}


def heading(own_keys: OwnKeys) -> Content:
    """Return the heading of the list."""
    parts = [
        own(_("Your devices"), "bold"),
        own(_("Archive: {protection}").format(protection=_(own_keys.protection)), "dim"),
    ]
    if waiting := waits(own_keys):
        parts += waiting
        parts.append(
            own(
                _("No other device left? In a shell: parlour recovery use, with your 24 recovery words."),
                "dim",
            )
        )
    elif own_keys.has_account_key:
        parts.append(own(_("/add-device shows a link for a new device."), "dim"))
    parts.append(own(_("Enter on another device: approve it, send it history, or revoke it"), "dim"))
    return lines(*parts)


def choices(devices: Sequence[OwnDevice]) -> list[tuple[str, Content]]:
    """Return the rows of the list."""
    return [(device.device, _row(device)) for device in devices]


def _row(device: OwnDevice) -> Content:
    words, style = _STATUS[device.status]
    here = own(_("  (this one)"), "dim") if device.current else own("")
    when = _("  seen {day} {time}").format(day=day(device.last_seen), time=clock(device.last_seen))
    words = _(words)
    code = own(f"  {device.code}", "dim")
    name = peer_line(device.name, limit=40, style="bold")
    return join(name, own("  "), own(words, style), here, own(when, "dim"), code)


def revoke_question(device: OwnDevice) -> Content:
    """Return the question before revoking a device, whose name is where it has to be typed."""
    rows = [
        own(_("Revoke a device for good?"), "bold"),
        own(_("It is logged out and removed from every encrypted room. It keeps what it has already read.")),
    ]
    if device.current:
        words = _("You are using it: you are logged out, and it never reads your encrypted rooms again.")
        rows.append(_alert(words))
    return lines(*rows)


def _alert(words: str) -> Content:
    return join(own(ALERT, "bold $warning"), own(words))


def history_question(device: OwnDevice) -> Content:
    """Return the question after approving a device."""
    return lines(
        own(_("The device is approved."), "bold"),
        quoted(peer_line(device.name)),
        own(_("Once it connects, it can read new messages.")),
        own(_("Send it the messages from this device, too?")),
        own(_("They are encrypted for that device only. You can do it later in /devices.")),
    )


def recovery_page(words: Sequence[str]) -> Page:
    """Return the page with the 24 words."""
    rows = [
        own("   ".join(f"{start + n + 1:>2} {word:<9}" for n, word in enumerate(words[start : start + 4])))
        for start in range(0, len(words), 4)
    ]
    return Page(
        own(_("Recovery words"), "bold"),
        lines(
            own(_("They are the key to your account: anyone who has them can add devices to it.")),
            own(_("Write them on paper, show them to no one, and close this page.")),
            own(""),
            *rows,
        ),
    )


def code_page(code: str) -> Page:
    """Return the page with this account's code, for others to scan or copy; the QR code fits into 24 rows."""
    return Page(
        own(_("Your code, to scan; the text is below"), "bold"),
        lines(
            *_picture(code),
            own(
                _(
                    "Others scan it, or paste it after /verify. It only proves something if they get it\n"
                    "from you outside this chat."
                )
            ),
            own(""),
            own(code),
        ),
    )


def link_page(link: str) -> Page:
    """Return the page with the link for another device, as a picture and as text."""
    return Page(
        own(_("Add a device: scan or paste this link there"), "bold"),
        lines(
            *_picture(link),
            own(link),
            own(""),
            *(own(step) for step in steps_to_add()),
        ),
    )


def _picture(text: str) -> Iterator[Content]:
    """Yield the rows of a QR code: dark on light, or some scanners fail."""
    return (own(row, "#000000 on #ffffff") for row in qr_rows(text))


class Approval(Enum):
    """The answers about a device that waits for approval."""

    APPROVE = auto()
    LATER = auto()
    REVOKE = auto()


class ApprovalScreen(GuardedQuestion[Approval]):
    """Asks to compare the code of a device that waits. Enter alone approves nothing."""

    HELP: ClassVar[str | None] = N_(
        "Someone logged in to your account on a new device. Compare the code here with the one that the\n"
        "device shows. y approves it: it then reads your encrypted rooms. r revokes it if it is not yours."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('APPROVE')", N_("Approve"), id="approval.yes"),
        Binding("n", "answer('LATER')", N_("Later"), id="approval.later"),
        Binding("r", "answer('REVOKE')", N_("Revoke"), id="approval.revoke"),
    ]

    def __init__(self, device: OwnDevice) -> None:
        super().__init__(classes="dialog")
        self._device = device

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        device, time = self._device, clock(self._device.created)
        if day_number(device.created) == day_number(SystemClock().now()):
            when = _("Logged in today at {time}").format(time=time)
        else:
            when = _("Logged in {day} {time}").format(day=day(device.created), time=time)
        with Box(own(_("Approve a new device?"), "bold")):
            with VerticalScroll(can_focus=False):
                yield from blocks(
                    lines(
                        quoted(peer_line(device.name)),
                        own(when, "dim"),
                        own(_("Does it show exactly this code?")),
                        own(f"  {device.code}", "bold"),
                        _alert(_("Approve it only if you see this code on your own device.")),
                    )
                )
            yield SafeStatic(own(""), id="quiet")
            yield Answers(
                ("LATER", _("Later"), f"{_('Enter')}, {_('Esc')}"),
                ("APPROVE", _("The codes match: approve"), "y"),
                ("REVOKE", _("Not mine: revoke"), "r"),
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give the marked answer; Enter alone never approves a device."""
        if event.option_id == Approval.APPROVE.name:
            self.query_one("#quiet", SafeStatic).show(
                own(_("Press {key} for that.").format(key="y"), "$warning")
            )
        else:
            self.action_answer(event.option_id or Approval.LATER.name)

    def action_answer(self, name: str) -> None:
        """Close with the answer."""
        _closing = self.dismiss(Approval[name])


class DevicePrompts:
    """Shows the account's devices, and asks what to do with them."""

    def __init__(self, client: Client, interaction: Interaction) -> None:
        self._client, self._interaction = client, interaction

    def ask_about_waiting(self) -> None:
        """Ask about the first device that waits. It never opens by itself: a letter would be the answer."""
        first = next(iter(waiting(self._client)), None)
        if first is not None:
            self.ask_approval(first)
        else:
            self._interaction.say(_("No device is waiting for approval."))

    def ask_approval(self, device: OwnDevice) -> None:
        """Ask to compare the code of a device that waits, and approve it."""

        def answered(answer: Approval | None) -> None:
            if answer is Approval.APPROVE:
                self._interaction.run(lambda: self._approve(device))
            elif answer is Approval.REVOKE:
                self.ask_revoke(device)

        self._interaction.push(ApprovalScreen(device), answered)

    async def _approve(self, device: OwnDevice) -> None:
        self._interaction.say(_("Approving…"))
        self.offer_history(await self._client.encryption.approve(device.code))

    def choose(self, listed: Sequence[OwnDevice], own_keys: OwnKeys) -> None:
        """List the devices, and ask about the chosen one."""
        by_id = {str(device.device): device for device in listed}

        def answered(chosen: str | None) -> None:
            if chosen is not None:
                self._ask_about(by_id[chosen])

        screen = ChooseScreen(heading(own_keys), choices(listed), _("No device has keys yet."))
        self._interaction.push(screen, answered)

    def _ask_about(self, device: OwnDevice) -> None:
        """Ask what to do with another device; this one is revoked elsewhere."""
        if device.current:
            self._interaction.say(
                _("This is the device that you are using. /revoke-this-device revokes it for good.")
            )
            return
        if device.status is DeviceStatus.REVOKED:
            self._interaction.say(_("This device is revoked already."))
            return
        if device.status is DeviceStatus.PENDING:
            self.ask_approval(device)
            return

        def answered(chosen: str | None) -> None:
            if chosen == "history":
                self._interaction.run(lambda: self._send_history(device))
            elif chosen == "revoke":
                self.ask_revoke(device)

        actions = [
            ("history", own(_("Send it the history of encrypted rooms from this device"))),
            ("revoke", own(_("Revoke it for good"))),
        ]
        title = lines(own(_("One of your devices"), "bold"), quoted(peer_line(device.name)))
        self._interaction.push(ChooseScreen(title, actions, ""), answered)

    def ask_revoke(self, device: OwnDevice) -> None:
        """Ask before a device is revoked: its name has to be typed."""
        self._interaction.confirm(
            revoke_question(device),
            TypedName(device.name, _("revoke it")),
            lambda: self._client.encryption.revoke(DeviceId(device.device)),
        )

    def offer_history(self, device: OwnDevice) -> None:
        """Offer to send history to a device that was approved."""
        self._interaction.confirm(
            history_question(device), Letter("s", _("send them")), lambda: self._send_history(device)
        )

    async def _send_history(self, device: OwnDevice) -> None:
        self._interaction.say(_("Sending history: the other device must be running."))
        count = await self._client.send_history(DeviceId(device.device))
        self._interaction.say(
            ngettext(
                "Sent {count} event, encrypted. They appear there as they arrive.",
                "Sent {count} events, encrypted. They appear there as they arrive.",
                count,
            ).format(count=count)
        )
