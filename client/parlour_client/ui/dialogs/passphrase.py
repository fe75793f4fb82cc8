"""Asking for the passphrase of an account, masked; it becomes a ``Secret`` at once."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own, peer_line
from parlour_protocol.kit.secret import Secret


class PassphraseScreen(Overlay[Secret | None]):
    """Asks for a passphrase."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Leave"), id="passphrase.leave"),
    ]

    def __init__(self, account: str) -> None:
        super().__init__(classes="dialog")
        self._account = account

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(own(_("Passphrase for the account"), "bold")):
            yield SafeStatic(peer_line(self._account))
            yield Field(password=True, compact=True)
            yield SafeStatic(own(_("Enter: open · Esc: cancel"), "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with it."""
        _done = self.dismiss(Secret(event.value) if event.value else None)
