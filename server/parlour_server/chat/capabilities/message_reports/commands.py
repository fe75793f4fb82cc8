"""`report`: what people reported to the operator. Their text is shown as text, whatever is in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parlour_server.host.cli.command_options import (
    command,
    data_option,
    example,
    json_option,
    say,
    shown_time,
    tell,
    text_of,
    with_store,
)

if TYPE_CHECKING:
    from parlour_server.chat.capabilities.message_reports.queue import Reports
    from parlour_server.chat.capabilities.message_reports.records import ReportRecord
    from parlour_server.chat.store.chat_store import ChatStore

_UNCHECKED = (
    "The room is encrypted: this is what the reporter says that they read. The server knows that\n"
    "{author} sent a message at that time, and not what it said."
)


@click.group()
def report() -> None:
    """Read and close people's reports of messages."""


@report.command("list", epilog=example("parlour-server report list --data ~/parlour"))
@data_option
@click.option("--all", "everything", is_flag=True, help="Also list closed reports.")
@json_option
def list_(data: Path, everything: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the open reports, oldest first."""

    async def work(store: "ChatStore") -> "list[ReportRecord]":
        return list(await _queue(store).list(closed=everything))

    found = with_store(data, work, did=None)
    if as_json:
        say([_as_json(record) for record in found])
        return
    for record in found:
        state = "" if record.closed is None else "  closed"
        click.echo(
            f"{record.id}  {shown_time(record.at)}  {record.reason}  {record.author} in {_place(record)}, "
            f"by {record.reporter}{state}"
        )


@report.command(epilog=example("parlour-server report show --data ~/parlour 7kq2m9x4tb"))
@data_option
@json_option
@click.argument("which")
def show(data: Path, which: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Show the report with the id WHICH, with the message."""

    async def work(store: "ChatStore") -> "ReportRecord":
        return await _known(store, which)

    record = with_store(data, work, did=None)
    if as_json:
        say(_as_json(record))
        return
    click.echo(f"{record.id}: {record.reason}, by {record.reporter} at {shown_time(record.at)}")
    if record.note:
        click.echo(f"  {_lines(record.note)[0]}")
    click.echo(
        f"{record.author} in {_place(record)} (room {record.room}), #{record.seq}"
        f" at {shown_time(record.sent)}:"
    )
    for line in _lines(record.quote):
        click.echo(f"  > {line}")
    _show_logged(record)
    if record.file is not None:
        click.echo(f"With the file {_lines(record.file)[0]}")
    if record.closed is not None:
        click.echo(f"Closed at {shown_time(record.closed)}. {_lines(record.resolution)[0]}".rstrip())


@report.command(epilog=example("parlour-server report close --data ~/parlour 7kq2m9x4tb --note 'banned'"))
@data_option
@click.option("--note", default="", metavar="TEXT", help="What was done about it; kept with the report.")
@json_option
@click.argument("which")
def close(data: Path, which: str, note: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Close the report with the id WHICH. It is kept for 90 days; no one is told."""
    from parlour_protocol.kit.fields import ReasonText  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    resolution = text_of(ReasonText, note, "note")

    async def work(store: "ChatStore") -> "ReportRecord":
        found = await _known(store, which)
        if not await _queue(store).close(found.id, SystemClock().now(), str(resolution)):
            raise SetupError("this report was closed before")
        return await _known(store, which)

    closed = with_store(data, work, did="report close", report=which, note=str(resolution))
    tell(_as_json(closed), f"{closed.id} is closed", as_json=as_json)


def _queue(store: "ChatStore") -> "Reports":
    from parlour_server.chat.capabilities.message_reports.queue import Reports  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    return Reports(store, SystemClock())


def _show_logged(record: "ReportRecord") -> None:
    """Say whether the log confirms the quote."""
    if record.encrypted:
        click.echo(_UNCHECKED.format(author=record.author))
    elif record.logged is None:
        click.echo("The message was deleted before it was reported, so the log has no text of it.")
    elif record.logged == record.quote:
        click.echo("The log had the same text.")
    else:
        click.echo("The log had another text, because it was edited or because the quote is wrong:")
        for line in _lines(record.logged):
            click.echo(f"  | {line}")


async def _known(store: "ChatStore", which: str) -> "ReportRecord":
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    found = await _queue(store).find(which)
    if found is None:
        raise SetupError(f"there is no such report; `{command()} report list --all` shows all")
    return found


def _place(record: "ReportRecord") -> str:
    return "a direct room" if record.room_name is None else str(record.room_name)


def _lines(text: str) -> list[str]:
    """Return someone's text as lines that can do nothing to a terminal; at least one."""
    from parlour_protocol.kit.text import safe_text  # noqa: PLC0415 - keeps `--help` quick

    return list(safe_text(text).lines) or [""]


def _as_json(record: "ReportRecord") -> dict[str, Any]:
    return {
        "report": record.id,
        "at": record.at,
        "reporter": record.reporter,
        "reason": record.reason,
        "note": record.note,
        "room": record.room,
        "room_name": record.room_name,
        "seq": record.seq,
        "author": record.author,
        "sent": record.sent,
        "encrypted": record.encrypted,
        "quote": record.quote,
        "logged": record.logged,
        "file": record.file,
        "closed": record.closed,
        "resolution": record.resolution,
    }
