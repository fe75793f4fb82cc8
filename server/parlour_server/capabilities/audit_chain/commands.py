"""`audit`: read the audit log, check that nothing in it was changed, and hand it on."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from parlour_server.host.cli.command_options import (
    data_option,
    example,
    folder_of,
    json_option,
    program,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from parlour_server.capabilities.audit_chain.chain import KnownHead, SignedHead
    from parlour_server.capabilities.audit_chain.check import AuditReport
    from parlour_server.core.data_folder import DataFolder


class _ShowUnlessNamed(click.Group):
    """A group whose command `show` needs no name: `… | audit --user anna`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in {"-h", "--help"}):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ShowUnlessNamed)
def audit() -> None:
    """Read and check the audit log: who did what, from where and when.

    Every record is a line of the server's log, and a link of a chain in the folder `audit` of the data
    folder, whose heads the server signs.
    """


@audit.command(
    epilog=example(
        "journalctl -u $command -o cat | $command audit --user anna\n"
        "$command audit --event login_failed < server.log"
    )
)
@click.option("--user", help="Show only events about this account.")
@click.option("--event", help="Show only this kind of event, such as login_failed or moderation.")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"), default="-")
def show(file: TextIO, user: str | None, event: str | None) -> None:
    """Print the audit events of a log FILE (default: standard input).

    The server logs to standard error, one JSON object per line; those with "audit": true say who did
    what, from where and when. Under systemd they are in the journal. `audit export` prints the same lines.
    """
    for line in file:
        found = _event(line)
        if found is None or (user and found.get("user") != user) or (event and found.get("event") != event):
            continue
        left_out = {"time", "event", "audit", "level", "record", "digest"}
        rest = {k: v for k, v in found.items() if k not in left_out}
        # ASCII JSON: a log that others can write to must not reach the terminal raw.
        click.echo(f"{_word(found, 'time')}  {_word(found, 'event')}  {json.dumps(rest)}")


@audit.command(
    epilog=example(
        "$command audit verify --data ~/$word\n"
        "$command audit verify --data ~/$word --head /mnt/elsewhere/head.json"
    )
)
@data_option
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with heads that were kept elsewhere, as `audit head` prints them. Can be repeated.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="HEX",
    help="Accept heads that are signed with this public key as well. Can be repeated.",
)
@json_option
def verify(data: Path, heads: tuple[Path, ...], keys: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001
    """Check every record of the audit log: changed, removed, inserted and moved ones are named.

    It works while the server runs. The status is 1 if anything is wrong. Records after the last signed head
    can be cut off without a trace, and someone who has the server's key can sign another history: give heads
    that were kept elsewhere.
    """
    from parlour_server.capabilities.audit_chain.check import (  # noqa: PLC0415 - keeps `--help` quick
        audit_folders,
        check_audit_log,
        own_keys,
    )

    folder = folder_of(data)
    pinned = [(str(file), head) for file in heads for head in _read_heads(file)]
    known, why = _known_heads(folder)
    report = check_audit_log(audit_folders(folder), own_keys(folder).union(keys), known, pinned)
    if as_json:
        _say_report(report, why)
    else:
        _print_report(report, why)
    if report.faults:
        raise click.exceptions.Exit(1)


@audit.command(epilog=example("$command audit head --data ~/$word > /mnt/elsewhere/head.json"))
@data_option
def head(data: Path) -> None:
    """Print a signed head of each chain here, as one line of JSON, to keep it elsewhere.

    It commits to every record until now. Kept where this server's operator can't change it, it proves later
    that none of them was changed or removed.
    """
    from parlour_server.capabilities.audit_chain.chain import sign_head  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.capabilities.audit_chain.files import chain_files, last_head  # noqa: PLC0415
    from parlour_server.core.output import utc_time  # noqa: PLC0415
    from parlour_server.core.signatures import SigningKey  # noqa: PLC0415

    folder = folder_of(data)
    key = SigningKey.load(folder.signing_key)
    for audit_folder in _folders(folder):
        for chain, files in chain_files(audit_folder).items():
            say(_plain(sign_head(chain, last_head(chain, files), key, utc_time())))


@audit.command(
    epilog=example(
        "$command audit export --data ~/$word --format syslog\n"
        "$command audit export --data ~/$word --after 12000"
    )
)
@data_option
@click.option(
    "--format",
    "shape",
    type=click.Choice(["json", "syslog", "otel"]),
    default="json",
    show_default=True,
    help="Lines of JSON; messages of RFC 5424; or OpenTelemetry logs (OTLP/JSON), one request a line.",
)
@click.option("--after", type=click.IntRange(min=0), default=0, help="Leave out records up to this number.")
def export(data: Path, shape: str, after: int) -> None:
    """Print the records of the audit log, oldest first. It doesn't check them; `audit verify` does."""
    import socket  # noqa: PLC0415 - keeps `--help` quick

    from parlour_server.capabilities.audit_chain.chain import Record  # noqa: PLC0415
    from parlour_server.capabilities.audit_chain.export import as_otel, as_syslog  # noqa: PLC0415

    folder, host, name = folder_of(data), socket.gethostname(), program().name.command
    for chain, line in _lines(folder):
        record = Record.read(line)
        if record is None or record.number <= after:
            continue
        shaped = line
        if shape == "syslog":
            shaped = as_syslog(line, record, host=host, program=name)
        elif shape == "otel":
            shaped = as_otel(line, record, host=host, program=name, chain=chain)
        click.echo(shaped)


def _lines(folder: "DataFolder") -> "Iterator[tuple[str, bytes]]":
    from parlour_server.capabilities.audit_chain.files import chain_files  # noqa: PLC0415 - keeps `--help` quick

    for audit_folder in _folders(folder):
        for chain, files in chain_files(audit_folder).items():
            for path in files.values():
                with path.open("rb") as lines:
                    for line in lines:
                        yield chain, line.removesuffix(b"\n")


def _folders(folder: "DataFolder") -> "list[Path]":
    """Return the audit folders that are there. Raises SetupError for none."""
    from parlour_server.capabilities.audit_chain.check import audit_folder, audit_folders  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    if found := [place for place in audit_folders(folder) if place.is_dir()]:
        return found
    raise SetupError(f"there is no audit log in {audit_folder(folder)} yet; a server makes it when it starts")


def _known_heads(folder: "DataFolder") -> "tuple[Mapping[str, KnownHead], str]":
    """Return the heads of the database, and why there are none if it can't be read."""
    from contextlib import closing  # noqa: PLC0415 - keeps `--help` quick

    from parlour_server.capabilities.audit_chain.store import read_heads  # noqa: PLC0415
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415

    engine = engine_for(program(), folder, settings_of(folder))
    try:
        program().schema.check(engine)
        with closing(engine.connect_reader()) as db:
            return read_heads(db), ""
    except engine.failures as error:
        return {}, str(error)


def _read_heads(file: Path) -> "list[SignedHead]":
    import msgspec  # noqa: PLC0415 - keeps `--help` quick

    from parlour_server.capabilities.audit_chain.chain import SignedHead  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    try:
        return [msgspec.json.decode(line, type=SignedHead) for line in file.read_bytes().splitlines() if line]
    except msgspec.DecodeError as error:
        raise SetupError(f"{file} has no heads as `audit head` prints them ({error})") from error


def _print_report(report: "AuditReport", why: str) -> None:
    for fault in report.faults:
        click.echo(f"WRONG  {fault}")
    for check in report.chains:
        size = check.head.size if check.head else 0
        until = f"; signed until record {check.signed.records}, {check.signed.time}" if check.signed else ""
        state = "WRONG" if check.faults else "OK"
        click.echo(f"{state}  chain {check.chain}: records {check.first} to {size}{until}")
        if check.unsigned > 0:
            click.echo(
                f"note  {check.unsigned} records after the last signed head can still be cut off unseen"
            )
        for note in check.notes:
            click.echo(f"note  {note}")
    for known in report.elsewhere:
        signed, where = known.signed, f"{known.place.host}:{known.place.path}"
        click.echo(
            f"note  chain {signed.chain} is at another server ({where}): {signed.records} records,"
            f" {signed.time}"
        )
    if why:
        click.echo(f"note  the heads in the database were not compared: {why}")


def _say_report(report: "AuditReport", why: str) -> None:
    say(
        {
            "ok": not report.faults,
            "faults": [
                {"file": fault.file, "line": fault.line, "record": fault.record, "text": fault.text}
                for fault in report.faults
            ],
            "chains": [
                {
                    "chain": check.chain,
                    "first": check.first,
                    "records": check.head.size if check.head else 0,
                    "unsigned": check.unsigned,
                    "signed": _plain(check.signed) if check.signed else None,
                    "notes": check.notes,
                }
                for check in report.chains
            ],
            "elsewhere": [_plain(known.signed) | {"place": str(known.place)} for known in report.elsewhere],
            "database": why or "compared",
        }
    )


def _plain(head: "SignedHead") -> dict[str, object]:
    from msgspec import structs  # noqa: PLC0415 - keeps `--help` quick

    return structs.asdict(head)


def _event(line: str) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("audit") is True else None


def _word(found: dict[str, object], key: str) -> str:
    return json.dumps(found.get(key, "?"))[1:-1] if isinstance(found.get(key), str) else "?"
