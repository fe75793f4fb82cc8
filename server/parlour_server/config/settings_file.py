"""Writes the configuration file that `init` leaves: every setting, commented out, with unit and reason.

What is commented out follows the defaults of the version that runs; only what `init` was told (`--name`)
stands as a value. `tables` gives the same rows to the documentation and to `doctor`. It never overwrites a
file.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import msgspec

from parlour_server.config.server_settings import Section, Settings

_HEAD = """\
# The configuration of this Parlour server. Lines that are commented out show the defaults.
# PARLOUR_<SECTION>_<KEY> in the environment and flags of `parlour-server run` override this file.
# `parlour-server doctor --data …` prints the settings in force; SIGHUP makes a running server reload them.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as people read about it."""

    section: str
    key: str
    value: Any
    unit: str
    reason: str

    @property
    def name(self) -> str:
        """`section.key`."""
        return f"{self.section}.{self.key}"


def rows(settings: Settings) -> list[Row]:
    """Return every setting with the value that it has in ``settings``."""
    return [row for section in settings.__struct_fields__ for row in _section_rows(section, settings)]


def default_file(values: Mapping[str, Any]) -> str:
    """Return the text of a new file; ``values`` (`section.key`) stand uncommented."""
    lines = [_HEAD]
    section = ""
    for row in rows(Settings()):
        if row.section != section:
            section = row.section
            lines.append(f"\n# {_first_line(section)}\n[{section}]")
        unit = f"{row.unit}: " if row.unit else ""
        lines.append(f"# {unit}{row.reason}")
        given = values.get(row.name)
        mark = "" if given is not None else "# "
        lines.append(f"{mark}{row.key} = {_toml(row.value if given is None else given)}")
    return "\n".join(lines) + "\n"


def with_names(text: str, names: tuple[str, ...]) -> str:
    """Return the text of a file with its `names` line set; unchanged where it has no such line."""
    line = f"names = {_toml(names)}"
    return re.sub(r"^(?:# )?names = \[[^\]\n]*\]$", lambda _: line, text, count=1, flags=re.MULTILINE)


def _section_rows(name: str, settings: Settings) -> list[Row]:
    section: Section = getattr(settings, name)
    hints = get_type_hints(type(section), include_extras=True)
    return [_row(name, key, getattr(section, key), hints[key]) for key in section.__struct_fields__]


def _row(section: str, key: str, value: Any, hint: Any) -> Row:
    meta = next((part for part in get_args(hint) if isinstance(part, msgspec.Meta)), msgspec.Meta())
    return Row(section, key, value, (meta.extra or {}).get("unit", ""), meta.description or "")


def _first_line(section: str) -> str:
    return (type(getattr(Settings(), section)).__doc__ or "").splitlines()[0]


def _toml(value: Any) -> str:
    # TOML's basic strings, arrays of them and integers are written as JSON writes them.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=True)
