"""Wheels of what is installed here: an index without a network, to install Parlour's wheel from for a try."""

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_MADE_BY_INSTALLERS: Final = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}


def make_wheelhouse(folder: Path, requirements: Iterable[str]) -> None:
    """Write a wheel of everything that these requirements need; Parlour itself is left out."""
    for found in _needed(requirements):
        _pack(found, folder)


def _needed(requirements: Iterable[str]) -> Iterator[Distribution]:
    """Yield what is installed for these requirements, each once."""
    waiting, seen, met = [Requirement(one) for one in requirements], set(), set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found = distribution(name)
            inner = [Requirement(text) for text in found.requires or ()]
            waiting += [
                each for each in inner if each.marker is None or each.marker.evaluate({"extra": extra})
            ]
            if name not in met and name != "parlour":
                met.add(name)
                yield found


def _pack(found: Distribution, folder: Path) -> None:
    """Write the wheel of an installed distribution, without the commands that its installer made."""
    tags = re.findall(r"^Tag: ([^-\s]+)-([^-\s]+)-(\S+)$", found.read_text("WHEEL") or "", re.MULTILINE)
    tag = "-".join(".".join(sorted(set(part))) for part in zip(*tags, strict=True))
    stem = f"{canonicalize_name(found.name).replace('-', '_')}-{found.version}"
    record: list[str] = []
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
        for file in found.files or ():
            if ".." in file.parts or file.suffix == ".pyc":
                continue
            if file.parts[0].endswith(".dist-info"):
                if file.name in _MADE_BY_INSTALLERS:
                    continue
                name = "/".join((f"{stem}.dist-info", *file.parts[1:]))
            else:
                name = file.as_posix()
            data = Path(str(file.locate())).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}\n")
            wheel.writestr(name, data)
        wheel.writestr(f"{stem}.dist-info/RECORD", "".join(record) + f"{stem}.dist-info/RECORD,,\n")
