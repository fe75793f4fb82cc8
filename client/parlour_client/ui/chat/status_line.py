"""The status line: the connection's state and protection, always, in words.

It never says "secure": it names the TLS version and the pinned key. While there is no connection it counts
down to the next try.
"""

from typing import Final

from textual.content import Content

from parlour_client.kit.account.profile import Account
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.ui.app_settings import settings_of

_WORDS: Final = {
    LinkState.ONLINE: "connected",
    LinkState.CONNECTING: "connecting…",
    LinkState.OFFLINE: "not connected",
    LinkState.STOPPED: "stopped",
}
_STYLES: Final = {
    LinkState.ONLINE: "bold $text-success",
    LinkState.CONNECTING: "bold $text-warning",
    LinkState.OFFLINE: "bold $text-error",
    LinkState.STOPPED: "bold $text-error",
}


class StatusLine(SafeStatic):
    """One line at the bottom."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._status: ConnectionStatus | None = None
        self._account: Account | None = None
        self._left = 0.0
        self._mode = ""

    def on_mount(self) -> None:
        """Count down once a second."""
        self.set_interval(1, self._tick)

    def tell(self, status: ConnectionStatus, account: Account) -> None:
        """Show this state."""
        self._status, self._account = status, account
        self._left = status.retry_in or 0.0
        self._update()

    def mode(self, words: str) -> None:
        """Show the mode of the keys first: `insert` or `normal`; nothing without the vi layer."""
        self._mode = words
        self._update()

    def _tick(self) -> None:
        if self._left > 0 and not settings_of(self).reduced_motion:
            self._left = max(0.0, self._left - 1)
            self._update()

    def _update(self) -> None:
        if self._status is None or self._account is None:
            return
        words = status_words(self._status, self._account, self._left)
        mode = own(f"-- {self._mode} -- ", "bold $text-accent") if self._mode else own("")
        self.show(join(mode, words))


def status_words(status: ConnectionStatus, account: Account, left: float) -> Content:
    """Return the line: state, problem, protection, server, account."""
    state = "logged out" if status.session_ended else _WORDS[status.state]
    parts = [own(state, _STYLES[status.state])]
    if status.state is LinkState.OFFLINE and left > 0:
        parts.append(own(f"trying again in {left:.0f} s"))
    if status.problem:
        parts.append(peer_line(status.problem))
    if status.session_ended:
        parts.append(own("/login: log in again"))
    if status.state is LinkState.ONLINE:
        parts.append(peer_line(status.security))
    if status.server not in status.problem:
        parts.append(peer_line(status.server))
    parts.append(peer_line(f"you: {account.user}"))
    return own(" · ", "dim").join(parts)
