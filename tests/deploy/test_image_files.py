"""The image, its compose file and its Kubernetes manifests fit together, and confine the server.

NOT TESTED here: that a container runtime builds and runs them, since no test can fetch a base image.
"""

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from tools.server_requirements import server_requirements

from parlour_server.chat.cli.command_line import COMMAND_LINE

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "deploy/Containerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
KUBERNETES = list(yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text("utf-8")))
POD: dict[str, Any] = next(one for one in KUBERNETES if one["kind"] == "StatefulSet")["spec"]["template"][
    "spec"
]
CONTAINERS = [*POD["initContainers"], *POD["containers"]]
USER = 10001
IMPORT = re.compile(r"^\s*(?:from|import) ([A-Za-z0-9_]+)", re.MULTILINE)


def instructions(name: str) -> list[str]:
    """Return what follows each instruction of this name in the image's last stage."""
    return re.findall(rf"^{name} (.*)", CONTAINERFILE.rpartition("\nFROM ")[2], re.MULTILINE)


def is_understood(words: list[str]) -> bool:
    """Return whether `parlour-server` knows the command and its options."""
    command: click.Command = COMMAND_LINE.group.commands[words[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    return {word for word in words if word.startswith("--")} <= known


def test_the_image_runs_the_server_as_its_own_user() -> None:
    """With a folder for data that belongs to it, and a check that exists."""
    assert instructions("USER") == [f"{USER}:{USER}"]
    assert f"install -d -o {USER} -g {USER} -m 0700 /system/data" in CONTAINERFILE
    assert instructions("VOLUME") == ["/data"]
    assert "PARLOUR_DATA=/data" in instructions("ENV")[0]
    for line in (
        *instructions("CMD"),
        *(check.rpartition("CMD ")[2] for check in instructions("HEALTHCHECK")),
    ):
        assert is_understood([word for word in re.findall(r'"([^"]+)"', line) if word != "parlour-server"])


def test_the_image_has_only_what_is_locked_by_hash() -> None:
    """Each `pip install` of requirements demands hashes and wheels; the lock has what is asked for."""
    installs = CONTAINERFILE.replace("\\\n", " ").split("pip install ")[1:]
    installs = [one.partition(" && ")[0] for one in installs]
    assert len(installs) == 3
    for install in installs:
        required = "--require-hashes --only-binary :all:" in install
        assert required or ("--no-deps" in install and "/wheels/parlour-*.whl" in install)
    names = {
        re.split(r"[><=\[; ]", one)[0] for one in server_requirements((ROOT / "pyproject.toml").read_text())
    }
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements/server.txt").read_text(), re.MULTILINE)
    assert names <= set(locked)
    assert not {"textual", "httpx", "tomlkit"} & set(locked)


def test_the_server_imports_nothing_that_only_the_client_needs() -> None:
    """The image does not have it."""
    only_client = {
        "apsw",
        "bidi",
        "emoji",
        "httpx",
        "mnemonic",
        "platformdirs",
        "pygments",
        "rich",
        "segno",
        "textual",
    }
    found = {
        (path.name, name)
        for package in ("server/parlour_server", "protocol/parlour_protocol")
        for path in (ROOT / package).rglob("*.py")
        for name in IMPORT.findall(path.read_text("utf-8"))
        if name in {*only_client, "tomlkit", "parlour_client", "parlour_mls", "parlour_lab"}
    }
    assert found == set()


@pytest.mark.parametrize("name", ["init", "server"])
def test_compose_confines_the_server(name: str) -> None:
    """A read-only root, no capability, no new privilege, one volume; its commands exist."""
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["data:/data"]
    assert is_understood(service.get("command", ["run"]))


def test_the_pod_obeys_the_restricted_profile() -> None:
    """Kubernetes' Pod Security Standards, which the namespace enforces."""
    assert KUBERNETES[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    security = POD["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == USER
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    for container in CONTAINERS:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert is_understood(container["args"])


def test_the_pod_leaves_the_servers_files_and_settings_alone() -> None:
    """Variables of services would be settings; a volume's modes are changed at the first mount only."""
    assert POD["enableServiceLinks"] is False
    assert POD["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    for container in CONTAINERS:
        (mount,) = container["volumeMounts"]
        (data,) = container["env"]
        assert data["name"] == "PARLOUR_DATA"
        assert Path(data["value"]).parent == Path(mount["mountPath"])
