"""Turns an entry into rows of pieces, each with the name of its style.

Every row of others' text begins with the client's gutter, so that no row can imitate a new message; rows
without a gutter contain only our own words and checked names. It knows no widget and no colour: ``painter``
turns the names into styles.
"""

from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from parlour_client.core.model import ABOUT_THE_LOG, BEFORE_JOIN, Entry, NoteKind, display_name
from parlour_client.text.file_text import facts_of
from parlour_client.text.formatting import formatted
from parlour_client.text.note_text import is_shown_beside, note_words
from parlour_client.ui.chat.timeline.message_text import text_rows
from parlour_client.ui.chat.timeline.pieces import Look, Piece, Row
from parlour_client.ui.chat.timeline.sentences import day, delivery_words, sentence, stamp
from parlour_client.ui.chat.timeline.wrap import SpanRow, wrapped, wrapped_line
from parlour_protocol.frames.bodies import Message
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.text import BLANK_LABEL, Span, safe_text
from parlour_protocol.kit.text.cell_width import cell_width, clusters
from parlour_protocol.kit.text.sanitiser import Line

GUTTER: Final = "│ "
MENTION_GUTTER: Final = "┃ "
"""The gutter of a message that mentions the reader: marked by shape, not only by colour."""
GUTTER_CELLS: Final = 2
FOLD_AT: Final = 24
"""Rows of a message that are shown before it is opened."""
MIN_WIDTH: Final = 8
_ROOM_FOR_DOUBT: Final = 32
_NAMED: Final = 3
"""Readers of a message that are named; the others are counted."""
_ALARMS: Final = ABOUT_THE_LOG | {
    NoteKind.KEY_CHANGED,
    NoteKind.CONTESTED,
    NoteKind.PLAINTEXT_REFUSED,
    NoteKind.FORGED,
    NoteKind.MISSING,
    NoteKind.DROPPED,
}
"""Notes that must not be missed."""
MOST_FOLDED: Final = 1_000
"""Messages of an ignored person that are counted one by one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What an entry's rows depend on besides the entry: its neighbours, its parent, the reader."""

    width: int
    me: UserName
    new_day: bool = False
    first_unread: bool = False
    continues: bool = False
    """The same author continues within a few minutes: no new header."""
    parent: Entry | None = None
    opened: bool = False
    missing: str = ""
    """The text of the row above about missing messages."""
    unverified: bool = False
    """It was encrypted, by someone whose key was not verified."""
    timestamps: str = "minutes"
    """The precision of the time beside it: the setting of that name."""
    read_by: tuple[UserName, ...] = ()
    """People who shared that they have read up to here, and no further message of the reader."""
    folded: int | None = None
    """The author is ignored: so many messages are folded into this row; 0: into one above."""


def rows_of(entry: Entry, setting: Setting) -> tuple[Row, ...]:
    """Return the rows of the entry, top to bottom; none if it is folded into one above."""
    width = max(MIN_WIDTH, setting.width)
    rows: list[Row] = []
    if setting.missing:
        rows.append((Piece(_ruled(setting.missing, width), Look.MISSING),))
    if setting.new_day:
        rows.append((Piece(_ruled(day(entry.at), width), Look.DATE),))
    if setting.first_unread:
        rows.append((Piece(_ruled("new", width), Look.UNREAD),))
    if setting.folded is not None:
        return (*rows, *_folded_rows(entry, setting.folded, width))
    if entry.note is not None or entry.trouble:
        rows += _note_rows(entry, width, setting.timestamps)
        if not is_shown_beside(entry):
            return tuple(rows)
    if not is_message(entry):
        return (*rows, *_event_rows(entry, width, setting.timestamps))
    if not setting.continues or entry.note is not None:
        rows.append(_header(entry, setting, width))
    if entry.reply_to is not None:
        rows.append(_quote(setting.parent, width))
    rows += _text_rows(entry, width, setting)
    rows += _file_rows(entry, width)
    rows += _reaction_rows(entry, width)
    rows += _meta_rows(entry, width, setting.read_by)
    return tuple(rows)


def _folded_rows(entry: Entry, count: int, width: int) -> list[Row]:
    if not count:
        return []
    noun = "message" if count == 1 else "messages"
    some = f"{MOST_FOLDED} {noun} or more" if count >= MOST_FOLDED else f"{count} {noun}"
    words = f"ignored: {some} from {safe_text(display_name(entry.author)).plain} (enter: show)"
    return [(Piece(_cut(words, width), Look.META),)]


def is_message(entry: Entry) -> bool:
    """Say whether an entry is a message (even a deleted one)."""
    return isinstance(entry.body, Message) or entry.text is not None or entry.deleted


def _header(entry: Entry, setting: Setting, width: int) -> Row:
    doubt = "  not verified" if setting.unverified and width >= _ROOM_FOR_DOUBT else ""
    name = _cut(safe_text(display_name(entry.author)).plain, width - 7 - len(doubt))
    return (
        Piece(name, Look.OWN if entry.author == setting.me else Look.AUTHOR),
        Piece(stamp(entry.at, setting.timestamps) + doubt, Look.META),
    )


def _note_rows(entry: Entry, width: int, timestamps: str) -> list[Row]:
    """Return this client's notes on an encrypted event: whole, never cut off."""
    failed = entry.trouble not in {"", BEFORE_JOIN} or (entry.note is not None and entry.note.kind in _ALARMS)
    look = Look.FAILED if failed else Look.EVENT
    words = safe_text(f"· {note_words(entry)}{stamp(entry.at, timestamps)}")
    return [(Piece("".join(span.text for span in row), look),) for row in wrapped(words, width)]


def _quote(parent: Entry | None, width: int) -> Row:
    if parent is None:
        return _gutter(Piece(_cut("> an earlier message (p: go there)", width - GUTTER_CELLS), Look.QUOTE))
    words = "(deleted)" if parent.text is None else " / ".join(safe_text(parent.text[:400]).lines)
    head = f"> {safe_text(display_name(parent.author)).plain}: "
    return _gutter(Piece(_cut(head + words, width - GUTTER_CELLS), Look.QUOTE))


def _text_rows(entry: Entry, width: int, setting: Setting) -> list[Row]:
    if entry.deleted or entry.text is None:
        return [_gutter(Piece("(deleted)", Look.META))]
    safe = safe_text(entry.text)
    if safe.blank:
        return [_gutter(Piece(BLANK_LABEL, Look.META))]
    mention = f"@{setting.me}" in entry.text
    gutter = Piece(MENTION_GUTTER, Look.MENTION) if mention else Piece(GUTTER, Look.GUTTER)
    rows: list[Row] = [(gutter, *row) for row in text_rows(safe, formatted(safe), width - GUTTER_CELLS)]
    if len(rows) > FOLD_AT and not setting.opened:
        more = f"… {len(rows) - FOLD_AT + 1} more lines (enter: show)"
        rows[FOLD_AT - 1 :] = [_gutter(Piece(_cut(more, width - GUTTER_CELLS), Look.META))]
    if safe.hidden:
        noun = "character" if safe.hidden == 1 else "characters"
        mark = f"contains {safe.hidden} hidden {noun} (i: inspect)"
        rows.append(_gutter(Piece(_cut(mark, width - GUTTER_CELLS), Look.ESCAPE)))
    return rows


def _file_rows(entry: Entry, width: int) -> list[Row]:
    file = entry.file
    if file is None or entry.deleted:
        return []
    # The name is a stranger's text: it is last, so that no part of it can pass for the type or the size.
    line = [Span(f"file: {facts_of(file)} (f: save): ", is_escape=False), *_on_one_line(file.name)]
    return [
        _gutter(*(Piece(span.text, Look.ESCAPE if span.is_escape else Look.QUOTE) for span in row))
        for row in wrapped_line(line, width - GUTTER_CELLS)
    ]


def _event_rows(entry: Entry, width: int, timestamps: str) -> list[Row]:
    words, untrusted = sentence(entry)
    line = f"· {safe_text(words).plain}{stamp(entry.at, timestamps)}"
    rows: list[Row] = [(Piece(_cut(line, width), Look.EVENT),)]
    if untrusted is not None:
        rows += _peer_rows(untrusted, width)
    return rows


def _reaction_rows(entry: Entry, width: int) -> list[Row]:
    if not entry.reactions:
        return []
    # Each reaction is a stranger's text, so it stays behind the gutter; ours is the last number before a gap.
    line: list[Span] = []
    for one in entry.reactions:
        line += [Span("   ", is_escape=False)] if line else []
        line += [*_on_one_line(one.reaction), Span(f" {len(one.users)}", is_escape=False)]
    return [
        _gutter(*(Piece(span.text, Look.ESCAPE if span.is_escape else Look.QUOTE) for span in row))
        for row in wrapped_line(line, width - GUTTER_CELLS)
    ]


def _readers(users: tuple[UserName, ...]) -> str:
    names = ", ".join(safe_text(display_name(user)).plain for user in users[:_NAMED])
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return f"read by {names}{more}"


def _meta_rows(entry: Entry, width: int, read_by: tuple[UserName, ...]) -> list[Row]:
    rows: list[Row] = []
    facts = []
    if entry.edited and not entry.deleted:
        facts.append("edited (h: earlier versions)")
    if entry.replies:
        facts.append(f"{entry.replies} {'reply' if entry.replies == 1 else 'replies'} (t: thread)")
    if entry.starred:
        facts.append("starred")
    if entry.pinned:
        facts.append("pinned")
    if read_by:
        facts.append(_readers(read_by))
    if facts:
        rows.append((Piece(_cut("  " + " · ".join(facts), width), Look.META),))
    if words := delivery_words(entry):
        failed = entry.failed
        rows.append((Piece(_cut("  " + words, width), Look.FAILED if failed else Look.META),))
        if entry.problem:  # the server may have written it
            rows += _peer_rows(entry.problem, width)
    return rows


def _on_one_line(untrusted: str) -> Line:
    """Return a stranger's text on one line, or say that it is invisible."""
    safe = safe_text(untrusted)
    return (Span(BLANK_LABEL, is_escape=False),) if safe.blank else safe.spans[0]


def _peer_rows(untrusted: str, width: int) -> list[Row]:
    """Return a stranger's text on rows of its own, or say that it is invisible."""
    safe = safe_text(untrusted)
    if safe.blank:
        return [_gutter(Piece(BLANK_LABEL, Look.META))]
    return [_peer_row(row) for row in wrapped(safe, width - GUTTER_CELLS)]


def _peer_row(row: SpanRow) -> Row:
    return _gutter(*(Piece(span.text, Look.ESCAPE if span.is_escape else Look.TEXT) for span in row))


def _gutter(*pieces: Piece) -> Row:
    return (Piece(GUTTER, Look.GUTTER), *pieces)


def _ruled(words: str, width: int) -> str:
    line = f"── {words} "
    return (line + "─" * max(0, width - len(line)))[:width]


def _cut(text: str, cells: int) -> str:
    """Cut the text to at most so many cells by either measure, with `…` if it is cut."""
    if text.isascii():
        return text if len(text) <= cells else text[: max(0, cells - 1)] + "…"
    if max(cell_len(text), cell_width(text)) <= cells:
        return text
    end, left = 0, cells - 1
    for cluster, claimed in clusters(text):  # whole ones: a cut flag would be bare tags
        left -= max(claimed, cell_len(cluster))
        if left < 0:
            break
        end += len(cluster)
    return text[:end] + "…"
