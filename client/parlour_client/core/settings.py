"""The person's settings: one frozen value, its table, and the file `settings.toml` in the home folder.

The fields of ``Settings`` are the table: type, default, choices and help are defined there once, and the
file, the settings screen and the documentation are generated from them. A bad value is never guessed at: the
setting keeps its default and ``problems`` says what is wrong and in which line. Nothing here is secret or
sent anywhere.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, structs

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.private_files import open_private, write_whole

FILE: Final = "settings.toml"
MAX_BYTES: Final = 256 * 1024
"""Bytes; a longer file is not a person's settings."""

Value = bool | str | Mapping[str, str]
ON, OFF, DEFAULT = "on", "off", "default"
"""Words for a value; `default` stands for the one that a setting has without a file."""
_NO_KEYS: Final[Mapping[str, str]] = MappingProxyType({})


def _help(text: str) -> Meta:
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The person's settings; without a file, the defaults."""

    theme: Annotated[
        str, _help(N_("colours: a built-in theme, or the name of a file in the themes folder"))
    ] = "parlour"
    vim: Annotated[bool, _help(N_("normal and insert mode with vi keys"))] = False
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
    unread_in_title: Annotated[
        bool, _help(N_("show in the terminal's title how many rooms have something unread, without names"))
    ] = False
    typing: Annotated[bool, _help(N_("let others see when you are typing"))] = False
    receipts: Annotated[bool, _help(N_("let others see how far you have read"))] = False
    peek: Annotated[bool, _help(N_("opening a room does not mark it as read"))] = False
    send_on: Annotated[
        Literal["enter", "ctrl+enter"],
        _help(N_("the key that sends; the other one starts a new line")),
    ] = "enter"
    lock_after: Annotated[
        Literal["off", "5m", "15m", "30m", "1h"],
        _help(N_("lock after this long without a key press, if a passphrase is set; /lock locks at once")),
    ] = "30m"
    paste_guard: Annotated[
        bool, _help(N_("ask before sending several pasted lines, or anything that looks like a secret"))
    ] = True
    spelling: Annotated[
        str,
        _help(
            N_(
                "underline misspelt words with hunspell or aspell, if installed: the code of a language "
                "(en_GB), auto for the one of your system, or off"
            )
        ),
    ] = "off"
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
                "what copies: a program (wl-copy, xclip, xsel, pbcopy, clip), or the terminal (OSC 52); "
                "ask: a program if there is one, else the terminal after a question"
            )
        ),
    ] = "ask"
    pictures: Annotated[
        bool,
        _help(
            N_("let v show a preview of a message's picture; a limited process decodes it (extra pictures)")
        ),
    ] = False
    downloads: Annotated[
        str, _help(N_("the folder that files are saved to; empty: your Downloads, or your home folder"))
    ] = ""
    message_layout: Annotated[
        Literal["cosy", "compact"],
        _help(N_("names above the messages, or time, name and text in one row")),
    ] = "cosy"
    timestamps: Annotated[Literal["off", "minutes", "seconds"], _help(N_("the time beside each message"))] = (
        "minutes"
    )
    time_position: Annotated[
        Literal["left", "right", "name"],
        _help(N_("where times are: a column on the left or on the right, or beside the name")),
    ] = "left"
    formatting: Annotated[
        Literal["styled", "markers", "off"],
        _help(N_("bold, code, quotes and the like: without their markers, with them, or as it was sent")),
    ] = "styled"
    keep: Annotated[
        Literal["always", "1d", "7d", "30d", "90d", "365d"],
        _help(N_("how long this device keeps messages; older ones are forgotten and not loaded again")),
    ] = "always"
    room_sort: Annotated[Literal["name", "recent", "unread"], _help(N_("the order of the room list"))] = (
        "name"
    )
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
    problems: tuple[str, ...] = ()
    """Lines of the file that could not be understood; sentences that may quote the file. Not a setting."""


def kept_seconds(settings: Settings) -> int | None:
    """Return how long messages are kept; None: for ever."""
    return None if settings.keep == "always" else int(settings.keep.removesuffix("d")) * 86_400


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    key: str
    kind: Literal["switch", "choice", "text", "keys"]
    default: Value
    sentence: str
    """Its purpose, in English; ``help`` translates it."""
    choices: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """Its purpose."""
        return _(self.sentence)

    def refusal(self, value: object) -> str:
        """Say why the value is refused; empty if it is valid."""
        if self.kind == "switch":
            return "" if isinstance(value, bool) else _("is true or false")
        if self.kind == "choice":
            return (
                ""
                if value in self.choices
                else _("is one of {choices}").format(choices=", ".join(self.choices))
            )
        if self.kind == "keys":
            fits = isinstance(value, Mapping) and all(isinstance(key, str) for key in value.values())
            return "" if fits else _('is a table of ids and keys, such as "chat.search" = "ctrl+f"')
        return "" if isinstance(value, str) else _("is a text in quotation marks")

    def typed(self, words: str) -> Value:
        """Return the value that a person wrote, or meant by ``default``. Raises SetupError."""
        if words == DEFAULT:
            return self.default
        if self.kind == "keys":
            raise SetupError(_("Keys can't be set by a command."), _("Change them in the settings file."))
        if self.kind == "text":
            return words
        word = words.lower()
        if word not in self.words:
            raise SetupError(
                _("{setting} is one of {choices}.").format(
                    setting=self.key, choices=", ".join((*self.words, DEFAULT))
                )
            )
        return word == ON if self.kind == "switch" else word

    @property
    def words(self) -> tuple[str, ...]:
        """The words that a person may write for its value; none if it is any text."""
        return (ON, OFF) if self.kind == "switch" else self.choices


def shown_value(value: Value) -> str:
    """Return a value as a person writes it; a text may be empty, and may come from the person's file."""
    match value:
        case bool():
            return ON if value else OFF
        case str():
            return value
        case keys:
            return ", ".join(f"{binding} = {key}" for binding, key in keys.items())


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


TABLE: Final = tuple(_table())
BY_KEY: Final = {row.key: row for row in TABLE}


GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    N_("Appearance"): (
        "theme", "message_layout", "timestamps", "time_position", "formatting", "pictures", "reduced_motion",
        "language", "bidi",
    ),
    N_("Writing"): ("send_on", "spelling", "shortcodes", "paste_guard", "editor"),
    N_("Rooms"): ("room_sort", "peek"),
    N_("Notifications"): ("notifications", "notify_for", "bell", "unread_in_title"),
    N_("Privacy"): ("typing", "receipts", "lock_after", "keep"),
    N_("Keys and mouse"): ("vim", "keys", "mouse"),
    N_("Files and links"): ("downloads", "opener", "clipboard"),
}  # fmt: skip
"""The settings by what they are about, in the order in which they are shown; each is in one group."""


def values(settings: Settings) -> dict[str, Value]:
    """Return the value of every setting by its key."""
    found = structs.asdict(settings)
    return {key: found[key] for key in BY_KEY}


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
    return Settings(**values, problems=tuple(problems))


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
