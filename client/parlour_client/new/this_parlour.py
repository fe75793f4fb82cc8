"""How to install the Parlour that runs here, as a line of a requirements file."""

import json
from importlib.metadata import Distribution, distribution
from typing import Any


def requirement(installed: Distribution | None = None) -> str:
    """Return the line: a release by its version, anything else by where it was installed from (PEP 610)."""
    parlour = distribution("parlour") if installed is None else installed
    text = parlour.read_text("direct_url.json")
    if text is None:
        return f"parlour=={parlour.version}"
    origin: dict[str, Any] = json.loads(text)
    url: str = origin["url"]
    if origin.get("dir_info", {}).get("editable"):
        return f"-e {url}"
    if vcs := origin.get("vcs_info"):
        return f"parlour @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    return f"parlour @ {url}"
