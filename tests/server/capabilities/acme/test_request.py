"""T2: a certificate is requested for the server's key, and nothing unchecked replaces the old one."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.ports import free_port
from tests.server.capabilities.acme.acme_ca import AcmeCa
from tests.server.capabilities.acme.asking import asking
from tests.server.host.setup.chains import TestCa, new_key, pem_of

from parlour_server.capabilities.acme import request
from parlour_server.capabilities.acme.files import answers_of
from parlour_server.capabilities.acme.job import CertificateJob, Reply
from parlour_server.capabilities.acme.request import refuse_incomplete, request_certificate
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.core.config.server_settings import Listen, Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificate_chain import names_of
from parlour_server.host.setup.certificate_state import keeps_key
from parlour_server.host.setup.certificates import pin_of, read_certificate

pytest.importorskip("acme")

NAME = "chat.example.org"
CA = TestCa()


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[AcmeCa]:
    """Run a CA."""
    found = AcmeCa()
    with found.running(tmp_path / "ca"):
        yield found


def settings_for(ca: AcmeCa, tmp_path: Path, **values: Any) -> Settings:
    """Return settings of a server that asks this CA."""
    port = free_port()
    ca.validate_at = ("127.0.0.1", port)
    acme = AcmeSettings(
        directory=ca.url,
        terms_agreed="yes",
        ca_file=str(tmp_path / "ca" / "root.pem"),
        listen=(f"127.0.0.1:{port}",),
    )
    names = ("localhost", "127.0.0.1", "::1", NAME)
    return asking(msgspec.structs.replace(acme, **values), Listen(names=names))


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


async def test_the_key_stays_and_never_leaves_the_server(
    folder: DataFolder, ca: AcmeCa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pins of clients and invite links stay valid; the process that speaks with the CA gets no key."""
    jobs: list[CertificateJob] = []
    talk = request._talk
    monkeypatch.setattr(request, "_talk", lambda process, job: (jobs.append(job), talk(process, job))[1])
    before, key = pin_of(read_certificate(folder.certificate)), folder.key.read_bytes()
    answers_of(folder).mkdir(mode=0o700)
    (answers_of(folder) / ("t" * 32)).write_bytes(b"of a request that was killed")
    await request_certificate(folder, settings_for(ca, tmp_path), now())
    leaf = read_certificate(folder.certificate)
    assert names_of(leaf) == (NAME,)
    assert (pin_of(leaf), folder.key.read_bytes()) == (before, key)
    assert keeps_key(folder, leaf)
    assert folder.certificate.read_bytes() == ca.orders[0].chain
    assert folder.problems() == []
    assert list(answers_of(folder).iterdir()) == []
    assert b"PRIVATE" not in msgspec.json.encode(jobs[0])


async def test_the_process_sees_little_of_the_servers_environment(
    folder: DataFolder, ca: AcmeCa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be passwords in it; what begins with ACME_ is for the DNS hook."""
    seen = dict[str, str]()

    async def execute(*_words: str, env: dict[str, str], **_options: object) -> None:
        seen.update(env)
        raise SetupError("enough")

    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("ACME_TOKEN", "of the hook")
    monkeypatch.setattr(asyncio, "create_subprocess_exec", execute)
    with pytest.raises(SetupError, match="enough"):
        await request_certificate(folder, settings_for(ca, tmp_path), now())
    assert (seen.get("PGPASSWORD"), seen["ACME_TOKEN"]) == (None, "of the hook")


def _of_another_key(ca: AcmeCa, _request: object, names: list[str]) -> bytes:
    return ca.ca.chain(new_key().public_key(), names)


def _of_another_name(ca: AcmeCa, request: Any, _names: list[str]) -> bytes:
    return ca.ca.chain(request.public_key(), ["evil.example"])


def _ended(ca: AcmeCa, request: Any, names: list[str]) -> bytes:
    return pem_of(ca.ca.sign(request.public_key(), names, starts=now() - timedelta(days=99)))


def _not_a_chain(ca: AcmeCa, request: Any, names: list[str]) -> bytes:
    return pem_of(ca.ca.sign(request.public_key(), names), CA.root)


@pytest.mark.parametrize(
    ("chain", "why"),
    [
        (_of_another_key(AcmeCa(), None, [NAME]), "another key"),
        (b"", "not made of readable certificates"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not made of readable"),
        (b"x" * 100_000, "more than 65,536 bytes"),
        (_of_another_name, "not for chat.example.org"),
        (_ended, "the certificate expires"),
        (_not_a_chain, "signed by the next"),
    ],
    ids=["key", "nothing", "no certificate", "too large", "name", "ended", "order"],
)
async def test_a_chain_that_does_not_fit_changes_nothing(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, chain: Any, why: str
) -> None:
    """T2: whatever the CA or its process returns, the old certificate and its state stay."""
    ca = AcmeCa(url="https://ca.example/directory")

    async def run(job: CertificateJob) -> Reply:
        if isinstance(chain, bytes):
            return Reply(chain=chain.decode())
        return Reply(chain=chain(ca, load_pem_private_key(folder.key.read_bytes(), None), job.names).decode())

    monkeypatch.setattr(request, "_run", run)
    before = {path: path.read_bytes() for path in folder.path.iterdir() if path.is_file()}
    settings = asking(AcmeSettings(directory=ca.url, terms_agreed="yes"), Listen(names=(NAME,)))
    with pytest.raises(SetupError, match=why):
        await request_certificate(folder, settings, now())
    assert {path: path.read_bytes() for path in folder.path.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"terms_agreed": "no"}, "terms of service"),
        ({"names": ()}, "no CA signs names of loopback"),
        ({"challenge": "dns-01"}, r"acme\.dns_command"),
        ({"ca_file": "root.pem"}, r"acme\.ca_file: cannot read /.*/data/root\.pem: No such file"),
        ({"eab_key_file": "/none/eab"}, r"acme\.eab_key_file: cannot read /none/eab: No such file"),
    ],
)
def test_settings_that_can_not_work_ask_no_ca(folder: DataFolder, values: Any, why: str) -> None:
    """The sentence names the setting, and `doctor` has it."""
    acme = AcmeSettings(directory="https://127.0.0.1:1/", terms_agreed="yes", names=(NAME,))
    settings = asking(msgspec.structs.replace(acme, **values))
    with pytest.raises(SetupError, match=why):
        refuse_incomplete(folder, settings)


async def test_files_start_from_the_data_folder(folder: DataFolder, ca: AcmeCa, tmp_path: Path) -> None:
    """As those of the bus: a server is not started where its configuration is."""
    (folder.path / "root.pem").write_bytes((tmp_path / "ca" / "root.pem").read_bytes())
    settings = settings_for(ca, tmp_path, ca_file="root.pem")
    refuse_incomplete(folder, settings)
    assert (await request_certificate(folder, settings, now())).leaf is not None
    (folder.path / "root.pem").write_text("no certificate")
    with pytest.raises(SetupError, match=r"acme\.ca_file: cannot read .*root\.pem: it has none"):
        await request_certificate(folder, settings, now())


async def test_a_server_that_stops_ends_the_request_and_the_hook(
    folder: DataFolder, ca: AcmeCa, tmp_path: Path
) -> None:
    """A hook that hangs holds up nothing; only one request runs at a time."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "hook.sh").write_text(
        f"[ $1 = add ] || exit; exec 3> '{pipe}'; echo begun >&3; sleep 60 & wait"
    )
    settings = settings_for(ca, tmp_path, challenge="dns-01", dns_command=f"sh {tmp_path / 'hook.sh'}")
    asking = asyncio.create_task(request_certificate(folder, settings, now()))
    async with asyncio.timeout(50):
        reading = await asyncio.to_thread(pipe.open)
        with reading:
            assert await asyncio.to_thread(reading.readline) == "begun\n"
            with pytest.raises(SetupError, match="another request"):
                await request_certificate(folder, settings, now())
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            assert await asyncio.to_thread(reading.read) == ""  # no process has the other end any more
