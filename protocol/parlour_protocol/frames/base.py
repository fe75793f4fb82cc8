"""The base of all frames: a frozen struct with a tag and no unknown fields."""

import msgspec


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """One JSON object in one text frame. The tag ``type`` is its kind."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a frame."""
