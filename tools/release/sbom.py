"""The list of what a release is made to run with (CycloneDX), from the lock file of all extras.

The lock's comments say what needs what. A wheel brings none of it along, so the list stands beside it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from cyclonedx.model import (  # pyright: ignore[reportMissingImports] - installed for `make release-check`
    ExternalReference,
    ExternalReferenceType,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom  # pyright: ignore[reportMissingImports]
from cyclonedx.model.component import Component, ComponentType  # pyright: ignore[reportMissingImports]
from cyclonedx.model.license import DisjunctiveLicense  # pyright: ignore[reportMissingImports]
from cyclonedx.output.json import JsonV1Dot6  # pyright: ignore[reportMissingImports]
from cyclonedx.schema import SchemaVersion  # pyright: ignore[reportMissingImports]
from cyclonedx.validation.json import JsonStrictValidator  # pyright: ignore[reportMissingImports]
from packageurl import PackageURL  # pyright: ignore[reportMissingImports]

_OURS: Final = "parlour"
_PIN: Final = re.compile(
    r"^(?P<name>[a-z0-9.-]+)(\[.*?\])?==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\\n]+?))? *\\\n"
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


def sbom(lock: str, project: dict[str, Any]) -> str:
    """Return the document, always the same for the same lock. Raises ValueError."""
    root = Component(
        name=_OURS,
        version=project["version"],
        type=ComponentType.APPLICATION,
        bom_ref=_OURS,
        description=project["description"],
        licenses=[DisjunctiveLicense(id=project["license"])],
        purl=PackageURL("pypi", None, _OURS, project["version"]),
    )
    bom = Bom(serial_number=uuid5(NAMESPACE_OID, f"{project['version']}\n{lock}"))
    bom.metadata.component = root
    found = {one.name: one for one in pins(lock)}
    components = {name: _component(one) for name, one in found.items()}
    for component in components.values():
        bom.components.add(component)
    for name in (_OURS, *found):
        needs = [components[one.name] for one in found.values() if name in one.needed_by]
        bom.register_dependency(root if name == _OURS else components[name], needs)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"this is not CycloneDX 1.6: {wrong}")
    return text


def _component(pin: Pin) -> Component:
    purl = PackageURL("pypi", None, pin.name, pin.version)
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        properties=[Property(name="parlour:marker", value=pin.marker)] if pin.marker else [],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(purl.to_string()),
                hashes=[HashType.from_composite_str(f"sha256:{one}") for one in pin.sha256],
            )
        ],
    )
