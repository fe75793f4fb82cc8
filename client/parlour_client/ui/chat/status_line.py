"""The chat's status line: the mode of the vi layer before the connection's state."""

from textual.content import Content

from parlour_client.kit.language import N_
from parlour_client.kit.widgets import status_line
from parlour_client.kit.widgets.safe import own
from parlour_client.ui.app_settings import settings_of


class StatusLine(status_line.StatusLine):
    """One line at the bottom."""

    login_hint = N_("/login: log in again")

    def __init__(self) -> None:
        super().__init__(id="status")
        self._mode = ""

    @property
    def counts_down(self) -> bool:
        """Whether the seconds to the next try are shown going down: a setting."""
        return not settings_of(self).reduced_motion

    @property
    def before(self) -> Content:
        """The mode of the keys."""
        return own(f"-- {self._mode} -- ", "bold $primary") if self._mode else own("")

    def mode(self, words: str) -> None:
        """Show the mode of the keys first: `insert` or `normal`; nothing without the vi layer."""
        self._mode = words
        self.redraw()
