"""Encrypts messages for a room and stores them on disk before they are sent.

The message key is used up and ciphertext and plaintext are stored in the caller's one durable transaction.
The same request gives the same bytes while the epoch lasts, and is encrypted again when it has changed.
Nothing is encrypted while the person must decide about a key, or while the group may have split.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Final, cast

import apsw
from msgspec.structs import replace as replace_fields

from parlour_client.core.archive.outbox_table import give_up
from parlour_client.core.archive.saved_preferences import is_strict
from parlour_client.core.e2ee.groups.group_errors import (
    CONTESTED,
    WAITING,
    ArrivedError,
    BlockedError,
    DisplacedError,
    NotReadyError,
)
from parlour_client.core.e2ee.groups.group_store import GroupStore, RoomRow, StoredGroup, require_durable
from parlour_client.core.e2ee.groups.link_store import Links
from parlour_client.core.e2ee.groups.payloads import known
from parlour_client.core.e2ee.groups.policy import certificate_bytes
from parlour_client.core.e2ee.groups.statements import require_healed
from parlour_client.core.e2ee.groups.transaction import Judge, key_concerns
from parlour_client.core.e2ee.identity import key_trust
from parlour_client.core.e2ee.identity.certificates import read_certificate
from parlour_client.core.e2ee.status import Trust
from parlour_client.kit.language import N_, _
from parlour_mls import MlsError
from parlour_protocol.encrypted import Payload, decode_message_payload, encode_message_payload
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName

_REFUSED: Final = N_("This device could not follow a change of the room's keys.")


def require_sendable(row: RoomRow | None, stored: StoredGroup | None) -> StoredGroup:
    """Return the group to send to. Raises NotReadyError."""
    if row is None or stored is None or stored.status == "creating":
        raise NotReadyError(WAITING)
    if stored.displaced:
        raise DisplacedError
    if stored.status == "refused":
        raise NotReadyError(
            _REFUSED, _("A member must add this device again, or an owner must recreate the group.")
        )
    if row.contested:
        raise NotReadyError(CONTESTED, _("Ask an owner to do so."))
    return stored


def require_trusted(
    connection: apsw.Connection,
    judge: Judge,
    group_store: GroupStore,
    stored: StoredGroup,
    me: UserName,
    now: Millis,
) -> None:
    """Refuse to send while a key of someone in the group needs a decision. Raises BlockedError.

    The same if someone is not verified in a room that the person limits to verified people.
    """
    judged = stored.epoch, key_trust.version(connection)
    if group_store.settled.get(stored.id) == judged:
        return
    leaves = [certificate_bytes(leaf) for _index, leaf in stored.group.tree.members()]
    for concern in key_concerns(connection, judge, leaves, now):
        raise BlockedError(concern.words)
    if is_strict(connection, stored.room):
        users = {read_certificate(leaf).user for leaf in leaves} - {me}
        unverified = sorted(user for user in users if key_trust.trust(connection, user) is not Trust.VERIFIED)
        if unverified:
            raise BlockedError(strict_words(unverified), _("/verify NAME, or /strict off to send anyway."))
    group_store.settled[stored.id] = stored.epoch, key_trust.version(connection)


def strict_words(unverified: Sequence[UserName]) -> str:
    """Say why nothing is sent to a room that is limited to verified people."""
    return _(
        "Not verified: {unverified}. This room only sends to verified people, so nothing is sent."
    ).format(unverified=", ".join(unverified))


def encrypt_message(
    connection: apsw.Connection,
    group_store: GroupStore,
    stored: StoredGroup,
    request: RequestId,
    payload: Payload,
    blanks: Seq | None,
    now: Millis,
    before: Collection[RequestId],
) -> SendEncrypted:
    """Return the frame to send. Raises ArrivedError, NotReadyError, NotDurableError.

    ``now`` is by this device's clock; ``before``: requests that the server has, or that go before this one.
    """
    require_durable(connection)
    here = known(connection, stored.room, request)
    if here is not None:
        raise ArrivedError(here.seq)
    links = Links(connection, stored.room)
    links.require_fresh()
    consent = require_healed(connection, stored, now)
    query = """
        SELECT group_id, epoch, data, blanks, payload, number FROM mls_sealed
        WHERE request = ? AND room = ?"""
    number = None
    for row in list(connection.execute(query, (request, stored.room))):
        group, epoch, data, at, first, number = cast(
            "tuple[str, int, bytes, int | None, bytes, int | None]", row
        )
        blanks, payload = None if at is None else Seq(at), decode_message_payload(first)
        if (group, epoch) == (stored.id, stored.epoch):
            return _frame(stored, request, data, blanks)
    if stored.group.proposals:
        raise NotReadyError(_("A change of the room's keys must be made first."))
    link = links.next(number, before)
    text = encode_message_payload(replace_fields(payload, link=link, consent=consent))
    try:
        data = stored.group.encrypt(text, request.encode())
    except MlsError as error:
        raise NotReadyError(_("The room's keys can't be used now: {error}.").format(error=error)) from error
    stored.sent += 1
    group_store.save(connection, stored)
    links.save()
    _keep(connection, stored, request, data, blanks, text, link.number)
    return _frame(stored, request, data, blanks)


def _keep(
    connection: apsw.Connection,
    stored: StoredGroup,
    request: RequestId,
    data: bytes,
    blanks: Seq | None,
    text: bytes,
    number: int,
) -> None:
    query = """
        INSERT INTO mls_sealed VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request) DO UPDATE
        SET group_id = excluded.group_id, epoch = excluded.epoch, data = excluded.data,
            payload = excluded.payload, number = excluded.number"""
    connection.execute(query, (request, stored.room, stored.id, stored.epoch, data, blanks, text, number))
    digest = hashlib.sha256(data).digest()
    connection.execute("INSERT INTO mls_ciphertexts VALUES (?, ?, ?)", (digest, request, number))


def _frame(stored: StoredGroup, request: RequestId, data: bytes, blanks: Seq | None) -> SendEncrypted:
    return SendEncrypted(
        id=request,
        room=stored.room,
        group=GroupId(stored.id),
        epoch=Epoch(stored.epoch),
        data=Ciphertext(data),
        blanks=blanks,
    )


def forget(connection: apsw.Connection, request: RequestId) -> None:
    """Forget a message that was never sent, or that the server has refused for good.

    Its digest is remembered in case the server stores it: then no other copy of this home has encrypted it.
    """
    give_up(connection, request)
    connection.execute("DELETE FROM mls_sealed WHERE request = ?", (request,))
