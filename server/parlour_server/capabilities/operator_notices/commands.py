"""`notice`: tell everyone who uses the server something, list it, and withdraw it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    command,
    data_option,
    example,
    json_option,
    program,
    say,
    shown_time,
    tell,
    text_of,
    with_store,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parlour_protocol.kit.server_notices import ServerNotice
    from parlour_server.capabilities.operator_notices.store import OperatorNotices
    from parlour_server.core.kit_store import KitStore

_HOUR = 3_600_000


@click.group()
def notice() -> None:
    """Send a notice to everyone: people who are connected now, or connect before it expires."""


@notice.command(
    epilog=example(
        "$command notice send --data ~/$word 'The server is down on Sunday from 8 to 9.' --hours 72"
    )
)
@data_option
@click.option(
    "--hours", default=168, show_default=True, type=click.IntRange(1, 24 * 366), help="How long it is shown."
)
@json_option
@click.argument("text")
def send(data: Path, text: str, hours: int, as_json: bool) -> None:  # noqa: FBT001 - click
    """Send TEXT, which every client shows as the operator's, as text and nothing else."""
    from parlour_protocol.kit.ids import Millis  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice  # noqa: PLC0415
    from parlour_server.app.short_ids import new_short_id  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    if ServerNotice not in program().wire.pushes:
        raise SetupError("the clients of this program show no notices: nothing was sent")
    checked = text_of(NoticeText, text, "notice")
    now = SystemClock().now()
    made = ServerNotice(NoticeId(new_short_id()), now, Millis(now + hours * _HOUR), checked)
    with_store(
        data, lambda store: _notices(store).send(made), did="notice send", notice=made.notice, text=text
    )
    tell(_as_json(made), f"{made.notice} is shown until {shown_time(made.expires)}", as_json=as_json)


@notice.command("list", epilog=example("$command notice list --data ~/$word"))
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the notices that have not expired."""
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick

    async def work(store: "KitStore") -> "Sequence[ServerNotice]":
        return await _notices(store).current(SystemClock().now())

    found = with_store(data, work, did=None)
    if as_json:
        say([_as_json(entry) for entry in found])
        return
    from parlour_protocol.kit.text import safe_text  # noqa: PLC0415

    for entry in found:
        click.echo(
            f"{entry.notice}  until {shown_time(entry.expires)}  {' '.join(safe_text(entry.text).lines)}"
        )


@notice.command(epilog=example("$command notice withdraw --data ~/$word 7kq2m9x4tb"))
@data_option
@json_option
@click.argument("which")
def withdraw(data: Path, which: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Stop showing the notice with the id WHICH."""
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    async def work(store: "KitStore") -> None:
        if not await _notices(store).withdraw(which, SystemClock().now()):
            raise SetupError(f"there is no such notice; `{command()} notice list` shows all")

    with_store(data, work, did="notice withdraw", notice=which)
    tell({"notice": which, "withdrawn": True}, f"{which} is withdrawn", as_json=as_json)


def _notices(store: "KitStore") -> "OperatorNotices":
    from parlour_server.capabilities.operator_notices.store import OperatorNotices  # noqa: PLC0415 - keeps `--help` quick

    return OperatorNotices(store)


def _as_json(entry: "ServerNotice") -> dict[str, object]:
    return {"notice": entry.notice, "at": entry.at, "expires": entry.expires, "text": str(entry.text)}
