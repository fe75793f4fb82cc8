"""The SBOM says all that the lock says: every pin, every file's hash, and what needs what."""

import json
import re
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import pytest
from tools.release.sbom import pins, sbom
from tools.third_party import licences

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements" / "extras.txt").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the SBOM of the lock."""
    return json.loads(sbom(LOCK, licences(), PROJECT))


def test_nothing_of_the_lock_is_missing(document: dict[str, Any]) -> None:
    """Every pin is a component, with or without a marker, and has all its hashes."""
    pinned = set(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", LOCK, re.MULTILINE))
    assert {(one["name"], one["version"]) for one in document["components"]} == pinned
    hashes = [one["content"] for c in document["components"] for one in c["externalReferences"][0]["hashes"]]
    assert sorted(hashes) == sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", LOCK))


def test_every_component_is_needed_by_another(document: dict[str, Any]) -> None:
    """The graph has no loose end: what Parlour requires hangs on Parlour, and all else on that."""
    root = document["metadata"]["component"]["bom-ref"]
    graph = {one["ref"]: one["dependsOn"] for one in document["dependencies"]}
    assert set(graph) == {root, *(one["bom-ref"] for one in document["components"])}
    reached, waiting = set(), [root]
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += graph[one]
    assert reached == set(graph)
    required = {re.split(r"[^a-z0-9-]", one)[0] for one in PROJECT["dependencies"]}
    assert required <= {re.split("[/@]", one)[1] for one in graph[root]}


def test_the_same_lock_makes_the_same_document() -> None:
    """It has no time and no random number; another version has another number."""
    assert sbom(LOCK, licences(), PROJECT) == sbom(LOCK, licences(), PROJECT)
    other = json.loads(sbom(LOCK, licences(), {**PROJECT, "version": "99"}))
    assert other["serialNumber"] != json.loads(sbom(LOCK, licences(), PROJECT))["serialNumber"]


def test_every_package_has_its_licence() -> None:
    """In the SBOM and on the page; where a package says it as SPDX, the same."""
    known = licences()
    assert set(known) == {one.name for one in pins(LOCK)}
    said = {}
    for name in known:
        with suppress(PackageNotFoundError):  # of another system, or of an extra that is not installed
            said[name] = metadata(name).json.get("license_expression") or known[name]
    assert len(said) > 60
    assert said == {name: known[name] for name in said}
