"""The person's settings: one frozen value, its table, and the file `settings.toml` in the home folder.

The fields of ``Settings`` are the table: type, default, choices and help are defined there once, and the
file, the settings screen and the documentation are generated from them, and from the settings of extras. A
bad value is never guessed at: the setting keeps its default and ``problems`` says what is wrong and in which
line. Nothing here is secret or sent anywhere.
"""

import difflib
import os
import re
import tomllib
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, structs

from parlour_client.core.setting import EXTRA_SETTINGS, Setting, Value
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.private_files import open_private, write_whole

FILE: Final = "settings.toml"
MAX_BYTES: Final = 256 * 1024
"""Bytes; a longer file is not a person's settings."""

_NO_KEYS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_VALUES: Final[Mapping[str, Value]] = MappingProxyType({})


def _help(text: str) -> Meta:
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The person's settings; without a file, the defaults."""

    theme: Annotated[
        str, _help(N_("colours: a built-in theme, or the name of a file in the themes folder"))
    ] = "parlour"
    mouse: Annotated[bool, _help(N_("use the mouse in Parlour; off lets the terminal select text"))] = True
    reduced_motion: Annotated[bool, _help(N_("no blinking and no countdowns"))] = False
    bell: Annotated[bool, _help(N_("let Parlour ring the terminal's bell"))] = True
    notifications: Annotated[
        Literal["off", "bell", "osc9", "osc777", "osc99", "desktop"],
        _help(N_("how to notify you; notifications never contain message text")),
    ] = "bell"
    notify_for: Annotated[
        Literal["mentions", "direct", "all"],
        _help(N_("what to notify you about: mentions only, direct rooms too, or everything")),
    ] = "direct"
    typing: Annotated[bool, _help(N_("let others see when you are typing"))] = False
    receipts: Annotated[bool, _help(N_("let others see how far you have read"))] = False
    peek: Annotated[bool, _help(N_("opening a room does not mark it as read"))] = False
    send_on: Annotated[
        Literal["enter", "ctrl+enter"],
        _help(N_("the key that sends; the other one starts a new line")),
    ] = "enter"
    paste_guard: Annotated[
        bool, _help(N_("ask before sending several pasted lines, or anything that looks like a secret"))
    ] = True
    shortcodes: Annotated[
        bool, _help(N_("send the name of an emoji between colons as that emoji, except in code: :tada:"))
    ] = True
    editor: Annotated[
        str, _help(N_("your editor's command; empty: VISUAL or EDITOR from the environment"))
    ] = ""
    opener: Annotated[
        str, _help(N_("the command that opens an address you chose to open; empty: the system's own"))
    ] = ""
    clipboard: Annotated[
        Literal["ask", "program", "terminal"],
        _help(
            N_(
                "what copies: a program (wl-copy, xclip, xsel, pbcopy, clip, tmux), "
                "or the terminal (OSC 52); "
                "ask: a program if there is one, else the terminal after a question"
            )
        ),
    ] = "ask"
    downloads: Annotated[
        str, _help(N_("the folder that files are saved to; empty: your Downloads, or your home folder"))
    ] = ""
    message_layout: Annotated[
        Literal["compact", "cosy"],
        _help(
            N_("time, name and text in one row, or names above the messages, as always in a narrow terminal")
        ),
    ] = "compact"
    timestamps: Annotated[Literal["off", "minutes", "seconds"], _help(N_("the time beside each message"))] = (
        "minutes"
    )
    line_times: Annotated[
        bool, _help(N_("the time before each message in the line mode (parlour --plain)"))
    ] = False
    time_position: Annotated[
        Literal["left", "right"],
        _help(N_("where times are: before the text (cosy: beside the name), or at the right edge")),
    ] = "left"
    formatting: Annotated[
        Literal["styled", "markers", "off"],
        _help(N_("bold, code, quotes and the like: without their markers, with them, or as it was sent")),
    ] = "styled"
    keep: Annotated[
        Literal["always", "1d", "7d", "30d", "90d", "365d"],
        _help(N_("how long this device keeps messages; older ones are forgotten and not loaded again")),
    ] = "always"
    room_sort: Annotated[
        Literal["number", "name", "recent", "unread"], _help(N_("the order of the room list"))
    ] = "number"
    language: Annotated[
        Literal["system", "de", "en", "he"],
        _help(N_("the language of Parlour's own words, from the next start; system: that of your terminal")),
    ] = "system"
    bidi: Annotated[
        Literal["terminal", "client", "off"],
        _help(N_("what puts right-to-left text in order: the terminal, Parlour, or nothing")),
    ] = "terminal"
    keys: Annotated[
        Mapping[str, str],
        _help(
            N_('custom keys, by the binding\'s id: `chat.search = "ctrl+f"`; separate several with commas')
        ),
    ] = _NO_KEYS
    extras: Mapping[str, Value] = _NO_VALUES
    """The values of the settings of extras that are not their defaults."""
    problems: tuple[str, ...] = ()
    """Lines of the file that could not be understood; sentences that may quote the file. Not a setting."""

    def value(self, setting: Setting) -> Value:
        """Return the value of an extra's setting."""
        return self.extras.get(setting.key, setting.default)


def kept_seconds(settings: Settings) -> int | None:
    """Return how long messages are kept; None: for ever."""
    return None if settings.keep == "always" else int(settings.keep.removesuffix("d")) * 86_400


def _row(key: str, kind: Any, default: Value, about: str) -> Setting:
    if get_origin(kind) is Literal:
        return Setting(key, "choice", default, about, get_args(kind))
    if kind is bool:
        return Setting(key, "switch", default, about)
    return Setting(key, "text" if kind is str else "keys", default, about)


def _table() -> Iterator[Setting]:
    for field in structs.fields(Settings):
        if get_origin(field.type) is Annotated:
            kind, meta = get_args(field.type)
            yield _row(field.name, kind, field.default, meta.description)


BY_KEY: Final = ChainMap(EXTRA_SETTINGS, {row.key: row for row in _table()})
"""Every setting; those of extras last."""


_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    N_("Appearance"): (
        "theme", "message_layout", "timestamps", "line_times", "time_position", "formatting",
        "reduced_motion", "language", "bidi",
    ),
    N_("Writing"): ("send_on", "shortcodes", "paste_guard", "editor"),
    N_("Rooms"): ("room_sort", "peek"),
    N_("Notifications"): ("notifications", "notify_for", "bell"),
    N_("Privacy"): ("typing", "receipts", "keep"),
    N_("Keys and mouse"): ("keys", "mouse"),
    N_("Files and links"): ("downloads", "opener", "clipboard"),
}  # fmt: skip


def groups() -> Mapping[str, tuple[str, ...]]:
    """Return the settings by what they are about, in the order in which they are shown."""
    return {
        group: (*keys, *(row.key for row in EXTRA_SETTINGS.values() if row.group == group))
        for group, keys in _GROUPS.items()
    }


def values(settings: Settings) -> dict[str, Value]:
    """Return the value of every setting by its key."""
    found = structs.asdict(settings)
    return {key: found[key] if key in found else settings.value(row) for key, row in BY_KEY.items()}


def changed(settings: Settings, key: str, value: Value) -> Settings:
    """Return the settings with another value of one."""
    kept = MappingProxyType(dict(value)) if not isinstance(value, bool | str) else value
    if key in EXTRA_SETTINGS:
        return structs.replace(settings, extras=MappingProxyType({**settings.extras, key: kept}))
    return structs.replace(settings, **{key: kept})


def load(home: Path) -> Settings:
    """Return the settings of a home folder. Never raises: errors are in ``problems``."""
    try:
        text = _read(home / FILE)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else _("it is not UTF-8")
        return Settings(
            problems=(_("{file} cannot be read ({why}); using the defaults.").format(file=FILE, why=why),)
        )
    return read(text)


def read(text: str) -> Settings:
    """Parse the settings in a file's text."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Settings(
            problems=(
                _("{file} isn't valid TOML ({error}); using the defaults.").format(file=FILE, error=error),
            )
        )
    values: dict[str, Any] = {}
    problems = []
    for key, value in found.items():
        flat = _flat(value) if key == "keys" and isinstance(value, dict) else value
        wrong = _wrong(key, flat)
        if wrong:
            problems.append(
                _("{file}, line {line}: {wrong}").format(file=FILE, line=_line_of(text, key), wrong=wrong)
            )
        else:
            values[key] = MappingProxyType(flat) if isinstance(flat, dict) else flat
    extras = {key: values.pop(key) for key in EXTRA_SETTINGS if key in values}
    return Settings(**values, extras=MappingProxyType(extras), problems=tuple(problems))


def save(home: Path, key: str, value: Value) -> None:
    """Write one setting, keeping the rest of the file and its comments. Raises SetupError."""
    import tomlkit  # noqa: PLC0415 - only who changes a setting needs it
    from tomlkit.exceptions import ParseError  # noqa: PLC0415

    refusal = BY_KEY[key].refusal(value)
    if refusal:
        raise SetupError(f"{key} {refusal}.")
    path = home / FILE
    try:
        document = tomlkit.parse(_read(path) if path.exists() else "")
        if value == BY_KEY[key].default:
            document.pop(key, None)
        elif isinstance(value, Mapping):
            document[key] = dict(value)
        else:
            document[key] = value
        write_whole(path, tomlkit.dumps(document))
    except (ParseError, UnicodeDecodeError) as error:
        raise SetupError(
            _("{file} isn't valid TOML, so nothing was written to it.").format(file=FILE),
            _("Fix {path}, or move it away.").format(path=path),
        ) from error
    except OSError as error:
        raise SetupError(
            _("{file} cannot be written: {strerror}.").format(file=FILE, strerror=error.strerror),
            _("Check whether the disk is full."),
        ) from error


def _read(path: Path) -> str:
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(0, _("it has more than {most:,} bytes").format(most=MAX_BYTES))
    return data.decode()


def _flat(keys: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Read `chat.search = …` like `"chat.search" = …`: TOML takes a bare dot for a nested table."""
    flat: dict[str, Any] = {}
    for key, value in keys.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat


def _wrong(key: str, value: object) -> str:
    row = BY_KEY.get(key)
    if row is None:
        near = difflib.get_close_matches(key, BY_KEY, 1)
        if near:
            return _("there is no setting {key}; did you mean {near}?").format(key=key, near=near[0])
        return _("there is no setting {key}.").format(key=key)
    refusal = row.refusal(value)
    return _("{key} {refusal}; using the default.").format(key=key, refusal=refusal) if refusal else ""


def _line_of(text: str, key: str) -> int:
    """Return the line number of a top-level key of the file."""
    pattern = re.compile(rf"""\s*(?:\[\s*)?["']?{re.escape(key)}["']?\s*[\].=]""")
    lines = text.split("\n")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)
