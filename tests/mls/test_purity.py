"""The engine is pure: no clock, no I/O, no framework; of PyNaCl the bindings, of `cryptography` ML-KEM."""

import ast
import subprocess
import sys
from pathlib import Path

import parlour_mls

_PACKAGE = Path(parlour_mls.__file__).parent
_ALLOWED = {
    "collections.abc",
    "cryptography.exceptions",  # the same
    "cryptography.hazmat.primitives.asymmetric.mlkem",  # only where an X-Wing key is used
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "nacl",  # only as `from nacl import bindings`
    "nacl.exceptions",
    "os",  # only for os.urandom
    "struct",
    "typing",
}


def _imports(path: Path) -> set[tuple[str, str]]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(name.name, "") for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {(node.module or "", name.name) for name in node.names}
    return found


def test_imports() -> None:
    """Every import is on the list, and the two broad ones are used for one thing."""
    for path in _PACKAGE.rglob("*.py"):
        for module, name in _imports(path):
            own = module.startswith("parlour_mls")
            assert own or module in _ALLOWED, f"{path.name} imports {module}"
            assert module != "nacl" or name == "bindings", path.name
        uses = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)]
        assert {n.attr for n in uses if isinstance(n.value, ast.Name) and n.value.id == "os"} <= {"urandom"}


def test_folders_are_imported_by_their_packages() -> None:
    """What another folder exports is imported from the folder, not from a module inside it."""
    for path in _PACKAGE.rglob("*.py"):
        for module, _ in _imports(path):
            folder = module.removeprefix("parlour_mls.").partition(".")[0]
            inside = module.startswith(f"parlour_mls.{folder}.")
            assert not inside or path.parent.name == folder, f"{path.name} imports {module}"


def test_no_assert_can_come_out() -> None:
    """Checks raise errors of ours: an assert would vanish under -O, and escape without it."""
    for path in _PACKAGE.rglob("*.py"):
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))


def test_importing_it_brings_nothing_along() -> None:
    """No event loop, no network and no framework is loaded with the engine."""
    code = "import sys, parlour_mls; print(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own line
    loaded = set(done.stdout.split())
    frameworks = {"asyncio", "socket", "ssl", "sqlite3", "msgspec", "textual", "starlette", "logging"}
    assert not loaded & {*frameworks, "cryptography"}
