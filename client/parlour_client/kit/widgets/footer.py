"""The keys at the foot of a screen, in one row that is drawn again only when they change.

Textual's footer makes a widget of each key, and all of them again whenever the focus moves or a dialog opens
or closes: a fifth of the work of opening the chat.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.events import MouseDown, MouseMove
from textual.screen import Screen
from textual.style import Style

from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import SafeStatic, join, own

_IN_COLUMN: Final = Style.from_meta({"fixed_column": True})


class ShownKey(NamedTuple):
    """A key of the row."""

    key: str
    written: str
    """The key as people write it."""
    words: str
    action: str
    enabled: bool

    @property
    def cells(self) -> int:
        """Its width, and that of the blank behind it."""
        return cell_len(f"{self.written} {self.words} ")


class KeyFooter(SafeStatic):
    """A line of keys; a click on one presses it."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyFooter {
        dock: bottom; width: 1fr; height: 1; text-wrap: nowrap;
        color: $footer-foreground; background: $footer-background;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: tuple[ShownKey, ...] = ()
        """The keys that are shown, from left to right."""
        self._under_mouse: ShownKey | None = None

    def on_mount(self) -> None:
        """Follow the keys of the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_resize(self) -> None:
        """Show the keys that fit now: half of one would be cut off."""
        self._bindings_changed(self.screen)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Mark the key under the mouse."""
        self._mark(self._key_at(event.x))

    def on_leave(self) -> None:
        """Mark none."""
        self._mark(None)

    def on_mouse_down(self, event: MouseDown) -> None:
        """Press the key, or ring if it does nothing now."""
        if (key := self._key_at(event.x)) is not None:
            if key.enabled:
                self.app.simulate_key(key.key)
            else:
                self.app.bell()

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen.app.app_focus and (keys := tuple(self._that_fit())) != self.keys:
            self.keys = keys
            self._draw()

    def _mark(self, key: ShownKey | None) -> None:
        if key != self._under_mouse:
            self._under_mouse = key
            self.styles.pointer = "pointer" if key is not None else "default"
            self._draw()

    def _draw(self) -> None:
        self.show(join(*(_label(key, marked=key == self._under_mouse) for key in self.keys)))

    def _key_at(self, column: int) -> ShownKey | None:
        """Return the key in this column; the blank behind one is none."""
        for key, end in zip(self.keys, accumulate(key.cells for key in self.keys), strict=True):
            if end - key.cells <= column < end - 1:
                return key
        return None

    def _that_fit(self) -> Iterator[ShownKey]:
        bindings = dict[str, tuple[Binding, bool]]()
        for _node, binding, enabled, _tooltip in self.screen.active_bindings.values():
            if binding.show:
                bindings.setdefault(binding.action, (binding, enabled))
        end = 0
        for shown_binding, enabled in bindings.values():
            written = self.app.get_key_display(shown_binding)
            shown = ShownKey(
                shown_binding.key, written, _(shown_binding.description), shown_binding.action, enabled
            )
            end += shown.cells
            if end - 1 > self.screen.size.width:
                return
            yield shown


def _label(key: ShownKey, *, marked: bool) -> Content:
    """Return a key and its words, in a column of their own whatever the width of those before."""
    front = ("$footer-key-foreground", "$footer-description-foreground") if key.enabled else ("dim", "dim")
    label = join(
        own(key.written, f"bold {front[0]} on $footer-key-background").stylize(_IN_COLUMN),
        own(f" {key.words}", f"{front[1]} on $footer-description-background"),
    ).stylize_before("on $block-hover-background" if marked else "on $footer-item-background")
    return join(label, own(" "))
