"""Every key by the id of its binding: the table of them, the key map from the settings, and its errors.

The table is read from the classes themselves, so it is always current. An unknown id, an unknown key, a key
that never arrives, and a key that two actions of one place would share are each reported in a sentence; an
action whose keys are all unknown keeps its own.
"""

import difflib
import importlib
import pkgutil
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, REPLACED_KEYS, Keys, key_to_character
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import TextArea

from parlour_client.core.settings import Settings
from parlour_client.kit.language import _
from parlour_client.kit.widgets.key_ordering import editing_keys
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.registry import REGISTRY

_INTERFACE: Final = (
    "parlour_client.ui",
    "parlour_client.kit.terminal",
    "parlour_client.kit.widgets",
    "parlour_client.extras",
)
EVERYWHERE: Final = frozenset({"chat", "app"})
"""Places whose keys are active together with those of the focused widget."""
_NAMED: Final = frozenset(str(key.value) for key in Keys)
_LONG: Final = {**REPLACED_KEYS, "plus": "plus_sign"}
_MODIFIERS: Final = ("ctrl+", "alt+", "shift+", "super+", "hyper+", "meta+")
_MEANT: Final = {
    "esc": "escape", "return": "enter", "del": "delete", "ins": "insert", "bksp": "backspace",
    "pgup": "pageup", "page_up": "pageup", "pgdn": "pagedown", "page_down": "pagedown", "control": "ctrl",
    "option": "alt",
}  # fmt: skip
"""How people write keys, and how Textual does."""
_SAME_BYTE: Final = {
    "ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape",
    "ctrl+space": "ctrl+@",
}  # fmt: skip
"""Keys that most terminals can't tell from others."""
_CTRL_ENTER: Final = {"composer.send": "ctrl+enter,ctrl+s", "composer.newline": "enter,shift+enter,ctrl+j"}


@dataclass(frozen=True, slots=True)
class Known:
    """One binding: its id, the keys it has by default, and what it does."""

    id: str
    keys: tuple[str, ...]
    about: str
    apart: bool
    """Whether it belongs to a dialog or a page: then no key of the chat is active beside it."""
    priority: bool = False
    """Whether it comes before the keys of the focused widget."""

    @property
    def place(self) -> str:
        """The place where it is active: the part of the id before the dot."""
        return self.id.partition(".")[0]


def known() -> dict[str, Known]:
    """Return every binding of the chat's interface that has an id; other programs' apps have their own."""
    for package in ("parlour_client.ui", *REGISTRY.packages):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    found = {key.id: Known(key.id, _split(key.keys), key.about, apart=False) for key in REGISTRY.keys}
    for kind in _kinds(DOMNode):
        for binding in kind.__dict__.get("BINDINGS", ()) if kind.__module__.startswith(_INTERFACE) else ():
            if isinstance(binding, Binding) and binding.id:
                apart = issubclass(kind, Screen) and not binding.id.startswith("chat.")
                found[binding.id] = Known(
                    binding.id, _split(binding.key), binding.description, apart, binding.priority
                )
    return dict(sorted(found.items()))


def keymap(settings: Settings) -> dict[str, str]:
    """Return the key map: the layers in the settings, then the person's own changes."""
    layers: dict[str, str] = {}
    for layer in REGISTRY.layers:
        if layer.is_on(settings):
            layers |= layer.keys
    if settings.send_on == "ctrl+enter":
        layers |= _CTRL_ENTER
    own = {name: [key for key in _read(keys) if is_key(key)] for name, keys in settings.keys.items()}
    return layers | {name: ",".join(keys) for name, keys in own.items() if keys}


def written(widget: Widget, name: str, keys: str) -> str:
    """Write the key of a binding as it stands on the keyboard; ``keys`` are those that nobody changed."""
    return widget.app.get_key_display(Binding(keymap(settings_of(widget)).get(name, keys), "", id=name))


def letters_act(settings: Settings) -> bool:
    """Say whether letters are keys outside of what one writes."""
    return any(layer.is_on(settings) for layer in REGISTRY.layers)


def problems(settings: Settings) -> Iterator[str]:
    """Return the errors in the settings' keys."""
    if not settings.keys:
        return
    bindings = known()
    for name, keys in settings.keys.items():
        if name not in bindings:
            near = difflib.get_close_matches(name, bindings, 1)
            if near:
                yield _("keys: there is no {name}; did you mean {other}?").format(name=name, other=near[0])
            else:
                yield _("keys: there is no {name}.").format(name=name)
            continue
        for key in _read(keys):
            if refusal := _refusal(key, bindings[name], settings):
                yield _("keys: {name}: {problem}").format(name=name, problem=refusal)
    for key, conflict, other in conflicts(settings):
        if conflict in settings.keys:
            yield _("keys: {key} is both {name} and {other}; the focused pane wins.").format(
                key=key, name=conflict, other=other
            )


def _refusal(key: str, binding: Known, settings: Settings) -> str:
    """Say why a key never runs an action; empty if it does."""
    if not is_key(key):
        return _("{key} is not a key; write it like ctrl+f, f6, alt+up or x.").format(key=key)
    if key in _SAME_BYTE:
        return _("most terminals send {other} for {key}, so it never arrives.").format(
            other=_SAME_BYTE[key], key=key
        )
    if not key.startswith(_MODIFIERS) and _is_typed(key) and _typed_in(binding.id, settings):
        return _("{key} is a letter that you type; use one with ctrl, alt or f1 to f12.").format(key=key)
    if key in editing_keys(TextArea) and _is_behind_the_composer(binding):
        return _("{key} edits the text while you write, so it never gets there.").format(key=key)
    return ""


def conflicts(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield (key, id, other id) if two bindings share a key and are active together."""
    now = keymap(settings)
    off = {layer.place for layer in REGISTRY.layers if not layer.is_on(settings)}
    in_force = [binding for binding in known().values() if binding.place not in off]
    for binding in in_force:
        for key in _split(now.get(binding.id, ",".join(binding.keys))):
            for other in _same(key, binding, in_force, now):
                yield key, binding.id, other


def _same(key: str, mine: Known, bindings: Iterable[Known], now: Mapping[str, str]) -> Iterator[str]:
    """Yield the ids that share a key with a binding and are active in its place."""
    for other in bindings:
        together = other.place == mine.place or (
            not mine.apart and not other.apart and bool({mine.place, other.place} & _everywhere())
        )
        if other.id != mine.id and together and key in _split(now.get(other.id, ",".join(other.keys))):
            yield other.id


def is_key(key: str) -> bool:
    """Say whether Textual knows such a key."""
    name = key
    while name.startswith(_MODIFIERS):
        name = name.partition("+")[2]
    return (
        len(name) == 1
        or name in _NAMED
        or key in _NAMED
        or key_to_character(_LONG.get(name, name)) is not None
    )


def _is_typed(key: str) -> bool:
    """Say whether a key is a letter, and not Escape or Tab, which are characters too."""
    return (key_to_character(key) or "\0").isprintable()


def _typed_in(name: str, settings: Settings) -> bool:
    """Say whether the binding is active where letters are typed: into a message, or to filter the rooms."""
    place = name.partition(".")[0]
    return place == "composer" or (place in {*_everywhere(), "rooms"} and not letters_act(settings))


def _everywhere() -> frozenset[str]:
    return EVERYWHERE | {layer.place for layer in REGISTRY.layers}


def _is_behind_the_composer(binding: Known) -> bool:
    """Say whether the composer takes a key first: Textual asks the focused widget, then those around it."""
    return binding.place in {"chat", "app"} and not binding.priority


def _read(keys: str) -> tuple[str, ...]:
    """Return the keys that a person wrote, as Textual names them."""
    return tuple(map(_named, _split(keys)))


def _named(key: str) -> str:
    """Return Textual's name: `Ctrl+F`, `esc`, `?` and `shift+a` are how people write keys."""
    head, plus, name = key.rpartition("+")
    if not name and plus:  # the key + itself
        head, name = head.removesuffix("+"), "+"
    modifiers = [_MEANT.get(modifier, modifier) for modifier in head.lower().split("+") if modifier]
    if modifiers == ["shift"] and len(name) == 1 and name.isalpha():
        return name.upper()
    if modifiers or len(name) > 1:
        name = _MEANT.get(name.lower(), name.lower())
    if len(name) == 1 and not name.isalnum():
        long = unicodedata.name(name, name).lower().replace("-", "_").replace(" ", "_")
        name = KEY_NAME_REPLACEMENTS.get(long, long)
    return "+".join([*modifiers, name])


def _split(keys: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.split(",") if key.strip())


def _kinds(kind: type[object]) -> Iterator[type[object]]:
    child: type[object]
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)
