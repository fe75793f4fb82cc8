"""`cert`: show the server's certificate, and take one from a file."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from parlour_server.host.cli.command_options import (
    action,
    data_option,
    example,
    folder_of,
    json_option,
    program,
    settings_of,
    tell,
)

_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def cert() -> None:
    """Show and renew the server's certificate."""


@cert.command(epilog=example("$command cert show --data ~/$word\n$command cert show --data ~/$word --json"))
@data_option
@json_option
def show(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Show the certificate: its names, issuer, expiry and pin, and who renews it.

    The status is 1 when it has expired, or expires so soon that its renewal must have failed.
    """
    from parlour_server.host.setup.certificate_report import CertificateReport  # noqa: PLC0415

    folder = program().folder(data.absolute())
    folder.check()
    report = CertificateReport.of(program(), folder, settings_of(folder))
    tell(report.fields, report.lines, as_json=as_json)
    if report.is_urgent:
        raise click.exceptions.Exit(1)


@cert.command(
    "import",
    epilog=example(
        "$command cert import --data ~/$word --chain fullchain.pem\n"
        "$command cert import --data ~/$word --chain fullchain.pem --key privkey.pem --replace-key"
    ),
)
@data_option
@click.option(
    "--chain",
    metavar="FILE",
    required=True,
    type=_file,
    help="The certificate, followed by those of its CAs, in PEM.",
)
@click.option("--key", metavar="FILE", type=_file, help="Its key. Needed only if the server has another one.")
@click.option(
    "--replace-key",
    is_flag=True,
    help="Replace the server's key with this one: clients and invite links with the old pin will refuse it.",
)
@json_option
def import_(data: Path, chain: Path, key: Path | None, replace_key: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Import a certificate from another program, such as certbot or Caddy.

    It must be for the server's key and all of its names; otherwise nothing changes. A running server shows it
    to new connections within seconds. Run this from the other program's deploy hook.
    """
    from parlour_server.capabilities.certificate_import.import_certificate import import_certificate  # noqa: PLC0415

    folder = folder_of(data)
    with ExitStack() as stack:
        begin = partial(stack.enter_context, action(folder, "cert import", file=str(chain)))
        done = import_certificate(
            program(), folder, settings_of(folder), chain, key, begin, replace_key=replace_key
        )
    did = "taken" if done.is_new else "nothing to change"
    tell(
        {"new": done.is_new, "names": done.names, "ends": done.ends, "pin": done.pin},
        (f"{did}: for {', '.join(done.names)}, until {done.ends}", f"pin: {done.pin}"),
        as_json=as_json,
    )
