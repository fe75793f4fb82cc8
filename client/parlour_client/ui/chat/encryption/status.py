"""The line about encryption in the header of every room, and below it what needs the person.

Each row is text and names the command or the key that does something about it; no dialog opens by itself.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from textual.content import Content

from parlour_client.core.client import Client
from parlour_client.core.e2ee.trust.sas import VERIFIED
from parlour_client.core.e2ee.values import Alarm, OwnDevice, OwnKeys, SasVerification
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.box import quoted
from parlour_client.kit.widgets.safe import filled, join, lines, own, peer_line
from parlour_client.ui.chat.header import Words
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.input.keymap import written
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.ids import RequestId


class EncryptionStatus:
    """The encryption of the open room, alarms, devices that wait, and requests to compare words."""

    def __init__(self, pane: Pane) -> None:
        self._client, self._current, self._header = pane.client, pane.current, pane.header
        self._timeline, self._hint = pane.timeline, pane.hint
        self._comparing = frozenset[RequestId]()  # the verifications in progress at the last check
        self.follow_words: Callable[[Sequence[SasVerification]], None] | None = None
        """Updates the dialog of a verification, while it is open."""

    def changed(self) -> None:
        """Update after keys, groups or trust changed."""
        self.refresh()
        self._timeline.trust_changed()
        processes = self._client.encryption.sas_verifications()
        if self.follow_words is not None:
            self.follow_words(processes)
        else:
            for process in processes:
                if process.ended and process.process in self._comparing:
                    show = self._hint.say if process.ended == VERIFIED else self._hint.refuse
                    show(_ended(process))
        self._comparing = frozenset(process.process for process in processes if not process.ended)

    def refresh(self) -> None:
        """Update the line in the header and the alarms."""
        room = self._current.room
        self._header.show_encryption(self._client.encryption.room(room.id) if room is not None else None)
        self._header.show_alarms(self._rows() if self._current.in_front else [])

    def _waiting_row(self, device: OwnDevice) -> Content:
        key = written(self._header, "chat.approve", "alt+a")
        return lines(
            join(
                own(_("New device waiting for approval"), "bold $warning"),
                own("  "),
                own(_("{key}: compare its code").format(key=key), "dim"),
            ),
            quoted(peer_line(device.name, limit=40, style="bold")),
        )

    def _rows(self) -> Sequence[Words]:
        """Return the newest alarm, a pending device, and requests to compare short words."""
        alarms = self._client.encryption.alarms()
        self._client.encryption.shown(alarms)
        rows: list[Content] = []
        with suppress(EncryptionError):  # no keys yet, or a server without encryption
            rows.extend(waits(self._client.encryption.own()))
        rows.extend(map(self._waiting_row, waiting(self._client)))
        if asked := _asking(self._client.encryption.sas_verifications()):
            rows.append(asked)
        return [*([_alarm_row(alarms)] if alarms else []), *map(Words, rows)]


def waits(own_keys: OwnKeys) -> list[Content]:
    """Return a row for what must be done before this device can read encrypted rooms, if anything."""
    if own_keys.status is not DeviceStatus.PENDING:
        return []
    what = own(f"/approve {own_keys.code}", "bold")
    return [filled(_("Waiting for approval. On another device: {command}"), command=what)]


def waiting(client: Client) -> Sequence[OwnDevice]:
    """Return the devices that wait for this one's approval."""
    with suppress(EncryptionError):  # no keys yet, or a server without encryption
        return client.encryption.waiting
    return ()


def _alarm_row(alarms: Sequence[Alarm]) -> Words:
    sign, style = own("! ", "bold $error"), "bold $error"
    more = _(" ({count} more)").format(count=len(alarms) - 1) if len(alarms) > 1 else ""
    full = join(
        sign, peer_line(alarms[-1].text, limit=1000, style=style), own(more, "dim"), own(" /alarms", "bold")
    )
    words = ngettext("{count} alarm: /alarms shows it", "{count} alarms: /alarms shows them", len(alarms))
    return Words(full, instead=join(sign, own(words.format(count=len(alarms)), style)))


def _asking(processes: Sequence[SasVerification]) -> Content | None:
    """Return the line that says who waits for this person, in any room."""
    for process in reversed(processes):
        if process.ended or process.we_confirmed or (process.started_by_us and not process.words):
            continue
        what = _("your words are ready to compare") if process.words else _("wants to compare words with you")
        return join(peer_line(process.peer, style="bold"), own(f": {what}  "), own("/words", "bold"))
    return None


def _ended(process: SasVerification) -> Content:
    """Return how a verification ended, for someone who does not look at it."""
    how = _("short words compared, verified") if process.ended == VERIFIED else _(process.ended)
    return join(peer_line(process.peer, style="bold"), own(f": {how}"))
