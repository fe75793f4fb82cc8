"""Loads the capabilities of other packages: those that the configuration names, and no others.

A package offers one as an entry point of the group `parlour_server.capabilities`. That it is installed loads
nothing of it: only its metadata is read, and only while a name is looked for. Once it is named it is trusted
like Parlour itself, because it runs within the server.
"""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from parlour_server.app.capability import Capability, Installed
from parlour_server.core.errors import SetupError

GROUP: Final = "parlour_server.capabilities"


def load_installed(names: Sequence[str], own: Sequence[Capability]) -> tuple[Installed, ...]:
    """Return the capabilities with these names. ``own`` are the program's. Raises SetupError."""
    for name in names:
        if any(capability.name == name for capability in own):
            raise SetupError(f"{_named(name)}, which is here without that: remove it from the setting")
        if names.count(name) > 1:
            raise SetupError(f"{_named(name)} twice: remove one")
    return tuple(_load(name) for name in names)


def _load(name: str) -> Installed:
    entry = _entry(name)
    package = _package(entry)
    try:
        capability = entry.load()
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise SetupError(f"{_named(name)}, and {package}, which has it, can't be loaded ({why})") from error
    if not isinstance(capability, Capability):
        raise SetupError(f"{_named(name)}, but what {package} has under that name is not a Capability")
    if capability.name != name:
        raise SetupError(f"{_named(name)}, but the capability of {package} calls itself {capability.name}")
    return Installed(capability, package)


def _entry(name: str) -> EntryPoint:
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise SetupError(
            f"{_named(name)}, which no installed package has: install it where this command is, or remove the"
            " name"
        )
    if len(found) > 1:
        packages = " and ".join(sorted(_package(entry) for entry in found))
        raise SetupError(f"{_named(name)}, which {packages} both have: uninstall one of them")
    return found[0]


def _package(entry: EntryPoint) -> str:
    return "a package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _named(name: str) -> str:
    return f"capabilities.packages names {name if name.isprintable() else ascii(name)}"
