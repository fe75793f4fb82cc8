"""How a server gets certificates of another CA than its own, as the capability says that asks for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CertificateSource:
    """How a server gets certificates of another CA than its own."""

    names: tuple[str, ...]
    """The names that a certificate must have."""
    renewed_by: str = ""
    """In a few words, who asks which CA; empty while no one does."""
    facts: Callable[[], Mapping[str, Any]] = dict
    """While someone does: when the next one is ``due``, ``failures`` in a row, ``last_failure``."""
