"""Inspectors: pure functions that look at what someone sends, before it is stored or encrypted.

`inspector.py` has the interface, `judge.py` runs several of them, `shipped.py` lists those that come with
Parlour. The server runs them on unencrypted rooms and files, the sending client on encrypted rooms.
"""

from parlour_protocol.kit.inspect.inspector import Context, File, Inspector, Options, Part, Sealed, Text
from parlour_protocol.kit.inspect.verdict import (
    Action,
    Allow,
    Block,
    Finding,
    Flag,
    Redact,
    Verdict,
    redacted,
    verdict,
)

__all__ = [
    "Action",
    "Allow",
    "Block",
    "Context",
    "File",
    "Finding",
    "Flag",
    "Inspector",
    "Options",
    "Part",
    "Redact",
    "Sealed",
    "Text",
    "Verdict",
    "redacted",
    "verdict",
]
