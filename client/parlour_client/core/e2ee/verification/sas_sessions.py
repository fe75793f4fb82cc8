"""The SAS verifications in progress: who may take part, for how long, and what they prove.

A step counts only if it comes from the one device of the one person, in the one direct room, within ten
minutes. Steps that belong to no verification here (another device of ours runs it) are ignored. Fresh keys
are only in memory, so a restart ends them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from parlour_client.core.e2ee.identity.identity_service import IdentityService
from parlour_client.core.e2ee.status import SasVerification
from parlour_client.core.e2ee.verification.contacts import Contacts
from parlour_client.core.e2ee.verification.safety_number import Party
from parlour_client.core.e2ee.verification.sas import VERIFIED, Context, Exchange, State
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_client.kit.language import _
from parlour_protocol.encrypted import VerifyContent, VerifyStep
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, new_request_id
from parlour_protocol.kit.names import UserName

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
        me: UserName,
        identity: IdentityService,
        contacts: Contacts,
        clock: Clock,
        direct_room: Callable[[UserName], RoomId],
        send: Callable[[RoomId, VerifyContent], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """Verify for ``me``; ``changed`` is called when there is something new to show.

        ``direct_room`` returns the encrypted direct room with someone, or raises why there is none; ``send``
        returns when the server has stored the step.
        """
        self._me = me
        self._identity = identity
        self._contacts = contacts
        self._direct_room = direct_room
        self._send_step = send
        self._clock = clock
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
        if own is not None and device == own.device.id:
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
