"""Processes the events of one encrypted room in strict order: one run, one transaction.

No plaintext is accepted after the room became encrypted. The run stops before a Handshake that adds this
device, because its Welcome must be opened first. It never asks the server. The caller stores the results in
the same transaction, so that a ratchet step and its message are both on disk or neither is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import apsw

from parlour_client.core.archive.rows import is_row
from parlour_client.core.e2ee.errors import JoinRefusedError, KeyLogNeededError, RuleBrokenError
from parlour_client.core.e2ee.group.follow import (
    leave_group,
    process_commit,
    process_contested,
    process_created,
)
from parlour_client.core.e2ee.group.order import Links, moved_note, note_blanked, note_deletion
from parlour_client.core.e2ee.group.rules import statement_of
from parlour_client.core.e2ee.group.run import Receipt, Received, Transaction, silent, succeeds_by, with_body
from parlour_client.core.e2ee.group.seal import open_message, unread_before_join
from parlour_client.core.e2ee.group.statements import devices_of, executable, note, statements_in, unexecuted
from parlour_client.core.e2ee.group.store import (
    Groups,
    RoomRow,
    highest_epoch,
    know_roster,
    load_room,
    save_room,
)
from parlour_client.core.model import Note, NoteKind
from parlour_client.core.room_log.missing import MissingEvents, first_of, have_expired
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import N_, _
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    Banned,
    Blank,
    Contested,
    Created,
    Deleted,
    EncryptedMessage,
    GroupCreated,
    Handshake,
    Kicked,
    Left,
    reaches_back,
    target_of,
)
from parlour_protocol.frames.event_rules import Rooms
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.membership import Execution

_PLAINTEXT: Final = N_("Something unencrypted arrived in this encrypted room; it is not shown.")


def process(
    connection: apsw.Connection,
    groups: Groups,
    room: RoomId,
    events: Sequence[LogEvent],
    now: Millis,
    *,
    welcome_missing: bool = False,
    refused: JoinRefusedError | None = None,
    key_log_read: bool = False,
) -> Receipt:
    """Process the events after the room's cursor; store ``items`` in the same transaction.

    Those processed before are dropped. ``now`` is this device's time. ``welcome_missing``: there is no
    Welcome for the Handshake that an earlier receipt waits for, or it was ``refused``. ``key_log_read``: the
    key log was read to its end, for the same reason. Raises ServerMisbehavedError if events are missing in
    between and no `MissingEvents` says so.
    """
    row = load_room(connection, room) or RoomRow(room, Seq(0))
    stored, receipt = groups.load(connection, row.group), Receipt([], row.cursor)
    if stored is not None:
        stored.rules.succeeds = succeeds_by(connection, key_log_read=key_log_read)
    transaction = Transaction(
        connection,
        groups,
        row,
        stored,
        Links(connection, room),
        now,
        receipt,
        welcome_missing=welcome_missing,
        refused=refused,
    )
    for event in events:
        if event.seq <= row.cursor:
            continue
        if first_of(event) > row.cursor + 1 or event.room != row.room:
            raise ServerMisbehavedError(_("The server's history of an encrypted room has a gap."))
        if needs_welcome(transaction, event):
            receipt.needs_welcome = event
            break
        if transaction.stored is not None and transaction.stored.forget_old(event.at, transaction.now):
            transaction.changed = True
        transaction.links.begins(event.seq)
        try:
            received = _process_event(transaction, event)
        except KeyLogNeededError:
            receipt.needs_key_log = event
            break
        receipt.items.append(_placed(transaction, event, received))
        row.cursor = event.seq
        transaction.welcome_missing = False
    if transaction.stored is not None and transaction.changed:
        transaction.groups.save(transaction.connection, transaction.stored)
    save_room(transaction.connection, row)
    transaction.links.save()
    receipt.corrected = _corrected(transaction)
    know_roster(transaction.connection, row.room, transaction.roster)
    receipt.cursor, receipt.older = row.cursor, transaction.links.is_older
    receipt.unexecuted = _is_unexecuted(transaction)
    return receipt


def needs_welcome(transaction: Transaction, event: LogEvent) -> bool:
    """Say whether an event adds this device to a group that it is not in, and never was in so late."""
    body = event.body
    if (
        not isinstance(body, Handshake)
        or transaction.own.device not in body.added
        or transaction.welcome_missing
    ):
        return False
    return (
        transaction.stored is None
        and transaction.row.group in {None, body.group}
        and body.epoch + 1 > highest_epoch(transaction.connection, body.group)
    )


def _process_event(transaction: Transaction, event: LogEvent) -> Received:
    note_encryption(transaction.row, event)
    match event.body:
        case EncryptedMessage() as body:
            return open_message(transaction, event, body)
        case Handshake() as body:
            return process_commit(transaction, event, body)
        case GroupCreated() as body:
            return process_created(transaction, event, body)
        case Contested() as body:
            return process_contested(transaction, event, body)
        case _ if _went(transaction, event):
            _learn(transaction, event)
            leave_group(transaction)
            transaction.row.group, transaction.row.contested, transaction.receipt.moved = None, False, True
            return Received(event)
        case _:
            _learn(transaction, event)
            return _readable(event, transaction.row.since)


def _is_unexecuted(transaction: Transaction) -> bool:
    if transaction.stored is None or not (transaction.receipt.learned or transaction.receipt.moved):
        return False
    return bool(unexecuted(transaction.connection, transaction.stored, transaction.now)[1])


def _learn(transaction: Transaction, event: LogEvent) -> None:
    if note(transaction.connection, event):
        transaction.receipt.learned = True


def _placed(transaction: Transaction, event: LogEvent, item: Received) -> Received:
    """Give an encrypted event its place among those that other devices say they have processed."""
    if have_expired(event):
        transaction.links.expired(
            event.seq, event.seq - max(event.first, (transaction.row.since or 0) + 1) + 1
        )
        return item
    body = event.body
    unread = event.author if item.message is None else None
    if isinstance(body, Blank) and body.was == "sealed":
        note_blanked(transaction.connection, event.room, event.seq)
        transaction.links.place(event.seq, None, unread, late=False)
    elif isinstance(body, EncryptedMessage):
        if item.message is None or isinstance(item.event.body, Deleted):
            note_deletion(transaction.connection, event.room, body.blanks)
        was_seen = transaction.links.place(event.seq, body.data, unread, late=item.late)
        if was_seen and item.note is None and not item.trouble:
            return replace(item, row=True, note=moved_note(event.author))
    return item


def _corrected(transaction: Transaction) -> dict[Seq, Note | None]:
    """Correct notes of this run; returns those of events that are stored already."""
    corrected = dict(transaction.links.corrected)
    for at, item in enumerate(transaction.receipt.items):
        seq = item.event.seq
        if seq in corrected:
            note = corrected.pop(seq)
            said = is_row(item.event.body) and not isinstance(item.event.body, EncryptedMessage)
            row = note is not None or bool(item.trouble) or said
            transaction.receipt.items[at] = replace(item, note=note, row=row)
    return corrected


def _went(transaction: Transaction, event: LogEvent) -> bool:
    """Say whether this account left the room or was removed: by a statement, if this device is in its group.

    Then all its devices delete the keys, also those that were offline; they are added again if it comes back.
    """
    match event.body:
        case Left():
            went = event.author == transaction.own.user
        case Kicked(who=who) | Banned(who=who):
            went = who == transaction.own.user
        case _:
            return False
    if not went or transaction.stored is None:
        return went
    try:
        signed = [statement_of(data) for data in statements_in(event.body)]
    except RuleBrokenError:
        return False
    rules, devices = transaction.stored.rules, devices_of(transaction.stored)
    execution = Execution(event.at, None, devices, rules.succeeds)
    after, _done = executable(rules.roster, signed, execution)
    return not after.admits(transaction.own.user, transaction.own.admitted_key)


def note_encryption(row: RoomRow, event: LogEvent) -> None:
    """Move the start of encryption down to an event that only an encrypted room has; never up."""
    body = event.body
    if body.rules.rooms is Rooms.ENCRYPTED or (isinstance(body, Created) and body.encrypted):
        row.since = min(event.seq, row.since or event.seq)


def _readable(event: LogEvent, since: Seq | None) -> Received:
    """Accept a public event, unless only encrypted ones are allowed at its place."""
    if isinstance(event, MissingEvents):  # perhaps a commit: then later events can't be processed, and say so
        return Received(event, note=event.note)
    body = event.body
    if isinstance(body, Blank) and body.was == "sealed":
        return Received(with_body(event, Blank(was="message")), sealed=True)
    # Deletions may still concern messages from before the room became encrypted.
    target = target_of(body) if reaches_back(body) else None
    is_before = since is not None and target is not None and target < since
    if body.rules.rooms is Rooms.OPEN and since is not None and event.seq > since and not is_before:
        note = Note(NoteKind.PLAINTEXT_REFUSED, event.author, _PLAINTEXT)
        return Received(with_body(event, Blank(was="message")), note=note)
    return Received(event, row=is_row(body))


def before_join(connection: apsw.Connection, room: RoomId, events: Sequence[LogEvent]) -> list[Received]:
    """Return events below the cursor as seen by someone who was not in the group then."""
    row = load_room(connection, room) or RoomRow(room, Seq(0))
    items = []
    for event in events:
        note_encryption(row, event)
    save_room(connection, row)
    for event in events:
        body = event.body
        if isinstance(body, EncryptedMessage):
            items.append(unread_before_join(event))
        elif isinstance(body, Handshake | GroupCreated | Contested):
            items.append(silent(event))
        else:
            items.append(_readable(event, row.since))
    return items
