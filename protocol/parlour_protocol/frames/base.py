"""What every frame has in common: a frozen struct with a tag, and nothing that the schema does not name."""

import msgspec


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """One JSON object, one text frame. The tag ``type`` tells which."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a frame."""
