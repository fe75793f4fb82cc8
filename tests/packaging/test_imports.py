"""Dependencies point one way: the contracts of pyproject.toml, and what is really loaded."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from parlour_client.cli.root import written_by_hand

ROOT = Path(__file__).parents[2]


def test_every_import_contract_is_kept() -> None:
    """import-linter finds no import that a contract of pyproject.toml forbids."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert done.returncode == 0, done.stdout + done.stderr


LOADED = """
import sys
import {module}
print("\\n".join(name for name in {forbidden!r} if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("parlour_client.core.client", ["textual", "rich", "parlour_server", "click"]),
        (
            "parlour_server.chat.start, parlour_server.host.server",
            ["nacl", "textual", "parlour_client", "parlour_mls", "parlour_protocol.encrypted"],
        ),
        ("parlour_protocol.frames", ["asyncio", "ssl", "socket", "websockets", "textual", "parlour_server"]),
        (
            "parlour_client.kit.main",
            [
                "parlour_client.core",
                "parlour_client.ui",
                "parlour_protocol.frames",
                "parlour_mls",
                "nacl",
                "apsw",
            ],
        ),
        (
            "parlour_client.ui.app",
            [
                *(
                    f"parlour_client.ui.chat.{name}"
                    for name in ("results", "message_actions", "people", "views")
                ),
                *("httpx", "websockets", "h11", "cryptography"),
            ],
        ),
        (
            "parlour_client.kit.transport.websocket, parlour_client.kit.transport.https_connection",
            ["cryptography", "httpx", "rich"],
        ),
        ("parlour_client.cli", ["textual", "httpx", "websockets", "apsw", "cryptography", "asyncio"]),
        (
            "parlour_server.chat.cli",
            ["starlette", "h11", "argon2", "sqlalchemy", "alembic", "cryptography", "asyncio"],
        ),
        (
            "parlour_server.standalone.room, parlour_server.standalone.https",
            [
                *("starlette", "sqlalchemy", "textual", "websockets", "h11", "click", "cryptography"),
                *("parlour_server.core", "parlour_server.app", "parlour_client", "parlour_mls"),
            ],
        ),
    ],
)
def test_importing_a_package_does_not_load(module: str, forbidden: list[str]) -> None:
    """A fresh interpreter that imports the module has none of the forbidden modules loaded afterwards."""
    code = LOADED.format(module=module, forbidden=forbidden)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.split() == []


def test_the_server_only_verifies_with_libsodium() -> None:
    """The contract lets one file import it; nothing that encrypts, decrypts or signs may follow."""
    tree = ast.parse((ROOT / "server/parlour_server/core/signatures.py").read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found = {alias.name for node in imports if (node.module or "").startswith("nacl") for alias in node.names}
    assert found == {"crypto_sign_open", "crypto_core_ed25519_is_valid_point", "CryptoError"}


HELP = """
import sys
from parlour_client.cli.root import guarded
for arguments in {given!r}:
    assert guarded(arguments) == 0
print("loaded:", *sys.modules)
"""
HEAVY = {
    "apsw",
    "asyncio",
    "cryptography",
    "h11",
    "httpx",
    "msgspec",
    "nacl",
    "parlour_client.core.client",
    "parlour_client.core.model",
    "parlour_protocol.frames",
    "rich",
    "ssl",
    "textual",
    "websockets",
}


CONNECTING = {"apsw", "cryptography", "nacl", "parlour_client.core.client", "rich", "textual", "websockets"}


def _loaded_by(*given: list[str]) -> set[str]:
    code = HELP.format(given=given)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["room", "--help"], ["room", "join", "--help"]])
def test_help_loads_the_table_of_commands_and_nothing_that_runs_them(arguments: list[str]) -> None:
    """Handlers take their arguments from signatures; what they work with is loaded when one runs."""
    loaded = _loaded_by(arguments)
    assert "parlour_client.commands.table" in loaded
    assert not HEAVY & loaded


def test_help_of_a_command_with_code_of_its_own_loads_no_client() -> None:
    """What connects or opens the chat loads the client when it does."""
    given = [[*name.split(" "), "--help"] for name in written_by_hand()]
    assert not CONNECTING & _loaded_by(*given)
