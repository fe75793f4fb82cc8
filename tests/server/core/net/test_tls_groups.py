"""Key exchange groups (T2): how the list is narrowed where Python cannot, and that OpenSSL is asked."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parlour_server.core.net import tls_groups
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.core.net.tls_groups import GROUP_LIST, GROUPS, HAS_HYBRID, configure, taken_besides

BEFORE_SET_GROUPS = pytest.mark.skipif(sys.version_info >= (3, 15), reason="Python chooses the groups itself")
TICKER = Path(__file__).parents[4] / "examples" / "ticker"
CONFIGURATIONS = Path(tls_groups.__file__).parent


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Return what would have been executed in the place of this process."""
    found: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: found.append((path, arguments)))
    return found


@BEFORE_SET_GROUPS
def test_the_same_command_begins_again(pair: Any, executed: list[tuple[str, list[str]]]) -> None:
    """Where OpenSSL is in use already: once, with the same arguments and a configuration that is there."""
    TlsFiles(pair.certificate, pair.key)
    environment: dict[str, str] = {}
    for _ in range(2):
        configure(["python", "-m", "parlour_server", "run"], environment)
    assert executed == [(sys.executable, [sys.executable, "-m", "parlour_server", "run"])]
    assert Path(environment["OPENSSL_CONF"]).parent == CONFIGURATIONS
    assert Path(environment["OPENSSL_CONF"]).is_file()


@BEFORE_SET_GROUPS
@pytest.mark.parametrize(
    ("modules", "restarts"), [("ticker.server", 0), ("parlour_server.chat.cli", 0), ("hashlib", 1)]
)
def test_a_command_is_restarted_only_if_openssl_is_in_use(pair: Any, modules: str, restarts: int) -> None:
    """Importing a program leaves OpenSSL alone, unless a module of its own imports hashlib, for example."""
    code = (
        f"import os, sys; import {modules};"
        "from pathlib import Path;"
        "from parlour_server.core.net.tls_groups import configure, taken_besides;"
        "calls = []; os.execv = lambda *call: calls.append(call); configure();"
        "from parlour_server.core.net.tls_context import TlsFiles;"
        "print(len(calls), len(taken_besides(TlsFiles(Path(sys.argv[1]), Path(sys.argv[2])).context)) > 0)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code, pair.certificate, pair.key],
        env=environment | {"PYTHONPATH": os.fspath(TICKER)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{restarts} {bool(restarts)}\n"


def test_the_operators_configuration_is_not_changed(executed: list[tuple[str, list[str]]]) -> None:
    """An operator's OPENSSL_CONF (for FIPS, say) stays in use."""
    environment = {"OPENSSL_CONF": "/etc/own.cnf"}
    configure(["python", "run"], environment)
    assert not executed
    assert environment == {"OPENSSL_CONF": "/etc/own.cnf"}


@BEFORE_SET_GROUPS
@pytest.mark.parametrize("file", ["openssl.cnf", "openssl-before-3.5.cnf"])
def test_openssl_takes_no_other_group(pair: Any, file: str) -> None:
    """With either file OpenSSL takes nothing beyond the list, whatever is preferred by the peer."""
    code = (
        "import sys; from pathlib import Path;"
        "from parlour_server.core.net.tls_groups import taken_besides;"
        "from parlour_server.core.net.tls_context import TlsFiles;"
        "print(taken_besides(TlsFiles(Path(sys.argv[1]), Path(sys.argv[2])).context))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code, pair.certificate, pair.key],
        env=os.environ | {"OPENSSL_CONF": str(CONFIGURATIONS / file)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


@BEFORE_SET_GROUPS
def test_weak_groups_are_noticed(pair: Any) -> None:
    """A process without the configuration is found out: OpenSSL's own list has P-521 and X448."""
    assert {"P-521", "X448"} <= set(taken_besides(TlsFiles(pair.certificate, pair.key).context))


def test_both_files_name_the_groups() -> None:
    """The files and the list of the program agree; the one for an older OpenSSL lacks what that has not."""
    named = {
        file.name: file.read_text("utf-8").rpartition("Groups = ")[2].strip()
        for file in CONFIGURATIONS.glob("*.cnf")
    }
    classical = ":".join(group for group in GROUPS if group != "X25519MLKEM768")
    assert named == {"openssl.cnf": f"X25519MLKEM768/{classical}", "openssl-before-3.5.cnf": classical}
    assert named["openssl.cnf" if HAS_HYBRID else "openssl-before-3.5.cnf"] == GROUP_LIST


HELLO = """
import ssl, sys
context, out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.MemoryBIO()
client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
try:
    client.do_handshake()
except ssl.SSLWantReadError:
    sys.stdout.buffer.write(out.read())
"""
ANSWER = """
import ssl, sys
from pathlib import Path
from parlour_server.core.net.tls_context import TlsFiles
given, out = ssl.MemoryBIO(), ssl.MemoryBIO()
given.write(sys.stdin.buffer.read())
server = TlsFiles(Path(sys.argv[1]), Path(sys.argv[2])).context.wrap_bio(given, out, server_side=True)
try:
    server.do_handshake()
except ssl.SSLWantReadError:
    sys.stdout.buffer.write(out.read())
"""


@BEFORE_SET_GROUPS
@pytest.mark.skipif(not HAS_HYBRID, reason="OpenSSL has X25519MLKEM768 from 3.5 on")
def test_a_client_that_begins_with_another_group_is_asked_for_the_hybrid(pair: Any, tmp_path: Path) -> None:
    """T3: it has X25519MLKEM768, too, and sent its share of X25519 because that is what most servers take."""
    ours = (CONFIGURATIONS / "openssl.cnf").read_text("utf-8")
    theirs = tmp_path / "client.cnf"
    theirs.write_text(ours.replace(GROUP_LIST, "X25519:X25519MLKEM768"), "utf-8")

    def run(configuration: Path, given: bytes, *words: str | Path) -> bytes:
        environment = os.environ | {"OPENSSL_CONF": str(configuration)}
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", *words], env=environment, input=given, capture_output=True, check=True
        )
        return done.stdout

    hello = run(theirs, b"", HELLO)
    answer = run(CONFIGURATIONS / "openssl.cnf", hello, ANSWER, pair.certificate, pair.key)
    assert b"\x00\x33\x00\x02\x11\xec" in answer  # key_share of a HelloRetryRequest: the group, no share
