"""What hatchling does here besides packing: addresses in the metadata, catalogues, always the same bytes."""

import ast
import os
import re
import struct
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


class Building(BuildHookInterface):
    """Compiles the catalogues of other languages, also for an editable installation.

    And the same sources make the same files, whenever, wherever and by whomever they are built.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's interface
        """Compile, and date every file as hatchling does by itself, not as the machine asks."""
        os.environ.pop("SOURCE_DATE_EPOCH", None)
        compile_catalogues(Path(self.root))
        if self.target_name == "wheel":
            build_data["artifacts"].append("client/parlour_client/locales/**/*.mo")  # which git ignores


def compile_catalogues(root: Path) -> None:
    """Write beside each catalogue what the client loads, where that is not so already."""
    for path in sorted(root.glob("client/parlour_client/locales/*/LC_MESSAGES/*.po")):
        data, made = compiled(path.read_text("utf-8")), path.with_suffix(".mo")
        if not made.exists() or made.read_bytes() != data:
            made.write_bytes(data)


_ENTRY = re.compile(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) (".*")$')


def compiled(catalogue: str) -> bytes:
    """Return what gettext loads of a catalogue: all that is translated. Raises ValueError for other lines."""
    found: dict[bytes, bytes] = {}
    for block in re.split(r"\n{2,}", catalogue.strip()):
        entry: dict[str, str] = {}
        name = ""
        for line in block.split("\n"):
            if line.startswith("#"):
                continue
            start = _ENTRY.match(line)
            if start is None and not (name and line.startswith('"')):
                raise ValueError(f"this is not a line of a catalogue: {line}")
            name, text = (start[1], start[2]) if start is not None else (name, line)
            entry[name] = entry.get(name, "") + ast.literal_eval(text)
        forms = [text for key, text in entry.items() if key.startswith("msgstr")]
        ids = [text for key, text in entry.items() if key.startswith("msgid")]
        if all(forms) and not re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE):
            found["\0".join(ids).encode()] = "\0".join(forms).encode()
    ids_at, texts_at = 28, 28 + 8 * len(found)
    tables, data = [b"", b""], b""
    at = texts_at + 8 * len(found)
    for number, words in enumerate((sorted(found), [found[key] for key in sorted(found)])):
        for word in words:
            tables[number] += struct.pack("<II", len(word), at + len(data))
            data += word + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(found), ids_at, texts_at, 0, at) + b"".join(tables) + data


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
