"""Texts of rows that this client wrote itself: about keys, devices, and gaps in a history."""

from typing import Final

from parlour_client.core.model import ABOUT_THE_LOG, BEFORE_JOIN, Entry, NoteKind, display_name

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
        return "messages sent before this device joined can't be read here"
    if entry.note is None:
        return f"a message from {display_name(entry.author)} can't be read: {entry.trouble}"
    if entry.note.kind in _SENTENCES:
        return entry.note.detail
    if entry.note.kind in _MOVES and entry.note.detail:
        return f"{display_name(entry.author)} {entry.note.detail}"
    if entry.note.kind in {NoteKind.ROLLED_BACK, NoteKind.MISSING}:
        return entry.note.detail
    who = display_name(entry.note.user if entry.note.user is not None else entry.author)
    words = {
        NoteKind.HISTORY_STARTS: "this device can't read earlier messages",
        NoteKind.DEVICE_ADDED: f"{who} has a new device here",
        NoteKind.DEVICE_REMOVED: f"a device of {who} was removed",
        NoteKind.KEY_CHANGED: f"the key of {who} has CHANGED: /verify {who}",
        NoteKind.FOUNDED: "this room is end-to-end encrypted from here on",
        NoteKind.CONTESTED: "the group may have split: some members could not follow a key change",
        NoteKind.PLAINTEXT_REFUSED: "an unencrypted message arrived in this encrypted room; it is not shown",
        NoteKind.FORGED: "the server claimed something about a message that the message does not prove",
    }[entry.note.kind]
    return f"{words}: {entry.note.detail}" if entry.note.detail else words
