"""Devices over the API: who may publish, register, certify and revoke; each forgery is refused."""

from contextlib import suppress
from typing import Any

import pytest
from msgspec import structs
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.signing import SigningKey
from pyotp.totp import TOTP
from tests.server.chat.delivery.https.api_harness import DAY, Home, Village
from tests.server.fakes import PASSWORD, ReadableAudit, StoppedClock

from parlour_protocol.delivery import CertifyDevice, KeyLogPage, KeyPackages
from parlour_protocol.frames.opaque import KeyPackageBytes
from parlour_protocol.identity import Head
from parlour_protocol.identity.key_log import AccountEntry, DeviceEntry, RevocationEntry, decode_entry
from parlour_protocol.kit.api import decode_payload
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.second_factor import FactorProof, NewTotp, TotpCode, TotpConfirmation
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.service.notices import DeviceWaits, KeysChanged
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.bus.bus import SessionsEnded
from parlour_server.core.errors import TooManyAttemptsError
from parlour_server.core.signatures import holds

MALLORY = SigningKey(b"mallory".ljust(32))
SMALL_ORDER = tuple(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""The y coordinates of the eight points of small order, and their forms that are not reduced."""


async def test_the_first_device_certifies_itself(village: Village) -> None:
    """Key, registration with certificate, packages: the device is active, and the list says so."""
    ada = await village.person("ada")
    listed = (await ada.ask("GET", "/v1/devices")).json()
    assert listed["account_key"]
    info = await ada.info()
    assert (info.status, info.packages, info.last_resort, info.current) == ("active", 5, True, True)


async def test_a_second_device_is_pending_until_it_is_approved(
    village: Village, notices: list[object]
) -> None:
    """Its own login binds it, which its other devices hear of once; only the account's key makes it valid."""
    laptop = await village.person("ada")
    phone = await village.login("ada", laptop.account)
    before = len(notices)
    made = await phone.ask("POST", "/v1/devices", phone.registration())
    assert made.json()["status"] == "pending"
    await phone.ask("POST", "/v1/devices", phone.registration())
    assert notices[before:] == [DeviceWaits(laptop.user)]
    assert (await laptop.certify(phone)).status_code == 204
    assert (await phone.info()).status == "active"


async def test_members_are_notified_when_a_device_can_be_added(
    village: Village, notices: list[object]
) -> None:
    """It was approved before it had key packages, so no one could add it until now."""
    laptop = await village.person("ada")
    phone = await village.login("ada", laptop.account)
    await phone.ask("POST", "/v1/devices", phone.registration())
    await laptop.certify(phone)
    received = len(notices)
    await phone.bring(1)
    assert notices[received:] == [KeysChanged(laptop.user)]
    await phone.bring(1)
    assert len(notices) == received + 1


@pytest.mark.parametrize("what", ["session", "key", "server session of another"])
async def test_a_stolen_session_cannot_speak_for_a_device_whose_key_it_does_not_hold(
    village: Village, audit: ReadableAudit, what: str
) -> None:
    """P7: the proof is over this session, by that key; a proof that was seen elsewhere is worth nothing."""
    ada = await village.person("ada")
    thief = await village.login("ada", ada.account)
    body = {
        "session": thief.registration(session=SessionId("s" * 22)),
        "key": thief.registration(by=MALLORY),
        "server session of another": ada.registration(),
    }[what]
    refused = await thief.ask("POST", "/v1/devices", body)
    assert (refused.status_code, refused.json()["error"]) == (400, "statement_refused")
    assert DeliveryEvent.STATEMENT_REFUSED in audit.kinds()
    assert len((await ada.ask("GET", "/v1/devices")).json()["devices"]) == 1


FORGED: dict[str, dict[str, Any]] = {
    "signed by no one we know": {"by": MALLORY},
    "for another account": {"user": parse_user_name("eve")},
    "for another server": {"server": "other.example"},
    "for another device": {"device_key": bytes(MALLORY.verify_key)},
    "from the future": {"created": Millis(1_800_000_000_000 + DAY)},
    "over": {"expires": Millis(1_800_000_000_000)},
    "for ever": {"expires": Millis(1_800_000_000_000 + 11 * 366 * DAY)},
    "over before it began": {
        "created": Millis(1_800_000_000_000 + 3_000_000),
        "expires": Millis(1_800_000_000_000 + 2_000_000),
    },
}


@pytest.mark.parametrize("changed", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_certificate_is_refused(
    village: Village, audit: ReadableAudit, changed: dict[str, Any]
) -> None:
    """Each field of a certificate is checked against what the server knows, at registration and later."""
    laptop = await village.person("ada")
    phone = await village.login("ada", laptop.account)
    with_it = phone.registration()
    forged = type(with_it)(with_it.key, with_it.proof, phone.certificate(**changed))
    at_registration = await phone.ask("POST", "/v1/devices", forged)
    await phone.ask("POST", "/v1/devices", with_it)
    later = await laptop.certify(phone, **changed)
    for refused in (at_registration, later):
        assert (refused.status_code, refused.json()["error"]) == (400, "statement_refused")
    assert (await phone.info()).status == "pending"
    assert audit.kinds().count(DeliveryEvent.STATEMENT_REFUSED) == 2


async def test_a_certificate_by_a_key_that_was_replaced_is_refused(village: Village) -> None:
    """What an old account key signs is void from the moment of the new one."""
    laptop = await village.person("ada")
    phone = await village.login("ada", MALLORY)
    assert (await phone.ask("POST", "/v1/devices", phone.registration())).status_code == 201
    assert (await phone.ask("POST", "/v1/identity", phone.account_key(PASSWORD))).status_code == 204
    refused = await phone.ask("POST", f"/v1/devices/{phone.device}/certificate", _old(phone, laptop))
    assert refused.json()["error"] == "statement_refused"


def _old(phone: Home, laptop: Home) -> CertifyDevice:

    return CertifyDevice(phone.certificate(by=laptop.account))


async def test_replacing_the_account_key_needs_the_password(village: Village, notices: list[object]) -> None:
    """P7: a stolen session is not enough; with the password all devices and sessions end."""
    laptop = await village.person("ada")
    thief = await village.login("ada", MALLORY)
    refused = await thief.ask("POST", "/v1/identity", thief.account_key())
    assert (refused.status_code, refused.json()["error"]) == (403, "password_needed")
    refused = await thief.ask("POST", "/v1/identity", thief.account_key("wrong-violin-marble"))
    assert (refused.status_code, refused.json()["error"]) == (403, "wrong_password")
    assert (await laptop.info()).status == "active"
    done = await thief.ask("POST", "/v1/identity", thief.account_key(PASSWORD))
    assert done.status_code == 204
    assert (await laptop.ask("GET", "/v1/devices")).status_code == 401
    ended = [notice.sessions for notice in notices if isinstance(notice, SessionsEnded)]
    assert frozenset({laptop.session}) in ended
    assert notices[-1] == KeysChanged(laptop.user)


async def test_replacing_the_account_key_needs_the_second_factor(
    village: Village, clock: StoppedClock
) -> None:
    """P25, ASVS 7.5.1: the password and a stolen session are not enough for an account that has one."""
    await village.person("ada")
    thief = await village.login("ada", MALLORY)
    begun = await thief.ask("POST", "/v1/second-factors/totp", NewTotp(password=Secret(PASSWORD), name="app"))
    app = TOTP(begun.json()["secret"])

    def code() -> Secret:
        return Secret(app.at(clock.now() // 1000))

    path = f"/v1/second-factors/{begun.json()['id']}/totp"
    assert (await thief.ask("POST", path, TotpConfirmation(code()))).status_code == 200

    async def replace(code: Secret | None) -> tuple[int, str]:
        challenge = Secret((await thief.ask("POST", "/v1/second-factors/challenges")).json()["challenge"])
        proof = FactorProof(challenge, TotpCode(code)) if code is not None else None
        body = structs.replace(thief.account_key(PASSWORD), factor=proof)
        answer = await thief.ask("POST", "/v1/identity", body)
        return answer.status_code, answer.json()["error"] if answer.content else ""

    assert await replace(None) == (403, "second_factor_needed")
    assert await replace(code()) == (403, "wrong_password")  # it confirmed the app
    clock.pass_seconds(30)
    assert (await replace(code()))[0] == 204


async def test_guessing_the_password_at_the_key_is_throttled(village: Village) -> None:
    """P5: the same counter as at the login."""
    await village.person("ada")
    thief = await village.login("ada", MALLORY)
    answers = [
        (await thief.ask("POST", "/v1/identity", thief.account_key("wrong-violin-marble"))).status_code
        for _ in range(11)
    ]
    assert answers == [403] * 10 + [429]


async def test_an_account_key_that_is_not_held_is_refused(village: Village) -> None:
    """The proof is by the key itself: no one publishes someone else's."""
    await village.make_account("ada")
    ada = await village.login("ada")
    refused = await ada.ask("POST", "/v1/identity", ada.account_key(by=MALLORY))
    assert (refused.status_code, refused.json()["error"]) == (400, "statement_refused")


async def test_the_same_key_again_changes_nothing(village: Village, notices: list[object]) -> None:
    """A repeated request is not a replacement: no device is revoked, no one is notified."""
    ada = await village.person("ada")
    notices.clear()
    assert (await ada.ask("POST", "/v1/identity", ada.account_key())).status_code == 204
    assert (await ada.ask("POST", "/v1/devices", ada.registration(certified=True))).status_code == 201
    assert notices == []
    assert (await ada.info()).status == "active"


async def test_revoking_ends_the_devices_sessions_at_once(
    village: Village, notices: list[object], audit: ReadableAudit
) -> None:
    """S1: published on the bus, deleted from the store; the device never comes back."""
    laptop = await village.person("ada")
    phone = await village.login("ada", laptop.account)
    await phone.ask("POST", "/v1/devices", phone.registration(certified=True))
    notices.clear()
    assert (await laptop.revoke(phone)).status_code == 204
    assert notices == [SessionsEnded(frozenset({phone.session})), KeysChanged(laptop.user)]
    assert (await phone.ask("GET", "/v1/devices")).status_code == 401
    assert DeliveryEvent.DEVICE_REVOKED in audit.kinds()
    again = await village.login("ada", laptop.account)
    again.key = phone.key
    back = await again.ask("POST", "/v1/devices", again.registration(certified=True))
    assert (back.status_code, back.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "changed",
    [
        {"by": MALLORY},
        {"user": parse_user_name("eve")},
        {"server": "other.example"},
        {"device_key": bytes(MALLORY.verify_key)},
        {"at": Millis(1_800_000_000_000 + DAY)},
    ],
)
async def test_a_forged_revocation_is_refused(village: Village, changed: dict[str, Any]) -> None:
    """Else a stolen session could lock the devices of an account out."""
    laptop = await village.person("ada")
    thief = await village.login("ada", laptop.account)
    refused = await thief.revoke(laptop, **changed)
    assert (refused.status_code, refused.json()["error"]) == (400, "statement_refused")
    assert (await laptop.info()).status == "active"


async def test_a_revocation_is_no_certificate(village: Village) -> None:
    """One statement cannot be replayed as the other."""
    ada = await village.person("ada")
    refused = await ada.ask("POST", f"/v1/devices/{ada.device}/certificate", CertifyDevice(ada.revocation()))
    assert refused.json()["error"] == "statement_refused"


async def test_the_devices_of_others_are_private(village: Village) -> None:
    """Another account's device is not found by its id, whatever is signed."""
    ada, eve = await village.person("ada"), await village.person("eve")
    for answer in (
        await eve.ask("PUT", f"/v1/devices/{ada.device}/key-packages", KeyPackages()),
        await eve.ask("GET", f"/v1/devices/{ada.device}/welcomes"),
        await eve.certify(ada, by=eve.account),
        await eve.revoke(ada, by=eve.account),
    ):
        assert answer.status_code in {400, 403}
    assert (await ada.info()).status == "active"
    assert len((await eve.ask("GET", "/v1/devices")).json()["devices"]) == 1


async def test_only_a_device_itself_uploads_its_key_packages(village: Village) -> None:
    """Another device of the account, or a session without a device, would put in keys of its own."""
    laptop = await village.person("ada")
    phone = await village.login("ada", laptop.account)
    body = KeyPackages((KeyPackageBytes(b"ghost"),))
    for _ in range(2):
        refused = await phone.ask("PUT", f"/v1/devices/{laptop.device}/key-packages", body)
        assert (refused.status_code, refused.json()["error"]) == (403, "no_device")
        await phone.ask("POST", "/v1/devices", phone.registration(certified=True))
    assert (await laptop.info()).packages == 5


@pytest.mark.parametrize("expires", [-1, 0, 91 * DAY])
async def test_key_packages_with_a_strange_end_are_refused(
    village: Village, clock: StoppedClock, expires: int
) -> None:
    """Those that are over are given to no one; those that never end are refused by every client."""
    ada = await village.person("ada")
    body = KeyPackages((KeyPackageBytes(b"x"),), expires=Millis(clock.now() + expires))
    refused = await ada.ask("PUT", f"/v1/devices/{ada.device}/key-packages", body)
    assert (refused.status_code, refused.json()["error"]) == (400, "malformed")


async def test_changes_of_keys_are_limited(
    village: Village, clock: StoppedClock, budgets: DeliveryBudgets
) -> None:
    """R1: each change is an entry of a log that is kept for ever and read by everyone."""
    ada = await village.person("ada")
    spent = 2  # for settling in
    for _ in range(ChatSettings().rates.key_changes_per_hour - spent):
        budgets.change(ada.user)
    package = KeyPackages((KeyPackageBytes(b"x"),))
    for answer in (
        await ada.ask("POST", "/v1/devices", ada.registration()),
        await ada.ask("PUT", f"/v1/devices/{ada.device}/key-packages", package),
        await ada.certify(ada),
    ):
        assert answer.status_code == 429
    clock.pass_seconds(3600)
    assert (await ada.certify(ada)).status_code == 204


async def test_a_thief_does_not_use_up_what_throws_them_out(
    village: Village, budgets: DeliveryBudgets
) -> None:
    """P34: each session has its own count of what ends devices and replaces the account key."""
    ada = await village.person("ada")
    thief = await village.login("ada", ada.account)
    for spend in (lambda: budgets.change(ada.user), lambda: budgets.end(thief.session)):
        with suppress(TooManyAttemptsError):
            while True:
                spend()
    assert (await thief.revoke(ada)).status_code == 429
    assert (await thief.ask("POST", "/v1/identity", ada.account_key())).status_code == 429
    assert (await ada.ask("POST", "/v1/identity", ada.account_key())).status_code == 204
    assert (await ada.revoke(ada)).status_code == 204


async def test_bytes_of_keys_and_commits_are_limited(
    village: Village, clock: StoppedClock, budgets: DeliveryBudgets
) -> None:
    """D26: what the server can't read is bounded in bytes as well, before it is read."""
    ada = await village.person("ada")
    clock.pass_seconds(60)  # what settling in took is back
    with budgets.large_json(ada.user, ChatSettings().rates.commit_bytes_per_hour - 1500):
        pass
    package = KeyPackages((KeyPackageBytes(b"x" * 1000),))  # some 1,400 bytes as JSON
    assert (await ada.ask("PUT", f"/v1/devices/{ada.device}/key-packages", package)).status_code != 429
    assert (await ada.ask("PUT", f"/v1/devices/{ada.device}/key-packages", package)).status_code == 429


async def test_the_key_log_shows_every_change_and_its_head_is_signed(village: Village) -> None:
    """A client computes the head from the entries, and checks the server's signature."""
    laptop = await village.person("ada")
    phone = await village.login("ada", laptop.account)
    await phone.ask("POST", "/v1/devices", phone.registration())
    await laptop.certify(phone)
    await laptop.revoke(phone)
    page = (await laptop.ask("GET", "/v1/key-log")).json()

    read = decode_payload(KeyLogPage, (await laptop.ask("GET", "/v1/key-log")).content)
    kinds = [type(decode_entry(bytes(entry))) for entry in read.entries]
    assert kinds == [AccountEntry, DeviceEntry, DeviceEntry, RevocationEntry]
    tree = Tree()
    for entry in read.entries:
        tree = tree.after(bytes(entry))
    head = Head.of(tree)
    assert (read.server, read.size, read.head) == ("localhost", 4, head.root)
    assert holds(read.key, head.to_be_signed("localhost"), read.signature)
    rest = (await laptop.ask("GET", "/v1/key-log?after=3")).json()
    assert rest["entries"] == page["entries"][3:]
    assert rest["head"] == page["head"]


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1&after=2", "after=1e3", "after=", "after=\u0661"]
)
async def test_a_strange_place_in_the_key_log_is_refused(village: Village, query: str) -> None:
    """One number, in ASCII."""
    ada = await village.person("ada")
    refused = await ada.ask("GET", f"/v1/key-log?{query}")
    assert (refused.status_code, refused.json()["error"]) == (400, "malformed")


@pytest.mark.parametrize("encoded", SMALL_ORDER, ids=lambda key: key.hex()[:8])
def test_a_key_of_small_order_signs_nothing(encoded: bytes) -> None:
    """Under such a key one signature holds for many messages; libsodium refuses it, and so do we."""
    assert not crypto_core_ed25519_is_valid_point(encoded)
    for key in (encoded, encoded[:-1] + bytes([encoded[-1] | 0x80])):
        assert not any(holds(key, bytes([n]), bytes([1]) + bytes(63)) for n in range(64))


def test_a_valid_signature_verifies_and_a_damaged_one_does_not() -> None:
    """As libsodium makes them."""
    signature = MALLORY.sign(b"hello").signature
    key = bytes(MALLORY.verify_key)
    assert holds(key, b"hello", signature)
    for bad in (signature[:-1], signature + b"\0", bytes(64), b""):
        assert not holds(key, b"hello", bad)
    assert not holds(key, b"hellp", signature)
    assert not holds(key[:31], b"hello", signature)
