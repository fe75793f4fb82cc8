"""A CA that is hostile, or taken over, and strangers who ask for its answers."""

import asyncio
import http.client
import socket
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec.structs import replace

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.impostor import make
from parlour_lab.target import LOOPBACK, LabServer
from parlour_server.capabilities.acme import request
from parlour_server.capabilities.acme.answers import PATH, listening
from parlour_server.capabilities.acme.job import CertificateJob, Reply
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.chat.program import CHAT
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.errors import SetupError

_NAME = "chat.example.org"


@attack(
    "A CA answers with certificates for another key, for another name, and that have ended",
    expects="Each is refused, and the certificate in use stays.",
    stage=Stage.FOLDER,
)
def hostile_chain(server: LabServer, seen: Evidence) -> bool:
    key = load_pem_private_key((server.data / "server.key").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    chains = {
        "for another key": make(names=(_NAME,)),
        "for another name": make(names=("evil.example",), key=key),
        "that has ended": make(names=(_NAME,), key=key, expired=True),
    }
    before = (server.data / "server.pem").read_bytes()
    for how, made in chains.items():
        seen.sent(f"a certificate {how}")
        _request(server, seen, made.pem)
    kept = (server.data / "server.pem").read_bytes() == before
    seen.observed(f"the certificate in use {'stayed' if kept else 'was replaced'}")
    return kept


@attack(
    "Someone reads what the process that speaks with the CA was given, and looks for the server's key",
    expects="It is a signing request, and neither the key nor its path.",
    stage=Stage.FOLDER,
)
def key_for_the_ca(server: LabServer, seen: Evidence) -> bool:
    given = msgspec.json.encode(_request(server, seen, ""))
    seen.received(given)
    return b"PRIVATE" not in given and b"server.key" not in given


@attack(
    "A stranger asks for the CA's answers by names that lead to other files",
    expects="404 for each; the answer that was promised to the CA is there.",
    stage=Stage.NOTHING,
)
def other_files(folder: Path, seen: Evidence) -> bool:
    token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ"
    answers = folder / "acme"
    answers.mkdir()
    (answers / token).write_text(f"{token}.thumbprint")
    (folder / "acme.key").write_text("CANARY-key")
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    found = {}
    with listening(f"{LOOPBACK}:{port}", ("localhost",), answers):
        for name in (token, "../acme.key", f"{folder}/acme.key", "%2e%2e/acme.key"):
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
            connection.request("GET", PATH + name, headers={"Host": "localhost"})
            seen.sent(f"GET {PATH}{name}")
            response = connection.getresponse()
            found[name] = response.status, response.read()
            seen.received(f"{response.status} {found[name][1].decode()}")
            connection.close()
    assert found.pop(token)[0] == 200
    return all(status == 404 for status, _ in found.values())


def _request(server: LabServer, seen: Evidence, chain: str) -> CertificateJob:
    """Request a certificate of a CA that answers with this; return what its process was given."""
    jobs: list[CertificateJob] = []

    async def run(job: CertificateJob) -> Reply:
        jobs.append(job)
        return Reply(chain=chain)

    acme = AcmeSettings(directory="https://ca.example/directory", terms_agreed="yes")
    settings = replace(CHAT.settings_type(), listen=Listen(names=(_NAME,)), acme=acme)
    with patch.object(request, "_run", run):
        try:
            asyncio.run(request.request_certificate(CHAT.folder(server.data), settings, datetime.now(UTC)))
        except SetupError as error:
            seen.received(error)
    return jobs[0]
