# ruff: noqa: S603 - programs of the system, and our own
"""Certbot and Caddy get the server's certificate by the recipes of docs/how-to/certificates.md, word by word.

The programs are real, and the CA is that of the tests. They are skipped where they are not installed (Debian:
apt install certbot caddy).
"""

import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.attacks.raw import PATIENCE, RunningServer
from tests.docs.pages import Block, pages
from tests.server.capabilities.acme.acme_ca import AcmeCa
from tests.server.host.setup.chains import pem_of
from tools.cluster.process import reserved_port

from parlour_lab.wire import Wire, request
from parlour_server.host.setup.certificates import pin_of

NAME = "chat.example.org"
[PAGE] = [page for page in pages() if page.path.as_posix() == "docs/how-to/certificates.md"]


def block(*words: str) -> Block:
    """Return the one block of the page with these words."""
    [found] = [one for one in PAGE.blocks if all(word in one.text for word in words)]
    return found


def installed(program: str) -> str:
    """Return the program, or skip the test."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"NOT TESTED: {program}'s recipe for certificates, because it is not installed")
    return path


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[AcmeCa]:
    """Run the CA, which looks for the answers where the programs listen."""
    found = AcmeCa()
    found.validate_at = ("127.0.0.1", reserved_port(found))
    with found.running(tmp_path / "ca"):
        yield found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """Run a server with the name."""
    found = RunningServer(tmp_path)
    found.begin(f'[listen]\nnames = ["localhost", "127.0.0.1", "::1", "{NAME}"]\n')
    yield found
    found.stop()


class Conversation:
    """Someone who chats all the time: their connection must survive every certificate."""

    def __init__(self, wire: Wire, room: str) -> None:
        self._wire, self._room, self._number = wire, room, 0

    def goes_on(self) -> None:
        """Say something, and hear that it arrived."""
        self._number += 1
        self._wire.send(request("send", self._number, room=self._room, text="still here"))
        assert self._wire.told(f"probe-{self._number:010}")["type"] == "ok"


@pytest.fixture
def conversation(server: RunningServer) -> Iterator[Conversation]:
    """Log someone in before there is another certificate."""
    session = server.session("ada", invite=server.code())
    with server.chatting(session) as (wire, room):
        yield Conversation(wire, room)


def shown(server: RunningServer) -> x509.Certificate:
    """Return the certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", server.port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as tls,
    ):
        data = tls.getpeercert(binary_form=True)
    assert data is not None
    return x509.load_der_x509_certificate(data)


def changed(server: RunningServer, before: x509.Certificate) -> x509.Certificate:
    """Wait for another certificate: another process looks for it, so there is no event to wait for."""
    end = time.monotonic() + PATIENCE
    while (found := shown(server)) == before:
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.05)
    return found


def ours(text: str, server: RunningServer) -> str:
    """Return a recipe's text for this test's server and user, who is the server's already."""
    command = f"{shlex.quote(sys.executable)} -m parlour_server"
    changed = re.sub(r"runuser -u parlour -- \S*parlour-server", command, text)
    assert changed != text
    return changed.replace("/var/lib/parlour", shlex.quote(os.fspath(server.data)))


class Caddy:
    """Caddy with a storage of its own, and the configuration of the page."""

    def __init__(self, folder: Path, ca: AcmeCa) -> None:
        program = installed("caddy")
        self.storage = folder / "caddy"
        self._log = folder / "caddy.log"
        configuration = folder / "Caddyfile"
        configuration.write_text(
            f"""{{
                admin off
                acme_ca {ca.url}
                acme_ca_root {folder / "ca" / "root.pem"}
                default_bind 127.0.0.1
                http_port {ca.validate_at[1]}
                https_port {reserved_port(self)}
                renew_interval 1s
                storage file_system {self.storage}
            }}
            {block("reuse_private_keys").text}"""
        )
        words = ["--config", str(configuration), "--adapter", "caddyfile"]
        environment = os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        adapted = subprocess.run(
            [program, "adapt", *words], check=False, capture_output=True, text=True, env=environment
        )
        if "unknown subdirective: reuse_private_keys" in adapted.stderr:
            pytest.skip("NOT TESTED: Caddy's recipe for certificates, because this Caddy is older than 2.8")
        assert adapted.returncode == 0, adapted.stderr
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "run", *words], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def certificate(self, before: bytes = b"") -> Path:
        """Wait until Caddy has stored another certificate, and its key; returns the file."""
        end = time.monotonic() + PATIENCE
        while True:
            found = list(self.storage.glob(f"certificates/*/{NAME}/{NAME}.crt"))
            if found and found[0].read_bytes() != before and found[0].with_suffix(".key").exists():
                return found[0]
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.05)  # it tells nobody

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class Certbot:
    """Certbot with folders of its own, and the page's hook."""

    def __init__(self, folder: Path, ca: AcmeCa, server: RunningServer) -> None:
        self._program = installed("certbot")
        self.live = folder / "letsencrypt" / "live" / NAME
        self._folders = [
            word
            for name in ("config", "work", "logs")
            for word in (f"--{name}-dir", str(folder / ("letsencrypt" if name == "config" else name)))
        ]
        self._ca = [
            "--server", ca.url, "--http-01-address", "127.0.0.1", "--http-01-port", str(ca.validate_at[1]),
        ]  # fmt: skip
        self._environment = os.environ | {"REQUESTS_CA_BUNDLE": str(folder / "ca" / "root.pem")}
        hook = folder / "letsencrypt" / "renewal-hooks" / "deploy" / "parlour"
        hook.parent.mkdir(parents=True)
        hook.write_text(ours(block("RENEWED_LINEAGE").text, server))
        hook.chmod(0o755)

    def run(self, *words: str) -> str:
        """Run it; returns what it printed, on both outputs. It must succeed."""
        done = subprocess.run(
            [self._program, *words, "--non-interactive", *self._folders],
            env=self._environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE * 2,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def first(self) -> str:
        """Get a certificate by the line of the page, without a mail address."""
        [line] = [line for line in block("certbot certonly").text.splitlines() if "certonly" in line]
        return self.run(*shlex.split(line)[1:], *self._ca, "--agree-tos", "--register-unsafely-without-email")

    def renew(self, *words: str) -> str:
        """Renew before it is due."""
        return self.run("renew", "--force-renewal", "--no-random-sleep-on-renew", *words)


def test_certbots_hook_gives_each_certificate_to_the_running_server(
    tmp_path: Path, ca: AcmeCa, server: RunningServer, conversation: Conversation
) -> None:
    """The first key takes a decision by hand; then the pin stays, and so do connections."""
    certbot = Certbot(tmp_path, ca, server)
    own = shown(server)
    certbot.first()
    assert shown(server) == own
    by_hand = ours(block("--replace-key").text, server).replace(
        "/etc/letsencrypt/live", str(certbot.live.parent)
    )
    subprocess.run(["/bin/sh", "-c", by_hand], check=True, timeout=PATIENCE)
    first = changed(server, own)
    conversation.goes_on()
    certbot.renew()
    second = changed(server, first)
    assert pin_of(second) == pin_of(first) != pin_of(own)
    conversation.goes_on()
    # someone forgets --reuse-key: the old certificate stays, and certbot's output says why
    assert "is not the one in" in certbot.renew("--new-key", "--no-reuse-key")
    assert shown(server) == second
    conversation.goes_on()
    assert [f"http://{NAME}/" in url for url in ca.validated] == [True] * 3


def test_links_to_certbots_folder_are_followed_at_each_renewal(
    tmp_path: Path, ca: AcmeCa, server: RunningServer, conversation: Conversation
) -> None:
    """`server.pem` and `server.key` lead to live/, which are links themselves; nothing imports."""
    certbot = Certbot(tmp_path, ca, server)
    (tmp_path / "letsencrypt" / "renewal-hooks" / "deploy" / "parlour").unlink()
    own = shown(server)
    certbot.first()
    for name, target in (("server.pem", "fullchain.pem"), ("server.key", "privkey.pem")):
        (server.data / name).unlink()
        (server.data / name).symlink_to(certbot.live / target)
    first = changed(server, own)
    certbot.renew()
    second = changed(server, first)
    assert pin_of(second) == pin_of(first)
    conversation.goes_on()


def test_caddys_certificates_are_imported_when_they_change(
    tmp_path: Path, ca: AcmeCa, server: RunningServer, conversation: Conversation
) -> None:
    """By the command of the page's service, which systemd runs when the file changes. The key stays."""
    ages = iter((timedelta(days=60, seconds=-20),))  # a third of the life is left in 20 s: then Caddy renews

    def sign(ca: AcmeCa, asked: x509.CertificateSigningRequest, names: list[str]) -> bytes:
        starts = datetime.now(UTC) - next(ages, timedelta(minutes=1))
        key: Any = asked.public_key()
        return pem_of(ca.ca.sign(key, names, starts=starts), ca.ca.intermediate)

    ca.sign = sign
    [start] = [line for line in block("ExecStart").text.splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(ours(start.removeprefix("ExecStart="), server))
    own = shown(server)
    caddy = Caddy(tmp_path, ca)
    try:
        first = caddy.certificate()
        refused = subprocess.run(words, cwd=first.parent, check=False, capture_output=True, timeout=PATIENCE)
        assert refused.returncode == 1
        assert b"is not the one in" in refused.stderr
        by_hand = [*words[:-1], words[-1] + " --replace-key"]
        data = first.read_bytes()
        subprocess.run(by_hand, cwd=first.parent, check=True, timeout=PATIENCE)
        old = changed(server, own)
        second = caddy.certificate(data)
        subprocess.run(words, cwd=second.parent, check=True, timeout=PATIENCE)
        assert pin_of(changed(server, old)) == pin_of(old) != pin_of(own)
        conversation.goes_on()
    finally:
        caddy.stop()
