"""The generated tables of the documentation: each stands between two markers and is written from the code.

A table in a document is a claim; generated from what the program runs on, it cannot be an old one.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, get_args

import click
import msgspec

from parlour_client.commands.command import Command
from parlour_client.commands.front import Front
from parlour_client.commands.table import all_commands
from parlour_client.core import settings as client_settings
from parlour_client.extras import register_all
from parlour_client.ui.input.keymap import known
from parlour_protocol import delivery, errors
from parlour_protocol.encrypted import AnyContent
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.event_rules import Action, EventRules, Rooms
from parlour_protocol.frames.opaque import OPAQUE_TYPES
from parlour_protocol.frames.replies import AnyResult, AnyServerFrame
from parlour_protocol.frames.requests import AnyRequest
from parlour_protocol.kit import errors as kit_errors
from parlour_protocol.kit.connection_state import TRANSITIONS
from parlour_protocol.kit.errors import CloseCode
from parlour_protocol.kit.payload import Payload
from parlour_protocol.limits import LIMITS
from parlour_protocol.rooms import RoomKind
from parlour_server.app.capability import served_by
from parlour_server.app.metrics import Metric
from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.chat.delivery.https.operations import DELIVERY_OPERATIONS
from parlour_server.chat.metrics import CHAT_METRICS
from parlour_server.chat.name import NAME as CHAT_NAME
from parlour_server.chat.permissions import LOWEST_ROLE, ROLES_IN_WORDS
from parlour_server.chat.program import CHAT
from parlour_server.core.config.settings_table import rows
from tools.claims import PAGE
from tools.patterns import patterns

SPECIFICATION = Path("protocol/README.md")
CONFIGURATION = Path("docs/reference/configuration.md")
METRICS = Path("docs/reference/metrics.md")
SERVER_COMMANDS = Path("docs/reference/server-commands.md")
CLIENT_SETTINGS = Path("docs/reference/settings.md")
CLIENT = Path("docs/reference/client-commands.md")
README = Path("README.md")


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]]
    return "\n".join(lines)


def _summary(thing: object) -> str:
    return " ".join((thing.__doc__ or "").split("\n\n")[0].split())


def _frames(kinds: tuple[type[msgspec.Struct], ...]) -> str:
    rows = [[f"`{kind.__struct_config__.tag}`", *_fields_and_meaning(kind)] for kind in kinds]
    return _table(["tag", "fields (`?`: may be absent)", "meaning"], rows)


def _fields_and_meaning(kind: type[msgspec.Struct]) -> tuple[str, str]:
    fields = [f"`{f.encode_name}`{'' if f.required else '?'}" for f in msgspec.structs.fields(kind)]
    return ", ".join(fields), _summary(kind).replace("``", "`")


def limits() -> str:
    """Return the table of the protocol's limits."""
    rows = [[f"`{m.name}`", f"{m.value:,}", m.unit, m.reason] for m in LIMITS]
    return _table(["limit", "value", "unit", "reason"], rows)


def states() -> str:
    """Return the state machine as a table."""
    rows = [[word.name.lower() for word in (*step, to)] for step, to in TRANSITIONS.items()]
    return _table(["state", "who sends", "what", "next state"], rows)


def error_codes() -> str:
    """Return the table of error codes, with the docstrings that stand under them in the source."""
    source = Path(errors.__file__).read_text(encoding="utf-8")
    texts = dict(re.findall(r'    [A-Z_]+ = "([a-z_]+)"\n    """(.*?)"""', source))
    return _table(["code", "meaning"], [[f"`{code}`", texts[code]] for code in ErrorCode])


def close_codes() -> str:
    """Return the table of close codes."""
    codes = sorted((c for c in vars(kit_errors).values() if isinstance(c, CloseCode)), key=int)
    return _table(
        ["code", "meaning (the reason on the wire may say more)"], [[str(int(c)), c.meaning] for c in codes]
    )


def configuration() -> str:
    """Return the table of the server's settings, with the defaults that are in force without any."""
    found = [
        [f"`{row.name}`", f"`{_shown(row.value)}`", row.unit, "yes" if row.reloads else "", row.reason]
        for row in rows(CHAT.settings_type())
    ]
    return _table(["setting", "default", "unit", "reload", "reason"], found)


def metrics(known: Iterable[Metric]) -> str:
    """Return a table of metrics by the names under which the chat's server shows them."""
    found = [
        [
            f"`{one.full_name(CHAT_NAME.word)}`",
            one.kind.value,
            " ".join(f"`{label}`" for label in one.labels),
            one.about + (f" (with {one.needs})" if one.needs else ""),
            one.scope.value,
        ]
        for one in known
    ]
    return _table(["metric", "kind", "labels", "what it is", "of"], found)


def server_commands() -> str:
    """Return all commands of the server, each with its options, as `--help` explains them."""
    return "\n\n".join(_server_command(COMMAND_LINE.group, [COMMAND_LINE.group.name or "parlour-server"]))


def _server_command(command: click.Command, words: list[str]) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _server_command(inner, [*words, name])
        return
    context = click.Context(command, info_name=" ".join(words))
    yield f"## {' '.join(words[1:])}"
    yield f"```text\n{' '.join([*words, *command.collect_usage_pieces(context)])}\n```"
    yield re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(command.help or ""))
    rows = [
        [f"`{', '.join(one.opts)}`", _option_value(one, context), (one.help or "").replace("|", r"\|")]
        for one in command.params
        if isinstance(one, click.Option) and not one.hidden
    ]
    if rows:
        yield _table(["option", "value", "meaning"], rows)


def _option_value(option: click.Option, context: click.Context) -> str:
    if option.is_flag:
        return ""
    value = option.make_metavar(context).strip("[]").replace("|", r"\|")
    return f"`{value}`" + (", required" if option.required else "")


def settings_of_the_client() -> str:
    """Return the table of the client's settings."""
    rows = []
    for row in client_settings.BY_KEY.values():
        shown = {"switch": "`true` or `false`", "text": "a text", "keys": "a table of ids and keys"}
        kind = shown.get(row.kind) or " ".join(f"`{choice}`" for choice in row.choices)
        default = f"`{_toml(row.default)}`" if row.kind != "keys" else "none"
        rows.append([f"`{row.key}`", kind, default, row.help])
    return _table(["setting", "value", "default", "what it is"], rows)


def keys_of_the_client() -> str:
    """Return the table of the client's keys."""
    return _table(
        ["id", "keys", "what it does"],
        [[f"`{one.id}`", " ".join(f"`{key}`" for key in one.keys), one.about] for one in known().values()],
    )


def commands() -> str:
    """Return the table of all commands: how each is written, or what is done instead."""
    return _table(
        ["what it does", "on the screen", "in the line mode", "in a shell"],
        [
            [f"{one.help}. {one.who}".strip().replace("|", r"\|"), *(_usage(one, front) for front in Front)]
            for one in all_commands()
        ],
    )


def _usage(one: Command[..., Any], front: Front) -> str:
    if one.name(front) is None:
        return one.reason(front).replace("|", r"\|")
    return f"`{one.usage(front)}`".replace("|", r"\|")


def security_patterns() -> str:
    """Return the README's table of the patterns: what holds, and the claims that say so."""
    rows = [
        [
            f"[{one.title}]({one.path})",
            one.sentence,
            ", ".join(f"[{line}]({PAGE}#{line.lower()})" for line in one.lines),
        ]
        for one in patterns()
    ]
    return _table(["pattern", "what holds", "claims"], rows)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def _shown(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def operations() -> str:
    """Return the table of the delivery service's operations."""
    rows = []
    for row in DELIVERY_OPERATIONS:
        takes = "the bytes" if row.takes_bytes else _structs(row.takes)
        gives = "the bytes" if row.gives_bytes else _structs(row.gives)
        query = "".join(f"?{name}=N" for name in row.query)
        cap = f"{row.cap.value:,}" if takes else ""
        answer = f"{row.status.value} {gives}".strip()
        rows.append([f"`{row.method} {row.path}{query}`", takes, cap, answer, row.does])
    return _table(["request", "body", "at most (bytes)", "answer", "meaning"], rows)


def _structs(kind: type[msgspec.Struct] | None) -> str:
    return f"`{kind.__name__}`" if kind else ""


def delivery_bodies() -> str:
    """Return the table of what the bodies of the delivery service hold."""
    kinds = [
        kind
        for kind in vars(delivery).values()
        if isinstance(kind, type) and issubclass(kind, Payload) and kind is not Payload
    ]
    rows = [[f"`{kind.__name__}`", *_fields_and_meaning(kind)] for kind in kinds]
    return _table(["body", "fields (`?`: may be absent)", "meaning"], rows)


def event_rules() -> str:
    """Return what holds for each kind of event that a request makes."""
    rows = []
    for kind in get_args(AnyBody):
        rules: EventRules = kind.rules
        if rules.action is None:
            continue
        roles = LOWEST_ROLE[RoomKind.PRIVATE]
        role = "anyone" if rules.action is Action.JOIN else ROLES_IN_WORDS[roles[rules.action]]
        marks = (
            rules.action in LOWEST_ROLE[RoomKind.DIRECT],
            rules.takes_space,
            rules.expires,
            rules.while_muted,
            rules.while_archived,
        )
        rows.append([f"`{kind.__struct_config__.tag}`", role, _ROOMS[rules.rooms], *map(_mark, marks)])
    head = [
        "kind",
        "who",
        "rooms",
        "in direct rooms",
        "takes space",
        "expires",
        "while muted",
        "while archived",
    ]
    return _table(head, rows)


_ROOMS: Final = {Rooms.ALL: "all", Rooms.OPEN: "open", Rooms.ENCRYPTED: "encrypted"}


def _mark(yes: bool) -> str:  # noqa: FBT001 - mapped over
    return "yes" if yes else ""


def opaque_kinds() -> str:
    """Return the table of the kinds of bytes in frames."""
    rows = []
    for kind in OPAQUE_TYPES:
        least, most = kind.min_bytes, kind.max_bytes
        size = f"{most:,}" if least == most else f"{least} to {most:,}"
        rows.append([kind.__name__, size, _summary(kind).replace("``", "`")])
    return _table(["kind", "bytes", "what it is"], rows)


TABLES: dict[str, tuple[Path, Callable[[], str]]] = {
    "limits": (SPECIFICATION, limits),
    "states": (SPECIFICATION, states),
    "requests": (SPECIFICATION, lambda: _frames(get_args(AnyRequest))),
    "answers": (SPECIFICATION, lambda: _frames(get_args(AnyServerFrame))),
    "results": (SPECIFICATION, lambda: _frames(get_args(AnyResult))),
    "bodies": (SPECIFICATION, lambda: _frames(get_args(AnyBody))),
    "event rules": (SPECIFICATION, event_rules),
    "error codes": (SPECIFICATION, error_codes),
    "operations": (SPECIFICATION, operations),
    "delivery bodies": (SPECIFICATION, delivery_bodies),
    "opaque": (SPECIFICATION, opaque_kinds),
    "contents": (SPECIFICATION, lambda: _frames(get_args(AnyContent))),
    "close codes": (SPECIFICATION, close_codes),
    "settings": (CONFIGURATION, configuration),
    "metrics of every server": (
        METRICS,
        lambda: metrics(one for served in served_by(CAPABILITIES) for one in served.metrics),
    ),
    "metrics of the chat": (
        METRICS,
        lambda: metrics(
            (*CHAT_METRICS, *(one for served in served_by(CHAT_CAPABILITIES) for one in served.metrics))
        ),
    ),
    "server commands": (SERVER_COMMANDS, server_commands),
    "client settings": (CLIENT_SETTINGS, settings_of_the_client),
    "client commands": (CLIENT, commands),
    "client keys": (CLIENT, keys_of_the_client),
    "patterns": (README, security_patterns),
}


def files() -> dict[Path, str]:
    """Return the documents with their tables updated. Raises ValueError for a missing marker."""
    register_all()
    found: dict[Path, str] = {}
    for name, (path, make) in TABLES.items():
        text = found.get(path) or path.read_text(encoding="utf-8")
        begin, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
        if begin not in text:
            raise ValueError(f"{path} has no marker for the table of {name}")
        head, rest = text.split(begin, 1)
        found[path] = f"{head}{begin}\n{make()}\n\n{end}{rest.split(end, 1)[1]}"
    return found
