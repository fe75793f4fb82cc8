"""Group P: logins with the company's account, by people whom it did not let in, or does not any more."""

import asyncio
import json
from collections.abc import Coroutine, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from parlour_lab.attack import Evidence, NotTriedError, Stage, attack
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.oidc.admission import admit
from parlour_server.capabilities.oidc.sealing import Sealer
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.capabilities.oidc.store import Identity, Linked, PendingLogin
from parlour_server.core.errors import RefusedError

_ISSUER: Final = "https://login.example.org"
_NOW: Final = Millis(1_900_000_000_000)
_DAY: Final = 86_400
_SETTINGS: Final = OidcSettings(issuer=_ISSUER, client_id="parlour", domains=("example.org",))
_ANNA: Final = Identity(_ISSUER, "248289761001")


def _needs_the_extra() -> None:
    if find_spec("joserfc") is None:
        raise NotTriedError("it needs the extra oidc")


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def _is_refused(claims: Mapping[str, Any], seen: Evidence) -> bool:
    """Check a token with these claims, signed by the key that the server has, in a login of now."""
    _needs_the_extra()
    from joserfc import jws  # noqa: PLC0415 - the extra
    from joserfc.jwk import ECKey, KeySet  # noqa: PLC0415

    from parlour_server.capabilities.oidc.id_token import IdTokenError, check_id_token  # noqa: PLC0415

    key = ECKey.generate_key("P-256", {"kid": "of the provider"}, private=True)
    whole = {"iss": _ISSUER, "aud": "parlour", "sub": _ANNA.subject, "iat": _NOW // 1000, **claims}
    whole.setdefault("exp", _NOW // 1000 + 300)
    header = {"alg": "ES256", "kid": key.kid}
    token = jws.serialize_compact(header, json.dumps(whole).encode(), key)
    seen.sent(f"a signed ID token: {whole}")
    try:
        found = check_id_token(token, KeySet([key]), _SETTINGS, _NOW, began=_NOW)
    except IdTokenError as error:
        seen.received(f"refused: {error}")
        return True
    seen.received(f"accepted for the subject {found['sub']}")
    return False


@attack(
    "A token of another issuer, for a subject that someone here has",
    expects="It is refused: a person is the issuer and the subject.",
    stage=Stage.UNIT,
)
def other_issuer(_folder: Path, seen: Evidence) -> bool:
    return _is_refused({"iss": "https://login.example.net"}, seen)


@attack(
    "A token of a login of yesterday, which is still valid, in a login of today",
    expects="It is refused: it is older than the login.",
    stage=Stage.UNIT,
)
def old_token(_folder: Path, seen: Evidence) -> bool:
    return _is_refused({"iat": _NOW // 1000 - _DAY, "exp": _NOW // 1000 + _DAY}, seen)


@attack(
    "Asking whether a login was approved, with its secret and another key",
    expects="It is unknown, as any other.",
    stage=Stage.UNIT,
)
def other_client(_folder: Path, seen: Evidence) -> bool:
    _needs_the_extra()
    from parlour_server.capabilities.oidc.logins import CompanyLogins  # noqa: PLC0415 - the extra

    waiting = PendingLogin(
        b"", parse_device_name("laptop"), b"k" * 32, "192.0.2.7", _NOW, 5, Millis(_NOW + 1)
    )

    async def claim(_digest: bytes) -> tuple[PendingLogin, bool]:
        return waiting, False

    part = cast("Any", None)
    store = cast("Any", SimpleNamespace(claim=claim))
    logins = CompanyLogins(store, part, part, part, _SETTINGS, part, part)
    seen.sent("the secret of someone's login, and a key of one's own")
    try:
        made = _run(logins.poll(part, part, Secret.random(), b"m" * 32, address="192.0.2.9", presented=None))
    except RefusedError as error:
        seen.received(f"refused: {error.hint}")
        return True
    seen.received(f"ask again in {made} seconds")
    return False


@attack(
    "A mail address of the company that the provider has not verified",
    expects="It counts for nothing.",
    stage=Stage.UNIT,
)
def unverified_mail(_folder: Path, seen: Evidence) -> bool:
    claims = {"email": "ceo@example.org", "email_verified": False}
    seen.sent(claims)
    try:
        admit(claims, _SETTINGS)
    except RefusedError as error:
        seen.received(f"refused: {error.hint}")
        return True
    seen.received("let in")
    return False


@attack(
    "Staying logged in after the company has disabled the account",
    expects="The next check ends every session of the account.",
    stage=Stage.UNIT,
)
def disabled_person(_folder: Path, seen: Evidence) -> bool:
    _needs_the_extra()
    from parlour_server.capabilities.oidc.provider import GrantError  # noqa: PLC0415 - the extra
    from parlour_server.capabilities.oidc.recheck import Recheck  # noqa: PLC0415

    sealer, ended = Sealer(bytes(32)), list[str]()
    sealed = sealer.seal(b"a refresh token", _ANNA.place)
    anna = Linked(parse_user_name("anna"), _ANNA, _NOW, _NOW, sealed)

    async def to_check(_most: int) -> list[Linked]:
        return [anna]

    async def claim_check(_account: Linked, _again: Millis) -> bool:
        return True

    async def end(account: Linked) -> int:
        ended.append(account.user)
        return 1

    async def refresh(_token: str) -> None:
        raise GrantError("invalid_grant")

    store = SimpleNamespace(to_check=to_check, claim_check=claim_check, end=end)
    clock = SimpleNamespace(now=lambda: _NOW)
    audit = SimpleNamespace(record=lambda *_, **__: None)
    parts = (store, SimpleNamespace(refresh=refresh), sealer, _SETTINGS, clock, audit)
    seen.sent("the provider answers invalid_grant")
    _run(Recheck(*cast("Any", parts)).check())
    seen.observed(f"sessions ended: {ended or 'none'}")
    return ended == ["anna"]


@attack(
    "Looking for refresh tokens in a copy of the database",
    expects="They are sealed with a key that is not in it.",
    stage=Stage.UNIT,
)
def stolen_database(_folder: Path, seen: Evidence) -> bool:
    stored = Sealer(bytes(32)).seal(b"a refresh token", _ANNA.place)
    seen.observed(stored)
    return b"refresh" not in stored
