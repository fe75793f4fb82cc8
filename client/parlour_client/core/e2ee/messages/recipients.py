"""Whether a message encrypted now would reach the people it is meant for, and no one else.

It is decided in the transaction that encrypts, by the group's state there and by the server's latest state,
which was fetched just before.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from parlour_client.core.e2ee.groups.group_errors import WAITING, BlockedError, NotReadyError
from parlour_client.core.e2ee.groups.group_report import GroupReport, GroupStatus, room_conflict
from parlour_client.core.e2ee.groups.transaction import ThisDevice
from parlour_client.core.e2ee.identity.key_trust import changed_words
from parlour_client.core.e2ee.maintenance.closed_accounts import closed_direct_words
from parlour_client.core.e2ee.status import Trust
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import Epoch
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

_MUST_LEAVE: Final = N_(
    "The server wants this device out of the room's group, as if you had left or the device was revoked. "
    "No one has signed that, and the server takes no messages meanwhile."
)


@dataclass(frozen=True, slots=True)
class Recipients:
    """What is known of a room besides its group."""

    own: ThisDevice
    summary: RoomSummary | None
    """The server's state of the room; None: this account is not in it."""
    leaves_in: Epoch | None
    """The epoch in which the server wants this device out of the group; None: it does not."""
    problem: ParlourClientError | None
    """Why the room could not be reconciled."""
    closed: Collection[UserName] = ()
    """Members whose accounts were deleted, as the server says."""
    left_out: str = ""
    """Why devices could not be added just now, in words; empty: there are none."""

    def require(self, report: GroupReport, trust: Callable[[UserName], Trust]) -> None:
        """Raise why nothing can be sent now: EncryptionError, NotReadyError, BlockedError, the problem."""
        if report.epoch is not None and report.epoch == self.leaves_in:
            raise NotReadyError(_MUST_LEAVE)
        if self.summary is None:
            raise EncryptionError(_("You are no longer in this room."))
        if report.status in {GroupStatus.NO_GROUP, GroupStatus.OUTSIDE}:
            raise self.problem or NotReadyError(WAITING)
        wrong = room_conflict(self.summary, report, self.own.user)
        if wrong:
            raise BlockedError(wrong, _("Do not trust this server; contact its operator some other way."))
        peer = self.summary.peer if self.summary.kind is RoomKind.DIRECT else None
        if peer is not None and peer in self.closed:
            raise EncryptionError(closed_direct_words(peer), _("Your copy of the conversation stays."))
        if peer is not None and not any(member.user == peer for member in report.members):
            if trust(peer) is Trust.CHANGED:  # their devices were revoked with the old key
                raise BlockedError(changed_words(peer))
            if self.left_out:
                raise NotReadyError(
                    _("No device of {peer} could be added, so they could not read it ({why}).").format(
                        peer=peer, why=self.left_out
                    ),
                    _("It is sent as soon as one can."),
                )
            raise NotReadyError(
                _("{peer} has no device with encryption yet, so they could not read it.").format(peer=peer),
                _("It is sent as soon as {peer} opens Parlour.").format(peer=peer),
            )
