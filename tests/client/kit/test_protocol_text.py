"""What the protocol refuses is said in the person's language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import parlour_protocol
from parlour_client.kit.language import language
from parlour_client.kit.protocol_text import SENTENCES, protocol_sentence
from parlour_protocol.kit.errors import InvalidLinkError
from parlour_protocol.kit.invite_link import InviteLink
from parlour_protocol.kit.names.errors import NameReason, NameRefusedError
from parlour_protocol.kit.text.errors import WireTextError, WireTextReason
from parlour_protocol.kit.text.line_classifier import Verdict

SOURCES = Path(next(iter(parlour_protocol.__path__)))


def about_links() -> Iterator[str]:
    """Return the sentences that the protocol refuses links with."""
    for name in ("invite_link.py", "kit/invite_link.py"):
        for node in ast.walk(ast.parse((SOURCES / name).read_text())):
            match node:
                case ast.Call(func=ast.Name(id="InvalidLinkError"), args=[ast.Constant(value=str(text))]):
                    yield text
                case ast.Call(func=ast.Name(id="InvalidLinkError")):
                    raise AssertionError(f"{name}:{node.lineno}: not a literal")


def test_every_sentence_is_known_to_translators() -> None:
    """Those of names, of texts, of code points and of links, in the protocol's words."""
    refused = [*map(NameRefusedError, NameReason), *map(WireTextError, WireTextReason)]
    links = list(about_links())
    assert len(links) > 5
    assert sorted(SENTENCES) == sorted({*map(str, refused), *links, *(verdict.value for verdict in Verdict)})


@pytest.fixture
def german() -> Iterator[None]:
    """Use German until the test has ended."""
    language.use(["de"])
    yield
    language.use([])


@pytest.mark.usefixtures("german")
def test_it_is_said_in_the_person_s_language() -> None:
    """With what the sentence is about."""
    assert protocol_sentence(NameRefusedError(NameReason.TOO_SHORT)) == "Der Name ist zu kurz."
    with pytest.raises(InvalidLinkError) as refused:
        InviteLink.parse("https://example.org", "shop")
    assert protocol_sentence(refused.value) == "ein Einladungslink beginnt mit shop:// und ist eine Zeile"
    assert protocol_sentence(ValueError("{name}")) == "{name}"
