"""Prints what the image of a server needs: what both sides need, the server's own, and some extras."""

import tomllib
from pathlib import Path
from typing import Final

_EXTRAS: Final = ("server", "fast", "cluster", "security-keys", "acme", "otel")


def server_requirements(pyproject: str) -> list[str]:
    """Return the requirements of a server without a client; extras that do not exist are left out."""
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    both = set(project["dependencies"]) - set(extras["client"]) - set(extras["server"])
    return sorted(both.union(*(extras.get(name, ()) for name in _EXTRAS)))


if __name__ == "__main__":
    print("\n".join(server_requirements(Path("pyproject.toml").read_text("utf-8"))))
