"""Where Parlour's own source is: a checkout with its tests, or the installed packages only.

Files are named as in the repository (`server/parlour_server/core/net/gate.py`), wherever they lie; those of a
library that defends in our place by its package (`websockets/frames.py`).
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PACKAGES: Final = {
    "parlour_protocol": "protocol",
    "parlour_mls": "protocol",
    "parlour_server": "server",
    "parlour_client": "client",
}
"""The packages, and the folder of the repository that each is in."""
LIBRARIES: Final = ("fido2", "h11", "websockets")
"""Packages of others, all of Python, that carry defences."""


class MissingSourceError(Exception):
    """A file that only a checkout has."""


def is_of_library(file: str) -> bool:
    """Say whether a file is that of a library."""
    return file.partition("/")[0] in LIBRARIES


@dataclass(frozen=True)
class Source:
    """The packages as this Python has them."""

    packages: dict[str, Path]
    """Their folders, by name."""
    repository: Path | None
    """The checkout that they are in."""

    def path(self, file: str) -> Path:
        """Return where a file of the repository lies. Raises MissingSourceError."""
        top, _, rest = file.partition("/")
        package, _, inner = rest.partition("/")
        if PACKAGES.get(package) == top:
            return self.packages[package] / inner
        if is_of_library(file):
            return _folder(top) / rest
        if self.repository is None:
            raise MissingSourceError(f"{file} is in a checkout of the repository only.")
        return self.repository / file

    def read(self, file: str) -> str:
        """Return a file's text. Raises MissingSourceError."""
        try:
            return self.path(file).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise MissingSourceError(f"There is no file {file}.") from None


def find_source() -> Source:
    """Find the packages without importing them."""
    packages = {}
    for name in PACKAGES:
        packages[name] = _folder(name)
    root = packages["parlour_protocol"].parents[1]
    whole = all(folder == root / PACKAGES[name] / name for name, folder in packages.items())
    return Source(packages, root if whole and (root / "pyproject.toml").is_file() else None)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingSourceError(f"The package {package} is not installed: pip install parlour")
    return Path(spec.origin).parent
