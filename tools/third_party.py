"""The page of what Parlour and its extras install, each package with its licence, from the lock."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.release.sbom import pins

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("docs/reference/third-party.md")
_BEGIN: Final = """# Other people's packages

What `pip install` brings with Parlour and all its [extras](../how-to/install.md#extras), as
[`requirements/extras.txt`](../../requirements/extras.txt) pins it. None of it is part of Parlour's wheel.
Each release has the same list as an SBOM ([CycloneDX](../how-to/releasing.md)). Licences stand in
[`requirements/licenses.toml`](../../requirements/licenses.toml); `make docs` writes this page.

| package | version | licence | needed by |
| --- | --- | --- | --- |
"""


def licences() -> Mapping[str, str]:
    """Return the SPDX expression of each package."""
    found: Mapping[str, str] = tomllib.loads((ROOT / "requirements/licenses.toml").read_text("utf-8"))
    return found


def files() -> dict[Path, str]:
    """Return the page."""
    known = licences()
    rows = [
        f"| {one.name} | {one.version} | {known[one.name]} | {', '.join(sorted(one.needed_by))} |\n"
        for one in pins((ROOT / "requirements/extras.txt").read_text("utf-8"))
    ]
    return {PAGE: _BEGIN + "".join(rows)}
