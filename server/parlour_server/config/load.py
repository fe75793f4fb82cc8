"""Reads the configuration: the file, over it the environment, over it the flags.

`parlour.toml` in the data folder, `PARLOUR_<SECTION>_<KEY>` in the environment, `--flags` of the command
line. An unknown key, a value out of bounds and a file that others may write are refused in a sentence that
names the place (a setting with a typing error must not silently be the default). The command line calls it.
"""

import difflib
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from parlour_server.config.settings import Settings
from parlour_server.errors import SetupError

_PREFIX: Final = "PARLOUR_"
Values = dict[str, dict[str, Any]]


def load(
    file: Path, *, environment: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Settings:
    """Return the settings in force. ``flags`` are `section.key`: value. Raises SetupError."""
    layers: list[tuple[str, Values]] = [
        (str(file), _read_file(file)),
        ("the environment", _read_environment(os.environ if environment is None else environment)),
        ("the command line", _read_flags(flags or {})),
    ]
    together: Values = {}
    for where, values in layers:
        _convert(values, where)  # alone, so that an error names the layer that it comes from
        for section, keys in values.items():
            together.setdefault(section, {}).update(keys)
    return _convert(together, str(file))


def _read_file(path: Path) -> Values:
    try:
        status = path.stat()
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from error
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SetupError(
            f"others can write {path}, so it cannot be trusted; look it over and `chmod 600 {path}`"
        )
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path} is no valid TOML: {error}") from error
    _refuse_unknown(values, str(path))
    return values


def _read_environment(environment: Mapping[str, str]) -> Values:
    values: Values = {}
    for name, text in sorted(environment.items()):
        if not name.startswith(_PREFIX):
            continue
        section, _, key = name.removeprefix(_PREFIX).lower().partition("_")
        if section not in _sections():
            continue  # another program's, or the client's
        if key not in _keys(section):
            raise SetupError(f"{name} in the environment names no setting{_near(key, _keys(section))}")
        values.setdefault(section, {})[key] = _from_text(name, text, _keys(section)[key])
    return values


def _from_text(name: str, text: str, kind: msgspec.inspect.Type) -> Any:
    if isinstance(kind, msgspec.inspect.IntType):
        try:
            return int(text)
        except ValueError:
            raise SetupError(f"{name} in the environment must be a whole number") from None
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _read_flags(flags: Mapping[str, Any]) -> Values:
    values: Values = {}
    for name, value in flags.items():
        section, _, key = name.partition(".")
        values.setdefault(section, {})[key] = value
    return values


def _refuse_unknown(values: Mapping[str, Any], where: str) -> None:
    for section, keys in values.items():
        if section not in _sections():
            raise SetupError(f"{where}: there is no section [{section}]{_near(section, _sections())}")
        if not isinstance(keys, dict):
            raise SetupError(f"{where}: {section} is a section; write [{section}] on a line of its own")
        for key in keys:
            if key not in _keys(section):
                raise SetupError(f"{where}: there is no setting {section}.{key}{_near(key, _keys(section))}")


def _convert(values: Values, where: str) -> Settings:
    try:
        return msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        said, _, path = str(error).rpartition(" - at `$.")
        raise SetupError(
            f"{where}: {path.removesuffix('`') or 'a value'}: {(said or str(error)).replace('`', '')}"
        ) from error


def _near(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(known))}"


def _sections() -> dict[str, dict[str, msgspec.inspect.Type]]:
    """Return every section with its keys and their types."""
    whole = msgspec.inspect.type_info(Settings)
    if not isinstance(whole, msgspec.inspect.StructType):
        raise TypeError("the settings are a struct")
    return {field.name: _fields(field.type) for field in whole.fields}


def _keys(section: str) -> dict[str, msgspec.inspect.Type]:
    return _sections()[section]


def _fields(section: msgspec.inspect.Type) -> dict[str, msgspec.inspect.Type]:
    if not isinstance(section, msgspec.inspect.StructType):
        raise TypeError("a section is a struct")
    return {field.name: _bare(field.type) for field in section.fields}


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    return _bare(kind.type) if isinstance(kind, msgspec.inspect.Metadata) else kind
