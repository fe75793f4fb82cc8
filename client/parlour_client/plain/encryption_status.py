"""Encryption status that the line mode has printed: the room's label, alarms, verifications by short words.

It remembers them, so that a label is printed when a room is opened and again only when it changes, and each
alarm at once and once. It decides nothing.
"""

from collections.abc import Iterator

from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.e2ee.values import RoomEncryption, SasVerification
from parlour_client.core.model import Room
from parlour_client.kit.language import _
from parlour_client.plain.line_text import Ours
from parlour_client.text.device_text import waiting_line
from parlour_client.text.encryption_text import label_line, sas_line
from parlour_client.text.untrusted_text import shown
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId


class EncryptionStatus:
    """The encryption of rooms, alarms and verifications, as they were last printed."""

    def __init__(self) -> None:
        self._labels: dict[RoomId, RoomEncryption] = {}
        self._alarms: set[int] = set()
        self._devices: set[DeviceId] = set()
        self._words: dict[RequestId, SasVerification] = {}

    def room_line(self, encryption: E2ee, room: Room) -> str:
        """Return the label of a room that is being opened."""
        status = encryption.room(room.id)
        self._labels[room.id] = status
        return label_line(room.title, status.label, status.problem)

    def changes(self, encryption: E2ee, room: Room | None) -> Iterator[str]:
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
            yield Ours(self.room_line(encryption, room))
        for process in encryption.sas_verifications():
            if self._words.get(process.process) != process:
                before, self._words[process.process] = self._words.get(process.process), process
                if line := sas_line(process, before):
                    yield line
