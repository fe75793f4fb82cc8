"""The list of what a release is made to run with (CycloneDX), from the lock file of all extras.

The lock's comments say what needs what. A wheel brings none of it along, so the list stands beside it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid5

_OURS: Final = "parlour"
_PIN: Final = re.compile(
    r"^(?P<name>[a-z0-9.-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\\n]+?))? *\\\n"
    r"(?P<hashes>(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
    r"(?P<via>(?: +#.*\n?)*)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of the lock: what is installed, where, as which files, and for whom."""

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]
    needed_by: frozenset[str]


def pins(lock: str) -> Iterator[Pin]:
    """Yield what a lock file pins."""
    for found in _PIN.finditer(lock):
        via = [word for word in re.findall(r"[^\s#]+", found["via"]) if re.fullmatch(r"[a-z0-9.-]+", word)]
        yield Pin(
            found["name"],
            found["version"],
            found["marker"] or "",
            tuple(re.findall(r"sha256:([0-9a-f]{64})", found["hashes"])),
            frozenset(via) - {"via", "-c"},
        )


def sbom(lock: str, licences: Mapping[str, str], project: dict[str, Any]) -> str:
    """Return the document, always the same for the same lock. ``licences``: SPDX, by package."""
    found = list(pins(lock))
    ours = {
        **_identity(_OURS, str(project["version"])),
        "type": "application",
        "description": project["description"],
        "licenses": [{"license": {"id": project["license"]}}],
    }
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid5(NAMESPACE_OID, f"{project['version']}\n{lock}").urn,
        "version": 1,
        "metadata": {"component": ours},
        "components": [_component(one, licences[one.name]) for one in found],
        "dependencies": [
            {
                "ref": _purl(name, version),
                "dependsOn": [_purl(one.name, one.version) for one in found if name in one.needed_by],
            }
            for name, version in [
                (_OURS, str(project["version"])),
                *((one.name, one.version) for one in found),
            ]
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _component(pin: Pin, licence: str) -> dict[str, Any]:
    files = [{"alg": "SHA-256", "content": one} for one in pin.sha256]
    place = {"type": "distribution", "url": _purl(pin.name, pin.version), "hashes": files}
    component = {**_identity(pin.name, pin.version), "type": "library", "externalReferences": [place]}
    component["licenses"] = [{"expression": licence}]
    if pin.marker:
        component["properties"] = [{"name": "parlour:marker", "value": pin.marker}]
    return component


def _identity(name: str, version: str) -> dict[str, Any]:
    purl = _purl(name, version)
    return {"bom-ref": purl, "name": name, "version": version, "purl": purl}


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{quote(version)}"
