"""The command that adds Pillow to this environment, by the program that installed Parlour."""

import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def command_for_pillow(prefix: Path = Path(sys.prefix), installer: str | None = None) -> str:
    """Return the command for the environment at ``prefix``."""
    if (prefix / "pipx_metadata.json").exists():
        return "pipx inject parlour pillow"
    python = shlex.quote(sys.executable)
    if (installer or _installer()) == "uv":
        return f"uv pip install --python {python} pillow"
    return f"{python} -m pip install pillow"


def _installer() -> str:
    """Return what the installer wrote about itself: PyPA's recording installed projects, INSTALLER."""
    try:
        return (distribution("parlour").read_text("INSTALLER") or "").strip()
    except PackageNotFoundError:
        return ""
