"""The notes that people read beside messages that are missing, moved, repeated or dropped."""

from typing import Final

from parlour_client.core.e2ee.groups.links import Differs, How
from parlour_client.core.model import Note, NoteKind
from parlour_protocol.kit.names import UserName

OLDER_COPY: Final = (
    "This device has sent messages here that this copy of its home does not know: the home was restored from "
    "an older copy, or two copies are in use."
)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def missing_note(user: UserName, count: int) -> Note:
    """Say that messages of someone did not arrive."""
    verb = "is" if count == 1 else "are"
    return Note(NoteKind.LEFT_OUT, user, f"{_messages(count)} of {user} {verb} missing here")


def differs_note(user: UserName, differs: Differs) -> Note:
    """Say how the order that someone was shown differs."""
    count = _messages(differs.count) if differs.count else "messages"
    match differs.how:
        case How.MISSING:
            verb = "is" if differs.count == 1 else "are"
            words = f"{user} had seen {count} before this one that {verb} missing here"
            return Note(NoteKind.LEFT_OUT, user, words)
        case How.HIDDEN:
            words = f"the server did not show {user} {count} above this one"
            return Note(NoteKind.MOVED, user, words)
        case How.ORDER:
            return Note(
                NoteKind.MOVED,
                user,
                f"the server showed {user} different messages above, or a different order",
            )


def moved_note(user: UserName) -> Note:
    """Say that a message is placed after some that were written later."""
    words = f"out of order: the server moved this message from {user}, which was sent before some above it"
    return Note(NoteKind.MOVED, user, words)


def repeated_note(user: UserName) -> Note:
    """Say that two messages of a device have the same number."""
    words = (
        f"another message from {user} had the same number: that device was restored from an older copy, or "
        "runs from two copies of one home"
    )
    return Note(NoteKind.OLDER_COPY, user, words)


def older_copy_note(user: UserName) -> Note:
    """Say that this home is an older copy."""
    words = f"{OLDER_COPY} Nothing is sent here until this device has new keys."
    return Note(NoteKind.OLDER_COPY, user, words)


def dropped_note(user: UserName) -> Note:
    """Say that the server blanked a message by itself."""
    words = f"the server removed this message from {user}, though no one who may delete it asked for that"
    return Note(NoteKind.DROPPED, user, words)
