"""The person's own themes, from `themes/*.toml` in the home folder.

A theme is only colours: any other value would be read as a style sheet. Errors in a file are reported in a
sentence, and its theme is left out or stays as it was.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

from parlour_client.kit.language import _
from parlour_client.kit.terminal.themes import ROLES, VARIABLES
from parlour_client.ui.registry import FoundThemes

MOST_FILES: Final = 100
MOST_BYTES: Final = 64 * 1024
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")  # it becomes the name of a style sheet's class
_COLOURS: Final = (*ROLES, "secondary")


@dataclass
class Folder:
    """The person's themes, read again when a file was changed, added or removed."""

    path: Path
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def changed(self) -> FoundThemes | None:
        """Check the folder; None if nothing has changed."""
        try:
            files = sorted(path for path in self.path.glob("*.toml") if path.is_file())[:MOST_FILES]
            now = {path: (status.st_mtime_ns, status.st_size) for path in files for status in [path.stat()]}
        except OSError:
            return None  # a file that disappears meanwhile: the next check finds out
        if now == self._seen:
            return None
        self._seen = now
        themes, problems = {}, []
        for path in files:
            try:
                themes[path.stem] = read(path)
            except ValueError as error:
                problems.append(f"themes/{path.name}: {error}")
        return FoundThemes(themes, tuple(problems))


def read(path: Path) -> Theme:
    """Read one file. Raises ValueError with a sentence."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        found = tomllib.loads(data.decode())
    except OSError as error:
        raise ValueError(_("it cannot be read ({why}).").format(why=error.strerror)) from error
    except UnicodeDecodeError as error:
        raise ValueError(_("it is not UTF-8.")) from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(_("it isn't valid TOML ({why}).").format(why=error)) from error
    if len(data) > MOST_BYTES:
        raise ValueError(_("it has more than {bytes} bytes.").format(bytes=f"{MOST_BYTES:,}"))
    return _theme(path.stem, found)


def _theme(name: str, found: Mapping[str, Any]) -> Theme:
    if not _NAME.fullmatch(name):
        raise ValueError(_("name the file with lowercase letters, digits and hyphens, such as dusk.toml."))
    dark = found.get("dark", True)
    if not isinstance(dark, bool):
        raise ValueError(_("dark is true or false."))  # noqa: TRY004 - a file's fault, not a program's
    unknown = sorted(set(found) - {"dark", *_COLOURS})
    if unknown:
        raise ValueError(
            _("there is no colour {name}; there are dark and {names}.").format(
                name=unknown[0], names=", ".join(_COLOURS)
            )
        )
    if "primary" not in found:
        raise ValueError(_("it needs at least primary."))
    colours: dict[str, Any] = {key: _colour(key, found[key]) for key in _COLOURS if key in found}
    variables = {role: colours.pop(role) for role in VARIABLES & set(colours)}
    return Theme(name, dark=dark, variables=variables, **colours)


def _colour(key: str, value: object) -> str:
    try:
        if isinstance(value, str):
            return Color.parse(value).hex  # in our notation, never as it was written
    except ColorParseError:
        pass
    raise ValueError(_('{name} is a colour such as "#6ea8d8" or "teal".').format(name=key))
