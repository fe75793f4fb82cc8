"""The status line: the connection's state and protection, always, in words.

It never says "secure": it names the TLS version and the pinned key. While there is no connection it counts
down to the next try.
"""

from typing import Final

from textual.content import Content
from textual.timer import Timer

from parlour_client.kit.account.profile import Account
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line

_WORDS: Final = {
    LinkState.ONLINE: N_("connected"),
    LinkState.CONNECTING: N_("connecting…"),
    LinkState.OFFLINE: N_("not connected"),
    LinkState.STOPPED: N_("stopped"),
}
_STYLES: Final = {
    LinkState.ONLINE: "bold $text-success",
    LinkState.CONNECTING: "bold $text-warning",
    LinkState.OFFLINE: "bold $text-error",
    LinkState.STOPPED: "bold $text-error",
}


class StatusLine(SafeStatic, inherit_css=False):
    """The line at the bottom; a problem wraps. A program's style for a SafeStatic is not for it."""

    DEFAULT_CSS = "StatusLine { width: 1fr; height: auto; }"

    login_hint = ""
    """How to log in again, in our own words."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._status: ConnectionStatus | None = None
        self._account: Account | None = None
        self._left = 0.0
        self._beat: Timer | None = None

    @property
    def counts_down(self) -> bool:
        """Whether the seconds to the next try are shown going down."""
        return True

    def on_mount(self) -> None:
        """Be ready to count down once a second, while there is something to count."""
        self._beat = self.set_interval(1, self._tick, pause=not self._left)

    def tell(self, status: ConnectionStatus, account: Account) -> None:
        """Show this state."""
        self._status, self._account = status, account
        self._left = status.retry_in or 0.0
        if self._beat is not None:
            self._beat.resume() if self._left and self.counts_down else self._beat.pause()
        self.redraw()

    def redraw(self) -> None:
        """Show the state as it is now, and as much about it as there is room for."""
        if self._status is not None and self._account is not None:
            self.show(self.words(self._status, self._account, self._left))

    def words(self, status: ConnectionStatus, account: Account, left: float) -> Content:
        """Return what fits; ``left``: seconds to the next try."""
        return status_words(status, account, left, self.login_hint, self.size.width)

    def on_resize(self) -> None:
        """Show more or less of it."""
        self.redraw()

    def _tick(self) -> None:
        self._left = max(0.0, self._left - 1)
        if not self._left and self._beat is not None:
            self._beat.pause()
        self.redraw()


def status_words(
    status: ConnectionStatus, account: Account, left: float, login_hint: str, cells: int = 0
) -> Content:
    """Return the line: state, problem, protection, server, account.

    In ``cells`` (0: any number) the least important parts are left out, rather than the end of the line.
    """
    state = _("logged out") if status.session_ended else _(_WORDS[status.state])
    parts = [(0, own(state, _STYLES[status.state]))]
    if status.state is LinkState.OFFLINE and left > 0:
        parts.append((0, own(_("trying again in {seconds:.0f} s").format(seconds=left))))
    if status.session_ended and login_hint:
        parts.append((0, own(_(login_hint))))
    if status.problem:  # rather cut than left out
        parts.append((0, peer_line(status.problem)))
    if status.state is LinkState.ONLINE:
        parts.append((1, peer_line(status.security)))
    if status.server not in status.problem:
        parts.append((3, peer_line(status.server)))
    parts.append((2, join(own(_("you: ")), peer_line(account.user))))
    dot = own(" · ", "dim")
    line = dot.join(words for _rank, words in parts)
    while cells and line.cell_length > cells and any(rank for rank, _words in parts):
        parts.remove(max(parts, key=lambda part: part[0]))
        line = dot.join(words for _rank, words in parts)
    return line
