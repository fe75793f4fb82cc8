"""`make vectors` keeps what its pins name, and nothing else."""

import json
from pathlib import Path

import httpx
import pytest
from tests.mls import vectors
from tests.mls.vector_checks import CHECKS
from tools.vectors import SOURCES, FetchError, Source, fetch_all


def _client(answer: httpx.Response) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda _: answer))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, content=b"[]"), "instead of"),
        (httpx.Response(404), "404"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example/"}), "302"),
        (httpx.Response(200, content=bytes((16 << 20) + 1)), "larger"),
    ],
    ids=["another file", "no file", "a redirect", "a huge file"],
)
def test_what_is_not_the_pinned_file_is_refused(answer: httpx.Response, words: str, tmp_path: Path) -> None:
    """E5: a file that was changed on its way or at its source leaves nothing behind."""
    with _client(answer) as client, pytest.raises(FetchError, match=words):
        fetch_all(client, tmp_path / "vectors")
    assert not (tmp_path / "vectors").exists()


def test_every_source_is_pinned() -> None:
    """Each address names a commit and each file has a SHA-256; the tests read every file."""
    for source in SOURCES:
        assert any(len(part) == 40 for part in source.url.split("/"))
        assert len(bytes.fromhex(source.sha256)) == 32
    assert {source.name for source in SOURCES} == {vectors.official_name(kind) for kind in CHECKS}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_what_is_kept_is_what_the_tests_use(source: Source) -> None:
    """The selection of each file keeps suite 3 and drops the rest."""
    mine = vectors.load(
        vectors.OWN, next(kind for kind in CHECKS if vectors.official_name(kind) == source.name)
    )
    others = [{**vector, "cipher_suite": 1, "aead_id": 1} for vector in mine]
    kept = source.keep(json.loads(json.dumps([*mine, *others])))
    assert kept[: len(mine)] == mine
    by_suite = "cipher_suite" in mine[0] and source.name != "tree-operations.suite1"
    assert len(kept) == len(mine) * (1 if by_suite or "aead_id" in mine[0] else 2)
