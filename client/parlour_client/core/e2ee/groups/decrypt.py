"""Decrypting the messages of a room: each becomes a readable event, or a row that says why it can't be read.

The author is the MLS sender, and the server must have named the same one. A message's id is in the
authenticated data and is accepted once. A refused message leaves the group unchanged, so that a forgery
can't burn the key of the genuine message, which is still readable when it arrives.
"""

import copy
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from parlour_client.core.archive.numbering_table import numbering
from parlour_client.core.archive.outbox_table import skip_number
from parlour_client.core.archive.rows import is_row
from parlour_client.core.e2ee.groups import group_rollback
from parlour_client.core.e2ee.groups.group_errors import DisplacedError, RuleBrokenError
from parlour_client.core.e2ee.groups.group_store import StoredGroup
from parlour_client.core.e2ee.groups.handshakes import withheld
from parlour_client.core.e2ee.groups.link_notes import older_copy_note
from parlour_client.core.e2ee.groups.payloads import (
    NotAllowedError,
    NotReadHereError,
    body_of,
    known,
    remember,
)
from parlour_client.core.e2ee.groups.policy import Person, person_of
from parlour_client.core.e2ee.groups.received import Received
from parlour_client.core.e2ee.groups.statements import deed, learn, statements_in
from parlour_client.core.e2ee.groups.transaction import Transaction, forged, stripped, with_body
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
from parlour_protocol.encrypted import Consent, Payload, TextContent, decode_message_payload
from parlour_protocol.frames import LogEvent, decode_body
from parlour_protocol.frames.bodies import Blank, EncryptedMessage, Unreadable
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import REQUEST_ID_PATTERN, RequestId, Seq
from parlour_protocol.membership import Statement, digest_of

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
    if group_rollback.is_due(transaction.connection, event.room):
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
    if payload.link is not None and not own:
        note, late = transaction.links.hear(
            event.seq, author.user, author.device, payload.link, current=current
        )
    if payload.consent and not own:
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
        transaction.learned = True
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
    bodies = [item.event.body for item in transaction.items if item.event.seq == seq]
    query = "SELECT body FROM events WHERE room = ? AND seq = ?"
    for (body,) in list(transaction.connection.execute(query, (event.room, seq))):
        bodies.append(decode_body(str(body)))
    if any(isinstance(body, Unreadable | Blank) for body in bodies):
        return False
    return bool(bodies) and all(
        digest_of(data) != statement.digest for body in bodies for data in statements_in(body)
    )
