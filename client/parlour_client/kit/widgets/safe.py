"""The only way for others' text into a widget: `safe_text`, then Content made of spans, never markup.

Widgets of this package take `Content` only from here (a test checks the sources). Our own words go through
`own`, which takes literal text; names are checked types and still go through the rule, so that a mistake in a
name check cannot reach the screen.
"""

from functools import lru_cache
from string import Formatter
from typing import Final

from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Button, Static
from textual.widgets.option_list import Option

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_protocol.kit.text import BLANK_LABEL, safe_text
from parlour_protocol.kit.text.cell_width import beginning
from parlour_protocol.kit.text.sanitiser import Line

_SENTENCE: Final = 1000
"""Characters of a sentence about an error: more than any of ours has, with names and paths in it."""
ESCAPE: Final = "bold $warning"
"""The style of an escape; its brackets make it readable without colour."""


def own(text: str, style: str = "") -> Content:
    """Return our own words; never call it with text from a peer, a server or a file."""
    return Content.styled(text, _style(style)) if style else Content(text)


@lru_cache(256)
def _style(style: str) -> str:
    """Return a style with `dim` as the theme's colour: terminals draw the attribute as they like."""
    return " ".join("$dim" if word == "dim" else word for word in style.split(" "))


def peer(untrusted: str) -> Content:
    """Return a stranger's text, line by line, with its escapes marked."""
    safe = safe_text(untrusted)
    if safe.blank:
        return own(BLANK_LABEL, "dim")
    return Content("\n").join(_line(spans, "") for spans in safe.spans)


def peer_line(untrusted: str, limit: int = 200, style: str = "") -> Content:
    """Return a stranger's text on one line of at most ``limit`` characters; line breaks show as ` / `."""
    safe = safe_text(untrusted)
    if safe.blank:
        return own(BLANK_LABEL, "dim")
    line = Content(" / ").join(_line(spans, style) for spans in safe.spans)
    if len(line) <= limit:
        return line
    return Content.assemble(line[: len(beginning(line.plain, limit - 1))], own("…"))


def _line(spans: Line, style: str) -> Content:
    parts = [(span.text, ESCAPE if span.is_escape else style) for span in spans]
    return Content.assemble(*(own(text, kind) for text, kind in parts))


def join(*parts: Content) -> Content:
    """Join contents side by side, to mix our own words with others' text: never use an f-string."""
    return Content.assemble(*parts)


def filled(sentence: str, style: str = "", **parts: Content) -> Content:
    """Return our own sentence in which each `{name}` is that part: a translation may move them."""
    found: list[Content] = []
    for words, name, _spec, _conversion in Formatter().parse(sentence):
        found.append(own(words, style))
        if name is not None:
            found.append(parts[name])
    return Content.assemble(*found)


def lines(*parts: Content) -> Content:
    """Join contents as lines."""
    return Content("\n").join(parts)


def error_content(error: Exception) -> Content:
    """Return an error's sentence and hint, both sanitised."""
    parts = [peer_line(protocol_sentence(error) or _("That did not work."), limit=_SENTENCE)]
    if isinstance(error, ParlourClientError) and error.hint:
        parts.append(peer_line(error.hint, limit=_SENTENCE, style="dim"))
    return own(" ").join(parts)


class SafeStatic(Static):
    """A Static that takes only Content, and whose rows keep their columns."""

    def __init__(
        self,
        content: Content | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        self._shown = content or Content()
        super().__init__(self._shown, id=id, classes=classes, markup=False)
        self._column_anchors = ColumnAnchors()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)

    def show(self, content: Content) -> None:
        """Replace the content; without a new layout if the style fixes the size."""
        if not content.is_same(self._shown):
            self._shown = content
            self.update(content, layout=self.styles.auto_dimensions)


def title_pane(pane: Widget, title: Content) -> None:
    """Write a pane's title into its border."""
    pane.border_title = title


class SafeButton(Button):
    """A Button that takes only Content, and whose rows keep their columns."""

    def __init__(
        self,
        label: Content,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(label, id=id, classes=classes, compact=True)
        self._column_anchors = ColumnAnchors()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)


def option(content: Content, *, id: str | None = None, disabled: bool = False) -> Option:  # noqa: A002 - Textual's name
    """Return an entry of an OptionList."""
    return Option(content, id=id, disabled=disabled)
