"""The root of the command line, and the one guard around it.

Commands come from the table of ``parlour_client.commands`` and are loaded when they are used. For every error
the person gets a sentence and what to do, never a traceback: exit status 1 for failures, 2 for a command that
was not understood. ``main`` is the entry point.
"""

import gc
import io
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from parlour_client.cli.language_choice import choose_language
from parlour_client.core.account.chat_home import account_folder
from parlour_client.extras import register_all
from parlour_client.kit.account.hardening import keep_memory_private
from parlour_client.kit.console.click_language import click_speaks, translated
from parlour_client.kit.errors import (
    LoggedOutError,
    NoAccountError,
    ParlourClientError,
    SessionEndedError,
    WrongUseError,
)
from parlour_client.kit.language import N_, _
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_client.ui.registry import REGISTRY
from parlour_protocol.kit.errors import ParlourProtocolError

_FAILED: Final = 1
_NOT_UNDERSTOOD: Final = 2
_INTERRUPTED: Final = 130
_EXAMPLE: Final = f"""\b
{N_("Example, with an invite link from a friend:")}
  parlour join 'parlour://chat.example.org:8443/join#code=…&pin=…' --username ada
  parlour

\b
{N_("Example, in a script:")}
  echo "the build is green" | parlour send lobby --stdin
"""


def _accounts() -> click.Command:
    from parlour_client.cli.accounts import accounts  # noqa: PLC0415 - see below

    return accounts


def _chat() -> click.Command:
    from parlour_client.cli.chat import chat  # noqa: PLC0415

    return chat


def _demo() -> click.Command:
    from parlour_client.demo.command import demo  # noqa: PLC0415

    return demo


def _drill() -> click.Command:
    from parlour_lab.commands import drill  # noqa: PLC0415

    return drill


def _export() -> click.Command:
    from parlour_client.cli.export import export  # noqa: PLC0415

    return export


def _invite_link() -> click.Command:
    from parlour_client.cli.invite_link import invite_link  # noqa: PLC0415

    return invite_link


def _join() -> click.Command:
    from parlour_client.cli.sign_in import join  # noqa: PLC0415

    return join


def _keys_audit() -> click.Command:
    from parlour_client.cli.keys import audit  # noqa: PLC0415

    return audit


def _lab() -> click.Command:
    from parlour_lab.commands import lab  # noqa: PLC0415

    return lab


def _login() -> click.Command:
    from parlour_client.cli.sign_in import login  # noqa: PLC0415

    return login


def _logout() -> click.Command:
    from parlour_client.cli.sign_in import logout  # noqa: PLC0415

    return logout


def _new() -> click.Command:
    from parlour_client.new.command import new  # noqa: PLC0415

    return new


def _passphrase() -> click.Command:
    from parlour_client.cli.sign_in import passphrase  # noqa: PLC0415

    return passphrase


def _passwd() -> click.Command:
    from parlour_client.cli.sign_in import passwd  # noqa: PLC0415

    return passwd


def _recovery_reset() -> click.Command:
    from parlour_client.cli.recovery import reset  # noqa: PLC0415

    return reset


def _recovery_use() -> click.Command:
    from parlour_client.cli.recovery import use  # noqa: PLC0415

    return use


def _send() -> click.Command:
    from parlour_client.cli.send import send  # noqa: PLC0415

    return send


def _tail() -> click.Command:
    from parlour_client.cli.tail import tail  # noqa: PLC0415

    return tail


def _account_names(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    from parlour_client.cli.accounts import names  # noqa: PLC0415 - only Tab needs it

    return [name for name in names() if name.startswith(typed)]


WRITTEN_HERE: Final[dict[str, Callable[[], click.Command]]] = {
    "accounts": _accounts,
    "chat": _chat,
    "demo": _demo,
    "drill": _drill,
    "export": _export,
    "invite-link": _invite_link,
    "join": _join,
    "keys audit": _keys_audit,
    "lab": _lab,
    "login": _login,
    "logout": _logout,
    "new": _new,
    "passphrase": _passphrase,
    "passwd": _passwd,
    "recovery reset": _recovery_reset,
    "recovery use": _recovery_use,
    "send": _send,
    "tail": _tail,
}
"""Commands with click code of their own, imported when they are called: each loads only what it needs.

All others are made from the table of ``parlour_client.commands``, which also has the help of these.
"""
_GROUPS: Final = {
    "backup": (
        N_("Write your encrypted history to a file, check it, and restore it on a new device"),
        ("backup status",),
    ),
    "device": (
        N_("List, approve and revoke the devices that can read your encrypted rooms"),
        ("device list", "device approve abcd-efgh-ijkl-mnop"),
    ),
    "keys": (
        N_("Check the server's log of everyone's keys"),
        ("keys audit",),
    ),
    "recovery": (
        N_("Show or use your 24 recovery words, for when you have lost all your devices"),
        ("recovery show",),
    ),
    "room": (
        N_("Create, find, join and manage rooms"),
        ("room create garden --topic 'plants and bees'", "room join garden"),
    ),
    "witness": (
        N_("Say which witnesses of the key log you want, and see what they signed"),
        ("witness list", "witness add witness.example.net+0d1f2c3b+BMm8..."),
    ),
}
"""First words of commands that have two: what `--help` says of them, and examples."""


def written_by_hand() -> dict[str, Callable[[], click.Command]]:
    """Return all commands with click code of their own."""
    return WRITTEN_HERE | REGISTRY.shell


def groups() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the first words of commands that have two, with those of extras."""
    return _GROUPS | REGISTRY.shell_groups


class TableGroup(click.Group):
    """Commands of the table by name: those that begin with ``first``, or all of them."""

    def __init__(self, *arguments: Any, first: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._first = f"{first} " if first else ""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Return the names."""
        return sorted(self._sentences())

    def _sentences(self) -> dict[str, str]:
        """Return the sentences of `--help` for each command."""
        from parlour_client.commands.front import Front  # noqa: PLC0415 - `send` and `chat` need no table
        from parlour_client.commands.table import names  # noqa: PLC0415

        found, known = {}, groups()
        for name, command in names(Front.CLI).items():
            if name.startswith(self._first):
                word, *more = name.removeprefix(self._first).split(" ")
                found[word] = _(known[word][0]) if more else command.help
        return found

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Load or make a command."""
        from_here = written_by_hand().get(f"{self._first}{cmd_name}")
        if from_here is not None:
            return translated(from_here())
        if not self._first and (group := groups().get(cmd_name)) is not None:
            sentence, examples = group
            from parlour_client.cli.generated import epilog  # noqa: PLC0415

            return TableGroup(cmd_name, first=cmd_name, help=f"{_(sentence)}.", epilog=epilog(examples))
        from parlour_client.cli.generated import click_command  # noqa: PLC0415
        from parlour_client.commands.front import Front  # noqa: PLC0415
        from parlour_client.commands.table import names  # noqa: PLC0415

        entry = names(Front.CLI).get(f"{self._first}{cmd_name}")
        return click_command(entry, cmd_name) if entry is not None else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Suggest those with a similar name: click knows only what is loaded."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            from parlour_client.commands.front import Front  # noqa: PLC0415 - as above
            from parlour_client.commands.table import names  # noqa: PLC0415 - as above

            near = {*self.list_commands(ctx), *("" if self._first else names(Front.CLI))}
            raise click.NoSuchCommand(error.command_name, possibilities=near, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """Write the list of commands without loading them."""
        with formatter.section(_("Commands")):
            formatter.write_dl(sorted(self._sentences().items()))


class RootGroup(TableGroup):
    """All commands; an error about the login names the home or account that was given."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. If a login is missing, the hint names this home or account, too."""
        try:
            return super().invoke(ctx)
        except (SessionEndedError, NoAccountError) as error:
            given = [(f"--{name}", ctx.params[name]) for name in ("home", "account") if ctx.params.get(name)]
            words = " ".join(shlex.join((name, str(value))) for name, value in given)
            if words and isinstance(error, SessionEndedError | LoggedOutError):
                error.hint = error.hint.replace("parlour login", f"parlour {words} login")
            elif words:
                error.hint += " " + _("Write {options} before join or login, as here.").format(options=words)
            raise


@click.group(
    cls=RootGroup,
    invoke_without_command=True,
    epilog=_EXAMPLE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--home",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help=N_("The folder with an account's archive, key and session. Default: your data folder."),
)
@click.option(
    "--account",
    metavar="NAME",
    shell_complete=_account_names,
    help=N_("Use one of several accounts, each with its own folder; `parlour accounts` lists them."),
)
@click.option("--plain", is_flag=True, help=N_("Open the chat line by line, like `parlour chat --plain`."))
@click.version_option(package_name="parlour", prog_name="parlour", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, home: Path | None, account: str | None, *, plain: bool = False) -> int | None:
    """Chat in the terminal. Without a command: open the chat."""
    # all files of any command are for this person only; a project's are as the person wants theirs
    context.meta["umask"] = os.umask(0o077)
    keep_memory_private()  # `join` and `passphrase` have keys, too
    if home is not None and account is not None:
        raise click.UsageError(_("--home and --account can't be used together."))
    context.obj = account_folder(account) if account is not None else home
    if context.invoked_subcommand is None:
        status: int = context.invoke(_chat(), plain=plain)
        return status
    if plain:
        raise click.UsageError(
            _("--plain only works with the chat: parlour --plain, or parlour chat --plain.")
        )
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    status = guarded(arguments)
    gc.freeze()  # the process ends, and looking for garbage among its modules takes as long as some commands
    sys.exit(status)


def guarded(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal without UTF-8 gets escapes, no traceback
    end_as_by_ctrl_c()
    register_all()
    choose_language(sys.argv[1:] if arguments is None else arguments, os.environ)
    with click_speaks():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result = translated(cli).main(arguments, prog_name="parlour", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        status = _ended_by(error)
        if status is None:
            raise
        return status
    return result if isinstance(result, int) else 0


def end_as_by_ctrl_c() -> None:
    """Exit cleanly: queued messages stay on disk, and a prompt turns the terminal's echo back on."""
    for name in ("SIGTERM", "SIGHUP"):
        if name not in signal.Signals.__members__:  # Windows has no SIGHUP
            continue
        number = signal.Signals[name]
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` ignores it
            signal.signal(number, signal.default_int_handler)


def _ended_by(error: BaseException) -> int | None:  # noqa: PLR0911 - a table of endings
    """Print what happened; returns the exit status, or None for errors that are not handled here."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError():
            error.show()
            return _NOT_UNDERSTOOD
        case WrongUseError():
            click.UsageError(error.whole).show()
            return _NOT_UNDERSTOOD
        case KeyboardInterrupt() | click.Abort():
            return _INTERRUPTED
        case BrokenPipeError():
            return _close_output()
        case BaseExceptionGroup():  # concurrent tasks: the first failure ended the rest
            return _ended_by(error.exceptions[0])
        case Exception():
            return _print_error(*_sentence_and_hint(error))
        case _:
            return None


def _close_output() -> int:
    """Keep Python from complaining about a closed pipe while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _FAILED


def _sentence_and_hint(error: Exception) -> tuple[str, str]:
    """Return an error's sentence and hint."""
    match error:
        case ParlourClientError():
            return str(error), error.hint
        case ParlourProtocolError():
            text = protocol_sentence(error)
            return text[:1].upper() + text[1:].removesuffix(".") + ".", ""
        case click.ClickException():
            return error.format_message(), ""
        case TimeoutError() if not error.strerror:  # one of ours: cancellation has no text of its own
            return _("That took too long."), _("This machine or the server is busy. Try again.")
        case OSError() if error.strerror:
            return f"{error.filename or _('The system')}: {error.strerror}.", ""
    return _fault(error)


def _fault(error: Exception) -> tuple[str, str]:
    if isinstance(error, ModuleNotFoundError):
        return _("This part of Parlour isn't installed ({name}).").format(
            name=error.name
        ), "pip install parlour"
    if os.environ.get("PARLOUR_DEBUG"):
        raise error
    kind = type(error).__name__
    return _("This is a bug in Parlour ({kind}).").format(kind=kind), _("Set PARLOUR_DEBUG=1 to see where.")


def _print_error(sentence: str, hint: str) -> int:
    from parlour_client.kit.console.printing import echo  # noqa: PLC0415 - it loads the widths of letters

    echo(f"parlour: {sentence}", err=True)
    if hint:
        echo(f"  {hint}", err=True)
    return _FAILED
