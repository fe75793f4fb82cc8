"""The rule for encrypted messages: from a device of the group, for its epoch, with no removal pending.

A message is refused, never dropped: its sender encrypts it again for the current epoch. It runs for every
encrypted message, so it needs only one look-up of the group.
"""

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.event_rules import Action
from parlour_server.chat.consent.group_rules import check_group
from parlour_server.chat.permissions import allow
from parlour_server.chat.store.types import AppendEvent, GroupFacts, RoomFacts, Target
from parlour_server.core.errors import RefusedError


def decide_encrypted_message(event: AppendEvent, facts: RoomFacts, body: EncryptedMessage) -> None:
    """Refuse a message that the group could not read, or that someone who left the room could read."""
    group = check_group(facts, body.group)
    if not _is_timely(event, group, body):
        raise RefusedError(ErrorCode.STALE_EPOCH, "the group has changed: encrypt the message again")
    if group.removal_pending:  # perhaps the sender's own: someone who came back is removed, and added again
        raise RefusedError(ErrorCode.REMOVAL_PENDING, "someone who left must be removed from the group first")
    if not group.sender_present:
        raise RefusedError(ErrorCode.FORBIDDEN, "your device is not in the room's group")
    if body.blanks is not None:
        _decide_blanking(event, facts, facts.target)


def _is_timely(event: AppendEvent, group: GroupFacts, body: EncryptedMessage) -> bool:
    """Return whether the epoch is the current one, or the previous one and no one was removed since."""
    return body.epoch == group.epoch or (body.epoch == group.epoch - 1 and event.at < group.stale_until)


def _decide_blanking(event: AppendEvent, facts: RoomFacts, target: Target | None) -> None:
    if target is None or target.kind not in {"sealed", "blank"}:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such encrypted message")
    if target.kind == "blank":
        raise RefusedError(ErrorCode.ALREADY, "this message is already deleted")
    if target.deletes:  # else one after the other could be written where only deletions are taken
        raise RefusedError(ErrorCode.NOT_FOUND, "this event deletes a message: it can't be deleted itself")
    allow(event, facts, Action.DELETE_OWN if target.author == event.author else Action.DELETE_ANY)
