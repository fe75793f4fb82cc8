"""A list at the side of the chat: its title with its key, sections, and what is out of sight at its edges.

A blank row is before each section while everything fits. Each row is one row of the screen, and knows the
width that it has, so that what stands at its end stays in its column whatever the name before it is.
"""

from collections.abc import Callable, Collection, Sequence
from typing import ClassVar, Final

from textual.content import Content
from textual.events import Click
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widgets.option_list import Option

from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import join, option, own
from parlour_client.ui.input.keymap import written

Sections = Sequence[Sequence[Option]]
IN_COLUMN: Final = Style.from_meta({"fixed_column": True})
"""The style of what begins in a column of its own."""


class SideList(Choices):
    """Rows in sections, below a title."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"side-list--title", "side-list--edge"}
    DEFAULT_CSS = """
    SideList {
        height: 1fr; max-height: 100%; padding: 1 0 0 0; background: $surface;
        text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 0;
        &.-calls { padding: 1 0 1 0; }
        & > .option-list--option { padding: 0 0 0 1; }
        & > .side-list--title { background: $panel; color: $dim; }
        &:focus > .side-list--title { color: $primary; text-style: bold; }
        & > .side-list--edge { background: $surface; }
    }
    """
    FOCUS_ON_CLICK = False  # a click chooses; typed letters go to the composer

    def __init__(self, title: str, key: tuple[str, str], id: str) -> None:  # noqa: A002 - Textual's name
        """Take the title, and the id of the key that goes to the list, with the key that it is by default."""
        super().__init__(id=id)
        self._title, self._key = title, key
        self._sections: Callable[[int], Sections] = lambda _width: ()
        self._calling: Collection[str] = ()
        self._chosen: str | None = None
        self._rows_calling: Sequence[int] = ()
        self._out_of_sight = (0, 0)

    def show(
        self, sections: Callable[[int], Sections], chosen: str | None, calling: Collection[str] = ()
    ) -> None:
        """Show these sections, made for a width, with the row of this id chosen.

        ``calling`` has the ids of rows that are told of when they are out of sight.
        """
        self._sections, self._chosen, self._calling = sections, chosen, calling
        self._arrange()

    def on_resize(self) -> None:
        """Make the rows for another width."""
        self._chosen = self.chosen or self._chosen
        self._arrange()
        if self.has_focus:
            self.scroll_to_highlight()

    @property
    def chosen(self) -> str | None:
        """The id of the chosen row."""
        return self.highlighted_option.id if self.highlighted_option is not None else None

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Tell what is out of sight now."""
        super().watch_scroll_y(old_value, new_value)
        self._look_at_edges()

    def _arrange(self) -> None:
        if not self.outer_size:
            return
        sections = self._sections(self.size.width - 1)
        height = self.outer_size.height - 1
        apart = sum(map(len, sections)) + len(sections) - 1 <= height
        entries: list[Option] = []
        for section in sections:
            if apart and entries:
                entries.append(option(own(""), disabled=True))
            entries += section
        if not self._only_rewritten(entries):
            self.set_options(entries)
        ids = {entry.id for entry in entries if entry.id is not None}
        self.highlighted = self.get_option_index(self._chosen) if self._chosen in ids else None
        self._rows_calling = [at for at, entry in enumerate(entries) if entry.id in self._calling]
        self._look_at_edges()

    def _only_rewritten(self, entries: Sequence[Option]) -> bool:
        """Draw only rows whose words have changed, such as a count; False if these are not the same rows."""
        if [_place(entry) for entry in entries] != [_place(entry) for entry in self.options]:
            return False
        top, width = self.scroll_offset.y, self.size.width
        for at, (shown, entry) in enumerate(zip(self.options, entries, strict=True)):
            if shown.prompt is not entry.prompt and not _content(shown).is_same(_content(entry)):
                shown._set_prompt(entry.prompt)  # noqa: SLF001 - docs/explanation/architecture.md, private interfaces
                self._option_render_cache.clear()
                self.refresh(Region(0, at - top, width, 1))
        return True

    # --- the title, and the edges

    def _look_at_edges(self) -> None:
        top, height = self.scroll_offset.y, self.outer_size.height - 1
        calls = any(row >= top + height for row in self._rows_calling)
        self.set_class(calls, "-calls")
        above = sum(row < top for row in self._rows_calling)
        below = sum(row >= top + height - calls for row in self._rows_calling)
        if (above, below) != self._out_of_sight:
            self._out_of_sight = above, below
            self.refresh()

    def on_click(self, event: Click) -> None:
        """Show what the title or the lower edge tells of."""
        top = self.scroll_offset.y
        if event.y == 0:
            rows = [row for row in self._rows_calling if row < top][-1:]
        elif event.y == self.outer_size.height - 1 and self.has_class("-calls"):
            rows = [row for row in self._rows_calling if row >= top + self.size.height][:1]
        else:
            return
        for row in rows:
            self.scroll_to_region(Region(0, row, 1, 1), animate=False)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with the title in the first row and the edge in the last one."""
        strips = super().render_lines(crop)
        edge = self.outer_size.height - 1
        if not self.size:
            return strips
        if 0 in crop.line_range:
            strips[-crop.y] = self._over(strips[-crop.y], crop, self._title_row(), "side-list--title")
        if edge in crop.line_range and self.has_class("-calls"):
            at = edge - crop.y
            strips[at] = self._over(strips[at], crop, self._edge_row(), "side-list--edge")
        return strips

    def _over(self, row: Strip, crop: Region, words: Content, style: str) -> Strip:
        """Draw words over a row, up to the line between the panes."""
        begin, width = self.content_region.x - self.region.x, self.size.width
        (drawn,) = Visual.to_strips(
            self, words.truncate(width, pad=True), width, 1, self.get_visual_style(style)
        )
        left, right = max(0, begin - crop.x), max(0, begin + width - crop.x)
        drawn = drawn.crop(max(0, crop.x - begin), max(0, crop.right - begin))
        for line_filter in self.get_line_filters():
            drawn = drawn.apply_filter(line_filter, self.background_colors[1])
        whole = Strip.join([Strip(row).crop(0, left), drawn, Strip(row).crop(right)])
        (anchored,) = self._column_anchors.anchor(self, [whole], crop)
        return anchored

    def _title_row(self) -> Content:
        above, _below = self._out_of_sight
        words = ngettext("{count} unread above", "{count} unread above", above).format(count=above)
        title = join(own("▸ " if self.has_focus else " "), own(words if above else _(self._title)))
        key = own(f"{written(self, *self._key)} ")
        blank = self.size.width - title.cell_length - key.cell_length
        return join(title, own(" " * blank), key.stylize(IN_COLUMN)) if blank > 0 else title

    def _edge_row(self) -> Content:
        _above, below = self._out_of_sight
        words = ngettext("{count} unread below", "{count} unread below", below).format(count=below)
        return own(f" {words}", "bold")


def heading(words: str) -> Option:
    """Return the heading of a section."""
    return option(own(words, "$dim"), disabled=True)


def _content(entry: Option) -> Content:
    assert isinstance(entry.prompt, Content)  # noqa: S101 - `option` makes them
    return entry.prompt


def _place(entry: Option) -> tuple[object, ...]:
    """Return what a row shares with the one that may take its place."""
    return entry.id, entry.disabled
