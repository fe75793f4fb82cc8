"""The operator's policy for inspection in encrypted rooms, as an entry of the key log.

Clients inspect what their person writes, before it is encrypted, and tell no one. The entry is in the hash
chain whose head the server's log key signs: a policy that is not in it, of another server, or older than the
newest one does not count, and everyone sees the same one.
"""

from typing import Final

import msgspec

from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.inspect.inspector import Options
from parlour_protocol.kit.inspect.judge import Rule
from parlour_protocol.kit.inspect.shipped import SHIPPED
from parlour_protocol.kit.inspect.verdict import Action
from parlour_protocol.kit.inspect.words import WordList

LOCAL: Final = ("secrets", "cards", "words", "files", "size")
"""The inspectors that clients run: those that need nothing but the text or the file itself."""


class PolicyError(ParlourProtocolError):
    """This is not a policy, or not one that this version can carry out."""


class InspectionPolicy(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The inspectors that are on, each with its action, and what they are set to. Empty: nothing is."""

    rules: tuple[tuple[str, Action], ...] = ()
    words: tuple[str, ...] = ()
    refused_files: tuple[str, ...] = ()
    text_bytes: int = 0
    file_bytes: int = 0

    def to_bytes(self) -> bytes:
        """Return its one spelling."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def read(cls, data: bytes) -> "InspectionPolicy":
        """Read a policy. Raises PolicyError for one that this version can't carry out as a whole."""
        try:
            policy = msgspec.msgpack.decode(data, type=cls)
            policy.options()
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise PolicyError("this is not a policy for inspection") from error
        if policy.to_bytes() != data or any(name not in LOCAL for name, _ in policy.rules):
            raise PolicyError("this is not a policy for inspection")
        return policy

    def judging_rules(self) -> tuple[Rule, ...]:
        """Return its inspectors."""
        return tuple(Rule(name, SHIPPED[name], action) for name, action in self.rules)

    def options(self) -> Options:
        """Return what they are set to. Raises ValueError."""
        return Options(WordList(self.words), self.text_bytes, self.file_bytes, frozenset(self.refused_files))
