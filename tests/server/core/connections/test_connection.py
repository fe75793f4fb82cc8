"""The frames that a server sends."""

import pytest
from websockets.frames import Frame, Opcode

from parlour_server.core.connections.connection import text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_text_frame_is_what_a_websocket_library_makes(size: int) -> None:
    """At and around each length form, the bytes equal those of websockets' own serializer."""
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)
