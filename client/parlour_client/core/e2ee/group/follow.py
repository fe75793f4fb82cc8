"""Commits and group creations in the log: applied, recognised as our own, or refused without effect.

A commit of this device takes effect only here, when its event appears; one that lost to another is reported
as lost. A commit that could not be processed is reported to the server (``ToContest``) once the queue is
drained.
"""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from parlour_client.core.e2ee.errors import (
    DisplacedError,
    KeyLogNeededError,
    RuleBrokenError,
    UnfitGroupError,
    UnusableWelcomeError,
)
from parlour_client.core.e2ee.group import rollback, statements
from parlour_client.core.e2ee.group.rules import (
    DeclaredChanges,
    Ended,
    Evidence,
    Person,
    certificate_bytes,
    certificate_of,
    extensions_of,
    person_of,
    statement_of,
)
from parlour_client.core.e2ee.group.run import (
    Concern,
    Received,
    Transaction,
    forged,
    key_concerns,
    silent,
    stripped,
    with_body,
)
from parlour_client.core.e2ee.group.store import StoredGroup, ToContest, note_unfit
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.model import Note, NoteKind
from parlour_client.kit.language import N_, _, ngettext
from parlour_mls import (
    CommitApplied,
    Echo,
    Group,
    MlsError,
    OtherCopyError,
    OwnMessageError,
    UnusableLeafKeyError,
)
from parlour_protocol.delivery import Commit
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Contested, GroupCreated, Handshake
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.api import decode_payload
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import MARGIN, Roster, Statement, Withdraw

_OTHER_GROUP: Final = N_("The server put a change from another group here; it was ignored.")
_OLD_EPOCH: Final = N_("The server showed a second change of an epoch that is over; it was ignored.")
_NOT_OURS: Final = N_("The server altered a change that this device made; it was ignored.")
_NOT_CONTESTED: Final = N_("The server put another group in this one's place, though no one contested it.")
_STRANGER: Final = N_("{user}, who is not in this room, created another group for it; it was ignored.")
_REPLAYED: Final = N_("The server showed a change of the room's keys twice; the second one was ignored.")
NO_WELCOME: Final = N_(
    "This device was added, but its invitation did not arrive: a member must add it again."
)
WITHHELD: Final = N_(
    "The server withholds a change of the room's keys from this device. Someone who was removed could still "
    "read what is sent, so nothing is sent until the keys are renewed."
)
_CANNOT_FOLLOW: Final = N_("This device could not follow a change of the room's keys: ")


def process_created(transaction: Transaction, event: LogEvent, body: GroupCreated) -> Received:
    """Make a group the current one: the first, or one that replaces a contested or abandoned one.

    A device with keys of the current group gives it up only after a member has contested it.
    """
    row = transaction.row
    ours = _pending_creation(transaction, body.group)
    genuine = ours is None or (event.author == transaction.own.user and body.device == transaction.own.device)
    may_go = row.contested or transaction.stored is None
    roster = (
        None
        if transaction.stored is None
        else statements.expected(transaction.connection, transaction.stored, transaction.now)
    )
    if roster is not None and roster.person(event.author) is None:
        return forged(event, _(_STRANGER).format(user=event.author))
    replaces = row.group is None or (body.replaces == row.group and may_go)
    if not genuine or not replaces or (ours is None and _was_here(transaction, body.group)):
        return forged(event, _NOT_CONTESTED)
    known = rollback.load(transaction.connection, row.room)
    if rollback.is_stranger(transaction.connection, row.room, event.author, known):
        return forged(event, _(rollback.NOT_A_MEMBER).format(user=event.author))
    note = Note(NoteKind.FOUNDED, event.author)
    if known is not None and known.due:
        note = Note(NoteKind.ROLLED_BACK, event.author, _(rollback.RECREATED).format(user=event.author))
    rollback.note_created(transaction.connection, row.room)
    leave_group(transaction)
    _drop_creations(transaction, but=body.group)
    row.group, row.contested, transaction.receipt.moved = body.group, False, True
    if ours is not None:
        transaction.roster = ours.rules.roster
        ours.status, ours.joined, ours.own_since = "active", event.at, transaction.now
        if ours.request is not None:
            transaction.receipt.merged.append(ours.request)
        ours.request, transaction.stored, transaction.changed = None, ours, True
        transaction.links.enters()
    return Received(event, note=note)


def _pending_creation(transaction: Transaction, group: GroupId) -> StoredGroup | None:
    stored = transaction.groups.load(transaction.connection, group)
    return stored if stored is not None and stored.status == "creating" else None


def _was_here(transaction: Transaction, group: GroupId) -> bool:
    query = "SELECT 1 FROM mls_groups WHERE group_id = ?"
    return any(True for _ in transaction.connection.execute(query, (group,)))


def leave_group(transaction: Transaction) -> None:
    """Delete the keys of the group that was current."""
    if transaction.row.group is not None:
        transaction.receipt.lost.extend(_staged_request(transaction, transaction.row.group))
        transaction.groups.drop(transaction.connection, transaction.row.group)
    transaction.stored, transaction.changed = None, False


def _drop_creations(transaction: Transaction, but: GroupId) -> None:
    """Drop our pending creations: another one came first."""
    query = (
        "SELECT group_id, request FROM mls_groups WHERE room = ? AND status = 'creating' AND group_id != ?"
    )
    found = list(transaction.connection.execute(query, (transaction.row.room, but)))
    for group, request in cast("list[tuple[str, str]]", found):
        transaction.receipt.lost.append(RequestId(request))
        transaction.groups.drop(transaction.connection, GroupId(group))


def process_contested(transaction: Transaction, event: LogEvent, body: Contested) -> Received:
    """Note that a member could not process a commit of the group."""
    if body.group != transaction.row.group:
        return silent(event)
    transaction.row.contested = transaction.receipt.moved = True
    if rollback.is_due(transaction.connection, event.room):
        return Received(event, note=Note(NoteKind.ROLLED_BACK, event.author, rollback.CONTESTED))
    return Received(event, note=Note(NoteKind.CONTESTED, event.author))


def process_commit(  # noqa: C901, PLR0911 - one return for each refusal, in order
    transaction: Transaction, event: LogEvent, body: Handshake
) -> Received:
    """Process a commit, or say why that failed."""
    stored = transaction.stored
    if transaction.row.group is not None and body.group != transaction.row.group:
        return forged(event, _OTHER_GROUP)
    if stored is None or stored.id != body.group:
        return _by_others(transaction, event, body)
    if body.epoch < stored.epoch and rollback.is_due(transaction.connection, event.room):
        return silent(event)  # it was made without what the server lost; the group is recreated
    if body.epoch < stored.epoch:
        return forged(event, _OLD_EPOCH)
    own = _own_staged(transaction, stored, body)
    if own is not None and not _is_as_sent(transaction, event, body, own):
        return forged(event, _NOT_OURS)
    trial = copy.copy(stored.group)
    try:
        followed = _follow(transaction, stored, trial, body, event.at)
    except KeyLogNeededError:
        raise
    except MlsError as error:
        if stored.displaced or _is_of_another_copy(transaction, stored, event, body, error):
            return _displaced(transaction, stored, event)
        if rollback.is_due(transaction.connection, event.room):
            return silent(event)
        return _refused(stored, transaction, event, body, error)
    if followed is None:
        return forged(event, _REPLAYED)
    return _entered(transaction, stored, trial, event, body, followed)


def _by_others(transaction: Transaction, event: LogEvent, body: Handshake) -> Received:
    if transaction.own.device not in body.added:
        return silent(event)
    if isinstance(transaction.refused, UnfitGroupError):
        return _unfit(transaction, event, body, str(transaction.refused))
    if isinstance(transaction.refused, UnusableWelcomeError):
        key_packages.doubt(transaction.connection)
        transaction.receipt.moved = transaction.receipt.unusable = True
        rollback.recreate_again(transaction.connection, event.room, transaction.own.user)
    if transaction.welcome_missing:
        return Received(with_body(event, stripped(body)), trouble=NO_WELCOME)
    if rollback.is_due(transaction.connection, event.room):
        return silent(event)  # the server has lost that it was added before
    return forged(event, _REPLAYED)  # this device was in that epoch already


def _unfit(transaction: Transaction, event: LogEvent, body: Handshake, words: str) -> Received:
    """Contest a group that others created with members whom this device knows to be others by now.

    The server counts this device to it, so that no one would add it again: it would wait for ever.
    """
    transaction.receipt.contest = ToContest(event.room, body.group, Epoch(body.epoch + 1))
    note_unfit(transaction.connection, event.room, body.group, transaction.receipt.contest.epoch)
    transaction.receipt.moved = True
    return Received(
        with_body(event, stripped(body)), note=Note(NoteKind.CONTESTED, None, words), trouble=words
    )


@dataclass(frozen=True, slots=True)
class _Followed:
    """A commit that took effect: its author, and the room's members since then."""

    applied: CommitApplied
    by: Person
    roster: Roster
    statements: Sequence[Statement]
    at: Millis | None
    """When it was made, by the clock of its device; None without statements."""


def _follow(
    transaction: Transaction, stored: StoredGroup, trial: Group, body: Handshake, at: int
) -> _Followed | None:
    """Apply a commit to ``trial``. None: it took effect before. Raises MlsError."""
    if body.epoch != stored.epoch:
        raise RuleBrokenError(_("changes in between are missing"))
    stored.rules.declared = DeclaredChanges(at, body.added, body.removed, body.unusable)
    before = trial.members()
    try:
        event = trial.process(body.data, now=at // 1_000)
    finally:
        stored.rules.declared = None
    if isinstance(event, Echo):
        return None
    if not isinstance(event, CommitApplied):
        # A proposal or a message where the server counted a commit: its epoch would diverge from ours.
        raise RuleBrokenError(_("it is not a commit"))
    people = {member.index: person_of(member, transaction.own.server) for member in before}
    if event.outcome.committer not in people:
        raise RuleBrokenError(_("it is by no one in the group"))
    by, evidence = people[event.outcome.committer], Evidence.read(event.authenticated_data)
    devices = [person.device for person in people.values()]
    roster = evidence.after(stored.rules.roster, by.user, devices, stored.rules.succeeds)
    if not event.removed_us and trial.context.extensions != extensions_of(roster):
        raise RuleBrokenError(_("the group's members don't match the changes made to it"))
    signed = [statement_of(data) for data in evidence.statements]
    return _Followed(event, by, roster, signed, evidence.at)


def _refused(
    stored: StoredGroup, transaction: Transaction, event: LogEvent, body: Handshake, error: MlsError
) -> Received:
    """Keep the current state: nothing that cannot be verified changes the group."""
    if stored.status != "refused":  # later commits cannot be processed either, and are not reported again
        stored.contest = Epoch(body.epoch + 1)
        transaction.receipt.contest = ToContest(stored.room, stored.id, stored.contest)
    stored.status, transaction.changed = "refused", True
    whose = ""
    if isinstance(error, UnusableLeafKeyError):
        whose = _(" (a device of {user})").format(user=certificate_of(error.leaf).user)
    words = f"{_(_CANNOT_FOLLOW)}{error}{whose}."
    return Received(
        with_body(event, stripped(body)), note=Note(NoteKind.CONTESTED, None, words), trouble=words
    )


def withheld(transaction: Transaction, stored: StoredGroup, event: LogEvent, epoch: Epoch) -> Received:
    """Stop sending and report it: the server took a message for an epoch to which it showed no commit.

    Every event has its place in the log, and commits never expire: only a server that withholds one, or has
    lost it, comes to such an epoch. What it keeps from this device may be a removal.
    """
    stored.withheld(epoch)
    transaction.receipt.contest = ToContest(stored.room, stored.id, epoch)
    transaction.changed = transaction.receipt.moved = True
    words = _(WITHHELD)
    return Received(
        with_body(event, stripped(event.body)), note=Note(NoteKind.LEFT_OUT, None, words), trouble=words
    )


def _is_of_another_copy(
    transaction: Transaction, stored: StoredGroup, event: LogEvent, body: Handshake, error: MlsError
) -> bool:
    """Say whether another copy of this home made a commit: signed with our key, but not by this copy.

    While a commit of ours is staged its key is used, so no signature can be verified: our leaf must do.
    """
    if not isinstance(error, OwnMessageError) or event.author != transaction.own.user:
        return False
    digest = hashlib.sha256(body.data).digest()
    if any(transaction.connection.execute("SELECT 1 FROM mls_ciphertexts WHERE digest = ?", (digest,))):
        return False  # dropped here, and shown by the server all the same
    return isinstance(error, OtherCopyError) or stored.group.pending_commit is not None


def _displaced(transaction: Transaction, stored: StoredGroup, event: LogEvent) -> Received:
    """Keep the current state without contesting: the others follow the other copy of this home."""
    kept = with_body(event, stripped(event.body))
    if stored.displaced:
        return Received(kept, row=False)
    transaction.receipt.lost.extend(_staged_request(transaction, stored.id))
    transaction.connection.execute("DELETE FROM mls_staged WHERE group_id = ?", (stored.id,))
    if stored.group.pending_commit is not None:
        stored.group.clear_pending_commit()
    stored.status, stored.displaced, transaction.changed, transaction.receipt.moved = (
        "refused",
        True,
        True,
        True,
    )
    return Received(kept, note=Note(NoteKind.OLDER_COPY, transaction.own.user, DisplacedError().whole))


def _entered(
    transaction: Transaction,
    stored: StoredGroup,
    trial: Group,
    event: LogEvent,
    body: Handshake,
    followed: _Followed,
) -> Received:
    transaction.receipt.moved = True
    applied = followed.applied
    removed = [person_of(member, transaction.own.server) for member in applied.outcome.removed]
    undone = _undone(transaction, stored, followed)
    statements.executed(transaction.connection, stored.room, followed.statements)
    transaction.roster = followed.roster
    if applied.removed_us:
        transaction.receipt.lost.extend(_staged_request(transaction, stored.id))
        transaction.groups.drop(transaction.connection, stored.id)
        transaction.stored, transaction.changed, transaction.receipt.removed = None, False, True
        return _noted(event, [], removed, [], followed, transaction.now)
    request = _staged_request(transaction, stored.id)
    (transaction.receipt.merged if applied.own else transaction.receipt.lost).extend(request)
    transaction.connection.execute("DELETE FROM mls_staged WHERE group_id = ?", (stored.id,))
    stored.move_to(trial, Ended(event.at, transaction.now), removed=bool(removed))
    stored.status, stored.contest, stored.displaced, transaction.changed = "active", None, False, True
    stored.rules.roster = followed.roster
    if applied.own:
        stored.own_since, stored.sent = transaction.now, 0
        transaction.links.has_fresh_keys()
    concerns = _concerns(transaction, trial, applied, event.at)
    transaction.receipt.concerns.extend(concerns)
    after = {member.index: member for member in trial.members()}
    added = [person_of(after[index], transaction.own.server) for index in applied.outcome.added]
    transaction.links.epoch_begins()
    transaction.links.members_joined([person.device for person in added])
    return _noted(
        event, added, removed, concerns, followed, transaction.now, unusable=body.unusable, undone=undone
    )


def _undone(transaction: Transaction, stored: StoredGroup, followed: _Followed) -> Sequence[str]:
    """Say of each person whose invitation was withdrawn before it was used what they could read."""
    query = """
        SELECT seq FROM events WHERE room = ? AND kind = 'handshake'
            AND json_extract(note, '$.kind') = ? AND json_extract(note, '$.user') = ?
        ORDER BY seq DESC LIMIT 1"""
    count = "SELECT count(*) FROM events WHERE room = ? AND seq > ? AND kind = 'message'"
    said = []
    for one in followed.statements:
        who = one.act.who
        if not isinstance(one.act, Withdraw) or stored.rules.roster.person(who) is None or one.by == who:
            continue
        values = stored.room, NoteKind.DEVICE_ADDED.value, who
        for (seq,) in list(transaction.connection.execute(query, values)):
            ((read,),) = transaction.connection.execute(count, (stored.room, seq))
            said.append(
                ngettext(
                    "{who} could read {count} message", "{who} could read {count} messages", int(str(read))
                ).format(who=who, count=read)
            )
    return said


def _concerns(transaction: Transaction, trial: Group, applied: CommitApplied, at: Millis) -> list[Concern]:
    """Check every new leaf: the added ones, and the committer's own new one."""
    indices = [*applied.outcome.added, *([applied.outcome.committer] if not applied.own else [])]
    leaves = [trial.tree.leaf(index) for index in indices if index is not None]
    certificates = [certificate_bytes(leaf) for leaf in leaves if leaf is not None]
    return key_concerns(transaction.connection, transaction.groups.judge, certificates, transaction.now, at)


def _noted(
    event: LogEvent,
    added: Sequence[Person],
    removed: Sequence[Person],
    concerns: Sequence[Concern],
    followed: _Followed,
    now: Millis,
    *,
    unusable: Sequence[DeviceId] = (),
    undone: Sequence[str] = (),
) -> Received:
    """Describe who was added and removed, and at whose request; a commit that only renews keys has no row.

    ``unusable``: those who were removed because their keys could not be encrypted to.
    """
    kept, by = with_body(event, stripped(event.body)), followed.by
    if by.user != event.author:
        detail = _("The server says that it was {author}, but {user} changed the room's keys.").format(
            author=event.author, user=by.user
        )
        return Received(kept, note=Note(NoteKind.FORGED, by.user, detail))
    if concerns:
        words = " ".join(dict.fromkeys(concern.words for concern in concerns))
        return Received(kept, sealed=True, note=Note(NoteKind.KEY_CHANGED, concerns[0].user, words))
    if not added and not removed and not followed.statements:
        return Received(kept, row=False, sealed=True)
    kind = NoteKind.DEVICE_REMOVED if removed and not added else NoteKind.DEVICE_ADDED
    people = list(dict.fromkeys(person.user for person in (added or removed)))
    done = [_("added {names}").format(names=_names(added, event.author))] if added else []
    why = _(", whose key no one could encrypt to") if len(unusable) == len(removed) else ""
    done += (
        [_("removed {names}{why}").format(names=_names(removed, event.author), why=why)] if removed else []
    )
    done += [*statements.words(followed.statements, event.author, more=bool(done)), *undone]
    if followed.at is not None and followed.at > now + MARGIN:
        days = (followed.at - now) // MARGIN
        done.append(
            ngettext(
                "the clock of that device is {count} day ahead of this one's",
                "the clock of that device is {count} days ahead of this one's",
                days,
            ).format(count=days)
        )
    user = people[0] if len(people) == 1 else None
    return Received(kept, sealed=True, note=Note(kind, user, "; ".join(done)))


def _names(people: Sequence[Person], by: UserName) -> str:
    """Name devices, with their owner unless that is the author."""
    users = sorted({str(person.user) for person in people})
    count = ngettext("a device", "{count} devices", len(people)).format(count=len(people))
    return (
        count if users == [str(by)] else _("{count} of {users}").format(count=count, users=", ".join(users))
    )


def _own_staged(transaction: Transaction, stored: StoredGroup, body: Handshake) -> Commit | None:
    """Return the body of our staged commit if the event contains that very commit."""
    pending = stored.group.pending_commit
    if pending is None or pending.message != body.data:
        return None
    query = "SELECT body FROM mls_staged WHERE group_id = ?"
    for (data,) in transaction.connection.execute(query, (stored.id,)):
        return decode_payload(Commit, cast("bytes", data))
    return None


def _is_as_sent(transaction: Transaction, event: LogEvent, body: Handshake, own: Commit) -> bool:
    return event.author == transaction.own.user and (
        own.epoch,
        own.added,
        own.removed,
        own.unusable,
    ) == (body.epoch, body.added, body.removed, body.unusable)


def _staged_request(transaction: Transaction, group: GroupId) -> list[RequestId]:
    found = transaction.connection.execute("SELECT request FROM mls_staged WHERE group_id = ?", (group,))
    return [RequestId(str(request)) for (request,) in found]
