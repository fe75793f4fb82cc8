"""Turns an entry into rows of pieces, each with the name of its style.

Every row of others' text has the client's gutter before it, and the first one of a message another than the
rest, so that no row can imitate a new message; the columns beside it, and rows without a gutter, contain only
our own words and checked names. What only the client draws has marks of its own, which say what it is without
colour: a file, reactions, a quote, our words. It knows no widget and no colour: ``painter`` turns the names
into styles.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from rich.cells import cell_len

from parlour_client.core.model import ABOUT_THE_LOG, BEFORE_JOIN, Delivery, Entry, NoteKind, display_name
from parlour_client.kit.language import _, ngettext
from parlour_client.text.date_text import day, stamp
from parlour_client.text.file_text import is_picture, size_words
from parlour_client.text.formatting import StyleKind, formatted, preview
from parlour_client.text.note_text import is_shown_beside, note_words
from parlour_client.ui.chat.timeline.layout import DEFAULT, MIN_WIDTH, NAME_GAP, Columns, Layout
from parlour_client.ui.chat.timeline.message_text import TextView, text_rows
from parlour_client.ui.chat.timeline.pieces import OWN, OWN_MARK, Look, Piece, Row
from parlour_client.ui.chat.timeline.sentences import sentence
from parlour_client.ui.chat.timeline.wrap import SpanRow, wrapped, wrapped_line
from parlour_protocol.frames.bodies import Message
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.text import BLANK_LABEL, Span, safe_text
from parlour_protocol.kit.text.cell_width import cell_width, clusters
from parlour_protocol.kit.text.sanitiser import Line

GUTTER: Final = "│ "
MENTION_GUTTER: Final = "┃ "
"""The gutter of a message that mentions the reader: marked by shape, not only by colour."""
FIRST_GUTTER: Final = "├ "
"""The gutter of the first row of a message: there another one begins."""
FIRST_MENTION_GUTTER: Final = "┣ "
QUOTE_GUTTER: Final = "╭ "
"""The gutter of what a message replies to: a quote that someone typed has that of a text."""
FILE_GUTTER: Final = "╞ "
"""The mark of a file: our facts about it, then its name, on one row."""
REACTIONS_GUTTER: Final = "╰ "
"""The mark of reactions."""
DOUBT: Final = "?"
"""After a name: not verified. No name can contain it."""
RULES: Final = frozenset({Look.MISSING, Look.DATE, Look.UNREAD})
"""The first rows of an entry that are about what is around it."""
FOLD_AT: Final = 24
"""Rows of a message that are shown before it is opened."""
_LEAST_NAME: Final = 12
"""Cells of a file's name that are shown beside the facts about it."""
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
    """The state besides the entry that its rows depend on: its neighbours, its parent, the reader."""

    width: int
    me: UserName
    new_day: bool = False
    new: int | None = None
    """It is the first unread message, and so many are new from here on; 0: that is not known."""
    continues: bool = False
    """The same author continues within a few minutes: the name is not shown again, or less."""
    parent: Entry | None = None
    root: Seq | None = None
    """The first message of the thread that is shown: its replies don't quote it, and nothing counts them."""
    opened: bool = False
    missing: str = ""
    """The text of the row above about missing messages."""
    unverified: bool = False
    """It was encrypted, by someone whose key was not verified."""
    layout: Layout = DEFAULT
    longest_name: int = 0
    """Cells of the longest name of the timeline."""
    read_by: tuple[UserName, ...] = ()
    """People who shared that they have read up to here, and no further message of the reader."""
    as_sent: bool = False
    """The person asked for the markers of this message."""
    uncovered: bool = False
    """The person asked for the spoilers of this message."""
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
    if setting.new is not None:
        words = ngettext("{count} new", "{count} new", setting.new) if setting.new else _("new")
        rows.append((Piece(_ruled(words.format(count=setting.new), width), Look.UNREAD),))
    if setting.folded is not None:
        return (*rows, *_folded_rows(entry, setting.folded, width))
    columns = setting.layout.columns(width, setting.longest_name)
    time = stamp(entry.at, setting.layout.timestamps)
    if entry.note is not None or entry.trouble:
        rows += _in_columns(_note_rows(entry, columns, time), columns, time)
        if not is_shown_beside(entry):
            return tuple(rows)
    if not is_message(entry):
        return (*rows, *_in_columns(_event_rows(entry, setting.me, columns, time), columns, time))
    return (*rows, *_message_rows(entry, setting, columns, time))


def _message_rows(entry: Entry, setting: Setting, columns: Columns, time: str) -> list[Row]:
    body: list[Row] = []
    continues = setting.continues and entry.note is None
    if not columns.name and not continues:
        body.append(_header(entry, setting, columns, time))
    if entry.reply_to is not None and entry.reply_to != setting.root:
        body.append(_quote(setting.parent, columns.text))
    body += _text_rows(entry, columns.text, setting)
    body += _file_rows(entry, columns.text, setting.me)
    body += _reaction_rows(entry, columns.text)
    _mark_first(body)
    body += _meta_rows(entry, columns, setting)
    if columns.name and columns.name - NAME_GAP < cell_width(_name(entry)):  # cut, it could be another's
        head: list[Row] = []
        if not continues:
            wide = replace(columns, name=0, body=columns.name + columns.body)
            head += _in_columns([_header(entry, setting, wide, time)], wide, time)
            time = ""
        return [*head, *_in_columns(body, columns, time)]
    name = _name_column(entry, setting, columns, again=continues) if columns.name else None
    return list(_in_columns(body, columns, time, name))


def _in_columns(rows: list[Row], columns: Columns, time: str, name: Piece | None = None) -> Iterator[Row]:
    """Put the time, and the name if it has a column, beside the first row, and blanks beside the others."""
    for number, row in enumerate(rows):
        pieces: list[Piece] = []
        if columns.time:
            pieces.append(Piece(f"{'' if number else time:{columns.time}}", Look.META))
        if columns.name:
            pieces.append(name if name and not number else Piece(" " * columns.name, Look.TEXT))
        pieces += row
        if columns.right and time and not number:
            text = "".join(piece.text for piece in row)
            free = columns.body - max(cell_len(text), cell_width(text))
            pieces += [Piece(" " * (free + 1), Look.TEXT), Piece(time, Look.TIME)]
        yield tuple(pieces)


def _mark_first(rows: list[Row]) -> None:
    """Give the first row of a message's text the mark that says so."""
    at = next((at for at, row in enumerate(rows) if row[0].look in {Look.GUTTER, Look.MENTION}), None)
    if at is None:
        return  # only rows of our own, such as that it was deleted, or a file
    mentions = any(row[0].look is Look.MENTION for row in rows)
    first = Piece(FIRST_MENTION_GUTTER, Look.MENTION) if mentions else Piece(FIRST_GUTTER, Look.GUTTER)
    rows[at] = (first, *rows[at][1:])


def _folded_rows(entry: Entry, count: int, width: int) -> list[Row]:
    if not count:
        return []
    words = (
        _("ignored: {count} messages or more from {author} (Enter: show)")
        if count >= MOST_FOLDED
        else ngettext(
            "ignored: {count} message from {author} (Enter: show)",
            "ignored: {count} messages from {author} (Enter: show)",
            count,
        )
    ).format(count=min(count, MOST_FOLDED), author=_name(entry))
    return [(Piece(_cut(words, width), Look.META),)]


def is_message(entry: Entry) -> bool:
    """Say whether an entry is a message (even a deleted one)."""
    return isinstance(entry.body, Message) or entry.text is not None or entry.deleted


def _header(entry: Entry, setting: Setting, columns: Columns, time: str) -> Row:
    beside = f"  {time}" if columns.beside else ""
    doubt = DOUBT if setting.unverified else ""
    name = _cut(_name(entry), columns.body - len(doubt) - len(beside))
    author = Piece(name + doubt, Look.AUTHOR, person=_coloured(entry, setting))
    return (author, Piece(beside, Look.META))


def _name_column(entry: Entry, setting: Setting, columns: Columns, *, again: bool) -> Piece:
    doubt = DOUBT if setting.unverified else ""
    name = _name(entry) + doubt
    blanks = " " * (columns.name - max(cell_len(name), cell_width(name)))
    return Piece(name + blanks, Look.AGAIN if again else Look.AUTHOR, person=_coloured(entry, setting))


def _name(entry: Entry) -> str:
    return safe_text(display_name(entry.author)).plain


def _coloured(entry: Entry, setting: Setting) -> UserName | None:
    """Return whose colour the author's name has: none for the reader's own."""
    return None if entry.author == setting.me else entry.author


def _note_rows(entry: Entry, columns: Columns, time: str) -> list[Row]:
    """Return this client's notes on an encrypted event: whole, never cut off."""
    failed = entry.trouble not in {"", BEFORE_JOIN} or (entry.note is not None and entry.note.kind in _ALARMS)
    look = Look.FAILED if failed else Look.EVENT
    words = safe_text(f"{OWN_MARK}{note_words(entry)}{f'  {time}' if columns.beside else ''}")
    return [(Piece("".join(span.text for span in row), look),) for row in wrapped(words, columns.body)]


def _quote(parent: Entry | None, cells: int) -> Row:
    if parent is None:
        return _quoted(OWN_MARK + _("an earlier message (p: go there)"), cells)
    author = safe_text(display_name(parent.author)).plain
    if parent.text is None:
        return _quoted(f"{author} {OWN_MARK}{_('deleted')}", cells)
    return _quoted(f"{author}: {' / '.join(safe_text(preview(parent.text)[:400]).lines)}", cells)


def _quoted(words: str, cells: int) -> Row:
    return (Piece(QUOTE_GUTTER, Look.QUOTE), Piece(_cut(words, cells), Look.QUOTE))


def _text_rows(entry: Entry, cells: int, setting: Setting) -> list[Row]:
    if entry.deleted or entry.text is None:
        return _own_rows(_("deleted"), cells)
    if _is_named(entry, setting.me):
        return []
    safe = safe_text(entry.text)
    if safe.blank:
        return _own_rows(BLANK_LABEL.strip("()"), cells)
    mention = f"@{setting.me}" in entry.text
    gutter = Piece(MENTION_GUTTER, Look.MENTION) if mention else Piece(GUTTER, Look.GUTTER)
    spans = formatted(safe, markup=setting.layout.formatting != "off")
    view = _text_view(entry, setting) if spans else TextView()
    rows: list[Row] = [
        row if row[:1] == (OWN,) else (gutter, *row) for row in text_rows(safe, spans, cells, view)
    ]
    if len(rows) > FOLD_AT and not setting.opened:
        left = len(rows) - FOLD_AT + 1
        more = ngettext(
            "… {count} more line (Enter: show)", "… {count} more lines (Enter: show)", left
        ).format(count=left)
        rows[FOLD_AT - 1 :] = _own_rows(more, cells)
    covered = sum(span.kind is StyleKind.SPOILER for span in spans) if view.covered else 0
    if covered:  # without this row a sign that someone typed could be one
        words = ngettext("{count} spoiler is covered", "{count} spoilers are covered", covered)
        rows += _own_rows(words.format(count=covered), cells)
    return [*rows, *_hidden_rows(safe.hidden, cells)]


def _is_named(entry: Entry, me: UserName) -> bool:
    """Say whether the text is only the name of the file, which stands in the row of the file."""
    text = entry.text
    return text is not None and entry.file is not None and text == entry.file.name and f"@{me}" not in text


def _hidden_rows(hidden: int, cells: int) -> list[Row]:
    words = ngettext("{count} hidden character (i: which)", "{count} hidden characters (i: which)", hidden)
    return _own_rows(words.format(count=hidden), cells, Look.ESCAPE) if hidden else []


def _text_view(entry: Entry, setting: Setting) -> TextView:
    return TextView(
        actor=Piece(f"* {_name(entry)} ", Look.AUTHOR, person=_coloured(entry, setting)),
        markers=setting.as_sent or setting.layout.formatting == "markers",
        covered=not (setting.as_sent or setting.uncovered),
        opened=setting.opened,
    )


def _file_rows(entry: Entry, cells: int, me: UserName) -> list[Row]:
    file = entry.file
    if file is None or entry.deleted:
        return []
    kind = file.media_type.partition("/")[2].upper()  # our words: a type has a pattern
    facts = (_("picture {kind}, {size}") if is_picture(file) else _("file {size}")).format(
        kind=kind, size=size_words(file.size)
    )
    name = _on_one_line(file.name)
    wanted = sum(_cells(span.text) for span in name)
    # The name is a stranger's text: it is last, so that no part of it can pass for the type or the size.
    left = cells - _cells(facts) - 2
    if left < min(wanted, _LEAST_NAME):  # it has a row of its own, behind the mark of others' text
        facts_row = _marked(FILE_GUTTER, [Span(_cut(facts, cells), is_escape=False)])
        rows = [facts_row, _peer_row(tuple(_middle_cut(name, cells)))]
    else:
        rows = [_marked(FILE_GUTTER, [Span(f"{facts}  ", is_escape=False), *_middle_cut(name, left)])]
    return rows + (_hidden_rows(safe_text(file.name).hidden, cells) if _is_named(entry, me) else [])


def _middle_cut(line: Line, cells: int) -> Line:
    """Cut a name in its middle, so that its ending is always seen."""
    if sum(_cells(span.text) for span in line) <= cells:
        return line
    text = "".join(span.text for span in line)
    parts = [cluster for cluster, _claimed in clusters(text)]
    head, tail = list[str](), list[str]()
    left = cells - 1
    while parts and left > 0:
        part = parts.pop(0) if len(head) < len(tail) else parts.pop()
        left -= _cells(part)
        if left < 0:
            break
        (head.append if len(head) < len(tail) else tail.append)(part)
    return (Span(f"{''.join(head)}…{''.join(reversed(tail))}", any(span.is_escape for span in line)),)


def _cells(text: str) -> int:
    return len(text) if text.isascii() else max(cell_len(text), cell_width(text))


def _marked(mark: str, line: Iterable[Span]) -> Row:
    pieces = (Piece(span.text, Look.ESCAPE if span.is_escape else Look.QUOTE) for span in line)
    return (Piece(mark, Look.QUOTE), *pieces)


def _event_rows(entry: Entry, me: UserName, columns: Columns, time: str) -> list[Row]:
    words, untrusted = sentence(entry, me)
    rows = _own_rows(f"{words}{f'  {time}' if columns.beside else ''}", columns.text, Look.EVENT)
    if untrusted is not None:
        rows += _peer_rows(untrusted, columns.text)
    return rows


def _reaction_rows(entry: Entry, cells: int) -> list[Row]:
    if not entry.reactions:
        return []
    # Each reaction is a stranger's text; ours is the last number before a gap.
    line: list[Span] = []
    for reaction in entry.reactions:
        line += [Span("   ", is_escape=False)] if line else []
        line += [*_on_one_line(reaction.reaction), Span(f" {len(reaction.users)}", is_escape=False)]
    return [_marked(REACTIONS_GUTTER, row) for row in wrapped_line(line, cells)]


def _readers(users: tuple[UserName, ...]) -> str:
    names = ", ".join(safe_text(display_name(user)).plain for user in users[:_NAMED])
    if len(users) <= _NAMED:
        return _("read by {names}").format(names=names)
    return _("read by {names} and {count} more").format(names=names, count=len(users) - _NAMED)


def counts_replies(entry: Entry, row: Row) -> bool:
    """Say whether a row of a message tells, in our words, how many replies it has."""
    own = (piece.text for piece in row if piece.look is Look.META)
    return entry.replies > 0 and any(_replies(entry) in text for text in own)


def _replies(entry: Entry) -> str:
    words = ngettext("{count} reply", "{count} replies", entry.replies)
    return words.format(count=entry.replies)


def _meta_rows(entry: Entry, columns: Columns, setting: Setting) -> list[Row]:
    rows: list[Row] = []
    facts = []
    if entry.edited and not entry.deleted:
        facts.append(_("edited"))
    if entry.replies and setting.root is None:
        facts.append(_replies(entry))
    if entry.starred:
        facts.append(_("starred"))
    if entry.pinned:
        facts.append(_("pinned"))
    if setting.read_by:
        facts.append(_readers(setting.read_by))
    if facts:
        rows += _own_rows(" · ".join(facts), columns.text)
    if words := _delivery_words(entry):
        failed = entry.failed
        rows += _own_rows(words, columns.text, Look.FAILED if failed else Look.META)
        if entry.problem:  # the server may have written it
            rows += _peer_rows(entry.problem, columns.text)
    return rows


def _delivery_words(entry: Entry) -> str:
    """Return the state of one of this account's messages; empty when the server has stored it."""
    if entry.delivery is Delivery.QUEUED and entry.problem:  # which is shown below it
        return _("not sent yet (x: cancel)")
    return {
        Delivery.STORED: "",
        Delivery.SENT: _("sent, not confirmed yet"),
        Delivery.QUEUED: _("queued (x: cancel)"),
        Delivery.FAILED: _("not sent (s: send again · x: cancel)"),
    }[entry.delivery]


def _own_rows(words: str, cells: int, look: Look = Look.META) -> list[Row]:
    """Return our own sentence whole: the time at its end must not be cut off. Further rows are indented."""
    rows = wrapped(safe_text(words), cells)
    return [
        (Piece((" " * len(OWN_MARK) if number else OWN_MARK) + "".join(span.text for span in row), look),)
        for number, row in enumerate(rows)
    ]


def _on_one_line(untrusted: str) -> Line:
    """Return a stranger's text on one line, or say that it is invisible."""
    safe = safe_text(untrusted)
    return (Span(BLANK_LABEL, is_escape=False),) if safe.blank else safe.spans[0]


def _peer_rows(untrusted: str, cells: int) -> list[Row]:
    """Return a stranger's text on rows of its own, or say that it is invisible."""
    safe = safe_text(untrusted)
    if safe.blank:
        return _own_rows(BLANK_LABEL.strip("()"), cells)
    return [_peer_row(row) for row in wrapped(safe, cells)]


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
