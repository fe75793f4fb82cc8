"""Commands of the command line made from the table: arguments and options by their kinds.

Wrong input is refused here, before anything is connected; ``run_command`` does the rest.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from parlour_client.cli.parameters import ROOM, ROOM_NAME, USER, USER_OR_CODE
from parlour_client.commands.command import (
    YES,
    Argument,
    Command,
    Kind,
)
from parlour_client.commands.front import Front
from parlour_client.commands.table import see_also
from parlour_client.kit.language import _
from parlour_protocol.kit.ids import MAX_INT

_LONGEST: Final = 366 * 86_400
"""Seconds of a ban or a mute with an end."""
_MOST_FOUND: Final = 1000
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.HERE: ROOM,
    Kind.ROOM: ROOM,
    Kind.NAMED_ROOM: ROOM,
    Kind.PERSON: USER,
    Kind.PERSON_OR_CODE: USER_OR_CODE,
    Kind.NEW_ROOM: ROOM_NAME,
    Kind.PUBLIC_ROOM: ROOM_NAME,
    Kind.MESSAGE: click.IntRange(1, MAX_INT),
    Kind.FILE: click.IntRange(1, MAX_INT),
    Kind.DURATION: click.IntRange(1, _LONGEST),
    Kind.COUNT: click.IntRange(1, _MOST_FOUND),
    Kind.DAYS: click.INT,
    Kind.PATH: click.Path(path_type=Path),
}


def click_command(command: Command[..., Any], name: str) -> click.Command:
    """Make the click command of an entry of the table."""
    parameters = [_parameter(argument) for argument in command.takes(Front.CLI)]
    if command.json:
        parameters.append(
            click.Option(
                ["--json", "as_json"], is_flag=True, help=_("Print one JSON object per line, in ASCII.")
            )
        )
    if command.asks is not None and command.asks.cli:
        parameters.append(
            click.Option([YES], is_flag=True, help=_("Don't ask for confirmation; scripts need this."))
        )
    return click.Command(
        name,
        params=parameters,
        callback=_callback(command),
        help="\n\n".join(
            filter(None, (f"{command.help}. {command.who}".strip(), command.about, _opposite(command)))
        ),
        short_help=command.help,
        epilog=epilog(command.examples),
    )


def _opposite(command: Command[..., Any]) -> str:
    words = see_also(command, Front.CLI)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def epilog(examples: tuple[str, ...]) -> str:
    """Return the examples as `--help` ends with them."""
    return "\n".join(("\b", _("Example:"), *(f"  parlour {example}" for example in examples)))


def _parameter(argument: Argument) -> click.Parameter:
    kind, label = argument.takes.kind, argument.label(Front.CLI)
    if not argument.option:
        many = kind is Kind.QUERY
        required = argument.is_required(Front.CLI)
        choice = click.Choice(argument.takes.choices) if kind is Kind.CHOICE else _TYPES.get(kind)
        metavar = None if kind is Kind.CHOICE else label if required else f"[{label}]"
        return click.Argument(
            [argument.name], required=required, type=choice, metavar=metavar, nargs=-1 if many else 1
        )
    flag = f"--{argument.flag}"
    if kind is Kind.SWITCH:
        return click.Option(
            [flag, argument.name], flag_value="off", default=None, help=_(argument.takes.help)
        )
    if kind is Kind.FLAG:
        return click.Option([flag, argument.name], is_flag=True, help=_(argument.takes.help))
    return click.Option(
        [flag, argument.name],
        type=_TYPES.get(kind, str),
        default=argument.default,
        show_default=kind is Kind.COUNT,
        metavar=label,
        help=_(argument.takes.help),
    )


def _callback(command: Command[..., Any]) -> Callable[..., None]:
    def callback(*, as_json: bool = False, yes: bool = False, **written: Any) -> None:
        values = {
            argument.name: _value(argument, written[argument.name]) for argument in command.takes(Front.CLI)
        }
        if command.check is not None:
            command.check(Front.CLI, values)
        from parlour_client.cli.run_command import run_command  # noqa: PLC0415 - loads the whole client

        run_command(click.get_current_context(), command, values, as_json=as_json, yes=yes)

    return callback


def _value(argument: Argument, written: Any) -> Any:
    """Convert click's value for the handler; rooms are looked up later, once connected."""
    match argument.takes.kind:
        case Kind.SWITCH:
            return False if written == "off" else None
        case Kind.QUERY:
            return " ".join(written)
        case _:
            return argument.default if written is None else written
