"""The keys at the foot of a screen, in one row that is drawn again only when they change.

Where not all of them fit, those at the right go first, and the ones to keep last.

Textual's footer makes a widget of each key, and all of them again whenever the focus moves or a dialog opens
or closes: a fifth of the work of opening the chat.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.events import MouseDown, MouseMove
from textual.screen import Screen
from textual.style import Style

from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import SafeStatic, join, own

_IN_COLUMN: Final = Style.from_meta({"fixed_column": True})
_BETWEEN: Final = " · "


class ShownKey(NamedTuple):
    """A key of the row."""

    key: str
    written: str
    """The key as people write it."""
    words: str
    action: str
    enabled: bool

    is_focused: bool = False
    """Whether it is one of the widget that has the focus."""
    at: int = 0
    """Its place among those that come last; 0: it is before them."""
    keep: int = 0
    """Its place among those that go last; 0: it is none of them."""

    @property
    def cells(self) -> int:
        """Its width."""
        return cell_len(f"{self.written} {self.words}")


class KeyFooter(SafeStatic):
    """A line of keys; a click on one presses it."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyFooter {
        dock: bottom; width: 1fr; height: 1; text-wrap: nowrap;
        color: $footer-foreground; background: $footer-background;
    }
    """

    def __init__(self, order: Sequence[str] = (), keep: Sequence[str] = ()) -> None:
        """Take ids: ``order`` of keys that stand last, ``keep`` of those that are left out last."""
        super().__init__()
        self._order, self._keep = order, keep
        self.least = 0
        """The cells of the key that goes last."""
        self.keys: tuple[ShownKey, ...] = ()
        """The keys that are shown, from left to right."""
        self._under_mouse: ShownKey | None = None

    def words(self, description: str) -> str:
        """Return what a key does as it stands in the row."""
        return description

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
        between = own(_BETWEEN, "dim")
        self.show(between.join(_label(key, marked=key == self._under_mouse) for key in self.keys))

    def _key_at(self, column: int) -> ShownKey | None:
        """Return the key in this column; what is between two of them is none."""
        start = 0
        if self.styles.text_align in {"right", "end"}:
            start = self.content_size.width - _cells(self.keys)
        for key in self.keys:
            if start <= column < start + key.cells:
                return key
            start += key.cells + len(_BETWEEN)
        return None

    def _that_fit(self) -> Sequence[ShownKey]:
        found = sorted(self._all(), key=lambda key: key.at)
        last = len(self._keep) + 1
        ordered = sorted(found, key=lambda key: (key.keep != 1, not key.is_focused, key.keep or last))
        self.least = ordered[0].cells if ordered else 0
        fitting: list[ShownKey] = []
        for key in ordered:
            if _cells([*fitting, key]) > self.content_size.width:
                break
            fitting.append(key)
        return [key for key in found if key in fitting]

    def _all(self) -> Iterator[ShownKey]:
        seen = set[str]()
        for node, binding, enabled, _tooltip in self.screen.active_bindings.values():
            if binding.show and binding.action not in seen:
                seen.add(binding.action)
                yield ShownKey(
                    binding.key,
                    self.app.get_key_display(binding),
                    self.words(_(binding.description)),
                    binding.action,
                    enabled,
                    is_focused=node is self.screen.focused,
                    at=_place(binding.id, self._order),
                    keep=_place(binding.id, self._keep),
                )


def _place(name: str | None, names: Sequence[str]) -> int:
    return names.index(name) + 1 if name in names else 0


def _cells(keys: Sequence[ShownKey]) -> int:
    return sum(key.cells for key in keys) + len(_BETWEEN) * max(0, len(keys) - 1)


def _label(key: ShownKey, *, marked: bool) -> Content:
    """Return a key and its words, in a column of their own whatever the width of those before."""
    front = ("$footer-key-foreground", "$footer-description-foreground") if key.enabled else ("dim", "dim")
    return join(
        own(key.written, f"bold {front[0]} on $footer-key-background").stylize(_IN_COLUMN),
        own(f" {key.words}", f"{front[1]} on $footer-description-background"),
    ).stylize_before("on $block-hover-background" if marked else "on $footer-item-background")
