"""SAS (short authentication string): five words that two people read to each other. A pure state machine.

The starter commits to an X25519 key before it sees the other's, so that no one in between can choose keys
until the words match: one guess of 2^-55. The words depend on both account keys, as each side knows them. A
step that is out of order, repeated, reflected or from another device ends the verification with a reason.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_client.core.e2ee.identity.recovery_words import word_list
from parlour_client.core.e2ee.verification.safety_number import Party
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_mls import Secret
from parlour_protocol.encrypted import Share, VerifyContent, VerifyStep
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId

COUNT: Final = 5
_BITS: Final = 11
_LABEL: Final = b"parlour words v1\0"
ALL_WORDS: Final = N_("If you both see the same words, type all five in order.")
VERIFIED: Final = "verified"
"""The value of ``Exchange.ended`` after success; anything else is what went wrong."""


class State(Enum):
    """The state of a verification on this side."""

    WAITING = auto()
    """We began; they have not answered."""
    ASKED = auto()
    """They began; our person has not answered."""
    ANSWERED = auto()
    """Our key is sent; theirs has not arrived."""
    COMPARING = auto()
    """Both show the words."""
    CONFIRMED = auto()
    """Our person confirmed that they match."""
    AWAITED = auto()
    """Theirs confirmed, ours has not."""
    DONE = auto()
    FAILED = auto()


class Act(Enum):
    """An event: a step from the other side, or a decision of our person."""

    HEAR_ANSWER = auto()
    HEAR_REVEAL = auto()
    HEAR_CONFIRM = auto()
    HEAR_CANCEL = auto()
    ANSWER = auto()
    CONFIRM = auto()
    CANCEL = auto()


_LIVE: Final = (
    State.WAITING,
    State.ASKED,
    State.ANSWERED,
    State.COMPARING,
    State.CONFIRMED,
    State.AWAITED,
)

TRANSITIONS: Final[dict[tuple[State, Act], State]] = {
    (State.WAITING, Act.HEAR_ANSWER): State.COMPARING,
    (State.ASKED, Act.ANSWER): State.ANSWERED,
    (State.ANSWERED, Act.HEAR_REVEAL): State.COMPARING,
    (State.COMPARING, Act.CONFIRM): State.CONFIRMED,
    (State.COMPARING, Act.HEAR_CONFIRM): State.AWAITED,
    (State.CONFIRMED, Act.HEAR_CONFIRM): State.DONE,
    (State.AWAITED, Act.CONFIRM): State.DONE,
    **{(state, act): State.FAILED for state in _LIVE for act in (Act.CANCEL, Act.HEAR_CANCEL)},
}

_THEY_ENDED: Final = N_(
    "The other side ended the verification. If they said that the words differ, someone may be intercepting."
)
_OTHER_WORDS: Final = N_("The other side confirmed different words: someone may be intercepting.")
_OTHER_KEY: Final = N_("The other side's key is not the one that it promised: someone may be intercepting.")

_HEARD: Final = {
    VerifyStep.ANSWER: Act.HEAR_ANSWER,
    VerifyStep.REVEAL: Act.HEAR_REVEAL,
    VerifyStep.CONFIRM: Act.HEAR_CONFIRM,
    VerifyStep.CANCEL: Act.HEAR_CANCEL,
}


@dataclass(frozen=True, slots=True)
class Context:
    """What the words depend on besides the fresh keys: who, with which account keys, where."""

    process: RequestId
    room: RoomId
    starter: Party
    other: Party

    def digest(self, starter_share: bytes, other_share: bytes) -> bytes:
        """Return a hash over all of it and both fresh keys, with an unambiguous encoding."""
        parts = [self.process.encode(), self.room.encode()]
        for party in (self.starter, self.other):
            parts += [party.user.encode(), party.server.encode(), party.key]
        parts += [starter_share, other_share]
        return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


class Exchange:
    """One verification, on one side. Methods return the steps to send, in order."""

    def __init__(
        self, context: Context, state: State, commitment: bytes, random: Callable[[int], bytes]
    ) -> None:
        """Take the state; use ``begin`` or ``asked``."""
        self.context = context
        self.state = state
        self.words: Sequence[str] = ()
        self.ended = ""
        self._commitment = commitment
        self._private = Secret(random(bindings.crypto_scalarmult_SCALARBYTES))
        self._share = bindings.crypto_scalarmult_base(self._private.reveal())
        self._key = Secret(b"")

    @classmethod
    def begin(
        cls, context: Context, random: Callable[[int], bytes] = os.urandom
    ) -> tuple["Exchange", VerifyContent]:
        """Begin a verification."""
        made = cls(context, State.WAITING, b"", random)
        return made, made._step(VerifyStep.START, _commitment(context.process, made._share))

    @classmethod
    def asked(
        cls, context: Context, start: VerifyContent, random: Callable[[int], bytes] = os.urandom
    ) -> "Exchange":
        """Process that the other side began. Raises SetupError for a start without commitment."""
        if (
            start.step is not VerifyStep.START
            or start.share is None
            or len(start.share) != hashlib.sha256().digest_size
        ):
            raise SetupError(_("A verification arrived that doesn't start correctly."))
        return cls(context, State.ASKED, bytes(start.share), random)

    @property
    def we_started(self) -> bool:
        """Whether this side began."""
        return not self._commitment

    @property
    def over(self) -> bool:
        """Whether nothing more can happen."""
        return self.state in {State.DONE, State.FAILED}

    def receive(self, content: VerifyContent) -> list[VerifyContent]:
        """Process a step of the other side."""
        if self.over:
            return []
        act = _HEARD.get(content.step)
        following = TRANSITIONS.get((self.state, act)) if act is not None else None
        if act is None or following is None:
            return self._fail(
                _("A step arrived twice or in the wrong order, so the words would prove nothing.")
            )
        if act is Act.HEAR_CANCEL:
            self._end(_(_THEY_ENDED))
            return []
        if wrong := self._wrong(act, content.share):
            return self._fail(wrong)
        self._move(following)
        return [self._step(VerifyStep.REVEAL, self._share)] if act is Act.HEAR_ANSWER else []

    def answer(self) -> list[VerifyContent]:
        """Accept a verification that the other side began."""
        self._decide(Act.ANSWER)
        return [self._step(VerifyStep.ANSWER, self._share)]

    def confirm(self, typed: str) -> list[VerifyContent]:
        """Confirm that the words match, by typing them all. Raises SetupError; nothing is decided then."""
        if (self.state, Act.CONFIRM) in TRANSITIONS and not are_typed(self.words, typed):
            raise SetupError(ALL_WORDS)
        self._decide(Act.CONFIRM)
        return [self._step(VerifyStep.CONFIRM, self._proof(self.we_started))]

    def cancel(self, why: str = N_("You ended the verification.")) -> list[VerifyContent]:
        """Cancel it, also because the words differ."""
        return [] if self.over else self._fail(why)

    def _decide(self, act: Act) -> None:
        following = TRANSITIONS.get((self.state, act))
        if following is None:
            raise SetupError(_("That is not the next step of this verification."), self.ended or None)
        self._move(following)

    def _move(self, following: State) -> None:
        self.state = following
        if following is State.DONE:
            self.ended = VERIFIED

    def _wrong(self, act: Act, share: Share | None) -> str:
        """Say what is wrong with a step's content; store its key."""
        if act is Act.HEAR_CONFIRM:
            return "" if self._proves(share) else _(_OTHER_WORDS)
        if act is Act.HEAR_REVEAL and not self._fits(share):
            return _(_OTHER_KEY)
        return "" if self._derive(share) else _("The other side's key cannot be used.")

    def _fits(self, share: Share | None) -> bool:
        # Without the commitment the starter could search for a key that gives the words it wants.
        promised = _commitment(self.context.process, bytes(share or b""))
        return hmac.compare_digest(promised, self._commitment)

    def _derive(self, share: Share | None) -> bool:
        theirs = bytes(share or b"")
        # Our own key, reflected, would make both ends of the exchange ours.
        if len(theirs) != bindings.crypto_scalarmult_BYTES or theirs == self._share:
            return False
        try:  # a point of small order gives a publicly known secret: libsodium refuses it
            shared = bindings.crypto_scalarmult(self._private.reveal(), theirs)
        except (CryptoError, RuntimeError):
            return False
        shares = (self._share, theirs) if self.we_started else (theirs, self._share)
        self._key = Secret(hmac.digest(shared, _LABEL + self.context.digest(*shares), "sha256"))
        self.words = _words(hmac.digest(self._key.reveal(), b"words", "sha256"))
        return True

    def _proves(self, share: Share | None) -> bool:
        return hmac.compare_digest(self._proof(not self.we_started), bytes(share or b""))

    def _proof(self, starter: bool) -> bytes:  # noqa: FBT001 - which of the two sides
        # The side is part of it: a confirmation that is sent back to its author proves nothing.
        return hmac.digest(self._key.reveal(), b"starter" if starter else b"other", "sha256")

    def _fail(self, why: str) -> list[VerifyContent]:
        self._end(why)
        return [self._step(VerifyStep.CANCEL)]

    def _end(self, why: str) -> None:
        self.state = State.FAILED
        self.ended = why
        self.words = ()

    def _step(self, step: VerifyStep, share: bytes | None = None) -> VerifyContent:
        return VerifyContent(
            process=self.context.process, step=step, share=Share(share) if share is not None else None
        )


def are_typed(words: Sequence[str], typed: str) -> bool:
    """Say whether someone typed these words, all of them in their order."""
    given = " ".join(typed.lower().split())
    return bool(words) and hmac.compare_digest(given.encode(), " ".join(words).lower().encode())


def _commitment(process: RequestId, share: bytes) -> bytes:
    return hashlib.sha256(b"parlour words commitment v1\0" + process.encode() + b"\0" + share).digest()


def _words(seed: bytes) -> tuple[str, ...]:
    number = int.from_bytes(seed[:7], "big") >> (7 * 8 - COUNT * _BITS)
    table = word_list()
    return tuple(table[number >> (_BITS * place) & ((1 << _BITS) - 1)] for place in reversed(range(COUNT)))
