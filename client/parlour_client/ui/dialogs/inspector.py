"""The inspector: one message as code points, and as the JSON that was received.

Every line is safe by itself: the code-point table is the client's words, the JSON is sanitised and shown
after a gutter.
"""

from typing import Final

from textual.content import Content

from parlour_client.core.model import Entry, display_name
from parlour_client.kit.language import _
from parlour_client.kit.widgets.box import quoted
from parlour_client.kit.widgets.safe import join, lines, own, peer, peer_line
from parlour_client.text.date_text import clock, day
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.inspector import CodePoint, inspect_text

MAX_ROWS: Final = 400
"""Code points in the table; a longer text is cut, with a count."""


def inspector_page(entry: Entry, wire: str) -> Page:
    """Return the page about an entry."""
    text = entry.text or ""
    points = inspect_text(text)
    hidden = safe_text(text).hidden
    parts = [
        _fact(_("author"), peer_line(display_name(entry.author))),
        _fact(_("device"), peer_line(entry.device)),
        _fact(_("time"), own(f"{day(entry.at)} {clock(entry.at)}")),
        _fact(_("number"), own(str(entry.seq) if entry.seq is not None else _("not stored yet"))),
        _fact(
            _("length"),
            own(
                _("{points} code points, {octets} bytes, {hidden} hidden").format(
                    points=len(text), octets=len(text.encode("utf-8", "replace")), hidden=hidden
                )
            ),
        ),
        own(""),
        own(_("Code points"), "bold"),
        *(_row(point) for point in points[:MAX_ROWS]),
    ]
    if len(points) > MAX_ROWS:
        parts.append(own(_("… {count} more").format(count=len(text) - MAX_ROWS), "dim"))
    return Page(
        own(_("Message"), "bold"),
        lines(*parts, own(""), own(_("As the server sent it"), "bold"), quoted(peer(wire))),
    )


def _fact(name: str, value: Content) -> Content:
    return join(own(f"{name:<7} ", "dim"), value)


def _row(point: CodePoint) -> Content:
    style = "bold $warning" if point.verdict.is_escaped else ""
    facts = own(f"{point.code:<9}{point.category:<4}{_(point.verdict.value):<28}", style)
    return join(facts, peer_line(point.name, limit=60), own("  "), _shown(point))


def _shown(point: CodePoint) -> Content:
    """Return the character, last in its row, so that its width moves nothing."""
    return own(point.shown_as) if point.shown_as.isascii() else peer(point.shown_as)
