"""Shared by the commands: options, the data folder, and printing.

Nothing heavy is imported before a command runs, so that `--help` is quick.
"""

import json
import re
import shlex
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from parlour_protocol.kit.fields import WireText
    from parlour_protocol.kit.ids import Millis
    from parlour_protocol.kit.names import UserName
    from parlour_server.app.base_app import BaseApp
    from parlour_server.core.config.server_settings import Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.program_name import ProgramName
    from parlour_server.core.store.database import Database
    from parlour_server.core.store.records import Account

_T = TypeVar("_T")
_Text = TypeVar("_Text", bound="WireText")
_UNITS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,6})([mhd])")
_LONGEST: Final = 3_653 * _UNITS["d"]


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """The program whose commands run, in click's context. ``load`` is called when a command needs more."""

    name: "ProgramName"
    load: "Callable[[], BaseApp[Any, Any]]"


def program() -> "BaseApp[Any, Any]":
    """Return the program whose command runs."""
    found: ServerProgram = click.get_current_context().obj
    return found.load()


def command() -> str:
    """Return the name of the command line that runs, for sentences that say what to run next."""
    found: ServerProgram = click.get_current_context().obj
    return found.name.command


def run_line(data: Path) -> str:
    """Return the line for a shell that starts the server of this folder."""
    return f"{command()} run --data {shlex.quote(str(data))}"


def text_of(kind: "type[_Text]", given: str, what: str) -> "_Text":
    """Return text of an operator as a field's type. Raises SetupError, which says what is allowed."""
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    try:
        return kind.parse(given)
    except ValueError as error:
        lines = "one line" if kind.max_lines == 1 else f"{kind.max_lines} lines"
        most = f"at most {lines} and {kind.max_bytes:,} bytes of UTF-8"
        raise SetupError(f"this can't be a {what}, which has {most}: {error}") from error


data_option = click.option(
    "--data",
    "data",
    metavar="DIR",
    required=True,
    envvar="${variables}DATA",
    type=click.Path(path_type=Path, file_okay=False, readable=False),
    help="The data folder. Can also be set with ${variables}DATA.",
)
"""`--data DIR`, for a command's ``data: Path``."""


class When(click.ParamType["Millis"]):
    """A time in the future: `30m`, `12h`, `7d`, or a date, with a time of day if need be, in UTC."""

    name = "WHEN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Millis":
        """Return the time."""
        from datetime import UTC, datetime  # noqa: PLC0415 - see the module's docstring

        from parlour_protocol.kit.ids import Millis  # noqa: PLC0415
        from parlour_server.core.clock import SystemClock  # noqa: PLC0415

        now = SystemClock().now()
        if found := _DURATION.fullmatch(str(value)):
            at = now + int(found[1]) * _UNITS[found[2]]
        else:
            try:
                date = datetime.fromisoformat(str(value))
            except ValueError:
                self.fail(f"{value!r} is not a time; write 12h, 7d or 2030-01-31.", param, ctx)
            at = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000)
        if at <= now:
            self.fail(f"{value} is in the past; write 12h, 7d or a later date.", param, ctx)
        if at > now + _LONGEST:
            self.fail(f"{value} is more than ten years away.", param, ctx)
        return Millis(at)


class Duration(click.ParamType["int"]):
    """A length of time: `30m`, `12h`, `90d`; in milliseconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the milliseconds."""
        if isinstance(value, int):
            return value
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a length of time; write 30m, 12h or 90d.", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
name_argument = click.argument("name")


def example(text: str) -> str:
    """Return an epilog that click does not rewrap. ``$command`` and ``$word`` are the program's."""
    lines = "\n".join(f"  {line}" for line in text.strip().splitlines())
    return f"\b\nExample:\n{lines}"


def folder_of(data: Path) -> "DataFolder":
    """Return the private, initialised folder. Raises SetupError."""
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415 - see the module's docstring

    app = program()
    folder = app.folder(data.absolute())
    folder.check()
    folder.require(has_database=not engine_for(app, folder, settings_of(folder)).is_shared)
    return folder


def settings_of(folder: "DataFolder", **flags: Any) -> "Settings":
    """Return the current settings; flags are passed as `section__key`."""
    from parlour_server.host.config.settings_loader import load  # noqa: PLC0415 - see the module's docstring

    given = {name.replace("__", ".", 1): value for name, value in flags.items() if value is not None}
    app = program()
    settings: Settings = load(folder.settings, app.settings_type, app.name, flags=given)
    return settings


def canonical(name: str) -> str:
    """Return a name of an account as it is stored. Raises NameRefusedError."""
    from parlour_protocol.kit.names import parse_user_name  # noqa: PLC0415 - keeps `--help` quick

    return str(parse_user_name(name))


async def account_named(store: "KitStore", name: str) -> "Account":
    """Return an account, deleted or not. Raises SetupError."""
    from parlour_protocol.kit.names import parse_user_name  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    chosen = parse_user_name(name)
    found = await store.accounts.find(chosen)
    if found is None or chosen in program().own_accounts:
        raise SetupError(f"no such account; `{command()} user list` shows all accounts")
    return found


async def known(store: "KitStore", name: str) -> "UserName":
    """Return the name of an account that exists and was not deleted. Raises SetupError."""
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    found = await account_named(store, name)
    if found.deleted is not None:
        raise SetupError(f"{found.user} was deleted on {shown_time(found.deleted)}, for good")
    return found.user


def with_store(data: Path, work: "Callable[[Any], Awaitable[_T]]", *, did: str | None, **about: str) -> _T:
    """Run ``work`` with the open store of this folder; ``did`` names the action in the audit log.

    ``about`` names its subject. ``did`` is None for a command that only reads: it can't write to the store.
    """
    from parlour_server.host.setup.open_store import opened  # noqa: PLC0415 - see the module's docstring

    return _with_opened(opened, data, work, did, about)


def with_database(
    data: Path, work: "Callable[[Database], Awaitable[_T]]", *, did: str | None, **about: str
) -> _T:
    """Do the same with the database only, for a command that has tables of its own."""
    from parlour_server.host.setup.open_store import opened_database  # noqa: PLC0415 - see the module's docstring

    return _with_opened(opened_database, data, work, did, about)


def _with_opened(
    opened: "Callable[..., AbstractAsyncContextManager[Any]]",
    data: Path,
    work: "Callable[[Any], Awaitable[_T]]",
    did: str | None,
    about: "Mapping[str, str]",
) -> _T:
    import asyncio  # noqa: PLC0415 - see the module's docstring

    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    folder, app = folder_of(data), program()

    async def run() -> _T:
        async with opened(app, folder, SystemClock(), read_only=did is None) as found:
            return await work(found)

    if did is None:
        return asyncio.run(run())
    with action(folder, did, **about):
        return asyncio.run(run())


def action(folder: "DataFolder", did: str, **about: str) -> "AbstractContextManager[dict[str, str]]":
    """Record the operator's action that happens in a block, whatever becomes of it: see ``OperatorRecord``.

    The block may add to what is recorded of its end.
    """
    from parlour_server.host.setup.operator_record import OperatorRecord  # noqa: PLC0415 - see the module's docstring

    return OperatorRecord(folder.operator_record).action(did, **about)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal, unless ``yes``. Raises UsageError without a terminal, click.Abort for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: add --yes if you mean it.")
    click.confirm(question, abort=True, err=True)


def say(value: Any) -> None:
    """Print JSON on one line; values of other types are printed as text."""
    click.echo(json.dumps(value, default=str, ensure_ascii=True))


def tell(value: Any, text: "str | Iterable[str]", *, as_json: bool) -> None:
    """Print a command's result: as JSON, or as one line or several."""
    if as_json:
        say(value)
        return
    for line in (text,) if isinstance(text, str) else text:
        click.echo(line)


def shown_time(millis: int | None) -> str:
    """Return a time as text, in UTC."""
    from datetime import UTC, datetime  # noqa: PLC0415 - see the module's docstring

    from parlour_server.core.clock import utc_text  # noqa: PLC0415

    return "never" if millis is None else utc_text(datetime.fromtimestamp(millis / 1000, UTC))
