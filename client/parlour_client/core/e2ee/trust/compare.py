"""What a person can do about other people's keys: look at them, compare them, or accept a changed one.

Nothing is verified by a single key press: digits or a code must be typed. If the key differs from the one on
the screen it is not verified, since the digits are computed again.
"""

import base64
import binascii
import functools
import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import apsw

from parlour_client.core.archive import key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import KeyLogError
from parlour_client.core.e2ee.identity import own_device, pins
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.identity.key_log import server_of
from parlour_client.core.e2ee.identity.keys import KEY_BYTES
from parlour_client.core.e2ee.values import MemberDevice, PersonReport, Trust
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import SetupError, UnreachableError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name

ROUNDS: Final = 5_200
_VERSION: Final = b"\0\0parlour safety number v1\0"
_GROUP: Final = 5
_GROUPS: Final = 12
_MODULUS: Final = 100_000
TYPED: Final = 20
"""Digits to type at least: four groups."""


@dataclass(frozen=True, slots=True)
class Party:
    """One side: a person, and the account key that is known of them."""

    user: UserName
    server: str
    key: bytes


@functools.lru_cache(256)
def safety_number(one: Party, other: Party) -> str:
    """Return 12 groups of 5 digits; the order of the two does not matter."""
    digest = hashlib.sha512(_VERSION + b"".join(sorted((_slow(one), _slow(other))))).digest()
    chunks = (digest[start : start + _GROUP] for start in range(0, _GROUP * _GROUPS, _GROUP))
    return " ".join(f"{int.from_bytes(chunk, 'big') % _MODULUS:05}" for chunk in chunks)


def check_typed(number: str, typed: str, user: UserName) -> None:
    """Require enough typed digits as proof that the number was compared: at least its last 20.

    Spaces between them are ignored. Fewer digits can be matched by trying keys: the last five after 100,000
    of them on average, which takes minutes; twenty after 10^20. Raises SetupError.
    """
    digits, whole = "".join(typed.split()), number.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()) or len(digits) < TYPED:
        raise SetupError(
            _(
                "Type at least the last {typed} digits of the safety number with {user}: its last four "
                "groups."
            ).format(typed=TYPED, user=user),
            _("Fewer digits prove too little: trying 100,000 keys finds one with the same last five digits."),
        )
    if not hmac.compare_digest(whole[-len(digits) :].encode(), digits.encode()):
        raise SetupError(
            _("These are not the last digits of the safety number with {user}.").format(user=user),
            _("Compare all twelve groups with {user}. If they differ, someone may be intercepting.").format(
                user=user
            ),
        )


def _slow(party: Party) -> bytes:
    name = f"{party.user}@{party.server}".encode()
    digest = hashlib.sha512(_VERSION + party.key + name).digest()
    for _round in range(ROUNDS):
        digest = hashlib.sha512(digest + party.key).digest()
    return digest


CODE_PREFIX: Final = "PARLOUR1:"
_CHECK: Final = 4
_LONGEST: Final = 1_024
_HINT: Final = N_("Copy the whole code, from PARLOUR1: to its end.")


def code_of(party: Party) -> str:
    """Return the code."""
    content = party.key + f"{party.user}@{party.server}".encode()
    return CODE_PREFIX + base64.b32encode(content + _checksum(content)).decode().rstrip("=")


def read_code(text: str) -> Party:
    """Parse a code that was typed or pasted, whatever its spaces, lines and case. Raises SetupError."""
    packed = "".join(text[:_LONGEST].split()).upper()
    if not packed.startswith(CODE_PREFIX):
        raise SetupError(_("That is not a Parlour verification code."), _HINT)
    packed = packed.removeprefix(CODE_PREFIX)
    try:
        data = base64.b32decode(packed + "=" * (-len(packed) % 8))
    except binascii.Error:
        raise SetupError(_("The verification code is damaged or cut off."), _HINT) from None
    content, checksum = data[:-_CHECK], data[-_CHECK:]
    if len(content) <= KEY_BYTES or checksum != _checksum(content):
        raise SetupError(_("The verification code is damaged or cut off."), _HINT)
    return _party(content)


def person_of(text: str) -> UserName:
    """Return the person that a code is about. Raises SetupError."""
    return read_code(text).user


def _party(content: bytes) -> Party:
    try:
        user, _at, server = content[KEY_BYTES:].decode().partition("@")
        return Party(parse_user_name(user), server, content[:KEY_BYTES])
    except (UnicodeDecodeError, NameRefusedError):
        raise SetupError(_("The verification code names no one."), _HINT) from None


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(b"parlour code v1\0" + content).digest()[:_CHECK]


class Contacts:
    """The people whose keys this account knows."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._archive, self._me, self._clock = identity.archive, identity.user, identity.clock

    async def person(self, user: UserName) -> PersonReport:
        """Look a person's key up; the known one is returned if the server can't be reached."""
        await self._catch_up()
        return await self._report(user)

    async def meet(self, users: Sequence[UserName]) -> None:
        """Pin the keys of people who are seen for the first time."""
        await self._archive.write_durably(_meet, users, self._clock.now())
        await self._identity.refresh()

    async def confirm(self, user: UserName, typed: str) -> PersonReport:
        """Mark a person verified by the end of the safety number, or all of it. Raises SetupError."""
        await self._archive.write_durably(_confirm, self._me, user, typed, self._clock.now())
        return await self._report(user)

    async def check_code(self, user: UserName, code: str) -> PersonReport:
        """Mark a person verified by the code that their client shows."""
        await self._catch_up()
        await self._archive.write_durably(_check_code, self._me, user, read_code(code), self._clock.now())
        return await self._report(user)

    async def accept_key(self, user: UserName) -> PersonReport:
        """Accept a changed key, unverified; our own changes when the keys are reset on another device."""
        if user == self._me:
            await self._identity.accept_own_key()
        else:
            await self._archive.write_durably(_accept, user, self._clock.now())
        return await self._report(user)

    async def parties(self, user: UserName) -> tuple[Party, Party]:
        """Return ourselves and a person with the current keys. Raises EncryptionError without both."""
        return await self._archive.write_durably(_parties, self._me, user, self._clock.now())

    async def prove(self, party: Party) -> bool:
        """Mark a person verified by SAS; False: their key has changed meanwhile."""
        proven = await self._archive.write_durably(_prove, party, self._clock.now())
        await self._identity.refresh()
        return proven

    def own_code(self) -> str:
        """Return the code for others; empty before our account has a key."""
        found = self._identity.identity
        if found is None or found.account_key is None:
            return ""
        return code_of(Party(found.user, found.server, found.account_key))

    async def _catch_up(self) -> None:
        with suppress(UnreachableError, KeyLogError):  # a log that lies has raised its alarm
            await self._identity.key_log.sync()

    async def _report(self, user: UserName) -> PersonReport:
        """Return what is known of a person; pins a key that is seen for the first time."""
        found = await self._archive.write_durably(_report, self._me, user, self._clock.now())
        await self._identity.refresh()
        return found


def _meet(connection: apsw.Connection, users: Sequence[UserName], now: Millis) -> None:
    for user in users:
        pins.meet(connection, user, now)


def _party_of_ours(connection: apsw.Connection, me: UserName) -> Party | None:
    key = own_keys.get(connection, Name.ACCOUNT_KEY)
    return Party(me, server_of(connection), key) if key is not None else None


def _parties(connection: apsw.Connection, me: UserName, user: UserName, now: Millis) -> tuple[Party, Party]:
    if user == me:
        raise SetupError(_("That is you."), _("Name another person."))
    ours, key = _party_of_ours(connection, me), pins.meet(connection, user, now)
    if ours is None:
        raise EncryptionError(_("Your account has no key yet."), _("Connect to the server once."))
    if key is None:
        raise EncryptionError(
            _("{user} has no account key yet.").format(user=user),
            _("Wait until {user} has logged in once.").format(user=user),
        )
    return ours, Party(user, ours.server, key)


def _report(connection: apsw.Connection, me: UserName, user: UserName, now: Millis) -> PersonReport:
    met = user != me and pins.meet(connection, user, now) is not None
    pinned = key_pins.find(connection, user)
    number = ""
    if met and own_keys.get(connection, Name.ACCOUNT_KEY) is not None:
        number = safety_number(*_parties(connection, me, user, now))
    return PersonReport(
        user=user,
        trust=pins.trust(connection, user),
        safety_number=number,
        first_seen=pinned.first_seen if pinned is not None else None,
        devices=_devices(connection, me, user, now),
    )


def _devices(
    connection: apsw.Connection, me: UserName, user: UserName, now: Millis
) -> tuple[MemberDevice, ...]:
    identity = own_device.load(connection)
    current = identity.device if identity is not None else None
    trust = pins.trust(connection, user)
    return tuple(
        MemberDevice(
            user=user,
            device=device,
            name=certificate.name,
            trust=trust,
            certified=certificate.created,
            own=user == me,
            current=device == current,
        )
        for device, certificate in pins.live_devices(connection, user, now).items()
    )


def _confirm(connection: apsw.Connection, me: UserName, user: UserName, typed: str, now: Millis) -> None:
    ours, theirs = _parties(connection, me, user, now)
    check_typed(safety_number(ours, theirs), typed, user)
    key_pins.verify(connection, user, theirs.key, now, "number")


def _check_code(connection: apsw.Connection, me: UserName, user: UserName, shown: Party, now: Millis) -> None:
    _ours, theirs = _parties(connection, me, user, now)
    if (shown.user, shown.server) != (theirs.user, theirs.server):
        raise SetupError(
            _("That is not the code of {user} on this server.").format(user=user),
            _("Ask them for their own code."),
        )
    if shown.key != theirs.key:
        raise EncryptionError(
            _("The code has a different key for {user} than the server does.").format(user=user),
            _(
                "Someone may be intercepting, or the code is an old one. Ask {user} for a fresh code, "
                "and send nothing important until it matches."
            ).format(user=user),
        )
    key_pins.verify(connection, user, theirs.key, now, "code")


def _accept(connection: apsw.Connection, user: UserName, now: Millis) -> None:
    key = pins.meet(connection, user, now)
    if key is None:
        raise EncryptionError(
            _("{user} has no account key yet.").format(user=user),
            _("Wait until {user} has logged in once.").format(user=user),
        )
    if pins.trust(connection, user) is Trust.CHANGED:
        key_pins.accept(connection, user, key, now)


def _prove(connection: apsw.Connection, party: Party, now: Millis) -> bool:
    if pins.meet(connection, party.user, now) != party.key:
        return False
    key_pins.verify(connection, party.user, party.key, now, "words")
    return True
