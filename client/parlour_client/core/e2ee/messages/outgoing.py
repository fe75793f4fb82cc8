"""Turns a person's request into a frame to send: the room is made ready, then the message is encrypted.

Plaintext is never sent to an encrypted room, except to take back what was readable before it was encrypted: a
deletion, or an unpin. Whether a message would reach the people it is meant for, and no one else, is decided
in the transaction that encrypts, by the group's state there and by the server's latest state, which was
fetched just before; one that would reach no one is held (a direct room whose other person has no device).
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import apsw

from parlour_client.core.archive.outbox_table import AlsoWrite, is_queued
from parlour_client.core.e2ee.errors import (
    WAITING,
    AnotherGroupError,
    BlockedError,
    NotReadyError,
)
from parlour_client.core.e2ee.group import seal
from parlour_client.core.e2ee.group.contents import Intent, SendContent, content_of, known, was_readable
from parlour_client.core.e2ee.group.report import (
    GroupReport,
    closed_direct_words,
    report,
    room_conflict,
)
from parlour_client.core.e2ee.group.store import Groups, GroupStatus
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.identity.pins import changed_words, trust
from parlour_client.core.e2ee.inspection import ShownPolicy, refuse_unchecked
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.renew import Renewal
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.messages.incoming import Incoming
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.e2ee.world import World, quietly
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import (
    ApiRefusedError,
    ParlourClientError,
    ServerMisbehavedError,
    StoppedError,
)
from parlour_client.kit.language import N_, _
from parlour_mls import MlsError
from parlour_protocol.frames import RoomSummary
from parlour_protocol.frames.requests import Delete, Pin, SendEncrypted
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import Millis, RequestId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

_MUST_LEAVE: Final = N_(
    "The server wants this device out of the room's group, as if you had left or the device was revoked. "
    "No one has signed that, and the server takes no messages meanwhile."
)


@dataclass(frozen=True, slots=True)
class Recipients:
    """What is known of a room besides its group."""

    own: OwnIdentity
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
            raise EncryptionError(closed_direct_words(peer), _("Your copy of the room stays."))
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


_REMEMBERED: Final = 256
AT_ONCE: Final = 16
"""Requests encrypted in one durable write."""


Encrypted = SendEncrypted | Delete | Pin | ParlourClientError
"""The result for one request: a frame to send, or why there is none (``ArrivedError``: it is in the log)."""


class Outgoing:
    """Encrypts for all rooms."""

    def __init__(
        self, world: World, keys: Keys, scheduler: Scheduler, renewal: Renewal, incoming: Incoming
    ) -> None:
        self._world = world
        self._keys = keys
        self._scheduler = scheduler
        self._renewal = renewal
        self._incoming = incoming
        self._stored: dict[RoomId, dict[RequestId, None]] = {}
        """What the server has said that it has, since something was sealed last."""

    async def encrypt(self, room: RoomId, frames: Sequence[Intent]) -> list[Encrypted]:
        """Encrypt requests in order. Raises ParlourClientError if the room can't be written to now."""
        work = self._encryption(room, frames, await self._ready(room))
        sealed = await self._world.archive.write_durably(work)
        if any(isinstance(one, BlockedError) for one in sealed):
            # Perhaps this device's copy of the key log is only behind: then there is nothing to decide.
            await quietly(self._keys.identity.catch_up())
            sealed = await self._world.archive.write_durably(work)
        blocked = next((one for one in sealed if isinstance(one, BlockedError)), None)
        if blocked is not None:
            raise blocked
        return sealed

    def encrypt_early(self, room: RoomId, frames: Sequence[Intent]) -> AlsoWrite | None:
        """Return a function that encrypts requests in the same write that queues them, if a room is ready.

        It saves the second wait for the disk. Nothing is sent by it: ``encrypt`` checks everything again, and
        gives the same bytes while the epoch lasts.
        """
        sure = self._world.live.conversation is not None and self._scheduler.is_ready(room)
        if not sure or len(frames) > AT_ONCE:
            return None  # uncertain: the server's log may be newer than the keys here
        if self._keys.maybe_groups is None:
            return None
        return partial(_encrypt_early, work=self._encryption(room, frames))

    def _encryption(
        self, room: RoomId, frames: Sequence[Intent], recipients: Recipients | None = None
    ) -> Callable[[apsw.Connection], list[Encrypted]]:
        return partial(
            _encrypt,
            groups=self._keys.groups,
            room=room,
            frames=frames,
            now=self._world.clock.now(),
            before=set(self._stored.get(room, ())),
            policy=self._keys.identity.policy,
            recipients=recipients,
        )

    def stored(self, frame: Intent) -> None:
        """Note that the server has stored a request of ours, at most until its event is here."""
        if not isinstance(frame, SendContent):
            self._renewal.sent(frame.room)
        stored = self._stored.setdefault(frame.room, {})
        stored[frame.id] = None
        while len(stored) > _REMEMBERED:
            del stored[next(iter(stored))]

    def moved_on(self, room: RoomId) -> None:
        """Note that the server refused something because the group is in another state."""
        self._scheduler.unsure.add(room)

    async def forget(self, request: RequestId) -> None:
        """Delete the ciphertext of a request that was never sent, or was refused for good."""
        await self._world.archive.write(seal.forget, request)

    async def _ready(self, room: RoomId) -> Recipients:
        """Reconcile the room if necessary; return a check of whether anyone would be reached."""
        if self._keys.trouble is not None:
            raise self._keys.trouble
        own = self._keys.own  # raises while this device is not approved
        await self._incoming.track(room)
        await self._keys.reached(room)
        scheduler = self._scheduler
        try:
            await scheduler.ready(room)
        except AnotherGroupError:
            raise  # what is encrypted for its own group is refused, however often
        except (EncryptionError, ApiRefusedError):
            # Someone could not be added, or removed. Those who are inside can still be written to: the server
            # says whether someone inside must not be (`removal_pending`).
            pass
        except ServerMisbehavedError as error:
            raise EncryptionError(str(error), error.hint) from error
        return Recipients(
            own,
            self._world.state.summary(room),
            scheduler.leaves_in(room, own.device),
            scheduler.problems.get(room),
            scheduler.closed(room),
            scheduler.left_out(room),
        )


def _encrypt(
    connection: apsw.Connection,
    groups: Groups,
    room: RoomId,
    frames: Sequence[Intent],
    now: Millis,
    before: set[RequestId],
    policy: ShownPolicy,
    recipients: Recipients | None,
) -> list[Encrypted]:
    """Encrypt in the order of sending, each request after those before it.

    With ``recipients`` only if they are reached: what is encrypted without is checked before it is sent.
    """
    if recipients is not None:
        recipients.require(report(connection, groups, room), partial(trust, connection))
    sealed = []
    for frame in frames:
        one = _encrypt_one(connection, groups, frame, now, before, policy)
        sealed.append(one)
        if isinstance(one, SendEncrypted):
            before = {*before, one.id}
    return sealed


def _encrypt_one(
    connection: apsw.Connection,
    groups: Groups,
    frame: Intent,
    now: Millis,
    before: set[RequestId],
    policy: ShownPolicy,
) -> Encrypted:
    takes_back = not (isinstance(frame, Pin) and frame.on)
    if isinstance(frame, Delete | Pin) and takes_back and was_readable(connection, frame.room, frame.target):
        return frame
    try:
        if not isinstance(frame, SendContent):
            if not is_queued(connection, frame.id) and known(connection, frame.room, frame.id) is None:
                # Its text would be kept beside the outbox for ever, and its number be used up.
                return StoppedError(_("The message was cancelled."))
            refuse_unchecked(connection, policy, frame)
        content, blanks = content_of(connection, frame)
        return seal.encrypt(connection, groups, frame.id, frame.room, content, now, blanks, before)
    except NotReadyError:
        raise  # the room's problem, not this request's: nothing is encrypted, and all of them wait
    except EncryptionError as error:
        return error


def _encrypt_early(connection: apsw.Connection, work: Callable[[apsw.Connection], list[Encrypted]]) -> None:
    """Encrypt, or change nothing: the message is queued in any case, and its lane finds out why."""
    with suppress(MlsError, NotReadyError), connection:  # a savepoint of its own
        work(connection)
