"""Witnesses of the key log that the person wants: their signatures are read, and compared with our copy.

A witness signs one log only. A head with its signature that our copy does not have is a permanent alarm, as
one that another person saw is. A witness that signs nothing more of what is shown here is an alarm after a
day, until it does again: it may stand still, or the server may show it a shorter log. Whatever the server
answers, or that it does not answer, counts as no signature.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import apsw
import msgspec

from parlour_client.core.archive import Archive, alarms, key_log_copy, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.identity.key_log import server_of
from parlour_client.core.e2ee.identity.keys import verify
from parlour_client.core.errors import ArchiveError
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.clock import Clock, Timer
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_client.kit.language import _
from parlour_protocol.delivery import CosignedHead
from parlour_protocol.identity import Head, StatementError
from parlour_protocol.identity.cosignatures import WitnessKey
from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import WITNESSES

LATE: Final = 24 * 60 * 60 * 1_000
"""Milliseconds after which a signature, or a missing one, is an alarm."""
LOOK_SECONDS: Final = 3_600.0
"""Seconds between two looks while connected."""


class Behind(msgspec.Struct, array_like=True, frozen=True):
    """Entries that are here and that the witness has not signed."""

    size: int
    """Of the log as it was here."""
    since: Millis
    """When that was."""


class Witness(msgspec.Struct, array_like=True, frozen=True):
    """A witness that is wanted, and what was seen of it."""

    vkey: str
    size: int = 0
    """Entries under its newest signature; 0: none was seen."""
    at: Millis = Millis(0)
    """The time of that signature, by the witness's clock, in milliseconds."""
    behind: Behind | None = None

    @property
    def key(self) -> WitnessKey:
        """Its name and public key."""
        return WitnessKey.parse(self.vkey)


class Witnesses:
    """The witnesses that this home wants."""

    def __init__(
        self,
        archive: Archive,
        delivery: DeliveryClient,
        clock: Clock,
        identity: Identity,
        run: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """``run`` starts a task; one that fails is not reported, and runs again an hour later."""
        self._archive = archive
        self._delivery = delivery
        self._clock = clock
        self._identity = identity
        self._run = run
        self._timer: Timer | None = None

    def start(self) -> None:
        """Look now, and every hour until ``stop``."""
        self.stop()
        self._timer = self._clock.call_later(LOOK_SECONDS, self.start)
        self._run(self.look())

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def wanted(self) -> Sequence[Witness]:
        """Return the witnesses, by name."""
        return await self._archive.read(_load)

    async def add(self, vkey: str) -> Witness:
        """Want a witness from now on, and look for its signature. Raises SetupError if it can't be added."""
        try:
            key = WitnessKey.parse(vkey)
        except StatementError as error:
            raise SetupError(
                _("This is not the key of a witness, or it is damaged."),
                _("Copy the whole line that the witness publishes: NAME+ID+KEY."),
            ) from error
        await self._archive.write_durably(_add, key)
        await self.look()
        return next(one for one in await self.wanted() if one.vkey == vkey)

    async def remove(self, name: str) -> None:
        """Want a witness no more. Raises SetupError if there is none with this name."""
        await self._archive.write_durably(_remove, name)
        await self._identity.refresh()

    async def look(self) -> None:
        """Read the signatures, and compare them with the log as it is now."""
        if not await self.wanted():
            return
        try:
            heads = (await self._delivery.cosignatures()).heads
            await self._identity.catch_up()  # after it: what is signed has to be there
        except ParlourClientError:
            heads = ()
        await self._archive.write_durably(_judge, heads, self._clock.now())
        await self._identity.refresh()


def _load(connection: apsw.Connection) -> list[Witness]:
    """Return the witnesses, by name. Raises ArchiveError."""
    try:
        return msgspec.json.decode(own_keys.get(connection, Name.WITNESSES) or b"[]", type=list[Witness])
    except msgspec.MsgspecError as error:
        raise ArchiveError(_("The witnesses were written by another version of Parlour.")) from error


def _store(connection: apsw.Connection, witnesses: list[Witness]) -> None:
    own_keys.put(
        connection, Name.WITNESSES, msgspec.json.encode(sorted(witnesses, key=lambda one: one.key.name))
    )


def _add(connection: apsw.Connection, key: WitnessKey) -> None:
    there = _load(connection)
    if any(one.vkey == key.vkey for one in there):
        return
    if any(one.key.name == key.name for one in there):
        raise SetupError(
            _("You have a witness {name} with another key.").format(name=key.name),
            _("Remove that one first, if you know why it has a new key."),
        )
    if len(there) >= WITNESSES.value:
        raise SetupError(_("You have {count} witnesses; there can't be more.").format(count=WITNESSES.value))
    _store(connection, [*there, Witness(key.vkey)])


def _remove(connection: apsw.Connection, name: str) -> None:
    there = _load(connection)
    others = [one for one in there if one.key.name != name]
    if len(others) == len(there):
        raise SetupError(_("You have no witness {name}.").format(name=name))
    _store(connection, others)
    alarms.forget(connection, alarms.Kind.WITNESS, _about(name))


def _judge(connection: apsw.Connection, heads: Sequence[CosignedHead], now: Millis) -> None:
    _store(connection, [_judged(connection, one, heads, now) for one in _load(connection)])


def _judged(connection: apsw.Connection, one: Witness, heads: Sequence[CosignedHead], now: Millis) -> Witness:
    """Compare what a witness signed with our copy; returns what is remembered of it."""
    key, size, at = one.key, one.size, one.at
    for head, signed in _signed(key, heads, server_of(connection)):
        _compare(connection, key.name, head, now)
        if at <= signed < now + LATE:  # no clock that was wrong once makes it seem new for ever
            size, at = head.size, signed
    behind = _behind(one.behind, size, key_log_copy.head(connection).size, now, late=abs(now - at) >= LATE)
    if behind is None:
        alarms.forget(connection, alarms.Kind.WITNESS, _about(key.name))
    elif now - behind.since >= LATE:
        alarms.sound(connection, alarms.Kind.WITNESS, _about(key.name), now, _silent(key.name))
    return Witness(one.vkey, size, at, behind)


def _signed(key: WitnessKey, heads: Sequence[CosignedHead], server: str) -> Iterator[tuple[Head, Millis]]:
    """Yield the heads with a valid signature of this witness, and the time of each in milliseconds."""
    for given in heads:
        head = Head(given.size, bytes(given.head))
        with suppress(StatementError):
            yield head, Millis(key.read(given.line, head.to_be_signed(server), verify).at * 1_000)


def _behind(before: Behind | None, signed: int, own: int, now: Millis, *, late: bool) -> Behind | None:
    """Return which entries are not signed, and since when; ``late``: the signature is old."""
    if not late and signed >= own:
        return None
    if before is None or (not late and signed >= before.size):
        return Behind(own, now)
    return Behind(before.size, min(before.since, now))  # the clock may have been wrong


def _compare(connection: apsw.Connection, name: str, head: Head, now: Millis) -> None:
    """Raise the permanent alarm if our copy does not have what the witness signed."""
    match key_log_copy.knows(connection, head):
        case True:
            return
        case False:
            kind = alarms.Kind.SPLIT_VIEW
            detail = _(
                "The server shows different keys to different people: the witness {name} signed another key "
                "log of {size} entries than this device saw. Either the server lies to one of you, or the "
                "witness does. Compare safety numbers with people in person before you trust a new key."
            )
        case None:
            kind = alarms.Kind.WITHHELD
            detail = _(
                "The server hides keys: the witness {name} signed a key log of {size} entries, and the "
                "server does not show them to this device. Either the server lies, or the witness does."
            )
    alarms.sound(connection, kind, _about(name), now, detail.format(name=name, size=head.size))


def _silent(name: str) -> str:
    return _(
        "For more than a day, the witness {name} has not signed the key log that this device sees. It may "
        "have stopped, or the server shows it a different log. Ask the person who runs it, and compare "
        "safety numbers before you trust a new key."
    ).format(name=name)


def _about(name: str) -> str:
    return f"witness {name}"  # no person's name has a space
