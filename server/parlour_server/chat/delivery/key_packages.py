"""Key packages: uploaded by a device, claimed by someone who adds the device to a room.

A claim returns packages only for devices that should be in the room's group and are not. Devices over their
limit are left out like devices without packages, so that a stranger cannot make someone unreachable
(exhaustion). The server does not read packages; the claimer checks them.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.delivery import ClaimedKeyPackage, ClaimedKeyPackages, ClaimKeyPackages, KeyPackages
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import KeyPackagesLow
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.limits import HYBRID_PACKAGES_LOW, KEY_PACKAGES_LOW
from parlour_protocol.rooms import RoomSuite
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.errors import NoDeviceError
from parlour_server.chat.delivery.records import ClaimRecord, NewPackages
from parlour_server.chat.service.notices import DeviceEphemeral, KeysChanged
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.bus.bus import Bus
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError, TooManyAttemptsError
from parlour_server.core.store.records import SessionRecord

_DAY: Final = 86_400_000
_USUAL: Final = 30 * _DAY
_LONGEST: Final = 90 * _DAY
"""Milliseconds; clients refuse packages with a longer validity."""
_LOW: Final = {RoomSuite.X25519: KEY_PACKAGES_LOW.value, RoomSuite.X_WING: HYBRID_PACKAGES_LOW.value}
_WAIT: Final = 60
"""Seconds to wait when every requested device is over its limit."""


@dataclass(frozen=True, slots=True)
class KeyPackageService:
    """The key packages of all devices."""

    store: ChatStore
    bus: Bus
    clock: Clock
    audit: Audit
    budgets: DeliveryBudgets

    async def put(self, session: SessionRecord, device: DeviceId, body: KeyPackages) -> None:
        """Store packages of this session's device.

        Raises NoDeviceError, RefusedError, TooManyAttemptsError.
        """
        if session.device_id != device:
            raise NoDeviceError
        self.budgets.change(session.user)
        now = self.clock.now()
        expires = Millis(now + _USUAL) if body.expires is None else body.expires
        if not now < expires <= now + _LONGEST:
            raise RefusedError(ErrorCode.MALFORMED, "key packages must expire in the future, within 90 days")
        first = await self.store.devices.put_packages(
            BySession(session.user, session.id),
            NewPackages(device, body.packages, body.last_resort, expires, body.replace, body.suite),
        )
        if first:  # it had none until now: others can add it to its rooms again
            self.bus.publish(KeysChanged(session.user))

    async def claim(self, session: SessionRecord, body: ClaimKeyPackages) -> ClaimedKeyPackages:
        """Return one package for each device that must be added to the room.

        Raises NoDeviceError, RefusedError, TooManyAttemptsError.
        """
        if session.device_id is None:
            raise NoDeviceError
        user, now = session.user, self.clock.now()
        wanted = tuple(dict.fromkeys(body.devices))
        self.budgets.claim(user, len(wanted))
        state = await self.store.groups.state(body.room, user, now)
        if state is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such encrypted room, or you are not in it")
        owners = {device.device: device.user for device in state.missing}
        known = [device for device in wanted if device in owners]
        allowed = [device for device in known if self.budgets.may_take_from(user, owners[device])]
        if known and not allowed:
            self.audit.record(AuditEvent.LIMIT_HIT, limit="claims_of_person", user=user, room=body.room)
            raise TooManyAttemptsError(_WAIT)
        by = BySession(user, session.id)
        found = await self.store.devices.claim(by, body.room, allowed, body.suite) if allowed else ()
        for record in found:
            self._notify_if_low(record)
        self.audit.record(
            DeliveryEvent.KEY_PACKAGES_CLAIMED,
            user=user,
            room=body.room,
            asked=len(wanted),
            given=len(found),
            of=", ".join(sorted({record.user for record in found})),
        )
        return ClaimedKeyPackages(tuple(ClaimedKeyPackage(record.device, record.package) for record in found))

    def _notify_if_low(self, record: ClaimRecord) -> None:
        if record.last_resort or record.left <= _LOW[record.suite]:
            low = KeyPackagesLow(left=record.left, last_resort_used=record.last_resort)
            self.bus.publish(DeviceEphemeral(record.user, record.device, low))
