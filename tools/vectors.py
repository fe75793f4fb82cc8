"""Fetch the official test vectors of MLS (RFC 9420) and HPKE (RFC 9180, and its draft for post-quantum KEMs).

`make vectors` puts them into `.vectors`. They are other people's files, so they are not in the repository.
Each comes from its public repository at a pinned commit, and its SHA-256 is checked before anything of it is
read or kept. Of each, cipher suite 3 is kept, and of the files that are not by suite as much as the tests
need.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

FOLDER: Final = Path(__file__).parents[1] / ".vectors"
_MLS: Final = (
    "https://raw.githubusercontent.com/mlswg/mls-implementations"
    "/cfd450286d1bfd9cd2519b95c80f9771f94a5b1a/test-vectors/"
)
_HPKE: Final = (
    "https://raw.githubusercontent.com/cfrg/draft-irtf-cfrg-hpke/b1f7cb0cdeab6906c61b3d6574e8bdfdbe1cd3fb/"
)
_HPKE_PQ: Final = "https://raw.githubusercontent.com/hpkewg/hpke-pq/74dafaa65f79a5eaa210af7ba967e5425a21d05b/"
_SUITE: Final = 3
_MESSAGES: Final = 20
_LARGEST: Final = 16 * 1024 * 1024

Vectors = list[dict[str, Any]]


class FetchError(Exception):
    """A file could not be fetched; the message says which, and what to do."""


@dataclass(frozen=True)
class Source:
    """A file, the SHA-256 that it must have, and what is kept of it under which name."""

    url: str
    sha256: str
    keep: Callable[[Vectors], Vectors]
    name: str

    def fetch(self, client: httpx.Client) -> Vectors:
        """Return what is kept. Raises FetchError."""
        try:
            with client.stream("GET", self.url) as answer:
                answer.raise_for_status()
                content = bytearray()
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > _LARGEST:
                        raise FetchError(f"{self.url} is larger than {_LARGEST:,} bytes; nothing was kept.")
        except httpx.HTTPError as error:
            raise FetchError(
                f"Could not fetch {self.url}: {error}. Run `make vectors` again when you are online."
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise FetchError(
                f"{self.url} has SHA-256 {found} instead of {self.sha256}: it was changed on the way or at "
                "its source. Nothing was kept."
            )
        return self.keep(json.loads(content))


def _suite(vectors: Vectors) -> Vectors:
    return [vector for vector in vectors if vector["cipher_suite"] == _SUITE]


def _every(vectors: Vectors) -> Vectors:
    return vectors


def _first(vectors: Vectors) -> Vectors:
    return vectors[:_MESSAGES]


def _base(vectors: Vectors) -> Vectors:
    """Keep base mode with X25519, HKDF-SHA256 and ChaCha20-Poly1305: what suite 3 uses."""
    chosen = {"mode": 0, "kem_id": 32, "kdf_id": 1, "aead_id": 3}
    return [vector for vector in vectors if chosen.items() <= vector.items()]


def _hybrid(vectors: Vectors) -> Vectors:
    """Keep base mode with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305: what the hybrid suite uses."""
    chosen = {"mode": 0, "kem_id": 0x647A, "kdf_id": 1, "aead_id": 3}
    return [vector for vector in vectors if chosen.items() <= vector.items()]


_MLS_FILES: Final = {
    "crypto-basics": "17cfcf89af9f51d0f2aa7af77f6f9ec99376a039214b6d42a6f11646b83e8c29",
    "deserialization": "1e394706e79f77df71454e5970f2aa736d4ab8b6c7e3219dd5609992388a953e",
    "key-schedule": "05aa9a68bd2538ace72d8c53375984cc728ef62220ebf314df675708546d97a7",
    "message-protection": "f7c1ae62ce63c3003e526d539c99f2b1444f65ee0a487d3a5667d46867526c45",
    "messages": "b194abe1561995223482dbad51c180146920dc2f637e74d01e07a388308791fb",
    "passive-client-handling-commit": "b24949fdf857bf79d511f57504a8bdc7ce3247eb199684745e439c11b1a1da21",
    "passive-client-welcome": "92ebb04b67b1aca4290965ae363650921842ceebe275bd79a2733414078d849c",
    "psk_secret": "2b534969dba0b65a04b7d790496af5c0ccdb472b3fc4ca25c8c82df3e8523784",
    "secret-tree": "08f92e6272452e2c832e32d38e16cf0c4aa28967e47d3842c60bc354c6b67a94",
    "transcript-hashes": "58046b58fbd98519b4e60953a105f550e4b427e2b140ea67dedcb751260eecb8",
    "tree-math": "27f04891f56106593b74b674445f01b845e173953770c084deb2f8cf5592e2fc",
    "tree-operations": "9a25f8720714d1256ba2dad8d83a660ba0bae0d33ed15c682b9d74a5d67aad0a",
    "tree-validation": "b66a432d93b520623f0640835ed43b9dfc95e116b8be081d81581d7c11e67a37",
    "treekem": "d8bbdf78394797f21db7476fd286af6830ebcb18d2e3b2c839fecd4eb11056f8",
    "welcome": "06be9d5c99817ef2545e4b15b8e73fd9b604685a8e55b59ca168eda98e236502",
}
"""SHA-256 of each file."""

_PARTS: Final = {
    "deserialization": (_every, "deserialization"),
    "messages": (_first, "messages.first20"),
    "tree-math": (_every, "tree-math"),
    "tree-operations": (_every, "tree-operations.suite1"),
}
"""What is kept of the files that are not by suite, and under which name."""

SOURCES: Final = (
    *(
        Source(f"{_MLS}{name}.json", sha256, *_PARTS.get(name, (_suite, name)))
        for name, sha256 in _MLS_FILES.items()
    ),
    Source(
        f"{_HPKE}test-vectors.json",
        "61fc662f01996cd06d713dacf5e133167bd309a1f329442d53f1e21a47b3ede6",
        _base,
        "hpke-rfc9180-x25519-sha256-chacha20poly1305-base",
    ),
    Source(
        f"{_HPKE_PQ}test-vectors.json",
        "ba1f90672903e0df25610a1eef84b5f157e44d34849c0a72a2f9b164f3213888",
        _hybrid,
        "hpke-pq-mlkem768x25519-sha256-chacha20poly1305-base",
    ),
)


def fetch_all(client: httpx.Client, folder: Path) -> int:
    """Fetch every file, then write them all; return how many vectors there are. Raises FetchError."""
    fetched = {source.name: source.fetch(client) for source in SOURCES}
    folder.mkdir(exist_ok=True)
    for name, vectors in fetched.items():
        (folder / f"{name}.json").write_text(json.dumps(vectors) + "\n", "utf-8")
    return sum(map(len, fetched.values()))


def main() -> int:
    """Fetch the vectors; a failure is one line and exit status 1."""
    try:
        with httpx.Client(timeout=60, follow_redirects=False) as client:
            count = fetch_all(client, FOLDER)
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} vectors in {FOLDER.name}: `make test` uses them from now on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
