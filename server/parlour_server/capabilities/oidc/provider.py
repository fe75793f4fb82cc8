"""The OpenID provider: its discovery document, device authorization, tokens and keys.

Every address comes from the discovery document of the one issuer that is configured, which must name itself
so: another provider's answer is never used, and no code, token or secret is ever sent to one (mix-up).
Nothing is asked before someone logs in, so a provider that is down keeps no server from starting.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import msgspec
from joserfc.jwk import KeySet

from parlour_protocol.kit.ids import Millis
from parlour_server.capabilities.oidc.fetch import Fetcher, ProviderError
from parlour_server.capabilities.oidc.id_token import (
    Expected,
    IdTokenError,
    check_id_token,
    has_key_for,
    read_keys,
)
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.core.clock import Clock

LONGEST_SECONDS: Final = 600
"""Of a login, whatever the provider allows: the time that someone who sends the code to others has."""
_FRESH_SECONDS: Final = 3_600.0
_KEYS_AGAIN_SECONDS: Final = 30.0
"""At least between two looks for a key that no one has heard of."""
_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class Grant(msgspec.Struct, frozen=True):
    """What the provider is asked with about one login."""

    device_code: str
    verifier: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that the provider began."""

    grant: Grant = field(repr=False)
    code: str
    address: str
    with_code: str
    seconds: int
    interval: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the provider gives; ``claims`` are verified, and absent if a refresh brought no ID token."""

    claims: Mapping[str, Any] | None = field(repr=False)
    refresh: str | None = field(repr=False)
    id_token: bytes = field(repr=False)
    """Its SHA-256."""


class GrantError(Exception):
    """The provider's answer of RFC 8628 or RFC 6749; the text is its code."""


class Provider:
    """The provider of the settings."""

    def __init__(self, settings: OidcSettings, fetcher: Fetcher, secret: str, clock: Clock) -> None:
        """``clock`` is that of the day; ``secret`` is the client's, empty for a public one."""
        self._settings = settings
        self._fetcher = fetcher
        self._secret = secret
        self._clock = clock
        self._document: Mapping[str, Any] = {}
        self._document_until = 0.0
        self._keys = KeySet([])
        self._keys_until = 0.0
        self._keys_again = 0.0

    async def begin(self) -> Begun:
        """Ask for a code. Raises ProviderError."""
        verifier, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        digest = hashlib.sha256(verifier.encode()).digest()
        form = {
            "scope": " ".join(self._settings.scopes),
            "nonce": nonce,
            # RFC 7636; a provider that has it for RFC 8628 binds the code to the verifier, others ignore it
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if self._settings.acr:
            form["acr_values"] = " ".join(self._settings.acr)
        status, found = await self._post("device_authorization_endpoint", form)
        address, whole = _text(found, "verification_uri", 200), _text(found, "verification_uri_complete", 300)
        code, device_code = _text(found, "user_code", 32), _text(found, "device_code", 2_048)
        if status >= 400 or not (address.startswith("https://") and code and device_code):  # noqa: PLR2004 - HTTP
            raise ProviderError("it gives no code: does the client have device authorization?")
        seconds = min(_number(found, "expires_in", LONGEST_SECONDS), LONGEST_SECONDS)
        grant = Grant(device_code, verifier, nonce)
        return Begun(
            grant,
            code,
            address,
            whole if whole.startswith("https://") else "",
            seconds,
            min(_number(found, "interval", 5), 60),
        )

    async def tokens(self, grant: Grant, began: Millis) -> Tokens:
        """Return the tokens of a login that was approved. Raises GrantError, IdTokenError, ProviderError."""
        form = {"grant_type": _GRANT, "device_code": grant.device_code, "code_verifier": grant.verifier}
        found = await self._granted(form)
        token = found.get("id_token")
        if not isinstance(token, str):
            raise IdTokenError("the provider gives none")
        return await self._checked(found, token, self._expected(began, grant.nonce))

    async def refresh(self, token: str) -> Tokens:
        """Return new tokens. Raises the same; GrantError(`invalid_grant`) if the account may no more."""
        found = await self._granted({"grant_type": "refresh_token", "refresh_token": token})
        given = found.get("id_token")
        if not isinstance(given, str):
            return Tokens(None, _refresh(found) or token, b"")
        tokens = await self._checked(found, given, self._expected(None, None))
        return tokens if tokens.refresh else Tokens(tokens.claims, token, tokens.id_token)

    def _expected(self, began: Millis | None, nonce: str | None) -> Expected:
        given = self._settings
        return Expected(given.issuer, given.client_id, given.clock_skew_seconds, began, nonce)

    async def _granted(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        status, found = await self._post("token_endpoint", form)
        if status >= 400:  # noqa: PLR2004 - HTTP
            raise GrantError(_text(found, "error", 64))
        return found

    async def _checked(self, found: Mapping[str, Any], token: str, expected: Expected) -> Tokens:
        keys = await self._keys_for(token)
        claims = check_id_token(token, keys, expected, self._clock.now())
        return Tokens(claims, _refresh(found), hashlib.sha256(token.encode()).digest())

    async def _keys_for(self, token: str) -> KeySet:
        """Return the provider's keys; read them again, not too often, if none has the token's key id."""
        now = self._clock.monotonic()
        is_known = now < self._keys_until and has_key_for(token, self._keys)
        if not is_known and now >= self._keys_again:
            self._keys_again = now + _KEYS_AGAIN_SECONDS
            self._keys = read_keys(await self._fetcher.get(await self._endpoint("jwks_uri")))
            self._keys_until = now + _FRESH_SECONDS
        return self._keys

    async def _post(self, name: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        url = await self._endpoint(name)
        client, secret = self._settings.client_id, self._secret
        methods = self._document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if not secret:
            return await self._fetcher.post(url, {**form, "client_id": client}, {})
        if "client_secret_basic" not in methods:
            return await self._fetcher.post(url, {**form, "client_id": client, "client_secret": secret}, {})
        pair = base64.b64encode(f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()).decode()
        return await self._fetcher.post(url, form, {"Authorization": f"Basic {pair}"})

    async def _endpoint(self, name: str) -> str:
        """Return an address of the provider. Raises ProviderError."""
        if self._clock.monotonic() >= self._document_until:
            found = await self._fetcher.get(self._settings.issuer.rstrip("/") + _WELL_KNOWN)
            if found.get("issuer") != self._settings.issuer:
                raise ProviderError("its discovery document is of another issuer than oidc.issuer")
            self._document, self._document_until = found, self._clock.monotonic() + _FRESH_SECONDS
        address = _text(self._document, name, 1_024)
        if not address.startswith("https://"):
            raise ProviderError(f"its discovery document has no {name} with https")
        return address


def _text(found: Mapping[str, Any], name: str, most: int) -> str:
    """Return a text of printable ASCII, which addresses, codes and tokens are; empty for anything else."""
    value = found.get(name)
    if isinstance(value, str) and len(value) <= most and value.isascii() and value.isprintable():
        return value
    return ""


def _number(found: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = found.get(name)
    return value if type(value) is int and value > 0 else otherwise


def _refresh(found: Mapping[str, Any]) -> str | None:
    return _text(found, "refresh_token", 8_192) or None
