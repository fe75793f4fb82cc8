"""Writes the configuration file that `init` leaves: every setting, commented out, with unit and reason.

Commented-out settings follow the defaults of the installed version; only what `init` was told is written as
a value. It never overwrites a file.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import structs

from parlour_server.core.config.server_settings import Settings
from parlour_server.core.config.settings_table import rows
from parlour_server.core.program_name import ProgramName

_HEAD = """\
# The configuration of this {title} server. Lines that are commented out show the defaults.
# {variables}<SECTION>_<KEY> in the environment and flags of `{command} run` override this file.
# `{command} doctor --settings --data …` prints what is in force; SIGHUP makes a running server reload it.
"""

_SECTION: Final = re.compile(r"\[(\w+)\]\s*")
_SETTING: Final = re.compile(r'(?:# )?(\w+) = (?:\[(?:[^\]"]|"[^"]*")*\]|"[^"]*"|\d+)\s*')


def default_file(settings: Settings, name: ProgramName, values: Mapping[str, Any]) -> str:
    """Return the text of a new file with these defaults; ``values`` (`section.key`) are uncommented."""
    lines = [_HEAD.format(title=name.title, variables=name.variables, command=name.command)]
    section = ""
    for row in rows(settings):
        if row.section != section:
            section = row.section
            about = type(structs.asdict(settings)[section]).__doc__ or ""
            lines.append(f"\n# {about.splitlines()[0]}\n[{section}]")
        unit = f"{row.unit}: " if row.unit else ""
        lines.append(f"# {unit}{row.reason}")
        given = values.get(row.name)
        mark = "" if given is not None else "# "
        lines.append(f"{mark}{row.key} = {_toml(row.value if given is None else given)}")
    return "\n".join(lines) + "\n"


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """Return the text of a file with the lines of these settings (`section.key`) changed.

    What stands there in another way than in a new file is left unchanged.
    """
    wanted, section = dict(values), ""
    lines = []
    for line in text.splitlines():
        if found := _SECTION.fullmatch(line):
            section = found[1]
        if (found := _SETTING.fullmatch(line)) and (name := f"{section}.{found[1]}") in wanted:
            lines.append(f"{found[1]} = {_toml(wanted.pop(name))}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    # TOML's basic strings, arrays of them and integers are written as JSON writes them.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=True)
