"""`/devices`: one's own devices, the code of this one while it waits, and what can be done about them.

A device is revoked only after a question that says what is lost. The recovery words are shown on a page that
nothing copies. The chat screen pushes these.
"""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from parlour_client.core.e2ee.status import OwnDevice, OwnKeys
from parlour_client.ui.chat.timeline.sentences import clock, day
from parlour_client.ui.dialogs.page import Page
from parlour_client.ui.safe import join, lines, own, peer_line
from parlour_protocol.delivery import DeviceStatus

_STATUS: Final = {
    DeviceStatus.ACTIVE: ("approved", "$text-success"),
    DeviceStatus.PENDING: ("waits to be approved", "$text-warning"),
    DeviceStatus.REVOKED: ("revoked", "dim"),
}


def heading(own_keys: OwnKeys) -> Content:
    """Return what stands above the list."""
    parts = [own("Your devices", "bold"), own(f"Archive: {own_keys.protection}", "dim")]
    if waiting := waits(own_keys):
        parts += waiting
        parts.append(own("No other one left? In a shell: parlour recovery use, with the 24 words.", "dim"))
    elif own_keys.has_account_key:
        parts.append(
            own("This device can approve others: /approve CODE with the code that they show.", "dim")
        )
    parts.append(own("Enter on a device: send it history, or revoke it.", "dim"))
    return lines(*parts)


def waits(own_keys: OwnKeys) -> list[Content]:
    """Return a row for what must be done before this device reads encrypted rooms, or none."""
    if own_keys.status is not DeviceStatus.PENDING:
        return []
    todo = own("This device waits. On another one: ")
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
    """Return the question before a device is revoked."""
    return lines(
        join(own("Revoke ", "bold"), peer_line(one.name, limit=40, style="bold"), own(" for good?", "bold")),
        own("It is logged out and removed from every encrypted room. What it has read it keeps."),
    )


def history_question(one: OwnDevice) -> Content:
    """Return the question after a device was let in."""
    return lines(
        join(peer_line(one.name, limit=40, style="bold"), own(" is approved.", "bold")),
        own("Once it connects, it can read new messages."),
        own("Send it what was read here before, too?"),
        own("It goes sealed, for that device alone; /devices does it later as well."),
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
            own("They are the key of your account: whoever has them can add devices to it."),
            own("Write them on paper, keep them from everybody, and close this page."),
            own(""),
            *rows,
        )
    )


def code_page(code: str, rows: Sequence[str]) -> Page:
    """Return the page with our own code, for others to scan or copy; the picture fits into 24 rows."""
    return Page(
        lines(
            own("Your code, to be scanned; as text it stands below", "bold"),
            *(own(row, "#000000 on #ffffff") for row in rows),  # dark on light, or some scanners fail
            own("Others scan it, or paste it after /verify YOU. It proves something only when it comes from"),
            own("you by another way than this chat."),
            own(""),
            own(code),
        )
    )
