"""The frame of what the engine writes down for itself: which kind and version, and whether it is whole.

A state that was damaged at rest could be read as a state that never was, and would fail later and elsewhere.
The digest finds damage, not forgery: what is kept is as trusted as where it is kept.
"""

from parlour_mls.crypto import HASH_SIZE, digest
from parlour_mls.errors import MalformedError


def wrap(kind: bytes, body: bytes) -> bytes:
    """Frame a body for keeping."""
    return kind + digest(body) + body


def unwrap(kind: bytes, blob: bytes, what: str) -> bytes:
    """Give back what was framed; raises `MalformedError` if it is anything else."""
    start = len(kind) + HASH_SIZE
    if not blob.startswith(kind):
        raise MalformedError(f"this is not {what}, or of another version of this program")
    body = blob[start:]
    if digest(body) != blob[len(kind) : start]:
        raise MalformedError(
            f"{what} is damaged and cannot be repaired. Do not restore an old copy: join the group again"
        )
    return body
