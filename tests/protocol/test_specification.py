"""The specification is true: its examples run, and its generated parts are current."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.protocol.identity.vectors import lines

from parlour_protocol.delivery import Commit, GroupState
from parlour_protocol.encrypted import Link, Payload, decode_message_payload, encode_message_payload
from parlour_protocol.frames import decode_request, decode_server_frame, encode
from parlour_protocol.kit.api import decode_payload, encode_payload
from parlour_protocol.kit.errors import MalformedFrameError

SPECIFICATION = Path(__file__).parents[2] / "protocol" / "README.md"
EXAMPLES = re.findall(
    r"<!-- example: (\w+) -->\n```json\n(.*?)\n```", SPECIFICATION.read_text(encoding="utf-8"), re.DOTALL
)
LINK = Link(number=1, top=1, seen=0, epoch=(0, 0), base=0, marks=bytes(24))


def _content(data: bytes) -> Payload:
    return decode_message_payload(msgspec.msgpack.encode([2, LINK.fields(), None, data]))


def _written(payload: Payload) -> bytes:
    return bytes(msgspec.msgpack.decode(encode_message_payload(payload))[3])


READERS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    "request": (decode_request, encode),
    "server": (decode_server_frame, encode),
    "sealed": (_content, _written),
    "Commit": (partial(decode_payload, Commit), encode_payload),
    "GroupState": (partial(decode_payload, GroupState), encode_payload),
}


def test_there_are_examples_of_every_kind() -> None:
    """The pattern that finds the examples finds some of each kind, so that none is skipped silently."""
    assert {kind for kind, _ in EXAMPLES} == {*READERS, "refused"}
    assert len(EXAMPLES) == SPECIFICATION.read_text(encoding="utf-8").count("```json")


@pytest.mark.parametrize(("kind", "text"), [e for e in EXAMPLES if e[0] != "refused"])
def test_example_decodes_and_encodes_to_itself(kind: str, text: str) -> None:
    """An example of the specification comes out of the codec as it went in."""
    read, write = READERS[kind]
    assert json.loads(write(read(text.encode()))) == json.loads(text)


@pytest.mark.parametrize("text", [text for kind, text in EXAMPLES if kind == "refused"])
def test_refused_example_is_refused(text: str) -> None:
    """What the specification says is refused, is."""
    with pytest.raises(MalformedFrameError):
        decode_request(text.encode())


def test_the_vectors_are_what_the_code_makes() -> None:
    """Another implementation that computes them computes what this one does."""
    found = re.search(
        r"<!-- vectors -->\n```text\n(.*?)\n```", SPECIFICATION.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    assert found[1].splitlines() == list(lines())
