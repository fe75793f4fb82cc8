"""Texts of rows that this client wrote itself: about keys, devices, and gaps in a history."""

from typing import Final

from parlour_client.core.model import ABOUT_THE_LOG, BEFORE_JOIN, Entry, NoteKind, display_name
from parlour_client.kit.language import _

_MOVES: Final = frozenset({NoteKind.DEVICE_ADDED, NoteKind.DEVICE_REMOVED})
"""Notes whose detail says what the author did: `added a device of ben`."""
_SENTENCES: Final = ABOUT_THE_LOG | {NoteKind.DROPPED}
"""Notes whose detail says everything."""


def is_shown_beside(entry: Entry) -> bool:
    """Say whether a note belongs to a message that is shown as well."""
    about_the_log = entry.note is not None and entry.note.kind in ABOUT_THE_LOG
    return about_the_log and not entry.trouble and (entry.text is not None or entry.deleted)


def note_words(entry: Entry) -> str:
    """Return our sentence about an event that cannot be shown, is missing, or concerns keys."""
    if entry.trouble == BEFORE_JOIN:  # one row for all of them
        return _("messages sent before this device joined can't be read here")
    if entry.note is None:
        return _("a message from {author} can't be read: {trouble}").format(
            author=display_name(entry.author), trouble=_(entry.trouble)
        )
    if entry.note.kind in _SENTENCES:
        return _(entry.note.detail)
    if entry.note.kind in _MOVES and entry.note.detail:
        return f"{display_name(entry.author)} {_(entry.note.detail)}"
    if entry.note.kind in {NoteKind.ROLLED_BACK, NoteKind.MISSING, NoteKind.EXPIRED}:
        return _(entry.note.detail)
    who = display_name(entry.note.user if entry.note.user is not None else entry.author)
    words = {
        NoteKind.HISTORY_STARTS: _("this device can't read earlier messages"),
        NoteKind.DEVICE_ADDED: _("{who} has a new device here").format(who=who),
        NoteKind.DEVICE_REMOVED: _("a device of {who} was removed").format(who=who),
        NoteKind.KEY_CHANGED: _("the key of {who} has CHANGED: /verify {who}").format(who=who),
        NoteKind.FOUNDED: _("this room is end-to-end encrypted from here on"),
        NoteKind.CONTESTED: _("the group may have split: some members could not follow a key change"),
        NoteKind.PLAINTEXT_REFUSED: _(
            "an unencrypted message arrived in this encrypted room; it is not shown"
        ),
        NoteKind.FORGED: _("the server claimed something about a message that the message does not prove"),
    }[entry.note.kind]
    return f"{words}: {_(entry.note.detail)}" if entry.note.detail else words
