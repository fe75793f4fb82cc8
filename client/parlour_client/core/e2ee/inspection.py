"""Inspection of what this person writes in encrypted rooms, before it is encrypted, as the operator asks.

The policy comes from the key log. It is announced like an alarm, in every window and before every command,
until the person dismisses it, and applies from when a view has shown it; the first message before that is not
sent, and shows it. It makes this device refuse or redact what its own person writes, and nothing else. It
can't have anything sent, and changes no key and no recipient.

Nothing about it leaves this device. What is blocked is not sent; what is redacted is what is queued, shown
and sent; what is flagged is sent. In each case the writer is told.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final, TypeVar

import apsw
import msgspec

from parlour_client.core.archive import alarms, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import TextInspected
from parlour_client.kit.language import N_, _
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.inspect import Action, Context, File, Part, Text
from parlour_protocol.kit.inspect.file_texts import HEAD_BYTES, FileTexts
from parlour_protocol.kit.inspect.inspector import FILE
from parlour_protocol.kit.inspect.judge import NOTHING, Outcome, judge
from parlour_protocol.kit.inspect.policy import InspectionPolicy, PolicyError
from parlour_protocol.kit.inspect.texts import texts_of, with_texts

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
        policy, is_shown = self.newest(connection)
        return policy if is_shown else None

    def newest(self, connection: apsw.Connection) -> tuple[InspectionPolicy | None, bool]:
        """Return the newest policy, if something in it is on, and whether the person was shown it here."""
        data = own_keys.get(connection, Name.INSPECTION)
        return (None, True) if data is None else (_policy(data), self._is_shown(connection, data))

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


_F = TypeVar("_F", bound=msgspec.Struct)
_OURS: Final = N_("The check was made only on this device.")


class InspectionError(EncryptionError):
    """The operator's policy does not allow this in an encrypted room; nothing was sent."""

    def __init__(self, kinds: Sequence[str]) -> None:
        found = _(" and ").join(map(_, dict.fromkeys(kinds)))
        super().__init__(
            _(
                "It was not sent: it seems to have {found} in it, which this server's operator does not "
                "allow in encrypted rooms."
            ).format(found=found),
            _("Remove that and send it again. {ours}").format(ours=_(_OURS)),
        )


class UncheckedError(EncryptionError):
    """An inspector failed, so nothing was sent."""

    hint = N_(
        "Shorten it or write it in another way. /alarms shows what this server's operator wants checked."
    )

    def __init__(self) -> None:
        super().__init__(
            _("It was not sent: this device could not check it as this server's operator wants.")
        )


class NewPolicyError(EncryptionError):
    """The operator's policy is new on this device: the first message is not sent, and shows it."""

    hint = N_("To go on, send it again. It is checked then.")

    def __init__(self, policy: InspectionPolicy) -> None:
        super().__init__(_("It was not sent. {policy}").format(policy=words_of(policy)))


class OutgoingInspection:
    """Looks at what is about to be queued for an encrypted room."""

    def __init__(self, world: World, policy: ShownPolicy) -> None:
        self._world = world
        self._policy = policy

    async def frames(self, room: RoomId, frames: Sequence[_F]) -> Sequence[_F]:
        """Return the requests as they may be sent, and say what was found. Raises EncryptionError."""
        policy = await self._in_force()
        if policy is None:
            return frames
        allowed: list[_F] = []
        flagged: list[str] = []
        removed: list[str] = []
        for frame in frames:
            new, outcome = inspected(policy, frame)
            allowed.append(new)
            flagged += outcome.kinds(Action.FLAG)
            removed += outcome.kinds(Action.REDACT)
        if removed:
            self._tell(room, _("Removed before it was encrypted"), removed)
        if flagged:
            self._tell(room, _("You are sending this although the operator flags it"), flagged)
        return allowed

    async def file(self, room: RoomId, name: str, media_type: str, size: int, file: BinaryIO) -> None:
        """Look at all of an open file before it is uploaded, and rewind it. Raises EncryptionError."""
        policy = await self._in_force()
        if policy is None:
            return
        outcome = await asyncio.to_thread(_judge_file, policy, name, media_type, size, file)
        if refused := (*outcome.kinds(Action.BLOCK), *outcome.kinds(Action.REDACT)):
            raise InspectionError(refused)
        if flagged := outcome.kinds(Action.FLAG):
            self._tell(room, _("You are sending this although the operator flags it"), flagged)

    async def _in_force(self) -> InspectionPolicy | None:
        policy, is_shown = await self._world.archive.read(self._policy.newest)
        if policy is not None and not is_shown:
            await self._world.archive.write_durably(refused, policy)
            raise NewPolicyError(policy)
        return policy

    def _tell(self, room: RoomId, what: str, kinds: Sequence[str]) -> None:
        self._world.emit(
            TextInspected(room, f"{what}: {_(' and ').join(map(_, dict.fromkeys(kinds)))}. {_(_OURS)}")
        )


def inspected(policy: InspectionPolicy, frame: _F) -> tuple[_F, Outcome]:
    """Return a request as it may be sent, and what was found. Raises EncryptionError."""
    texts = texts_of(frame)
    parts = [text for _, text in texts]
    outcome = _judge(policy, parts)
    if outcome is NOTHING:
        return frame, outcome
    if refused := outcome.kinds(Action.BLOCK):
        raise InspectionError(refused)
    new = {
        path: text for (path, _), text in zip(texts, outcome.redacted(parts), strict=True) if text is not None
    }
    try:
        return with_texts(frame, new), outcome
    except ValueError:  # the field does not take it: a reaction
        raise InspectionError(outcome.kinds(Action.REDACT)) from None


def refuse_unchecked(connection: apsw.Connection, shown: ShownPolicy, frame: msgspec.Struct) -> None:
    """Raise EncryptionError for a request that was queued before the policy, and is not allowed by it."""
    policy = shown.in_force(connection)
    if policy is not None:
        _, outcome = inspected(policy, frame)
        if refused := outcome.kinds(Action.REDACT):
            raise InspectionError(refused)


def _judge_file(policy: InspectionPolicy, name: str, media_type: str, size: int, file: BinaryIO) -> Outcome:
    head = file.read(HEAD_BYTES)
    outcome = _judge(policy, [File(size, head, name, media_type)])
    texts = FileTexts(head)
    while texts.is_text and outcome.action not in {Action.BLOCK, Action.REDACT}:
        data = file.read(HEAD_BYTES)
        pieces = texts.more(data) if data else texts.end()
        outcome = outcome.and_also(_judge(policy, [Text(FILE, piece.text) for piece in pieces]))
        if not data:
            break
    file.seek(0)
    return outcome


def _judge(policy: InspectionPolicy, parts: Sequence[Part]) -> Outcome:
    outcome = judge(policy.judging_rules(), parts, Context("", options=policy.options()))
    if outcome.failed:
        raise UncheckedError
    return outcome
