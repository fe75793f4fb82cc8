"""Verification by five words that two people read to each other (SAS): the exchange, and who may take part.

The exchange is a pure machine: commit, reveal, compare. A step counts only if it comes from the one device of
the one person, in the one direct room, within ten minutes. Steps that belong to no verification here (another
device of ours runs it) are ignored. Fresh keys are only in memory, so a restart ends them.
"""

import asyncio
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.identity.keys import word_list
from parlour_client.core.e2ee.trust.compare import Contacts, Party
from parlour_client.core.e2ee.values import SasVerification
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_client.kit.language import N_, _
from parlour_mls import Secret
from parlour_protocol.encrypted import Share, VerifyContent, VerifyStep
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, new_request_id
from parlour_protocol.kit.names import UserName

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


LIFETIME: Final = 10 * 60_000
"""Milliseconds from the start to the last step: two people talk to each other now."""
MAX_KEPT: Final = 16
"""Sessions that are remembered, ended ones too: someone who begins again and again must not fill memory."""


@dataclass(slots=True)
class _Running:
    exchange: Exchange
    room: RoomId
    peer: Party
    since: Millis
    device: DeviceId | None = None
    """Their device that takes part."""
    verdict: str = ""
    """Why it ended, if the exchange itself does not say."""

    @property
    def ended(self) -> str:
        return self.verdict or self.exchange.ended

    def shown(self) -> SasVerification:
        state = self.exchange.state
        return SasVerification(
            process=self.exchange.context.process,
            room=self.room,
            peer=self.peer.user,
            started_by_us=self.exchange.we_started,
            words=tuple(self.exchange.words),
            we_confirmed=state in {State.CONFIRMED, State.DONE},
            they_confirmed=state in {State.AWAITED, State.DONE},
            ended=self.ended,
        )


class SasSessions:
    """All of them, oldest first."""

    def __init__(
        self,
        identity: Identity,
        contacts: Contacts,
        direct_room: Callable[[UserName], RoomId],
        send: Callable[[RoomId, VerifyContent], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """Call ``changed`` when there is something new to show.

        ``direct_room`` returns the encrypted direct room with someone, or raises why there is none; ``send``
        returns when the server has stored the step.
        """
        self._me, self._clock = identity.user, identity.clock
        self._identity = identity
        self._contacts = contacts
        self._direct_room = direct_room
        self._send_step = send
        self._changed = changed
        self._running: dict[RequestId, _Running] = {}
        self._in_order = asyncio.Lock()  # fair: steps are processed in order of arrival

    def all(self) -> Sequence[SasVerification]:
        """Return those in progress, and those that ended recently."""
        self._expire()
        return [running.shown() for running in self._running.values()]

    async def start(self, user: UserName) -> SasVerification:
        """Begin a verification with someone, or accept the one that they began."""
        self._expire()
        for running in self._with(user):
            if running.exchange.state is State.ASKED:
                return await self._act(running, running.exchange.answer)
        room = self._direct_room(user)
        we, they = await self._contacts.parties(user)
        context = Context(new_request_id(), room, starter=we, other=they)
        exchange, step = Exchange.begin(context)
        running = self._keep(_Running(exchange, room, they, self._clock.now()))
        await self._send(running, [step])
        return running.shown()

    async def answer(self, process: RequestId) -> SasVerification:
        """Accept a verification that the other side began."""
        running = self._found(process)
        return await self._act(running, running.exchange.answer)

    async def confirm(self, process: RequestId, typed: str) -> SasVerification:
        """Confirm that the words match, by typing them. Raises SetupError if they do not."""
        running = self._found(process)
        return await self._act(running, lambda: running.exchange.confirm(typed))

    async def cancel(self, process: RequestId) -> None:
        """Cancel one, also because the words differ."""
        running = self._found(process)
        await self._act(running, running.exchange.cancel)

    async def receive(
        self, room: RoomId, sender: UserName, device: DeviceId, content: VerifyContent, at: Millis
    ) -> None:
        """Process a step from a direct room; ``sender`` and ``device`` are those that MLS verified."""
        own = self._identity.identity
        if own is not None and device == own.device:
            return  # our own step, echoed
        async with self._in_order:
            await self._receive(room, sender, device, content, at)

    async def _receive(
        self, room: RoomId, sender: UserName, device: DeviceId, content: VerifyContent, at: Millis
    ) -> None:
        self._expire()
        running = self._running.get(content.process)
        if sender == self._me:
            self._taken_elsewhere(running, content)
        elif running is not None:
            if running.room == room and running.peer.user == sender:
                await self._step(running, device, content)
        elif content.step is VerifyStep.START and self._clock.now() - at < LIFETIME:
            await self._asked(room, sender, device, content)

    async def _asked(self, room: RoomId, sender: UserName, device: DeviceId, content: VerifyContent) -> None:
        we, they = await self._contacts.parties(sender)
        exchange = Exchange.asked(Context(content.process, room, starter=they, other=we), content)
        for other in self._with(sender):
            if not other.exchange.we_started:
                other.exchange.cancel(_("They started again."))  # not sent to them: they know
        we_began = any(other.exchange.state is State.WAITING for other in self._with(sender))
        running = self._keep(_Running(exchange, room, they, self._clock.now(), device))
        # Both began before they knew of each other: our person has agreed already.
        await self._send(running, exchange.answer() if we_began else [])

    async def _step(self, running: _Running, device: DeviceId, content: VerifyContent) -> None:
        if running.ended:
            return
        if running.device is None:
            running.device = device
        if running.device != device:
            steps = running.exchange.cancel(_("Two of their devices took part: start again."))
        else:
            steps = running.exchange.receive(content)
        await self._send(running, steps)
        self._one_of_two(running.peer.user)

    def _one_of_two(self, user: UserName) -> None:
        """Keep one of two that were begun at once: the same one on both sides, without a message about it."""
        comparing = [running for running in self._with(user) if running.exchange.words]
        for running in sorted(comparing, key=lambda one: one.exchange.context.process)[1:]:
            running.exchange.cancel(_("You both started at once: compare the new words."))
            self._changed()

    def _with(self, user: UserName) -> list[_Running]:
        """Return those in progress with someone."""
        return [one for one in self._running.values() if one.peer.user == user and not one.ended]

    def _taken_elsewhere(self, running: _Running | None, content: VerifyContent) -> None:
        # Stored before the caller's own device: its echoes never get here.
        if running is not None and not running.ended:
            ended = content.step is VerifyStep.CANCEL
            running.exchange.cancel(
                _("Another of your devices ended it.") if ended else _("Another of your devices answered it.")
            )
            self._changed()

    async def _act(self, running: _Running, act: Callable[[], list[VerifyContent]]) -> SasVerification:
        await self._send(running, act())
        return running.shown()

    async def _send(self, running: _Running, steps: Sequence[VerifyContent]) -> None:
        """Send the exchange's steps, and note what it proves."""
        try:
            for step in steps:
                await self._send_step(running.room, step)
        except ParlourClientError:
            running.exchange.cancel()
            running.verdict = _("A step of the verification could not be sent: start again.")
            raise
        finally:
            if running.ended == VERIFIED and not await self._contacts.prove(running.peer):
                running.verdict = _("Their account key changed in the meantime: nothing is verified.")
            self._changed()

    def _keep(self, running: _Running) -> _Running:
        self._running[running.exchange.context.process] = running
        while len(self._running) > MAX_KEPT:
            oldest = next(iter(self._running))
            self._running.pop(oldest)
        return running

    def _found(self, process: RequestId) -> _Running:
        self._expire()
        running = self._running.get(process)
        if running is None:
            raise SetupError(_("There is no such verification."), _("Start a new one."))
        if running.ended:
            raise SetupError(_("This verification has ended."), running.ended)
        return running

    def _expire(self) -> None:
        for running in self._running.values():
            if not running.ended and self._clock.now() - running.since > LIFETIME:
                running.exchange.cancel(_("It took longer than ten minutes."))
