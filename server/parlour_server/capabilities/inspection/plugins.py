"""Inspectors from elsewhere: of installed packages, and of a program itself."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.inspect.inspector import Inspector
from parlour_protocol.kit.inspect.verdict import Action
from parlour_server.core.errors import SetupError

GROUP: Final = "parlour.inspectors"
"""The group of entry points; each names a function `inspect(part, context)`."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An inspector from elsewhere: its name, where it is (`module:function`), and the operator's action."""

    name: str
    target: str
    action: Action


def find_plugins(wanted: Sequence[str]) -> list[Plugin]:
    """Return the plug-ins of the setting `inspection.plugins`, each `name=action`. Raises SetupError."""
    # Reading what every installed package brings is slow, and needed only where something is wanted of it.
    known = {found.name: found for found in entry_points(group=GROUP)} if wanted else {}
    return [_plugin(name, known) for name in wanted]


def _plugin(wanted: str, known: Mapping[str, EntryPoint]) -> Plugin:
    name, _, action = (word.strip() for word in wanted.partition("="))
    if action not in set(Action):
        raise SetupError(
            f"inspection.plugins: {wanted!a} has no action: write {name}=flag, {name}=redact or {name}=block"
        )
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise SetupError(
            f"inspection.plugins: no installed package has an inspector {name!a}; installed are: {there}"
        )
    return Plugin(name, known[name].value, Action(action))


def plugin_of(inspector: Inspector) -> Plugin:
    """Return an inspector of a program's own; it decides the action itself. Raises ProgramError."""
    module, name = str(getattr(inspector, "__module__", "")), str(getattr(inspector, "__qualname__", ""))
    if not module or module == "__main__" or not name.isidentifier():
        raise ProgramError(
            f"the inspector {name or inspector} can't be imported by another process: "
            "make it a function of a module that is not the one that you run"
        )
    return Plugin(name, f"{module}:{name}", Action.BLOCK)


def problem_of(error: BaseException, target: str) -> str:
    """Return why an inspector can't be loaded, as a sentence for the operator."""
    line = traceback.format_exception_only(error)[-1].strip()
    return f"the inspector {target} can't be loaded: {line}"
