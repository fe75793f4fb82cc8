"""`cert request` and `cert renew`: ask the CA for a certificate now, or if it is time."""

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


@click.group()
def cert() -> None:
    """Request and renew the server's certificate."""


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

    from parlour_server.capabilities.acme.renewal import AcmeRenewal  # noqa: PLC0415
    from parlour_server.capabilities.acme.settings import AcmeSettings  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415
    from parlour_server.host.setup.certificate_report import CertificateReport  # noqa: PLC0415
    from parlour_server.host.setup.public_address import running  # noqa: PLC0415

    folder = folder_of(data)
    settings = settings_of(folder)
    acme = section(settings, AcmeSettings)
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
            result["ends"] = CertificateReport.of(program(), folder, settings).fields["ends"]
    report = CertificateReport.of(program(), folder, settings)
    done = "a new certificate is in its place" if is_new else "nothing to do before it is due"
    tell({"new": is_new, **report.fields}, (done, *report.lines), as_json=as_json)
