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
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from joserfc.jwk import KeySet
from msgspec import Meta

from parlour_protocol.kit.ids import Millis
from parlour_server.capabilities.oidc.bodies import Address, AddressWithCode, Code
from parlour_server.capabilities.oidc.fetch import Fetcher, ProviderError
from parlour_server.capabilities.oidc.id_token import (
    IdTokenError,
    UnknownKeyError,
    check_id_token,
    read_keys,
)
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.core.clock import Clock

LONGEST_SECONDS: Final = 600
"""Of a login, whatever the provider allows: the time that someone who sends the code to others has."""
_LONGEST_INTERVAL: Final = 60
_FRESH_SECONDS: Final = 3_600.0
_KEYS_AGAIN_SECONDS: Final = 30.0
"""At least between two looks for a key that no one has heard of."""
_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_Https = Annotated[str, Meta(max_length=1_024, pattern=r"\Ahttps://[!-~]+\Z")]
_Token = Annotated[str, Meta(max_length=8_192, pattern=r"\A[ -~]+\Z")]
_T = TypeVar("_T", bound=msgspec.Struct)


class Discovery(msgspec.Struct, frozen=True):
    """What is used of the discovery document."""

    device_authorization_endpoint: _Https
    token_endpoint: _Https
    jwks_uri: _Https
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Begun(msgspec.Struct, frozen=True):
    """A login that the provider began (RFC 8628, section 3.2)."""

    device_code: _Token
    user_code: Code
    verification_uri: Address
    verification_uri_complete: AddressWithCode | None = None
    expires_in: int = LONGEST_SECONDS
    interval: int = 5

    @property
    def seconds(self) -> int:
        """How long it may take."""
        return max(1, min(self.expires_in, LONGEST_SECONDS))

    @property
    def wait(self) -> int:
        """Seconds between two polls."""
        return max(1, min(self.interval, _LONGEST_INTERVAL))


class Granted(msgspec.Struct, frozen=True):
    """What the token endpoint gives."""

    id_token: str | None = None
    refresh_token: _Token | None = None


class Refused(msgspec.Struct, frozen=True):
    """What it gives in place of tokens."""

    error: Annotated[str, Meta(max_length=64, pattern=r"\A[ -~]*\Z")] = ""


class Grant(msgspec.Struct, frozen=True):
    """What the provider is asked with about one login."""

    device_code: str
    verifier: str
    nonce: str


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
        self._discovery: tuple[Discovery, float] | None = None
        self._keys = KeySet([])
        self._keys_read = float("-inf")

    async def begin(self) -> tuple[Begun, Grant]:
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
        discovery = await self._discovered()
        status, found = await self._post(discovery, discovery.device_authorization_endpoint, form)
        if status >= 400:  # noqa: PLR2004 - HTTP
            raise ProviderError("it gives no code: does the client have device authorization?")
        begun = _as(Begun, found)
        return begun, Grant(begun.device_code, verifier, nonce)

    async def tokens(self, grant: Grant, began: Millis) -> Tokens:
        """Return the tokens of a login that was approved. Raises GrantError, IdTokenError, ProviderError."""
        form = {"grant_type": _GRANT, "device_code": grant.device_code, "code_verifier": grant.verifier}
        found = await self._granted(form)
        if found.id_token is None:
            raise IdTokenError("the provider gives none")
        claims = await self._claims(found.id_token, began, grant.nonce)
        return Tokens(claims, found.refresh_token, hashlib.sha256(found.id_token.encode()).digest())

    async def refresh(self, token: str) -> Tokens:
        """Return new tokens. Raises the same; GrantError(`invalid_grant`) if the account may no more."""
        found = await self._granted({"grant_type": "refresh_token", "refresh_token": token})
        claims = None if found.id_token is None else await self._claims(found.id_token)
        return Tokens(claims, found.refresh_token or token, b"")

    async def _granted(self, form: Mapping[str, str]) -> Granted:
        discovery = await self._discovered()
        status, found = await self._post(discovery, discovery.token_endpoint, form)
        if status >= 400:  # noqa: PLR2004 - HTTP
            raise GrantError(_as(Refused, found).error)
        return _as(Granted, found)

    async def _claims(self, token: str, began: int = 0, nonce: str | None = None) -> Mapping[str, Any]:
        """Check an ID token, with keys that are read again, not too often, if it names one that is new."""
        now = self._clock.monotonic()
        if now < self._keys_read + _FRESH_SECONDS:
            try:
                return self._checked(token, began, nonce)
            except UnknownKeyError:
                if now < self._keys_read + _KEYS_AGAIN_SECONDS:
                    raise
        keys = await self._fetcher.get((await self._discovered()).jwks_uri)
        self._keys, self._keys_read = read_keys(keys), now
        return self._checked(token, began, nonce)

    def _checked(self, token: str, began: int, nonce: str | None) -> Mapping[str, Any]:
        return check_id_token(token, self._keys, self._settings, self._clock.now(), began=began, nonce=nonce)

    async def _post(
        self, discovery: Discovery, url: str, form: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        client, secret = self._settings.client_id, self._secret
        if not secret:
            return await self._fetcher.post(url, {**form, "client_id": client}, {})
        if "client_secret_basic" not in discovery.token_endpoint_auth_methods_supported:
            return await self._fetcher.post(url, {**form, "client_id": client, "client_secret": secret}, {})
        pair = base64.b64encode(f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()).decode()
        return await self._fetcher.post(url, form, {"Authorization": f"Basic {pair}"})

    async def _discovered(self) -> Discovery:
        """Return the discovery document, an hour old at most. Raises ProviderError."""
        if self._discovery is None or self._clock.monotonic() >= self._discovery[1]:
            found = await self._fetcher.get(self._settings.issuer.rstrip("/") + _WELL_KNOWN)
            if found.get("issuer") != self._settings.issuer:
                raise ProviderError("its discovery document is of another issuer than oidc.issuer")
            self._discovery = _as(Discovery, found), self._clock.monotonic() + _FRESH_SECONDS
        return self._discovery[0]


def _as(kind: type[_T], found: Mapping[str, Any]) -> _T:
    """Return an answer of the provider as its specification has it. Raises ProviderError."""
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ProviderError(f"what it answers is none: {error}") from None
