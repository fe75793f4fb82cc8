"""Requests a certificate for the server's key, and puts it into its place once it was checked.

The process that speaks with the CA gets a signing request and returns a text. Whatever that is, the
certificate in use stays unless the new one has the server's key and all of its names, and can be served.
"""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from parlour_server.capabilities.acme.answers import clear_answers
from parlour_server.capabilities.acme.files import account_key_of, answers_of
from parlour_server.capabilities.acme.job import CertificateJob, Reply
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.capabilities.acme.source import wanted_names
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificate_chain import MOST_BYTES, CertificateChain
from parlour_server.host.setup.certificate_state import install, read_key
from parlour_server.host.setup.certificates import general_name

_CHILD: Final = "parlour_server.capabilities.acme.child"
_SECONDS: Final = 300
_GRACE_SECONDS: Final = 15.0
_END_SECONDS: Final = 1.0
_ENVIRONMENT: Final = (
    "HOME", "HTTPS_PROXY", "LANG", "LC_ALL", "NO_PROXY", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ",
    "https_proxy", "no_proxy",
)  # fmt: skip
"""The variables that the process gets of the server's environment, besides ``ACME_…`` for the DNS hook."""


async def request_certificate(folder: DataFolder, settings: Settings, now: datetime) -> CertificateChain:
    """Request and install a certificate. Raises SetupError, and then nothing has changed."""
    names, acme = wanted_names(settings), section(settings, AcmeSettings)
    key = read_key(folder.key.read_bytes(), folder.key)
    if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
        raise SetupError(f"{folder.key} is neither an ECDSA nor an RSA key, and CAs take no other kind")
    job = CertificateJob(
        directory=acme.directory,
        names=names,
        request=_signing_request(key, names),
        account_key=str(account_key_of(folder)),
        contact=acme.contact,
        challenge=acme.challenge,
        answers=str(answers_of(folder)),
        listen=acme.listen,
        dns_command=acme.dns_command,
        dns_seconds=acme.dns_seconds,
        ca_file=_place(folder, acme.ca_file),
        eab_key_id=acme.eab_key_id,
        eab_key_file=_place(folder, acme.eab_key_file),
        seconds=_SECONDS + acme.dns_seconds,
    )
    with _one_at_a_time(folder):
        clear_answers(answers_of(folder))
        reply = await _run(job)
        if reply.why:
            raise SetupError(reply.why)
        chain = CertificateChain.parse(reply.chain.encode())
        chain.refuse(key.public_key(), names, now)
        install(folder, chain)
    return chain


def refuse_incomplete(folder: DataFolder, settings: Settings) -> None:
    """Raise SetupError for settings with which no request can succeed."""
    acme = section(settings, AcmeSettings)
    if folder.certificate.is_symlink():
        raise SetupError(
            f"{folder.certificate} is a link, so another program renews it; remove the link, or the setting"
            " acme.directory"
        )
    if find_spec("acme") is None:
        raise SetupError("ACME needs its library; install Parlour's extra `acme` (docs/how-to/install.md)")
    if acme.terms_agreed != "yes":
        raise SetupError(
            "a CA asks you to agree to its terms of service: read them there, then set acme.terms_agreed to"
            ' "yes"'
        )
    if not wanted_names(settings):
        raise SetupError("no CA signs names of loopback; add this server's name to listen.names")
    if acme.challenge == "dns-01" and not acme.dns_command.split():
        raise SetupError(
            "acme.challenge is dns-01; set acme.dns_command to the program that changes your DNS"
        )
    for name, file in (("ca_file", acme.ca_file), ("eab_key_file", acme.eab_key_file)):
        try:
            if file:
                Path(_place(folder, file)).read_bytes()
        except OSError as error:
            raise SetupError(f"acme.{name}: cannot read {_place(folder, file)}: {error.strerror}") from error


def _place(folder: DataFolder, file: str) -> str:
    """Return the whole path of a file of the settings: it starts from the data folder."""
    return str(folder.path / file) if file else ""


def _signing_request(key: EllipticCurvePrivateKey | RSAPrivateKey, names: Sequence[str]) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    alternatives = x509.SubjectAlternativeName([general_name(name) for name in names])
    request = builder.add_extension(alternatives, critical=False).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


@contextmanager
def _one_at_a_time(folder: DataFolder) -> Iterator[None]:
    """Hold the lock of requests. Raises SetupError while another request is under way."""
    answers = answers_of(folder)
    try:
        answers.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(answers, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SetupError(f"cannot use {answers}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise SetupError("another request for a certificate is under way; wait until it has ended") from error
    finally:
        os.close(descriptor)


async def _run(job: CertificateJob) -> Reply:
    """Run the process, and end it when it takes too long or is not wanted any more."""
    environment = {
        name: value for name, value in os.environ.items() if name in _ENVIRONMENT or name.startswith("ACME_")
    }
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # with the programs that it runs, it can be ended
        limit=2 * MOST_BYTES,
    )
    try:
        async with asyncio.timeout(job.seconds + _GRACE_SECONDS):
            return await _talk(process, job)
    except TimeoutError:
        raise SetupError(f"the CA did not finish within {job.seconds} seconds") from None
    finally:
        await _end(process)


async def _talk(process: asyncio.subprocess.Process, job: CertificateJob) -> Reply:
    if process.stdin is None or process.stdout is None:
        raise SetupError("the process for ACME has no pipes")
    with suppress(ConnectionError):
        process.stdin.write(msgspec.json.encode(job))
        await process.stdin.drain()
    process.stdin.close()
    data = b""
    while len(data) <= 2 * MOST_BYTES and (more := await process.stdout.read(MOST_BYTES)):
        data += more
    if len(data) <= 2 * MOST_BYTES:
        await process.wait()
    try:
        return msgspec.json.decode(data, type=Reply)
    except msgspec.MsgspecError as error:
        raise SetupError("the process for ACME ended without a reply") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and what it started, if it has not ended; it gets a moment to take its answers away."""
    if process.returncode is None:
        _send(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
    _send(process, signal.SIGKILL)
    await process.wait()


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS has the second for a group of zombies
        os.killpg(process.pid, number)
