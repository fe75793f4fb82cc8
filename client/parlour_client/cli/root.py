"""The root of the command line, and the one guard around it.

Commands are loaded when they are used. Whatever goes wrong, the person gets a sentence and what to do, never
a traceback: 1 for what went wrong, 2 for a command that was not understood. ``main`` is the entry point.
"""

import io
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from parlour_client.console.printing import echo
from parlour_client.core.account.hardening import keep_memory_private
from parlour_client.core.errors import LoggedOutError, ParlourClientError, SessionEndedError
from parlour_protocol.errors import ParlourProtocolError

_FAILED: Final = 1
_NOT_UNDERSTOOD: Final = 2
_INTERRUPTED: Final = 130
_EXAMPLE: Final = """\b
Example, with an invite link from a friend:
  parlour join 'parlour://chat.example.org:8443/join#code=…&pin=…' --username ada
  parlour

\b
Example, in a script:
  echo "the build is green" | parlour send lobby --stdin
"""

# name -> (where it is, what `parlour --help` says): a module is loaded when its command is called.
COMMANDS: Final = {
    "block": (
        "parlour_client.cli.invitations:block",
        "See no invitations of somebody any more; or list whom you block.",
    ),
    "invitations": ("parlour_client.cli.invitations:invitations", "List who invites you, and to what."),
    "accounts": ("parlour_client.cli.accounts:accounts", "List your accounts, for --account NAME."),
    "chat": ("parlour_client.cli.chat:chat", "Open the chat; what `parlour` alone does."),
    "demo": (
        "parlour_client.demo.command:demo",
        "Try everything on a throw-away server with simulated people.",
    ),
    "device": ("parlour_client.cli.devices:device", "See, approve and revoke your devices with keys."),
    "dm": ("parlour_client.cli.room:dm", "Open the room with one person, and say something."),
    "encryption": (
        "parlour_client.cli.encryption:encryption",
        "Show who can read a room, and what the server sees.",
    ),
    "export": ("parlour_client.cli.reading:export", "Print a room's whole history."),
    "invite-link": (
        "parlour_client.cli.invite_link:invite_link",
        "Put your account key into an invite link.",
    ),
    "join": ("parlour_client.cli.account:join", "Make an account with an invite link, and log in."),
    "login": ("parlour_client.cli.account:login", "Log in at a server where you have an account."),
    "logout": ("parlour_client.cli.account:logout", "End this device's session."),
    "passphrase": (
        "parlour_client.cli.account:passphrase",
        "Protect the archive's key by a passphrase or the keyring.",
    ),
    "passwd": ("parlour_client.cli.account:passwd", "Change the password; ends every other session."),
    "recovery": ("parlour_client.cli.devices:recovery", "The 24 words for when all devices are lost."),
    "room": ("parlour_client.cli.room:room", "Make, find, enter and look after rooms."),
    "save": ("parlour_client.cli.files:save", "Save the file of a message into a folder."),
    "search": ("parlour_client.cli.reading:search", "Search all messages in the archive."),
    "send": ("parlour_client.cli.send:send", "Send a message, or one for each line of the standard input."),
    "sessions": ("parlour_client.cli.account:sessions", "List your sessions, or end one."),
    "tail": ("parlour_client.cli.tail:tail", "Print a room's messages as they come."),
    "verify": ("parlour_client.cli.encryption:verify", "Compare somebody's key with them, or show yours."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Return the names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Load a command."""
        where, _ = COMMANDS.get(cmd_name, ("", ""))
        if not where:
            return None
        module, _, name = where.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. Where a login is missing the hint names this home or account, too."""
        try:
            return super().invoke(ctx)
        except (SessionEndedError, LoggedOutError) as error:
            given = [(f"--{name}", ctx.params[name]) for name in ("home", "account") if ctx.params.get(name)]
            words = " ".join(shlex.join((name, str(value))) for name, value in given)
            error.hint = (
                error.hint.replace("parlour login", f"parlour {words} login") if words else error.hint
            )
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    epilog=_EXAMPLE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--home",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of one account: archive, key, session. Default: your data folder.",
)
@click.option(
    "--account",
    metavar="NAME",
    help="One of several accounts, each with a folder of its own; `parlour accounts` lists them.",
)
@click.option("--plain", is_flag=True, help="The chat line by line, as `parlour chat --plain`.")
@click.version_option(package_name="parlour", prog_name="parlour", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, home: Path | None, account: str | None, *, plain: bool = False) -> None:
    """Chat in the terminal. Without a command: open the chat."""
    os.umask(0o077)  # everything that any command writes is for this person alone
    keep_memory_private()  # also `join` and `passphrase` hold keys
    if home is not None and account is not None:
        raise click.UsageError("Name a folder with --home or an account with --account, not both.")
    context.obj = _folder_of(account) if account is not None else home
    if context.invoked_subcommand is None:
        command = cli.get_command(context, "chat")
        assert command is not None  # noqa: S101 - the table above has it
        context.invoke(command, plain=plain)
    elif plain:
        raise click.UsageError("--plain goes with the chat alone: parlour --plain, or parlour chat --plain.")


def _folder_of(account: str) -> Path:
    from parlour_client.cli.accounts import folder_of  # noqa: PLC0415 - `--help` needs no archive

    return folder_of(account)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(guarded(arguments))


def guarded(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal without UTF-8 gets escapes, no traceback
    end_as_by_ctrl_c()
    try:
        result = cli.main(arguments, prog_name="parlour", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        status = _ended_by(error)
        if status is None:
            raise
        return status
    return result if isinstance(result, int) else 0


def end_as_by_ctrl_c() -> None:
    """End politely: what is queued stays on disk, and a prompt gives the terminal its echo back."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` has it ignored
            signal.signal(number, signal.default_int_handler)


def _ended_by(error: BaseException) -> int | None:  # noqa: PLR0911 - a table of endings
    """Tell the person what happened; returns the exit status, or None for what is not ours to catch."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError():
            error.show()
            return _NOT_UNDERSTOOD
        case KeyboardInterrupt() | click.Abort():
            return _INTERRUPTED
        case BrokenPipeError():
            return _nobody_reads()
        case BaseExceptionGroup():  # side-by-side work: the first failure ended the rest
            return _ended_by(error.exceptions[0])
        case Exception():
            return _told(*_words(error))
        case _:
            return None


def _nobody_reads() -> int:
    """Keep Python from complaining about a closed pipe while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _FAILED


def _words(error: Exception) -> tuple[str, str]:
    """Return the sentence for an error, and what to do."""
    match error:
        case ParlourClientError():
            return str(error), error.hint
        case ParlourProtocolError():
            text = str(error)
            return text[:1].upper() + text[1:].removesuffix(".") + ".", ""
        case click.ClickException():
            return error.format_message(), ""
        case TimeoutError() if not error.strerror:  # of ours: what waited has no words of its own
            return "It took too long, so it was given up.", "This machine or the server is busy. Try again."
        case OSError() if error.strerror:
            return f"{error.filename or 'The system'}: {error.strerror}.", ""
    return _fault(error)


def _fault(error: Exception) -> tuple[str, str]:
    if isinstance(error, ModuleNotFoundError):
        return f"This part of Parlour is not installed here ({error.name}).", "pip install parlour"
    if os.environ.get("PARLOUR_DEBUG"):
        raise error
    kind = type(error).__name__
    return f"This is a fault in Parlour ({kind}).", "PARLOUR_DEBUG=1 in the environment shows where."


def _told(sentence: str, hint: str) -> int:
    echo(f"parlour: {sentence}", err=True)
    if hint:
        echo(f"  {hint}", err=True)
    return _FAILED
