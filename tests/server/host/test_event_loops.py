"""Which event loop a server gets without a choice, and what `doctor` says of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from parlour_server.core.errors import SetupError
from parlour_server.host.event_loops import fastest, loop_factory

STATIC_PYTHON = """
import _ssl
del _ssl.__file__  # as where OpenSSL is linked into Python: the module is no file of its own
from parlour_server.host.event_loops import fastest, loop_factory
loop_factory()().close()
print(fastest().name, fastest().slower_because)
"""


def test_the_fastest_has_nothing_to_explain() -> None:
    """With both modules, on a Python that loads OpenSSL from a library."""
    pytest.importorskip("uvloop")
    if pytest.importorskip("aiofastnet").OPENSSL_DYN_LIBS is not None:
        assert (fastest().name, fastest().slower_because) == ("fast", "")


def test_a_python_with_openssl_linked_in_is_named() -> None:
    """The loop works there, and the sentence says why it is slower and what to do."""
    pytest.importorskip("uvloop")
    pytest.importorskip("aiofastnet")
    done = subprocess.run([sys.executable, "-c", STATIC_PYTHON], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert done.stdout.startswith("fast OpenSSL is linked into this Python")
    assert "uv venv --no-managed-python" in done.stdout


def test_a_module_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain install has neither: asyncio's loop serves, and the extra is named."""
    for module in ("uvloop", "aiofastnet"):
        monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type] - as documented: not to be found
    assert fastest().name == "asyncio"
    assert fastest().slower_because == (
        "uvloop is not installed, aiofastnet is not installed; "
        "install Parlour's extra `fast` (docs/how-to/install.md)"
    )


def test_a_module_that_cannot_be_loaded_stops_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own reason is shown. A server that asked for this loop by name does not start."""
    monkeypatch.delitem(sys.modules, "aiofastnet", raising=False)
    monkeypatch.setitem(sys.modules, "uvloop", None)  # type: ignore[arg-type] - the same
    (tmp_path / "aiofastnet.py").write_text("raise ImportError('no OpenSSL libraries found')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = fastest()
    assert found.name == "asyncio"
    assert "aiofastnet can't be loaded (no OpenSSL libraries found)" in found.slower_because
    loop_factory()().close()
    with pytest.raises(SetupError, match="aiofastnet"):
        loop_factory("fastnet")
