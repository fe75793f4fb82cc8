"""The settings as rows: name, value, unit, reason, and whether a reload applies a new value.

The rows are read from the structs of `server_settings.py`. The configuration file, `doctor`, the
documentation and the list of settings that wait for a restart are made from them.
"""

from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from msgspec import Meta, structs

from parlour_server.core.config.server_settings import Settings

_Settings = TypeVar("_Settings", bound=Settings)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting, with its documentation."""

    section: str
    key: str
    value: Any
    unit: str
    reason: str
    reloads: bool
    of_account: bool
    """An account can have one of its own."""
    least: int
    """The smallest value, of a number that an account can have."""
    shown: Any
    """The value for everyone to see: without the password that a URL may have in it."""

    @property
    def name(self) -> str:
        """`section.key`."""
        return f"{self.section}.{self.key}"


def rows(settings: Settings) -> list[Row]:
    """Return every setting with its value in ``settings``."""
    return [
        _row(name, key, value, kinds[key])
        for name, section in structs.asdict(settings).items()
        for kinds in [{field.name: field.type for field in structs.fields(section)}]
        for key, value in structs.asdict(section).items()
    ]


def need_restart(old: Settings, new: Settings) -> list[str]:
    """Return the names of settings that differ and that only a new process takes up."""
    return [
        before.name
        for before, after in zip(rows(old), rows(new), strict=True)
        if before.value != after.value and not before.reloads
    ]


def reloaded(old: _Settings, new: _Settings) -> _Settings:
    """Return what is in force after a reload: of ``new`` only the settings that need no restart."""
    taken: dict[str, dict[str, Any]] = {}
    for row in rows(new):
        if row.reloads:
            taken.setdefault(row.section, {})[row.key] = row.value
    sections = {name: structs.replace(getattr(old, name), **values) for name, values in taken.items()}
    return structs.replace(old, **sections)


def _row(section: str, key: str, value: Any, kind: Any) -> Row:
    meta = next((part for part in get_args(kind) if isinstance(part, Meta)), Meta())
    extra = meta.extra or {}
    return Row(
        section,
        key,
        value,
        extra.get("unit", ""),
        meta.description or "",
        extra.get("reloads", False),
        extra.get("of_account", False),
        int(meta.ge or 0),
        extra["shown"](value) if "shown" in extra else value,
    )
