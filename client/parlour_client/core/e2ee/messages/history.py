"""History from one device of the account to another, over the direct room with oneself.

Messages that were read here in encrypted rooms, and the people that were verified, are sent as encrypted
files; their keys are inside messages that only devices of the account can decrypt. They are accepted only as
history: what is here stays as it is, nothing newer than what this device has processed is accepted, and no
group key is ever sent. Only a device of the account is trusted.
"""

import asyncio
import hashlib
import io
from functools import partial
from typing import Final

from parlour_client.core import attachments
from parlour_client.core.archive import history_parts
from parlour_client.core.archive.history_parts import Part
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.reconcile import TRANSIENT
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.messages import records
from parlour_client.core.e2ee.values import OwnDevice
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import HistoryReplaced
from parlour_client.kit.errors import ApiRefusedError
from parlour_client.kit.language import _
from parlour_mls import Secret
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.encrypted import EncryptedFile, HistoryContent
from parlour_protocol.frames.fields import FileName
from parlour_protocol.frames.opaque import FileKey
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId

PART_BYTES: Final = 4 * 1024 * 1024
"""Of JSON in one file: losing a part costs little."""
_LET_IN_SECONDS: Final = 20.0
"""In which both devices must be in the room with oneself."""
_LINE: Final = 64 * 1024
_NAME: Final = FileName("history")
_TYPE: Final = "application/octet-stream"


def _nothing(_done: int, _all: int) -> None:
    return


def _reads(device: OwnDevice) -> bool:
    return device.status is DeviceStatus.ACTIVE


class HistoryTransfer:
    """Sends the archive, and imports it."""

    def __init__(self, world: World, keys: Keys, scheduler: Scheduler) -> None:
        self._world = world
        self._keys = keys
        self._scheduler = scheduler
        self._lock = asyncio.Lock()

    async def send(self, room: RoomId, device: DeviceId) -> int:
        """Send the archive to another device of ours; returns how many events. Raises EncryptionError.

        ``room`` is the direct room with oneself.
        """
        await self._let_in(room, device)
        events = await self._world.archive.read(records.events)
        people = await self._world.archive.read(records.people)
        parts = list(records.parts([*people, *events], PART_BYTES))
        for number, part in enumerate(parts):
            await self._send_part(room, part, number, len(parts))
        return len(events)

    async def _let_in(self, room: RoomId, device: DeviceId) -> None:
        """Wait until both devices are in the room with oneself, whichever of them created its group."""
        others = [
            one.device for one in await self._keys.identity.devices() if not one.current and _reads(one)
        ]
        if device not in others:
            raise EncryptionError(
                _("That is not another approved device of yours."), _("See them: parlour device list")
            )
        try:
            async with asyncio.timeout(_LET_IN_SECONDS):
                for wanted in (self._keys.own.device, device):
                    await self._scheduler.now(room)
                    await self._world.signal.until(partial(self._is_in, room, wanted))
        except TimeoutError:
            raise EncryptionError(
                _("The other device could not be added."), _("Start Parlour there, then try again.")
            ) from None

    async def _is_in(self, room: RoomId, device: DeviceId) -> bool:
        report = await self._keys.report(room)
        return any(member.device == device for member in report.members)

    async def _send_part(self, room: RoomId, part: bytes, number: int, parts: int) -> None:
        key, digest = attachments.new_key(), hashlib.sha256()
        sealed = attachments.seal(io.BytesIO(part), len(part), key, digest.update, _nothing)
        size = attachments.sealed_size(len(part))
        uploaded = await self._world.delivery.upload(room, sealed, size)
        if uploaded.sha256 != digest.digest():
            raise EncryptionError(_("The server stored something other than what was sent."))
        file = EncryptedFile(
            file=uploaded.file,
            key=FileKey(key.reveal()),
            sha256=uploaded.sha256,
            name=_NAME,
            media_type=_TYPE,
            size=len(part),
        )
        await self._world.say(room, HistoryContent(file=file, part=number, parts=parts))

    async def import_waiting(self) -> None:
        """Import all that waits. A part that can't be fetched now is kept, a useless one is dropped.

        Rooms catch up first: nothing newer than what this device has processed is accepted.
        """
        async with self._lock:
            await self._world.catch_up.caught_up.wait()
            own = self._keys.own.device
            for part in await self._world.archive.read(history_parts.waiting):
                try:
                    changed = await self._imported(part, own)
                except EncryptionError:
                    changed = set()
                except ApiRefusedError as error:
                    if error.code in TRANSIENT:
                        raise
                    changed = set()
                await self._world.archive.write_durably(history_parts.drop, part)
                for room in changed:
                    self._world.emit(HistoryReplaced(room))

    async def _imported(self, part: Part, own: DeviceId) -> set[RoomId]:
        """Import a part; returns the rooms with new events. Parts that are not ours are ignored.

        Raises ParlourClientError if it cannot be fetched or is not the file that was sent.
        """
        summary = self._world.state.summary(part.room)
        # MLS verified its author; and it counts only if no one else can have read the keys of the files.
        mine = summary is not None and summary.peer == self._world.state.me
        if not mine or part.device == own or part.size > PART_BYTES + _LINE:
            return set()  # anyone else could write history that never was
        into = io.BytesIO()
        async with self._world.delivery.download(part.file) as chunks:
            digest = await attachments.open_sealed(chunks, into, part.size, Secret(part.key), _nothing)
        if digest != part.sha256:
            raise EncryptionError(_("The history that arrived is not what was sent."))
        came = await asyncio.to_thread(records.read, into.getvalue())
        stored = await self._world.archive.write(
            records.store, came, self._world.state.names_me, self._world.clock.now()
        )
        await self._keys.identity.refresh()
        return set(stored.new)
