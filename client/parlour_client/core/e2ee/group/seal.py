"""One message of a room: may it be sent, encrypted, and opened again.

Sending uses up the message key and stores ciphertext and plaintext in the caller's one durable transaction.
The same request gives the same bytes while the epoch lasts, and is encrypted again when it has changed.
Nothing is encrypted while the person must decide about a key, or while the group may have split.

A message that arrives becomes a readable event, or a row that says why it can't be read. The author is the
MLS sender, and the server must have named the same one. A message's id is in the authenticated data and is
accepted once. A refused message leaves the group unchanged, so that a forgery can't burn the key of the
genuine message, which is still readable when it arrives.
"""

import copy
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final, cast

import apsw

from parlour_client.core.archive.known_rooms import numbering
from parlour_client.core.archive.outbox_table import give_up, skip_number
from parlour_client.core.archive.rows import is_row
from parlour_client.core.archive.saved_preferences import is_strict
from parlour_client.core.e2ee.errors import (
    CONTESTED,
    WAITING,
    ArrivedError,
    BlockedError,
    DisplacedError,
    NotReadyError,
    RuleBrokenError,
)
from parlour_client.core.e2ee.group import rollback
from parlour_client.core.e2ee.group.contents import (
    NotAllowedError,
    NotReadHereError,
    body_of,
    known,
    remember,
)
from parlour_client.core.e2ee.group.follow import withheld
from parlour_client.core.e2ee.group.order import Links, older_copy_note
from parlour_client.core.e2ee.group.rules import Person, person_of
from parlour_client.core.e2ee.group.run import (
    Received,
    Transaction,
    forged,
    key_concerns,
    stripped,
    with_body,
)
from parlour_client.core.e2ee.group.statements import deed, learn, require_healed, statements_in
from parlour_client.core.e2ee.group.store import (
    Groups,
    GroupStatus,
    RoomRow,
    StoredGroup,
    require_durable,
    status_of,
)
from parlour_client.core.e2ee.identity import key_log, pins
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.model import BEFORE_JOIN, Note, NoteKind
from parlour_client.kit.language import N_, _
from parlour_mls import (
    ApplicationMessage,
    MlsError,
    NewerEpochError,
    NotForThisGroupError,
    OlderEpochError,
    OwnMessageError,
)
from parlour_protocol.encrypted import (
    AnyContent,
    Consent,
    Payload,
    TextContent,
    decode_message_payload,
    encode_message_payload,
)
from parlour_protocol.frames import LogEvent, decode_body
from parlour_protocol.frames.bodies import Blank, EncryptedMessage, Unreadable
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import REQUEST_ID_PATTERN, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Statement, digest_of

_REFUSED: Final = N_("This device could not follow a change of the room's keys.")


def _require_sendable(row: RoomRow | None, stored: StoredGroup | None) -> StoredGroup:
    """Return the group to send to. Raises NotReadyError."""
    status = status_of(row, stored)
    if stored is None:
        raise NotReadyError(WAITING)
    if status is GroupStatus.DISPLACED:
        raise DisplacedError
    if status is GroupStatus.REFUSED:
        raise NotReadyError(
            _REFUSED, _("A member must add this device again, or an owner must recreate the group.")
        )
    if status is GroupStatus.CONTESTED:
        raise NotReadyError(CONTESTED, _("Ask an owner to do so."))
    return stored


def _require_trusted(connection: apsw.Connection, groups: Groups, stored: StoredGroup, now: Millis) -> None:
    """Refuse to send while a key of someone in the group needs a decision. Raises BlockedError.

    The same if someone is not verified in a room that the person limits to verified people.
    """
    judged = stored.epoch, pins.version(connection)
    if groups.settled.get(stored.id) == judged:
        return
    members = groups.members(stored)
    for concern in key_concerns(connection, groups.judge, [one.data for one in members], now):
        raise BlockedError(concern.words)
    if is_strict(connection, stored.room):
        users = {one.user for one in members} - {groups.own.user}
        unverified = sorted(user for user in users if pins.trust(connection, user) is not Trust.VERIFIED)
        if unverified:
            raise BlockedError(strict_words(unverified), _("/verify NAME, or /strict off to send anyway."))
    groups.settled[stored.id] = stored.epoch, pins.version(connection)


def strict_words(unverified: Sequence[UserName]) -> str:
    """Say why nothing is sent to a room that is limited to verified people."""
    return _(
        "Not verified: {unverified}. This room only sends to verified people, so nothing is sent."
    ).format(unverified=", ".join(unverified))


def encrypt(
    connection: apsw.Connection,
    groups: Groups,
    request: RequestId,
    room: RoomId,
    content: AnyContent,
    now: Millis,
    blanks: Seq | None = None,
    before: Collection[RequestId] = (),
) -> SendEncrypted:
    """Return the frame to send. Raises ArrivedError, BlockedError, NotReadyError, NotDurableError.

    ``now`` is by this device's clock; ``before``: requests that the server has, or that go before this one.
    """
    row, stored = groups.both(connection, room)
    if row is not None and row.recreate:
        raise NotReadyError(rollback.RECREATE_FIRST)
    stored = _require_sendable(row, stored)
    _require_trusted(connection, groups, stored, now)
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
        blanks, content = None if at is None else Seq(at), decode_message_payload(first).content
        if (group, epoch) == (stored.id, stored.epoch):
            return _frame(stored, request, data, blanks)
    if stored.group.proposals:
        raise NotReadyError(_("A change of the room's keys must be made first."))
    link = links.next(number, before)
    text = encode_message_payload(Payload(content, link, key_log.seen(connection), tuple(consent)))
    try:
        data = stored.group.encrypt(text, request.encode())
    except MlsError as error:
        raise NotReadyError(_("The room's keys can't be used now: {error}.").format(error=error)) from error
    stored.sent += 1
    groups.save(connection, stored)
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


_MISSED: Final = N_("It was sent with newer keys of the room, which this device does not have.")
_WITHOUT_THE_LOST: Final = N_(
    "It was sent after the server was rolled back, with keys that this device had replaced before that."
)
_TOO_LATE: Final = N_("It arrived too late: its keys are gone. Ask its author to send it again.")
_DAMAGED: Final = N_("It is damaged or forged, and cannot be read. Ask its author to send it again.")
_NEWER: Final = N_(
    "Unknown format: it was sent by a newer or a broken Parlour (to update: pip install -U parlour)."
)
_FORBIDDEN: Final = N_("It has characters that are not allowed, or too many; it is not shown.")
_TEXTS: Final = (".text", ".reaction", ".name", "not UTF-8")
"""The end of the reason for a refused text, but not for an unknown field of a newer version."""
_NO_COPY: Final = N_("This device sent it, but its text is no longer here.")
_REPLAY: Final = N_(
    "A message came a second time, or in place of another one: the server replayed it, or "
    "its author uses two copies of one home folder. It is not shown."
)
_ELSEWHERE: Final = N_("The server put a message from another room or group here; it is not shown.")
_WRONG_AUTHOR: Final = N_("The server named the wrong author; it is not shown.")
_WRONG_EPOCH: Final = N_("The server claimed the wrong epoch for a message.")
_ID: Final = re.compile(REQUEST_ID_PATTERN)


def open_message(  # noqa: PLR0911 - one return for each refusal, in order
    transaction: Transaction, event: LogEvent, body: EncryptedMessage
) -> Received:
    """Decrypt one event."""
    stored = transaction.stored
    if transaction.row.group is not None and body.group != transaction.row.group:
        return forged(event, _ELSEWHERE)
    ours = _sealed_here(transaction, event, body) if event.author == transaction.own.user else None
    if ours is not None:  # first: its sender cannot decrypt it, perhaps is out of the group by now
        return ours
    if stored is None or stored.id != body.group:
        return _unread(event, BEFORE_JOIN)
    trial = copy.copy(stored.group)
    try:
        opened = trial.decrypt(body.data)
        author = person_of(opened.sender, transaction.own.server)
    except MlsError as error:
        return _sealed_here(transaction, event, body) or _refused(transaction, stored, event, body, error)
    if opened.epoch != body.epoch:
        return forged(event, _WRONG_EPOCH)
    if author.user != event.author:
        # Least Authority on Marmot, #45: MLS verified the author; ignore the claim that comes with the
        # message.
        return forged(event, _WRONG_AUTHOR)
    message = _message_id(opened)
    if message is None:
        return _unread(event, _DAMAGED)
    try:
        payload = decode_message_payload(opened.data)
    except MalformedFrameError as error:
        again = known(transaction.connection, event.room, message) is not None
        cause = _FORBIDDEN if str(error).endswith(_TEXTS) else _NEWER
        return forged(event, _REPLAY) if again else _unread(event, cause)
    current = opened.epoch == stored.epoch
    said = _said(transaction, event, author, message, payload, current=current)
    if said is None:
        return forged(event, _REPLAY)
    stored.group, transaction.changed = trial, True
    return said


def _message_id(opened: ApplicationMessage) -> RequestId | None:
    text = opened.authenticated_data.decode("latin-1")
    return RequestId(text) if _ID.fullmatch(text) else None


def _refused(
    transaction: Transaction, stored: StoredGroup, event: LogEvent, body: EncryptedMessage, error: MlsError
) -> Received:
    """Say why it cannot be read; say so if only a lying server can cause it."""
    if isinstance(error, OwnMessageError):
        return _not_sealed_here(transaction, event, body)
    if rollback.is_due(transaction.connection, event.room):
        return _unread(event, _WITHOUT_THE_LOST)
    if isinstance(error, OlderEpochError) and body.epoch == stored.epoch:
        return forged(event, _REPLAY)
    lies = {NotForThisGroupError: _ELSEWHERE, RuleBrokenError: _WRONG_AUTHOR}
    if type(error) in lies:
        return forged(event, lies[type(error)])
    if isinstance(error, NewerEpochError) and stored.status == "active" and body.epoch > stored.epoch:
        return withheld(transaction, stored, event, body.epoch)
    late = BEFORE_JOIN if event.at < stored.joined else _TOO_LATE
    missed = DisplacedError().whole if stored.displaced else _MISSED
    causes: dict[type[MlsError], str] = {NewerEpochError: missed, OlderEpochError: late}
    return _unread(event, causes.get(type(error), _DAMAGED))


def _unread(event: LogEvent, trouble: str) -> Received:
    return Received(with_body(event, stripped(event.body)), sealed=True, trouble=trouble)


def unread_before_join(event: LogEvent) -> Received:
    """Show a message from a time when this device was not in the group."""
    return _unread(event, BEFORE_JOIN)


def _sealed_here(transaction: Transaction, event: LogEvent, body: EncryptedMessage) -> Received | None:
    """Read a message of this device by its exact bytes: its sender is the one who cannot decrypt it.

    Its authenticated data is not enough: nothing verifies it for one's own message.
    """
    query = """
        SELECT mls_sealed.request, payload, mls_ciphertexts.number, mls_sealed.number
        FROM mls_ciphertexts JOIN mls_sealed USING (request)
        WHERE digest = ? AND room = ?"""
    values = (hashlib.sha256(body.data).digest(), event.room)
    for request, payload, number, newest in cast(
        "list[tuple[str, bytes, int | None, int | None]]",
        list(transaction.connection.execute(query, values)),
    ):
        message = RequestId(request)
        if event.author != transaction.own.user:
            return forged(event, _WRONG_AUTHOR)
        author = Person(transaction.own.user, transaction.own.device)
        found = _said(transaction, event, author, message, decode_message_payload(payload), own=True)
        if found is None:
            return forged(event, _REPLAY)
        transaction.links.said(number)
        if number != newest:
            skip_number(transaction.connection, message)
        transaction.connection.execute("DELETE FROM mls_sealed WHERE request = ?", (request,))
        transaction.connection.execute("DELETE FROM mls_ciphertexts WHERE digest = ?", values[:1])
        return found
    return None


def _not_sealed_here(transaction: Transaction, event: LogEvent, body: EncryptedMessage) -> Received:
    """Tell a replay, or a dropped message, from one that another copy of this home has encrypted."""
    if transaction.links.is_known(body.data):
        return forged(event, _REPLAY)
    unread = _unread(event, _NO_COPY)
    given_up = "SELECT 1 FROM mls_ciphertexts WHERE digest = ?"
    if any(transaction.connection.execute(given_up, (hashlib.sha256(body.data).digest(),))):
        return unread
    first = not transaction.links.is_older
    transaction.links.found_older_copy()
    return replace(unread, note=older_copy_note(transaction.own.user)) if first else unread


def _said(
    transaction: Transaction,
    event: LogEvent,
    author: Person,
    message: RequestId,
    payload: Payload,
    *,
    own: bool = False,
    current: bool = False,
) -> Received | None:
    """Return the content; it is genuine, but may exceed its author's rights. None: a replay.

    ``current``: it was encrypted in the current epoch.
    """
    content, request = payload.content, message if own else None
    blanks = event.body.blanks if isinstance(event.body, EncryptedMessage) else None
    said, trouble = None, ""
    try:
        said = body_of(transaction.connection, transaction.speaker(author.user), content, blanks)
    except NotReadHereError:
        pass  # a missing message is reported by its number
    except NotAllowedError as error:
        trouble = _("{user} sent something that was rejected: {error}").format(user=author.user, error=error)
    text = isinstance(content, TextContent) and not trouble
    if not remember(transaction.connection, event.room, message, event.seq, author.user, text=text):
        return None
    note, late = None, False
    if not own:
        note, late = transaction.links.hear(
            event.seq, author.user, author.device, payload.link, current=current
        )
        note = _hear_consent(transaction, event, author, payload.consent) or note
    return Received(
        with_body(event, stripped(event.body) if said is None else said),
        row=bool(trouble) or note is not None or (said is not None and is_row(said)),
        sealed=True,
        trouble=trouble,
        note=note,
        late=late,
        message=message,
        content=None if trouble else content,
        device=author.device,
        key_log=payload.key_log,
        request=request,
    )


def _hear_consent(
    transaction: Transaction, event: LogEvent, author: Person, entries: Sequence[Consent]
) -> Note | None:
    """Learn what the author knows of the room's members; say so if the server left it out here.

    The statements are their authors' own, and so is the right to make them. The number is only the word of
    the message's author: it counts where this device was shown something else.
    """
    withheld = []
    for entry in entries:
        statement = learn(transaction.connection, event.room, entry.statement)
        if statement is None:
            continue
        transaction.receipt.learned = True
        if entry.number is not None and _was_shown_otherwise(transaction, event, entry.number, statement):
            withheld.append(
                _(
                    "{author} was shown that {by} {did} (number {number}); the server did not show it here."
                ).format(author=author.user, by=statement.by, did=deed(statement), number=entry.number)
            )
    return Note(NoteKind.FORGED, author.user, " ".join(withheld)) if withheld else None


def _was_shown_otherwise(
    transaction: Transaction, event: LogEvent, number: int, statement: Statement
) -> bool:
    """Say whether this device was shown an event at the server's number that has not this statement.

    What it was not shown at all (before it began, or lost in a rollback) proves nothing.
    """
    seq = numbering(transaction.connection, event.room).to_local(Seq(number))
    if seq >= event.seq:
        return False
    bodies = [item.event.body for item in transaction.receipt.items if item.event.seq == seq]
    query = "SELECT body FROM events WHERE room = ? AND seq = ?"
    for (body,) in list(transaction.connection.execute(query, (event.room, seq))):
        bodies.append(decode_body(str(body)))
    if any(isinstance(body, Unreadable | Blank) for body in bodies):
        return False
    return bool(bodies) and all(
        digest_of(data) != statement.digest for body in bodies for data in statements_in(body)
    )
