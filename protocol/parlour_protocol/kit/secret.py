"""A secret that does not print itself.

``Secret`` holds a password, a session token or a ticket between the place where it is read and the one
place that uses it. It never shows its value in ``repr``, ``str``, a format string or a traceback's
locals (K7: secrets in logs). Code that needs the value calls ``reveal()``.

hashlib, hmac and secrets are imported where they are used: each makes OpenSSL read its configuration, which a
server chooses after its frames have been imported.
"""

from typing import Self


class Secret:
    """Text that must not be shown. Compared in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap ``value``."""
        self._value = value

    @classmethod
    def random(cls) -> Self:
        """Make a new token: 256 bits from the system's generator, 43 characters of base64url."""
        import secrets  # noqa: PLC0415 - see the module's docstring

        return cls(secrets.token_urlsafe(32))

    def reveal(self) -> str:
        """Return the value; use it at once and don't store it."""
        return self._value

    def digest(self) -> bytes:
        """Return the SHA-256 of the value (32 bytes): what a server stores of a random token."""
        import hashlib  # noqa: PLC0415 - see the module's docstring

        return hashlib.sha256(self._value.encode("utf-8", "surrogatepass")).digest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest  # noqa: PLC0415 - see the module's docstring

        return compare_digest(self.digest(), other.digest())

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> str | tuple[object, ...]:
        # pickling would write the value somewhere
        raise TypeError("a Secret cannot be pickled")
