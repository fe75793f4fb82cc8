"""Prints what a server needs without a client: what both sides need, the server's own, and some extras.

With arguments these extras, otherwise those of the image in `deploy/`.
"""

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_EXTRAS: Final = ("fast", "cluster", "security-keys", "acme", "otel", "oidc")


def server_requirements(pyproject: str, wanted: Iterable[str] = _EXTRAS) -> list[str]:
    """Return the requirements of a server without a client; extras that do not exist are left out."""
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    both = set(project["dependencies"]) - set(extras["client"]) - set(extras["server"])
    return sorted(both.union(extras["server"], *(extras.get(name, ()) for name in wanted)))


if __name__ == "__main__":
    print("\n".join(server_requirements(Path("pyproject.toml").read_text("utf-8"), sys.argv[1:] or _EXTRAS)))
