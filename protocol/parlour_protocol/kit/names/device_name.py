"""The name of a device: free text of one line, such as `Anna's laptop`.

RFC 8266 with case kept: spaces are trimmed and collapsed, controls and invisible characters refused. It is
not an identifier: two devices may share one. `parse_device_name` is the only maker; the server calls it at
sign-in.
"""

from typing import Final, Self

from parlour_protocol.kit.names.errors import NameReason, NameRefusedError

MAX_DEVICE_NAME: Final = 32
MAX_DEVICE_NAME_BYTES: Final = 128
_MAX_RAW: Final = 4 * MAX_DEVICE_NAME
_LIKE_AN_ESCAPE: Final = frozenset("\u27e6\u27e7\u301a\u301b")
"""White brackets: a name such as `⟦U+202E⟧` would look as if something were hidden in it."""


class DeviceName(str):
    """A device's name in the form of RFC 8266; only `parse_device_name` makes one."""

    __slots__ = ()

    def __new__(cls, *_args: object) -> Self:
        """Refuse: a name that was not parsed is not a DeviceName."""
        raise TypeError("Only parse_device_name() makes a DeviceName.")

    @classmethod
    def _parsed(cls, canonical: str) -> Self:
        return str.__new__(cls, canonical)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Copy and unpickle by parsing again."""
        return parse_device_name, (str(self),)


def parse_device_name(raw: str) -> DeviceName:
    """Return the name as it will be shown; raise NameRefusedError with a sentence for the person."""
    if len(raw) > _MAX_RAW:
        raise NameRefusedError(NameReason.TOO_LONG)
    name = _enforced_ascii(raw) if raw.isascii() else _enforced_unicode(raw)
    if not name:
        raise NameRefusedError(NameReason.TOO_SHORT)
    if len(name) > MAX_DEVICE_NAME or len(name.encode()) > MAX_DEVICE_NAME_BYTES:
        raise NameRefusedError(NameReason.TOO_LONG)
    return DeviceName._parsed(name)  # noqa: SLF001 - the one maker


def _enforced_ascii(raw: str) -> str:
    if not raw.isprintable():
        raise NameRefusedError(NameReason.NOT_PLAIN)
    return " ".join(part for part in raw.split(" ") if part)


def _enforced_unicode(raw: str) -> str:
    # Imported here so that `parlour --help` does not pay for PRECIS and the tables.
    from parlour_protocol.kit.names.precis import enforce_nickname  # noqa: PLC0415
    from parlour_protocol.kit.text.sanitiser import safe_text  # noqa: PLC0415

    name = enforce_nickname(raw)
    shown = safe_text(name)
    if shown.plain != name or shown.blank or not _LIKE_AN_ESCAPE.isdisjoint(name):
        raise NameRefusedError(NameReason.NOT_PLAIN)
    return name
