# ruff: noqa: S603 - programs of the system, and our own
"""The files of `deploy/cluster/` are accepted by the programs that read them, and fit together."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from parlour_server.chat.cli.command_line import COMMAND_LINE

FOLDER = Path(__file__).parents[2] / "deploy" / "cluster"
COMPOSE = (FOLDER / "compose.yaml").read_text("utf-8")
HAPROXY = (FOLDER / "haproxy.cfg").read_text("utf-8")
DIFFERENT = {"Description", "After", "ExecStart", "EnvironmentFile", "RestrictAddressFamilies"}
"""What the template has otherwise than the unit of a single server."""


def found(program: str) -> str:
    """Return the program, or skip the test."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"NOT TESTED: deploy/cluster, because {program} is not installed")
    return path


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what make-secrets.sh makes, in a copy of the folder; it runs twice."""
    folder = tmp_path_factory.mktemp("deploy") / "cluster"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("secrets"))
    found("openssl")
    subprocess.run([folder / "make-secrets.sh"], check=True, capture_output=True)
    before = {path.name: path.read_bytes() for path in (folder / "secrets").iterdir()}
    subprocess.run([folder / "make-secrets.sh"], check=True, capture_output=True)
    assert before == {path.name: path.read_bytes() for path in (folder / "secrets").iterdir()}
    return folder / "secrets"


def test_haproxy_takes_its_configuration() -> None:
    """The nodes have names that only the network of the containers knows; their addresses come later."""
    haproxy = found("haproxy")
    check = [haproxy, "-c", "-f", FOLDER / "haproxy.cfg"]
    done = subprocess.run(check, check=True, capture_output=True, text=True)
    assert "WARNING" not in done.stderr


def test_the_certificates_are_for_the_services(secrets: Path) -> None:
    """The nodes verify the names that compose.yaml gives to PostgreSQL and NATS; no one else reads keys."""
    openssl = found("openssl")
    for name in ("postgres", "nats"):
        verify = ["verify", "-CAfile", secrets / "ca.pem", "-verify_hostname", name, secrets / f"{name}.pem"]
        subprocess.run([openssl, *verify], check=True, capture_output=True)
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o600}


def test_nats_takes_its_configuration(secrets: Path) -> None:
    """With the user and the certificate that make-secrets.sh makes."""
    text = (FOLDER / "nats.conf").read_text("utf-8")
    (secrets / "nats.conf").write_text(text.replace("/etc/nats/", f"{secrets}/"))
    nats = Path(sys.executable).with_name("nats-server")
    subprocess.run([nats, "-t", "-c", secrets / "nats.conf"], check=True, capture_output=True)
    user, password = (secrets / "nats.credentials").read_text().strip().split(":")
    users = (secrets / "nats-users.conf").read_text()
    assert f"user: {user}" in users
    assert f'password: "{password}"' in users


def test_what_compose_names_is_there(secrets: Path) -> None:
    """Files that it mounts exist, and every node of it is behind haproxy."""
    mounted = set(re.findall(r"- \./([^:]+):", COMPOSE))
    assert mounted
    for name in mounted:
        assert (secrets.parent / name).exists(), name
    nodes = set(re.findall(r"^  (node\d+):$", COMPOSE, re.MULTILINE))
    assert nodes == set(re.findall(r"server (node\d+) \1:8443", HAPROXY))
    assert nodes == set(re.findall(r"/data/(node\d+)", COMPOSE))
    assert nodes == set(re.findall(r"test: .*parlour-server, ready, --data, /data/(node\d+)\]", COMPOSE))
    address = re.search(r"ipv4_address: (\S+)", COMPOSE)
    assert address is not None
    assert f"PARLOUR_LISTEN_PROXIES: {address[1]}\n" in COMPOSE
    assert f'proxies = ["{address[1]}"]' in HAPROXY


def test_init_uses_options_that_there_are() -> None:
    """The service that makes the data folder runs only where there are containers."""
    script = (FOLDER / "init.sh").read_text("utf-8").replace("\\\n", " ")
    commands = re.findall(r"^as_parlour (\w+ --.*)", script, re.MULTILINE)
    assert len(commands) == script.count("\nas_parlour ")
    for command in commands:
        name, *words = command.split()
        done = CliRunner().invoke(COMMAND_LINE.group, [name, "--help"])
        for option in (word for word in words if word.startswith("--")):
            assert option in done.output, option


def test_the_template_confines_as_the_unit_does() -> None:
    """What is tested with the unit of a single server holds for a node."""

    def settings(path: Path) -> list[str]:
        lines = path.read_text("utf-8").splitlines()
        return [
            line for line in lines if line and line[0] not in "#[" and line.split("=")[0] not in DIFFERENT
        ]

    template = FOLDER / "parlour-server@.service"
    assert settings(template) == settings(FOLDER.parent / "parlour-server.service")
    assert "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n" in template.read_text("utf-8")
