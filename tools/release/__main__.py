"""Build a release into `dist/` and check all of it that needs no network (`make release-check`).

With `--tag v1.2.3` it also demands what only a release has: a dated section of the changelog, the tag of the
version, and the repository's address.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion  # pyright: ignore[reportMissingImports] - only for `make release-check`
from cyclonedx.validation.json import JsonStrictValidator  # pyright: ignore[reportMissingImports]

from tools.release.builds import build, build_elsewhere
from tools.release.changelog import newest_release, sections
from tools.release.installations import Offline
from tools.release.sbom import sbom
from tools.third_party import licences

ROOT: Final = Path(__file__).parents[2]
DIST: Final = ROOT / "dist"
PACKAGES: Final = DIST / "packages"
_KUBERNETES: Final = "1.37"


class CheckFailedError(Exception):
    """Something that a release must not have. Its text says what to do."""


class Release:
    """A release on its way: what it is made from, and what has been built."""

    def __init__(self, tag: str, scratch: Path) -> None:
        self._tag = tag
        self._scratch = scratch
        self._installations: Offline | None = None
        self._pyproject: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        self._project: dict[str, Any] = self._pyproject["project"]
        self._version = str(self._project["version"])

    def steps(self) -> dict[str, Callable[[], str]]:
        """Return the checks in their order. Each returns what it found, or raises."""
        return {
            "version": self.version,
            "addresses": self.addresses,
            "bit by bit": self.builds,
            "sdist": self.sources,
            "metadata": self.metadata,
            "SBOM": self.sbom,
            "workflows": self.workflows,
            "Kubernetes": self.kubernetes,
            "pip install": self.pip,
            "pipx install": self.pipx,
            "uvx": self.uvx,
            "one file": self.one_file,
            "checksums": self.checksums,
            "notes": self.notes,
        }

    def version(self) -> str:
        """Compare the version, the tag and the changelog."""
        if self._tag and self._tag != f"v{self._version}":
            raise CheckFailedError(f"the tag is {self._tag}, but pyproject.toml has version {self._version}")
        newest = newest_release((ROOT / "CHANGELOG.md").read_text("utf-8"))
        if self._tag and (newest is None or newest.version != self._version or not newest.day):
            raise CheckFailedError(f"CHANGELOG.md must begin with `## {self._version} - YYYY-MM-DD`")
        if newest is None:
            return f"{self._version}, nothing released yet"
        if newest.version != self._version:
            raise CheckFailedError(
                f"the newest in CHANGELOG.md is {newest.version}, the version {self._version}"
            )
        return f"{self._version}, as in CHANGELOG.md"

    def addresses(self) -> str:
        """Look for the address that the links of the metadata are made from."""
        address = str(self._pyproject["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"])
        if address:
            return address
        if self._tag:
            raise CheckFailedError("set `repository` in pyproject.toml: an index shows no links without it")
        return "none: the long description has no pictures (a release needs `repository` in pyproject.toml)"

    def builds(self) -> str:
        """Build twice and compare."""
        shutil.rmtree(DIST, ignore_errors=True)
        first = build(ROOT, PACKAGES)
        for one, other in zip(first, build_elsewhere(first[0], self._scratch / "elsewhere"), strict=True):
            if one.read_bytes() != other.read_bytes():
                raise CheckFailedError(f"{one.name} differs in {other}; `diffoscope` shows where")
        return ", ".join(f"{one.name} {one.stat().st_size // 1024} KiB" for one in first)

    def sources(self) -> str:
        """Compare the sdist with what git knows."""
        git = shutil.which("git")
        if git is None:
            return "not compared: git is missing"
        done = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return "not compared: this is no git repository"
        known = {*done.stdout.splitlines(), "PKG-INFO"}
        with tarfile.open(next(PACKAGES.glob("*.tar.gz"))) as packed:
            there = {name.partition("/")[2] for name in packed.getnames()}
        if there != known:
            raise CheckFailedError(
                f"these files are only in the sdist or only in git: {sorted(there ^ known)}"
            )
        return f"{len(there)} files, those of the repository"

    def metadata(self) -> str:
        """Let twine read both as an index does."""
        self._tool("twine", "check", "--strict", *map(str, sorted(PACKAGES.iterdir())))
        return "twine finds nothing"

    def sbom(self) -> str:
        """Write the SBOM, if the schema allows it."""
        text = sbom((ROOT / "requirements" / "extras.txt").read_text("utf-8"), licences(), self._project)
        if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
            raise CheckFailedError(f"this is not CycloneDX 1.6: {wrong}")
        path = DIST / f"{self._project['name']}-{self._version}.cdx.json"
        path.write_text(text, "utf-8")
        return f"{path.name}: {text.count('bom-ref') - 1} components"

    def workflows(self) -> str:
        """Let zizmor look at the workflows."""
        self._tool("zizmor", "--offline", "--quiet", "--persona", "pedantic", str(ROOT / ".github"))
        return "zizmor finds nothing"

    def kubernetes(self) -> str:
        """Compare the manifests with the schemas of Kubernetes."""
        manifests = str(ROOT / "deploy" / "kubernetes.yaml")
        self._tool("kubernetes-validate", "--strict", "--kubernetes-version", _KUBERNETES, manifests)
        return f"the schemas of {_KUBERNETES} allow the manifests"

    def pip(self) -> str:
        """Install a server."""
        environment = self._offline().pip_install("server")
        return self._offline().run(environment / "bin" / "parlour-server", "--version").strip()

    def pipx(self) -> str:
        """Install the client, with its man page."""
        where = self._offline().pipx_install()
        if not (where / "share" / "man" / "man1" / "parlour.1").exists():
            raise CheckFailedError("pipx found no man page in the wheel")
        return self._offline().run(where / "bin" / "parlour", "--version").strip()

    def uvx(self) -> str:
        """Play the demo."""
        return self._offline().uvx("demo", "--headless").splitlines()[-1]

    def one_file(self) -> str:
        """Build Parlour in one file, twice, and play the demo with it."""
        first, again = (self._offline().one_file(folder) for folder in (DIST, self._scratch / "again"))
        if first.read_bytes() != again.read_bytes():
            raise CheckFailedError(f"{first.name} differs when it is built again")
        return f"{first.name}: {self._offline().run(first, 'demo', '--headless').splitlines()[-1]}"

    def _offline(self) -> Offline:
        """Return the place to install in, made when it is first needed: there is a wheel then."""
        if self._installations is None:
            folder = self._scratch / "offline"
            folder.mkdir()
            self._installations = Offline(folder, next(PACKAGES.glob("*.whl")))
        return self._installations

    def checksums(self) -> str:
        """Write SHA256SUMS for all files of the release."""
        files = sorted(path for path in DIST.rglob("*") if path.is_file())
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
        (DIST / "SHA256SUMS").write_text("".join(lines), "utf-8")
        return f"{len(lines)} files in {DIST.name}/"

    def notes(self) -> str:
        """Write what the changelog says of a tag's version, or of what comes next."""
        changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
        section = newest_release(changelog) if self._tag else sections(changelog)[0]
        if section is None or not section.text:
            raise CheckFailedError("CHANGELOG.md says nothing of this version")
        (DIST / "notes.md").write_text(section.text + "\n", "utf-8")
        return f"{len(section.text.split())} words of CHANGELOG.md"

    def _tool(self, name: str, *arguments: str) -> None:
        command = [str(Path(sys.executable).parent / name), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CheckFailedError(f"{name} says:\n{done.stdout}{done.stderr}")


def main() -> int:
    """Run the checks; returns 1 if one failed."""
    parser = argparse.ArgumentParser(prog="make release-check", description=__doc__)
    parser.add_argument("--tag", default="", help="the tag that is being released: v and the version")
    tag: str = parser.parse_args().tag
    with tempfile.TemporaryDirectory() as scratch:
        for name, check in Release(tag, Path(scratch)).steps().items():
            try:
                print(f"  ok    {name}: {check()}", flush=True)
            except (CheckFailedError, RuntimeError) as error:
                print(f"  FAIL  {name}: {error}", flush=True)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
