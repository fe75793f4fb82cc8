"""The operator's policy for inspection in encrypted rooms: from the key log, in force once the person saw it.

A policy is announced like an alarm, in every window and before every command, until the person dismisses it.
It applies from when a view has shown it; the first message before that is not sent, and shows it. It makes
this device refuse or redact what its own person writes, and nothing else. It can't have anything sent, and
changes no key and no recipient.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import apsw

from parlour_client.core.archive import alarms, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.inspect.policy import InspectionPolicy, PolicyError

_FOUND: Final = {
    "secrets": N_("keys and passwords"),
    "cards": N_("card numbers"),
    "words": N_("these words"),
    "files": N_("kinds of files"),
    "size": N_("long texts and large files"),
}
_DONE: Final = {"flag": N_("you are told"), "redact": N_("it is removed"), "block": N_("it is not sent")}
_ASKED: Final = N_(
    "This server's operator wants what you write in encrypted rooms to be checked on this "
    "device before it is encrypted: {rules}. The check happens only here, and no one is told "
    "what was found."
)
_WITHDRAWN: Final = N_(
    "This server's operator no longer wants what you write in encrypted rooms to be checked on this device."
)


def changed(connection: apsw.Connection, policy: InspectionPolicy, now: Millis) -> None:
    """Keep the newest policy of the key log, and announce it."""
    data = policy.to_bytes()
    before = own_keys.get(connection, Name.INSPECTION)
    if before == data or (before is None and not policy.rules):
        return
    own_keys.put(connection, Name.INSPECTION, data)
    alarms.forget_kind(connection, alarms.Kind.INSPECTION)  # also one of the same words, from before
    alarms.sound(connection, alarms.Kind.INSPECTION, _digest(data), now, words_of(policy))


def words_of(policy: InspectionPolicy) -> str:
    """Return the policy in words, with everything that it looks for."""
    if not policy.rules:
        return _(_WITHDRAWN)
    rules = [f"{_(_FOUND[name])} ({_(_DONE[action.value])})" for name, action in policy.rules]
    listed = _(" The words: {words}.").format(words=", ".join(policy.words)) if policy.words else ""
    files = (
        _(" The files: {refused_files}.").format(refused_files=", ".join(policy.refused_files))
        if policy.refused_files
        else ""
    )
    return _(_ASKED).format(rules=", ".join(rules)) + listed + files


class ShownPolicy:
    """Which policy a view of this program has shown."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def shown(self, raised: Iterable[alarms.Raised]) -> None:
        """Note that these announcements are on a screen, or printed."""
        self._shown.update(one.about for one in raised if one.kind is alarms.Kind.INSPECTION)

    def in_force(self, connection: apsw.Connection) -> InspectionPolicy | None:
        """Return the newest policy, if the person was shown it and something in it is on."""
        data = own_keys.get(connection, Name.INSPECTION)
        return _policy(data) if data is not None and self._is_shown(connection, data) else None

    def unseen(self, connection: apsw.Connection) -> InspectionPolicy | None:
        """Return the newest policy, if no one was shown it here and something in it is on."""
        data = own_keys.get(connection, Name.INSPECTION)
        return None if data is None or self._is_shown(connection, data) else _policy(data)

    def _is_shown(self, connection: apsw.Connection, data: bytes) -> bool:
        about = _digest(data)
        by_refusal = own_keys.get(connection, Name.INSPECTION_SHOWN) == about.encode()
        kind = alarms.Kind.INSPECTION
        return about in self._shown or by_refusal or alarms.is_dismissed(connection, kind, about)


def refused(connection: apsw.Connection, policy: InspectionPolicy) -> None:
    """Note that a message was refused, for once, to show this policy."""
    own_keys.put(connection, Name.INSPECTION_SHOWN, _digest(policy.to_bytes()).encode())


def _policy(data: bytes) -> InspectionPolicy | None:
    try:
        policy = InspectionPolicy.read(data)
    except PolicyError:
        return None  # an older version of this program can't carry it out
    return policy if policy.rules else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
