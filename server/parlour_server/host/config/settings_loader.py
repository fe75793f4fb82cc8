"""Loads the configuration: flags override the environment, which overrides the file.

`parlour.toml` in the data folder, `PARLOUR_<SECTION>_<KEY>` in the environment (with the program's own name),
`--flags` of the command line. Unknown keys, invalid values, files that others can write to, and files that
crash Python's parser (L23) are refused with a sentence that names the place: a misspelt setting must not
silently be the default.
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from parlour_server.core.addresses import (
    Networks,
    is_loopback,
    listen_address,
    refuse_no_name,
    refuse_no_origin,
)
from parlour_server.core.config.server_settings import Listen, Settings
from parlour_server.core.errors import SetupError
from parlour_server.core.program_name import ProgramName

_MOST_BYTES: Final = 1_048_576
_LONGEST_SHOWN: Final = 200
_LARGEST: Final = 10**15
_MISSPELT: Final = 0.8
"""How much a name is like another one that is meant: an empty section of such a name is refused, too."""
_OF_CAPABILITIES: Final = frozenset({"bus", "database"})
"""Sections that a server must not ignore in the environment, where it ignores what it does not know: one that
lacks the capability would be a server by itself."""
_S = TypeVar("_S", bound=Settings)
Values = dict[str, dict[str, Any]]
_Sections = Mapping[str, Mapping[str, msgspec.inspect.Type]]
"""Every section with its keys and their types."""

_Place = Callable[..., str]
"""Returns where a section, or a setting in it (``section, key``), was written."""


def load(
    file: Path,
    kind: type[_S],
    name: ProgramName,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> _S:
    """Return the current settings of a program. ``flags`` are `section.key`: value. Raises SetupError."""
    text = _text_of(file)
    known = _sections(kind)
    variables = os.environ if environment is None else environment
    layers: list[tuple[_Place, Values]] = [
        (partial(_in_file, file, text), _read_file(file, text, known)),
        (partial(_in_environment, name.variables), _read_environment(variables, name.variables, known)),
        (_on_command_line, _read_flags(flags or {})),
    ]
    together: Values = {}
    for place, values in layers:
        _refuse_meaningless(
            _convert(kind, values, place), values, place
        )  # by itself: an error names its layer
        for section, keys in values.items():
            together.setdefault(section, {}).update(keys)
    return _convert(kind, together, partial(_in_file, file, text))


def packages_in(file: Path, name: ProgramName) -> tuple[str, ...]:
    """Return the packages that the configuration names: only with them its other settings are known.

    None for a configuration that can't be used: what loads it whole says why.
    """
    prefix, section = f"{name.variables}CAPABILITIES_", "capabilities"
    variables = {key: text for key, text in os.environ.items() if key.startswith(prefix)}
    try:
        text = _text_of(file)
        named = _parsed(file, text).get(section, {})
        named |= _read_environment(variables, name.variables, _sections(Settings)).get(section, {})
        return _convert(Settings, {section: named}, partial(_in_file, file, text)).capabilities.packages
    except (SetupError, TypeError):  # a section that is none
        return ()


def _text_of(path: Path) -> str:
    """Return the file's text, empty without a file. Raises SetupError."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}") from error
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SetupError(
            f"other users can write to {path}, so it can't be trusted; check it and run `chmod 600 {path}`"
        )
    if len(data) > _MOST_BYTES:
        raise SetupError(
            f"{path} has more than {_MOST_BYTES:,} bytes, which is too large for a configuration file"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SetupError(f"{path}, line {line}: this is not UTF-8") from error


def _read_file(path: Path, text: str, known: _Sections) -> Values:
    values = _parsed(path, text)
    _refuse_unknown(values, partial(_in_file, path, text), known)
    return {section: keys for section, keys in values.items() if section in known}


def _parsed(path: Path, text: str) -> Values:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line ([0-9]+)", str(error))
        line = found[1] if found else max(1, len(text.splitlines()))
        raise SetupError(f"{path}, line {line}: invalid TOML: {printable(str(error))}") from error
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else "a number with too many digits"
        raise SetupError(f"{path}, line {_line_that_ends(text)}: {why}") from None


def _line_that_ends(text: str) -> int:
    """Return the first line whose text up to there makes the parser fail."""
    lines = text.splitlines(keepends=True)
    good, bad = 0, len(lines)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            tomllib.loads("".join(lines[:middle]))
        except tomllib.TOMLDecodeError:
            good = middle
        except (ValueError, RecursionError):
            bad = middle
        else:
            good = middle
    return bad


def _in_file(path: Path, text: str, section: str, key: str = "") -> str:
    """Return where a setting is, with its line if it is written in one of the usual ways."""
    table = re.compile(rf"""\s*\[\s*["']?{re.escape(section)}["']?\s*\]""")
    dotted = re.compile(rf"""\s*["']?{re.escape(section)}["']?\s*[.=]\s*{re.escape(key)}""")
    plain = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            inside = bool(table.match(line))
            if inside and not key:
                return f"{path}, line {number}"
        elif (inside and key and plain.match(line)) or (not inside and dotted.match(line)):
            return f"{path}, line {number}"
    return str(path)


def _in_environment(prefix: str, section: str, key: str = "") -> str:
    return f"{prefix}{section}_{key}".upper() + " in the environment"


def _on_command_line(section: str, key: str = "") -> str:
    del section, key  # the sentence names the setting
    return "the command line"


def _read_environment(environment: Mapping[str, str], prefix: str, known: _Sections) -> Values:
    values: Values = {}
    for name, text in sorted(environment.items()):
        if not name.startswith(prefix):
            continue
        section, _, key = name.removeprefix(prefix).lower().partition("_")
        if section not in known:
            if section in _OF_CAPABILITIES:
                raise SetupError(f"{name} is in the environment, but {_lacking(section)}")
            continue  # another program's, or the client's
        if key not in known[section]:
            raise SetupError(f"{name} in the environment is not a setting{_near(key, known[section])}")
        values.setdefault(section, {})[key] = _from_text(name, text, known[section][key])
    return values


def _from_text(name: str, text: str, kind: msgspec.inspect.Type) -> Any:
    if isinstance(kind, msgspec.inspect.IntType):
        try:
            return int(text)
        except ValueError:  # also for more digits than Python reads
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


def _refuse_unknown(values: Mapping[str, Any], place: _Place, known: _Sections) -> None:
    for section, keys in values.items():
        if keys == {} and not _close(section, known, _MISSPELT):
            continue  # `init` wrote its header, and the capability was taken out since
        if section in _OF_CAPABILITIES - known.keys():
            raise SetupError(f"{place(section)}: {_lacking(section)}")
        if section not in known:
            raise SetupError(
                f"{place(section)}: unknown section [{printable(section)}]{_near(section, known)}"
            )
        if not isinstance(keys, dict):
            raise SetupError(f"{place(section)}: {section} is a section; write [{section}] on its own line")
        for key in keys:
            if key not in known[section]:
                raise SetupError(
                    f"{place(section, key)}: unknown setting {section}.{printable(key)}"
                    f"{_near(key, known[section])}"
                )


def _refuse_huge(values: Values, place: _Place) -> None:
    """Raise SetupError for a number that no setting needs, and that arithmetic and sentences can't take."""
    for section, keys in values.items():
        for key, value in keys.items():
            if isinstance(value, int) and abs(value) > _LARGEST:
                raise SetupError(f"{place(section, key)}: {section}.{key} is too large: at most {_LARGEST:,}")


def _convert(kind: type[_S], values: Values, place: _Place) -> _S:
    _refuse_huge(values, place)
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).rpartition(" - at `$.")
        path = path.removesuffix("`")
        section, _, key = path.partition(".")
        if sentence.startswith("Invalid enum value"):
            sentence += _choices(_sections(kind)[section][key.partition("[")[0]])
        raise SetupError(
            f"{place(section, key.partition('[')[0])}: {path or 'a value'}: "
            f"{(sentence or str(error)).replace('`', '')}"
        ) from error


def _refuse_meaningless(settings: Settings, values: Values, place: _Place) -> None:
    """Raise SetupError for text that has the right type but is invalid."""
    listen = settings.listen
    checks: dict[tuple[str, str], Callable[[], object]] = {
        ("listen", "address"): lambda: listen_address(listen.address),
        ("listen", "names"): lambda: refuse_names(listen.names or ("",)),
        ("listen", "origins"): lambda: _refuse_origins(listen),
        ("listen", "proxies"): lambda: Networks("listen.proxies", listen.proxies),
        ("listen", "metrics"): lambda: listen.metrics and listen_address(listen.metrics),
    }
    for name, section in msgspec.structs.asdict(settings).items():
        checks |= {(name, key): check for key, check in section.checks().items()}
    for (section, key), check in checks.items():
        if key in values.get(section, {}):
            try:
                check()
            except SetupError as error:
                text = str(error).removeprefix(f"{section}.{key}: ")
                raise SetupError(f"{place(section, key)}: {section}.{key}: {text}") from error


def refuse_names(names: tuple[str, ...]) -> None:
    """Raise SetupError for invalid names of the server; each may have a port."""
    for name in names:
        refuse_no_name(name)


def _refuse_origins(listen: Listen) -> None:
    is_development = is_loopback(listen_address(listen.address)[0])
    for origin in listen.origins:
        refuse_no_origin(origin, is_development=is_development)


def printable(text: str) -> str:
    """Return text from the file for use in a sentence: short, and without control characters."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _lacking(section: str) -> str:
    return (
        f"this server lacks the capability that has the section {section}: remove the setting, or list the"
        " capability in the program"
    )


def _close(word: str, known: Iterable[str], like: float = 0.6) -> list[str]:
    from difflib import get_close_matches  # noqa: PLC0415 - a configuration without mistakes needs none

    return get_close_matches(word, known, 1, like)


def _near(word: str, known: Mapping[str, Any]) -> str:
    close = _close(word, known)
    return f"; did you mean {close[0]}?" if close else f"; valid names are {', '.join(sorted(known))}"


@cache
def _sections(kind: type[Settings]) -> _Sections:
    whole = msgspec.inspect.type_info(kind)
    if not isinstance(whole, msgspec.inspect.StructType):
        raise TypeError("the settings are a struct")
    return {field.name: _fields(field.type) for field in whole.fields}


def _fields(section: msgspec.inspect.Type) -> dict[str, msgspec.inspect.Type]:
    if not isinstance(section, msgspec.inspect.StructType):
        raise TypeError("a section is a struct")
    return {field.name: _bare(field.type) for field in section.fields}


def _choices(kind: msgspec.inspect.Type) -> str:
    """Return what can be written for a setting that is one of some words, or several of them."""
    if isinstance(kind, msgspec.inspect.VarTupleType):
        kind = _bare(kind.item_type)
    words = kind.values if isinstance(kind, msgspec.inspect.LiteralType) else ()
    return f"; write one of {', '.join(str(word) for word in words)}" if words else ""


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    return _bare(kind.type) if isinstance(kind, msgspec.inspect.Metadata) else kind
