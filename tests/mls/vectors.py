"""Where MLS test vectors are: the project's own in `tests/data/mls`, the official ones where there are any.

The official ones are other people's files: suite 3 of github.com/mlswg/mls-implementations, a vector of
RFC 9180, and one of draft-ietf-hpke-pq. `make vectors` fetches them; PARLOUR_VECTORS names another folder.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

Vector = dict[str, Any]
ROOT: Final = Path(__file__).parents[2]
OWN: Final = ROOT / "tests" / "data" / "mls"
_FETCHED: Final = ROOT / ".vectors"
_BESIDE: Final = ROOT.parent / "shared" / "mls"
_OFFICIAL_NAMES: Final = {
    "hpke": "hpke-rfc9180-x25519-sha256-chacha20poly1305-base",
    "hpke-hybrid": "hpke-pq-mlkem768x25519-sha256-chacha20poly1305-base",
    "messages": "messages.first20",
    "tree-operations": "tree-operations.suite1",
}


def official_folder() -> Path | None:
    """Return the folder of the official vectors, or None. A folder that is named must be there."""
    if named := os.environ.get("PARLOUR_VECTORS"):
        return Path(named)
    return next((folder for folder in (_FETCHED, _BESIDE) if folder.is_dir()), None)


def official_name(kind: str) -> str:
    """Return the name of an official file; it says what was taken of a file that is not by suite."""
    return _OFFICIAL_NAMES.get(kind, kind)


def holds(folder: Path, name: str) -> bool:
    """Whether there is a file of one kind: a folder may have been fetched before the kind was known."""
    return (folder / f"{official_name(name)}.json").is_file()


def load(folder: Path, name: str) -> list[Vector]:
    """Read the vectors of one kind. Raises ValueError when there are none: a test over none cannot fail."""
    path = folder / f"{name if folder == OWN else official_name(name)}.json"
    vectors: list[Vector] = json.loads(path.read_text("utf-8"))
    if not vectors:
        raise ValueError(f"{path} holds no vectors")
    return vectors


def unhex(text: str) -> bytes:
    """Read the hex encoding that all vectors use."""
    return bytes.fromhex(text)
