"""Strangers who ask for a CA's answers get those that were promised to the CA, and no other file."""

from pathlib import Path

import pytest

from parlour_server.capabilities.acme.answers import HttpAnswers, clear_answers, find_answer
from parlour_server.core.errors import SetupError

TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ"


@pytest.mark.parametrize(
    "token",
    [
        "../acme.key",
        "..",
        "",
        "/etc/passwd",
        "acme.key",
        f"{TOKEN}/",
        f"./{TOKEN}",
        "%2e%2e",
        "a" * 200,
        "\0",
    ],
)
def test_a_token_is_no_path(tmp_path: Path, token: str) -> None:
    """T2: the account's key lies beside the folder; a link in it would have to have a token's name."""
    (tmp_path / "acme.key").write_bytes(b"secret")
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "acme.key").write_bytes(b"secret")
    answers = HttpAnswers(folder)
    answers.give(TOKEN, f"{TOKEN}.thumb")
    assert find_answer(folder, TOKEN) == f"{TOKEN}.thumb".encode()
    assert find_answer(folder, token) is None
    with pytest.raises(SetupError, match="unknown form"):
        answers.give(token, "x")
    answers.withdraw()
    assert find_answer(folder, TOKEN) is None


def test_leftovers_of_an_interrupted_request_are_removed(tmp_path: Path) -> None:
    """Before the next request; a folder that is not there is none."""
    HttpAnswers(tmp_path).give(TOKEN, "x")
    clear_answers(tmp_path)
    assert list(tmp_path.iterdir()) == []
    clear_answers(tmp_path / "none")
