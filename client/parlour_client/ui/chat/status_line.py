"""The chat's status row: what changes, in words at the left, and the keys at the right.

While all is well it is quiet: the account and what is unread. It shows the connection while there is none,
and for a few seconds when it is back; its protection and the server's address only when these are new.
Nothing that someone else wrote is ever in it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from parlour_client.core.model import Outgoing, Room
from parlour_client.kit.account.profile import Account
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.language import ENGLISH, N_, _, language, ngettext
from parlour_client.kit.widgets import status_line
from parlour_client.kit.widgets.footer import KeyFooter
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.input.keymap import written

NEW_FOR: Final = 5.0
"""Seconds for which the row says that the connection is back, or is another one."""
_NARROW: Final = 60
"""Columns below which the account and the keys of a fact are left out."""
_ORDER: Final = (
    "chat.help", "chat.rooms", "chat.search", "chat.people", "chat.messages", "chat.switch", "app.quit",
)  # fmt: skip
_KEPT: Final = ("chat.help", "chat.switch", "chat.search")


class Keys(KeyFooter):
    """The keys beside the status, which are a part of its sentence."""

    def words(self, description: str) -> str:
        """Begin small in English, and as other languages write it."""
        return f"{description[:1].lower()}{description[1:]}" if language.code == ENGLISH else description


class StatusRow(Horizontal):
    """The row at the bottom; above it why there is no connection, if the person has to know."""

    DEFAULT_CSS = """
    StatusRow { height: 1; width: 1fr; }
    StatusRow StatusLine { width: auto; max-width: 100%; }
    StatusRow Keys { dock: none; width: 1fr; padding: 0 1; text-align: right; }
    """

    def __init__(self) -> None:
        super().__init__(id="bottom")
        self.keys = Keys(_ORDER, _KEPT)
        self.line = StatusLine(self.keys)

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield self.line
        yield self.keys


class StatusLine(status_line.StatusLine):
    """What changes, as much as fits beside the most important key."""

    login_hint = N_("/login: log in again")

    def __init__(self, keys: KeyFooter) -> None:
        super().__init__(id="status")
        self._keys = keys
        self._mode = ""
        self._selects = False
        self._unread = self._mentions = 0
        self._queued = self._failed = 0
        self._owed = 0  # what was queued when the connection came back
        self._progress = ""
        self._known: tuple[str, str] | None = None  # the protection and the server of the last connection
        self._new: tuple[str, ...] = ()  # what to say of a new one
        self._calm = Deferred(self, self._be_calm)

    @property
    def counts_down(self) -> bool:
        """Whether the seconds to the next try are shown going down: a setting."""
        return not settings_of(self).reduced_motion

    # --- what it is told

    def tell(self, status: ConnectionStatus, account: Account) -> None:
        """Show this state; a connection that is back, or another one, for some seconds."""
        if status.state is LinkState.ONLINE:
            facts = status.security, status.server
            if self._status is not None and self._status.state is not LinkState.ONLINE:
                self._owed = self._queued
                self._new = (_("connected"), *(facts if facts != self._known else ()))
                self._calm.postpone(NEW_FOR)
            self._known = facts
        super().tell(status, account)

    def _be_calm(self) -> None:
        self._new, self._owed = (), 0
        self.redraw()

    def mode(self, words: str, *, selects: bool = False) -> None:
        """Show the mode of the keys first; where they act on messages, nothing of what is unread."""
        self._mode, self._selects = words, selects
        self.redraw()

    def count(self, rooms: Sequence[Room]) -> None:
        """Show what is unread, without what a silenced room has beside mentions."""
        loud = [room for room in rooms if not room.request]
        counted = (
            sum(room.unread for room in loud if not room.muted),
            sum(room.mentions for room in loud),
        )
        if counted != (self._unread, self._mentions):
            self._unread, self._mentions = counted
            self.redraw()

    def unsent(self, outgoing: Sequence[Outgoing]) -> None:
        """Show how much waits for the connection, and how much was refused."""
        failed = sum(one.entry.failed for one in outgoing)
        queued = len(outgoing) - failed
        is_seen = failed != self._failed or (queued != self._queued and self._tells_queued)
        self._queued, self._failed = queued, failed
        if is_seen:
            self.redraw()

    def progress(self, words: str) -> None:
        """Show how far a file has come, in our words."""
        self._progress = words
        self.redraw()

    # --- what it shows

    @property
    def _tells_queued(self) -> bool:
        """Whether messages wait for a connection, or did until just now; each waits a moment to be sent."""
        return self._owed > 0 or (self._status is not None and self._status.state is not LinkState.ONLINE)

    def words(self, status: ConnectionStatus, account: Account, left: float) -> Content:
        """Return what fits: the key that cancels a file goes last, after the other keys and the account."""
        width = self.screen.size.width
        cells = width - self._keys.least - 4  # the blanks at both ends of it and of the keys
        line = own("")
        for keys, name, counts, cancel in _SHORTER:
            who = [peer_line(account.user)] if name else []
            parts = self._parts(status, left, keys=keys, counts=counts or not self._progress, cancel=cancel)
            line = own(" · ", "dim").join([*who, *parts])
            if line.cell_length <= cells and (width >= _NARROW or not name):
                break
        return line

    def _parts(
        self, status: ConnectionStatus, left: float, *, keys: bool, counts: bool, cancel: bool
    ) -> Iterator[Content]:
        is_calm = status.state is LinkState.ONLINE and not self._new
        if self._mode:
            yield own(self._mode, "bold $primary")
        if not is_calm:
            yield from self._connection(status, left, keys=keys)
        if self._failed:
            words = ngettext("{count} not sent", "{count} not sent", self._failed).format(count=self._failed)
            yield own(words + self._key(_OUTBOX, keys=keys), "bold $error")
        if self._progress:
            yield own(self._progress + self._key(CANCEL, keys=cancel))
        if is_calm and counts and not self._selects:
            yield from self._counts(keys=keys)

    def _connection(self, status: ConnectionStatus, left: float, *, keys: bool) -> Iterator[Content]:
        if status.session_ended:
            yield own(_("logged out: /login"), "bold $error")
        elif status.state is not LinkState.ONLINE:
            yield _not_connected(status, left)
        elif self._new:
            state, *facts = self._new
            yield own(state, "bold $success")
            if facts and keys:
                yield peer_line(" · ".join(facts))
            if (sent := self._owed - self._queued) > 0:
                yield own(ngettext("{count} sent", "{count} sent", sent).format(count=sent))
        if self._queued and status.state is not LinkState.ONLINE:
            words = ngettext("{count} queued", "{count} queued", self._queued).format(count=self._queued)
            yield own(words + self._key(_OUTBOX, keys=keys), "bold $warning")

    def _counts(self, *, keys: bool) -> Iterator[Content]:
        counts = [own(ngettext("{count} unread", "{count} unread", self._unread).format(count=self._unread))]
        if self._mentions:
            words = ngettext("{count} mention", "{count} mentions", self._mentions)
            counts.append(own(words.format(count=self._mentions), "bold $accent"))
        if self._unread or self._mentions:
            yield join(own(", ").join(counts), own(self._key(_NEXT, keys=keys)))

    def _key(self, key: tuple[str, str], *, keys: bool) -> str:
        return f" ({written(self, *key)})" if keys else ""


_SHORTER: Final = (
    (True, True, True, True),
    (False, True, True, True),
    (False, False, True, True),
    (False, False, False, True),
    (False, False, False, False),
)
"""From long to short: keys of what is counted, the account, counts beside a file, the key that cancels it."""
_OUTBOX: Final = ("chat.outbox", "f7")
CANCEL: Final = ("chat.cancel_file", "alt+x")
_NEXT: Final = ("chat.next_unread", "ctrl+n")


def _not_connected(status: ConnectionStatus, left: float) -> Content:
    if status.state is LinkState.CONNECTING:
        return own(_("connecting…"), "bold $warning")
    if left > 0:
        words = _("not connected: again in {seconds:.0f} s").format(seconds=left)
        return own(words, "bold $warning")
    stopped = status.state is LinkState.STOPPED
    return own(_("not connected"), "bold $error" if stopped else "bold $warning")


class ConnectionProblem(SafeStatic):
    """Why there is no connection: rows of its own, as many as it needs, until there is one."""

    def __init__(self) -> None:
        super().__init__(id="problem")
        self.display = False

    def tell(self, status: ConnectionStatus) -> None:
        """Show the problem, or nothing."""
        self.display = bool(status.problem)
        self.show(join(own("! ", "bold $error"), peer_line(status.problem, limit=1000)))
