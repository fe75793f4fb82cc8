"""The notes that people read beside messages that are missing, moved, repeated or dropped."""

from typing import Final

from parlour_client.core.e2ee.groups.links import Differs, How
from parlour_client.core.model import Note, NoteKind
from parlour_client.kit.language import N_, _, ngettext
from parlour_protocol.kit.names import UserName

OLDER_COPY: Final = N_(
    "This device has sent messages here that this copy of its home does not know: the home "
    "was restored from an older copy, or two copies are in use."
)


def missing_note(user: UserName, count: int) -> Note:
    """Say that messages of someone did not arrive."""
    words = ngettext(
        "1 message from {user} is missing here", "{count} messages from {user} are missing here", count
    )
    return Note(NoteKind.LEFT_OUT, user, words.format(user=user, count=count))


def differs_note(user: UserName, differs: Differs) -> Note:
    """Say how the order that someone was shown differs."""
    count = differs.count
    match differs.how:
        case How.MISSING if not count:
            words = _("{user} had seen messages before this one that are missing here")
            return Note(NoteKind.LEFT_OUT, user, words.format(user=user))
        case How.MISSING:
            words = ngettext(
                "{user} had seen 1 message before this one that is missing here",
                "{user} had seen {count} messages before this one that are missing here",
                count,
            )
            return Note(NoteKind.LEFT_OUT, user, words.format(user=user, count=count))
        case How.HIDDEN if not count:
            words = _("the server did not show {user} messages above this one")
            return Note(NoteKind.MOVED, user, words.format(user=user))
        case How.HIDDEN:
            words = ngettext(
                "the server did not show {user} 1 message above this one",
                "the server did not show {user} {count} messages above this one",
                count,
            )
            return Note(NoteKind.MOVED, user, words.format(user=user, count=count))
        case How.ORDER:
            return Note(
                NoteKind.MOVED,
                user,
                _("the server showed {user} different messages above, or a different order").format(
                    user=user
                ),
            )


def moved_note(user: UserName) -> Note:
    """Say that a message is placed after some that were written later."""
    words = _(
        "out of order: the server moved this message from {user}, which was sent before some above it"
    ).format(user=user)
    return Note(NoteKind.MOVED, user, words)


def repeated_note(user: UserName) -> Note:
    """Say that two messages of a device have the same number."""
    words = _(
        "another message from {user} had the same number: that device was restored from an older "
        "copy, or runs from two copies of one home"
    ).format(user=user)
    return Note(NoteKind.OLDER_COPY, user, words)


def older_copy_note(user: UserName) -> Note:
    """Say that this home is an older copy."""
    words = _("{older_copy} Nothing is sent here until this device has new keys.").format(
        older_copy=_(OLDER_COPY)
    )
    return Note(NoteKind.OLDER_COPY, user, words)


def dropped_note(user: UserName) -> Note:
    """Say that the server blanked a message by itself."""
    words = _(
        "the server removed this message from {user}, though no one who may delete it asked for that"
    ).format(user=user)
    return Note(NoteKind.DROPPED, user, words)
