"""What every frame has in common, and the kinds of frames that the state machine knows.

A frame is a frozen struct with a tag, without unknown fields. A program's frames inherit from ``Request`` and
``Push``.
"""

from typing import TYPE_CHECKING

import msgspec

from parlour_protocol.kit.id_fields import RequestIdField

if TYPE_CHECKING:
    from parlour_protocol.kit.ids import RequestId


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """One JSON object, one text frame. The tag ``type`` tells which."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a frame."""


class Greeting(Frame, frozen=True):
    """The first frame of a connection, from the server."""


class Request(Frame, frozen=True):
    """A request; ``id`` is the client's own."""

    id: RequestIdField


class Answer(Frame, frozen=True):
    """What a server says to one request. Each kind has a field ``re``, the request's id."""

    if TYPE_CHECKING:  # a field that is inherited would stand before the tag's own fields on the wire

        @property
        def re(self) -> RequestId | None:
            """The request's id, or None where it could not be read."""


class Push(Frame, frozen=True):
    """What a server sends without being asked."""
