"""Logging in again, over a program's screen: the password of the account whose session has ended.

The screen below stays as it is. The password is masked, becomes a ``Secret`` at once and is removed from the
field, whatever the server says.
"""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_client.kit.link import Link
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, error_content, filled, join, lines, own, peer_line
from parlour_client.kit.widgets.second_factor import ScreenDialog
from parlour_protocol.kit.secret import Secret


class LoginAgainScreen(Overlay[bool]):
    """Asks for the password until it is right or the person closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Later"), id="login.leave"),
    ]

    def __init__(self, link: Link[Any, Any, Any, Any], kept: str = "", later: str = "") -> None:
        """``kept``: what is not lost; ``later``: what Esc does. In our own words."""
        super().__init__(classes="dialog")
        self._link, self._kept, self._later = link, kept, later
        self._busy = self._is_logged_in = False

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        account = self._link.account
        name, server = peer_line(account.user, style="bold"), peer_line(account.server)
        who = filled(_("Password for {name} on {server}"), name=name, server=server)
        why = join(peer_line(self._link.status.problem), own(" "), own(self._kept))
        later = own(self._later or _("later"), "dim")
        with Vertical(classes="box"):
            yield SafeStatic(lines(own(_("Log in again"), "bold"), why, who))
            yield Field(password=True, compact=True)
            yield SafeStatic(id="outcome")
            yield SafeStatic(join(filled(_("Enter: log in · Esc: {later}"), "dim", later=later)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try the password."""
        typed, event.input.value = event.value, ""
        if self._is_logged_in:
            _done = self.dismiss(True)
        elif typed and not self._busy:
            self._busy = True
            self.query_one("#outcome", SafeStatic).show(own(_("Logging in…"), "bold"))
            self.run_worker(self._log_in(Secret(typed)))

    async def _log_in(self, password: Secret) -> None:
        try:
            await self._link.log_in_again(password, ScreenDialog(self.app))
        except ParlourClientError as error:
            self.query_one("#outcome", SafeStatic).show(error_content(error))
        else:
            self._logged_in()
        self._busy = False

    def _logged_in(self) -> None:
        """Close, unless someone types the password again: the rest of it would be a message."""
        self._is_logged_in = True
        if self.query_one(Field).value:
            self.query_one("#outcome", SafeStatic).show(own(_("You are logged in. Press Enter."), "bold"))
        else:
            _done = self.dismiss(True)

    def action_leave(self) -> None:
        """Close it for later."""
        _done = self.dismiss(self._is_logged_in)
