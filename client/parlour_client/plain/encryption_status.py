"""Encryption status that the line mode has printed: the room's label, alarms, verifications by short words.

It remembers them, so that a label is printed when a room is opened and again only when it changes, and each
alarm at once and once. It decides nothing.
"""

from collections.abc import Iterator

from parlour_client.core.e2ee.service import Encryption
from parlour_client.core.e2ee.status import RoomEncryption, SasVerification
from parlour_client.core.model import Room
from parlour_client.kit.language import _
from parlour_client.plain.line_text import shown
from parlour_client.text.device_text import waiting_line
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId


class EncryptionStatus:
    """The encryption of rooms, alarms and verifications, as they were last printed."""

    def __init__(self) -> None:
        self._labels: dict[RoomId, RoomEncryption] = {}
        self._alarms: set[int] = set()
        self._devices: set[DeviceId] = set()
        self._words: dict[RequestId, SasVerification] = {}

    def room_line(self, encryption: Encryption, room: Room) -> str:
        """Return the label of a room that is being opened."""
        status = encryption.room(room.id)
        self._labels[room.id] = status
        return label_line(room.title, status)

    def changes(self, encryption: Encryption, room: Room | None) -> Iterator[str]:
        """Yield changes: alarms, then the open room, then short words."""
        for alarm in encryption.alarms():
            if alarm.id not in self._alarms:
                self._alarms.add(alarm.id)
                encryption.shown([alarm])
                yield _("ALARM: {text} /alarms lists them all.").format(text=shown(alarm.text))
        for device in encryption.waiting:
            if device.device not in self._devices:
                self._devices.add(device.device)
                yield shown(waiting_line(device))
        if room is not None and self._labels.get(room.id) != encryption.room(room.id):
            yield self.room_line(encryption, room)
        for process in encryption.sas_verifications():
            if self._words.get(process.process) != process:
                before, self._words[process.process] = self._words.get(process.process), process
                if line := words_line(process, before):
                    yield line


def label_line(title: str, status: RoomEncryption) -> str:
    """Return a room's label and problems."""
    problem = _(" Problem: {problem}").format(problem=shown(status.problem)) if status.problem else ""
    label = shown(status.label).replace(" · ", ", ")  # a screen reader reads the dot aloud
    return _("{title}, encryption: {label}.{problem}").format(title=title, label=label, problem=problem)


def words_line(process: SasVerification, before: SasVerification | None = None) -> str:
    """Return the state of a verification by short words."""
    if process.ended:
        return _("Short words with {peer} ended: {ended}.").format(
            peer=process.peer, ended=shown(process.ended)
        )
    if process.words and (before is None or not before.words or before == process):
        return _(
            "Short words with {peer}: {words}. Read them to each other, not over this chat. If they "
            "match: /words and all five words. If not: /words no."
        ).format(peer=process.peer, words=" ".join(process.words))
    if process.they_confirmed and not (before is not None and before.they_confirmed):
        return _("{peer} confirmed that the words match.").format(peer=process.peer)
    if before is None and not process.started_by_us:
        return _("{peer} wants to compare short words with you. Continue with /words.").format(
            peer=process.peer
        )
    return ""
