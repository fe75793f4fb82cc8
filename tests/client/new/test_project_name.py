"""Names of projects: what is accepted, and what is refused with a sentence."""

import pytest

from parlour_client.kit.errors import WrongUseError
from parlour_client.new.project import LOCKED
from parlour_client.new.project_name import MAX_NAME, parse_project_name


@pytest.mark.parametrize(
    ("text", "word", "package", "title"),
    [
        ("shop", "shop", "shop", "Shop"),
        ("my-shop", "my-shop", "my_shop", "My-shop"),
        ("my_shop2", "my-shop2", "my_shop2", "My-shop2"),
        ("z", "z", "z", "Z"),
        ("a" * MAX_NAME, "a" * MAX_NAME, "a" * MAX_NAME, f"A{'a' * (MAX_NAME - 1)}"),
    ],
)
def test_a_name_has_a_form_for_each_place(text: str, word: str, package: str, title: str) -> None:
    """In the protocol, in Python, and at the beginning of a sentence."""
    name = parse_project_name(text, LOCKED)
    assert (name.word, name.package, name.title) == (word, package, title)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Shop",
            "1shop",
            "a b",
            "shop!",
            "-shop",
            "shop-",
            "_shop",
            "my--shop",
            "é",
            "shop\n",
            "\u0430bc",
        ),
        *(
            "..",
            "../shop",
            "a/b",
            "/shop",
            ".",
            "~",
            "a" * (MAX_NAME + 1),
        ),  # and nothing outside of this folder
        *("class", "match", "none-such-"),
        *("os", "this", "json"),
        *("test", "tests", "requirements"),
        *("parlour", "parlour-client", "parlour_x"),
        *("click", "msgspec", "prometheus-client", "pytest", "colorama"),
    ],
)
def test_a_name_that_would_not_work_is_refused(text: str) -> None:
    """Words of Python, paths, and packages that the project would hide."""
    with pytest.raises(WrongUseError) as refused:
        parse_project_name(text, LOCKED)
    assert refused.value.hint
    assert refused.value.whole.isascii()
