"""`cert`: show the server's certificate, take one from a file, or request one by ACME."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from parlour_server.kit.cli.command_options import (
    action,
    data_option,
    example,
    folder_of,
    json_option,
    program,
    say,
    settings_of,
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
    from parlour_server.kit.setup.certificate_report import CertificateReport  # noqa: PLC0415

    folder = program().folder(data.absolute())
    folder.check()
    report = CertificateReport.of(folder, settings_of(folder))
    if as_json:
        say(report.fields)
    else:
        for line in report.lines:
            click.echo(line)
    if report.is_urgent:
        raise click.exceptions.Exit(1)


@cert.command(epilog=example("$command cert request --data ~/$word"))
@data_option
@json_option
def request(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Request a certificate by ACME now, for the server's own key and names.

    The settings `acme.…` name the CA. A running server renews by itself; use this the first time, to see what
    goes wrong. If it fails, nothing changes.
    """
    _request(data, as_json=as_json, only_if_due=False)


@cert.command(epilog=example("$command cert renew --data ~/$word"))
@data_option
@json_option
def renew(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Request a certificate by ACME if it is time: a third of its life left, and no recent failure.

    For a timer, if your server doesn't run all the time. A running server renews by itself.
    """
    _request(data, as_json=as_json, only_if_due=True)


def _request(data: Path, *, as_json: bool, only_if_due: bool) -> None:
    import asyncio  # noqa: PLC0415 - keeps `--help` quick

    from parlour_server.kit.clock import SystemClock  # noqa: PLC0415
    from parlour_server.kit.errors import SetupError  # noqa: PLC0415
    from parlour_server.kit.setup.acme.renewal import AcmeRenewal  # noqa: PLC0415
    from parlour_server.kit.setup.certificate_report import CertificateReport  # noqa: PLC0415
    from parlour_server.kit.setup.public_address import running  # noqa: PLC0415

    folder = folder_of(data)
    settings = settings_of(folder)
    acme = settings.acme
    if not acme.directory:
        raise SetupError(
            "acme.directory names no CA; set it to the URL of a CA's ACME directory, such as"
            " https://acme-v02.api.letsencrypt.org/directory"
        )
    if acme.challenge == "http-01" and not acme.listen and running(folder) is None:
        raise SetupError("no server is running that could answer the CA; start it, or set acme.listen")
    renewal = AcmeRenewal(folder, settings, SystemClock())
    is_new = not only_if_due or renewal.is_due()
    if is_new:
        did = "cert renew" if only_if_due else "cert request"
        with action(folder, did, ca=acme.directory) as result:
            try:
                asyncio.run(renewal.renew())
            except SetupError as error:
                raise SetupError(f"no certificate: {error}; the old one stays in use") from error
            result["ends"] = CertificateReport.of(folder, settings).fields["ends"]
    report = CertificateReport.of(folder, settings)
    if as_json:
        say({"new": is_new, **report.fields})
        return
    click.echo("a new certificate is in its place" if is_new else "nothing to do before it is due")
    for line in report.lines:
        click.echo(line)


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
    from parlour_server.kit.setup.certificate_import import import_certificate  # noqa: PLC0415

    folder = folder_of(data)
    with ExitStack() as stack:
        begin = partial(stack.enter_context, action(folder, "cert import", file=str(chain)))
        done = import_certificate(folder, settings_of(folder), chain, key, begin, replace_key=replace_key)
    if as_json:
        say({"new": done.is_new, "names": done.names, "ends": done.ends, "pin": done.pin})
    else:
        did = "taken" if done.is_new else "nothing to change"
        click.echo(f"{did}: for {', '.join(done.names)}, until {done.ends}")
        click.echo(f"pin: {done.pin}")
