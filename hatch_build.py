"""What hatchling does here besides packing: addresses in the metadata, and the same bytes every time."""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class Addresses(MetadataHookInterface):
    """Makes the addresses and the long description from `repository` in pyproject.toml and the README."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add `urls` and `readme`. Without an address no link leads nowhere, and there are no pictures."""
        repository, tag = self.config["repository"].rstrip("/"), f"v{metadata['version']}"
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": long_description(text, f"{repository}/{{}}/{tag}" if repository else ""),
        }
        if repository:
            metadata["urls"] = {
                "Source": repository,
                "Documentation": f"{repository}/blob/{tag}/docs/README.md",
                "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
                "Issues": f"{repository}/issues",
                "Security": f"{repository}/security/policy",
            }


class SameBytes(BuildHookInterface):
    """The same sources make the same files, whenever, wherever and by whomever they are built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's interface
        """Date every file as hatchling does by itself, not as the machine asks: all else is alike already."""
        os.environ.pop("SOURCE_DATE_EPOCH", None)


def long_description(readme: str, place: str) -> str:
    """Return the README as a page that stands elsewhere.

    ``place`` is the address of a file's folder, with `{}` where GitHub has `raw` or `blob`. If it is empty,
    pictures are left out, and links to files are their text.
    """

    def elsewhere(found: re.Match[str]) -> str:
        whole, picture, text, target = found[0], found[1], found[2], found[3]
        if re.match(r"[a-z]+:|#", target):
            return whole
        if not place:
            return "" if picture else text
        return f"{picture}[{text}]({place.format('raw' if picture else 'blob')}/{target})"

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", elsewhere, readme)
