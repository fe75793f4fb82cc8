"""The root of a server's command line, and its error handling.

Every error is one sentence that says what to do, never a traceback. The exit status is 1 for an error, 2 for
a wrong command line, and 3 when only the end of the command could not be recorded in the audit log.
"""

import gc
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from itertools import takewhile, zip_longest
from pathlib import Path
from string import Template
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final

import click

from parlour_protocol.kit.errors import ParlourProtocolError, ProgramError
from parlour_server.app.capability import Capability, Installed
from parlour_server.core.errors import (
    ParlourServerError,
    RefusedError,
    SignalledError,
    UnavailableError,
    UnrecordedOutcomeError,
)
from parlour_server.core.program_name import ProgramName
from parlour_server.host.cli import database_commands as databases
from parlour_server.host.cli import invite_commands as invites
from parlour_server.host.cli import serve_commands as serve
from parlour_server.host.cli import session_commands as sessions
from parlour_server.host.cli import user_commands as accounts
from parlour_server.host.cli.command_options import ServerProgram, say

if TYPE_CHECKING:
    from parlour_server.app.base_app import BaseApp

_BETWEEN_SENTENCES: Final = re.compile(r"(?<=\.) ")
_FAILED: Final = 1
_NOT_UNDERSTOOD: Final = 2
_UNRECORDED: Final = 3
_SIGNALLED: Final = 128
"""And the number of the signal, as shells do."""
_INTERRUPTED: Final = 130
_KIT_PACKAGE: Final = "parlour"
_EXPECTED: Final = (click.ClickException, ParlourServerError, ParlourProtocolError, OSError)
KIT_COMMANDS: Final = (
    serve.init,
    serve.run,
    serve.unit,
    invites.invite,
    accounts.user,
    sessions.session,
    databases.migrate,
)
"""The commands of every server."""


class CommandLine:
    """The commands of one program's server."""

    def __init__(
        self,
        name: ProgramName,
        load: "Callable[[], BaseApp[Any, Any]]",
        *,
        about: str,
        example: str,
        package: str = "",
        commands: Sequence[click.Command] = (),
        capabilities: Iterable[Capability] = (),
        contents: Sequence[str] = (),
    ) -> None:
        """``package`` is the distribution whose version it shows, if it is installed, beside Parlour's.

        ``commands`` may replace the kit's, and those of ``capabilities``; groups of one name become one.
        ``contents`` is what `init` makes besides what every server has.
        """
        self._name = name
        self._load = load
        *first, last = "configuration", "certificates", "database", *contents
        self._words = {
            "word": name.word,
            "command": name.command,
            "variables": name.variables,
            "contents": f"{', '.join(first)} and {last}",
        }
        self._own = tuple(commands)
        self._capabilities = tuple(capabilities)
        self.group = click.Group(
            callback=_keep_files_private,
            help=about,
            epilog=example,
            context_settings={"help_option_names": ["-h", "--help"]},
            commands=self._commands(self._capabilities),
        )
        self.group = click.option(
            "--version",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=partial(_show_version, name.command, package),
            help="Show the version and exit.",
        )(self.group)

    def _commands(self, capabilities: Sequence[Capability]) -> dict[str, click.Command]:
        """Return the commands with these capabilities, by their names. Raises ProgramError."""
        others = (
            *(_with_options(command, capabilities) for command in KIT_COMMANDS),
            *(command for capability in capabilities for command in capability.commands),
        )
        replaced = {command.name for command in self._own if not isinstance(command, click.Group)}
        having = _joined([*self._own, *(one for one in others if one.name not in replaced)])
        return {one.name: _named(one, self._words) for one in having if one.name}

    def _installed(self, arguments: Sequence[str]) -> tuple[Installed, ...]:
        """Return the capabilities of packages that the configuration of these arguments' folder names.

        Raises SetupError for one that can't be loaded.
        """
        data = _data_in(arguments) or os.environ.get(f"{self._name.variables}DATA")
        if not data:
            return ()
        from parlour_server.core.data_folder import DataFolder  # noqa: PLC0415 - not for `--help`
        from parlour_server.host.config.settings_loader import packages_in  # noqa: PLC0415

        names = packages_in(DataFolder(Path(data).absolute(), self._name).settings, self._name)
        if not names:
            return ()
        from parlour_server.host.installed import load_installed  # noqa: PLC0415 - for the few that name some

        return load_installed(names, self._capabilities)

    def _group(self, installed: Sequence[Installed]) -> click.Group:
        """Return the commands with those of ``installed``. Raises ProgramError."""
        if not installed:
            return self.group
        group = copy(self.group)
        group.commands = self._commands((*self._capabilities, *(one.capability for one in installed)))
        return group

    def _program(self, installed: Sequence[Installed]) -> "BaseApp[Any, Any]":
        program = self._load()
        program.use_installed(installed)
        return program

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the command line and exit."""
        status = self.run(arguments)
        gc.freeze()  # the process ends: looking for garbage in its modules takes a tenth of a short command
        sys.exit(status)

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run the command line; returns the exit status.

        With `--json` an error is an object on standard output as well.
        """
        arguments = sys.argv[1:] if arguments is None else arguments
        as_json = "--json" in takewhile("--".__ne__, arguments)
        status = 0
        try:
            installed = self._installed(arguments)
            program = ServerProgram(self._name, partial(self._program, installed))
            # Without standalone mode click returns the status that a command exits with.
            returned = self._group(installed).main(
                arguments, prog_name=self._name.command, standalone_mode=False, obj=program
            )
            status = returned if isinstance(returned, int) else 0
        except click.UsageError as error:
            error.show()
            status = _NOT_UNDERSTOOD
            if as_json:
                say({"error": error.format_message()})
        except (KeyboardInterrupt, click.Abort) as error:
            ended = error.__cause__ if isinstance(error, click.Abort) else error  # click makes it an Abort
            status = _SIGNALLED + ended.number if isinstance(ended, SignalledError) else _INTERRUPTED
        except BrokenPipeError:
            _give_up_output()
            status = _FAILED
        except UnrecordedOutcomeError as error:
            self._print_error(str(error), as_json=as_json)
            status = _UNRECORDED
        except _EXPECTED as error:
            if is_of_output := _is_of_output(error):
                _give_up_output()
            status = self._print_error(_sentence(error), as_json=as_json and not is_of_output)
        except Exception as error:
            if os.environ.get(self._debug):
                raise
            status = self._print_error(self._unexpected(error, arguments), as_json=as_json)
        return status

    @property
    def _debug(self) -> str:
        return f"{self._name.variables}DEBUG"

    def _unexpected(self, error: Exception, words: Sequence[str]) -> str:
        """Return the sentence for an error that no command raises on purpose."""
        if isinstance(error, UnicodeEncodeError) and not all(map(_is_utf_8, words)):
            return "a word of this command is not UTF-8"
        kind = type(error).__name__
        return f"this is a bug in {self._name.title} ({kind}); set {self._debug}=1 to see where"

    def _print_error(self, sentence: str, *, as_json: bool) -> int:
        click.echo(f"{self._name.command}: {sentence}", err=True)
        if as_json:
            say({"error": sentence})
        return _FAILED


def _data_in(arguments: Sequence[str]) -> str:
    """Return the value of the last `--data`, as click takes it; empty without one."""
    words = list(takewhile("--".__ne__, arguments))
    found = ""
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        if word == "--data":
            found = after
        elif word.startswith("--data="):
            found = word.removeprefix("--data=")
    return found


def _joined(commands: Iterable[click.Command]) -> list[click.Command]:
    """Return them with groups of the same name as one group, in which the first has precedence."""
    found: dict[str | None, click.Command] = {}
    for command in commands:
        before = found.setdefault(command.name, command)
        if before is not command:
            if not (isinstance(before, click.Group) and isinstance(command, click.Group)):
                raise ProgramError(f"two commands are called {command.name}")
            group = found[command.name] = copy(before)
            group.commands = {**command.commands, **before.commands}
    return list(found.values())


def _with_options(command: click.Command, capabilities: Sequence[Capability]) -> click.Command:
    """Return a command with the options that capabilities have for it, before its last one."""
    more = [
        option for capability in capabilities for option in capability.options.get(command.name or "", ())
    ]
    if not more:
        return command
    command = copy(command)
    command.params = [*command.params[:-1], *more, command.params[-1]]
    return command


def _named(command: click.Command, words: Mapping[str, str]) -> click.Command:
    """Return a copy of a command whose texts have the program's names."""

    def named(text: str | None) -> str | None:
        return None if text is None else Template(text).safe_substitute(words)

    command = copy(command)
    command.help = named(command.help)
    if command.help is not None:  # click would cut it off within a line
        command.short_help = _BETWEEN_SENTENCES.split(" ".join(command.help.split()))[0]
    command.epilog = named(command.epilog)
    command.params = [copy(parameter) for parameter in command.params]
    for parameter in command.params:
        if isinstance(parameter.envvar, str):
            parameter.envvar = named(parameter.envvar)
        if isinstance(parameter, click.Option):
            parameter.help = named(parameter.help)
    if isinstance(command, click.Group):
        command.commands = {key: _named(inner, words) for key, inner in command.commands.items()}
    return command


def _is_utf_8(word: str) -> bool:
    """Return whether a word of a command line is text: Python gives other bytes as surrogates."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_of_output(error: Exception) -> bool:
    """Return whether something could not be printed, as on a full disk."""
    if not isinstance(error, OSError):
        return False
    return any(frame.f_code is click.echo.__code__ for frame, _ in walk_tb(error.__traceback__))


def _give_up_output() -> None:
    """Keep Python from complaining at exit about output that no one reads, or that can't be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_version(
    command: str,
    package: str,
    context: click.Context,
    _parameter: click.Parameter,
    wanted: bool,  # noqa: FBT001 - click calls it
) -> None:
    if not wanted or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - keeps other commands quick

    words = [command]
    with suppress(PackageNotFoundError):
        words += [version(package)] if package else []
    if package != _KIT_PACKAGE:
        words += [f"(Parlour {version(_KIT_PACKAGE)})"]
    click.echo(" ".join(words))
    context.exit()


def _keep_files_private() -> None:
    """Let files that commands write be private to this user."""
    os.umask(0o077)


def _sentence(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, RefusedError):
        return error.hint or error.code.replace("_", " ")
    if isinstance(error, UnavailableError):
        return f"the store can't do this right now and nothing was changed ({error}); is the disk full?"
    if isinstance(error, OSError) and _is_of_output(error):
        return f"the output can't be written: {error.strerror}; what was done is in the audit log"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}"
    return str(error) or type(error).__name__
