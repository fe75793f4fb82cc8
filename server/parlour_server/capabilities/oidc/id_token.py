"""Checks an ID token (OpenID Connect Core 3.1.3.7): who signed it, for whom, when, and for which login.

Only these algorithms, whatever the token says: `none`, and HMAC with a public key as its secret, are none
of them (RFC 8725). The key is one that the configured issuer publishes; no key in the token is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from parlour_protocol.kit.ids import Millis

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
_MOST_CHARACTERS: Final = 16_384
_MOST_KEYS: Final = 64
_SUBJECT: Final = 255
"""Characters of ASCII, as the specification allows."""


class IdTokenError(Exception):
    """The token is not valid here; the text says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must be."""

    issuer: str
    client_id: str
    skew: int
    """In seconds."""
    began: Millis | None = None
    """When the login began; None for one that came with a refresh."""
    nonce: str | None = None


def read_keys(document: Mapping[str, Any]) -> KeySet:
    """Return the public keys for signatures; others, and unknown kinds, are left out."""
    found, listed = [], document.get("keys")
    for entry in (listed if isinstance(listed, list) else [])[:_MOST_KEYS]:
        if (
            not isinstance(entry, dict)
            or entry.get("kty") not in {"RSA", "EC", "OKP"}
            or entry.get("use") == "enc"
        ):
            continue
        public = {
            name: value for name, value in entry.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}
        }
        try:
            found.append(JWKRegistry.import_key(public))
        except (JoseError, ValueError, TypeError):
            continue
    return KeySet(found)


def has_key_for(token: str, keys: KeySet) -> bool:
    """Return whether there is a key with the id that the token names."""
    try:
        named = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError, RecursionError):
        return True  # it will be refused
    return any(key.kid == named for key in keys.keys) or named is None


def check_id_token(token: str, keys: KeySet, expected: Expected, now: Millis) -> Mapping[str, Any]:
    """Return the claims of a token that is valid now. Raises IdTokenError."""
    if len(token) > _MOST_CHARACTERS:
        raise IdTokenError("it is too large")
    try:
        signed = jws.deserialize_compact(token.encode("ascii"), keys, algorithms=ALGORITHMS)
        claims = msgspec.json.decode(signed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise IdTokenError(f"its signature or form is not valid ({type(error).__name__})") from None
    kind = signed.headers().get("typ", "JWT")
    if not isinstance(claims, dict) or not isinstance(kind, str) or kind.upper() != "JWT":
        raise IdTokenError("it is not an ID token")
    _check_parties(claims, expected)
    _check_times(claims, expected, now // 1000)
    if claims.get("nonce") is not None and expected.nonce is not None and claims["nonce"] != expected.nonce:
        raise IdTokenError("it is of another login (nonce)")
    return claims


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise IdTokenError("it is of another issuer")
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if audience != expected.client_id or claims.get("azp", expected.client_id) != expected.client_id:
        raise IdTokenError("it is for another audience, or for several")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT or not _is_plain(subject):
        raise IdTokenError("its subject is missing or not plain ASCII")


def _is_plain(text: str) -> bool:
    return all("!" <= one <= "~" for one in text)


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IdTokenError(f"it has no time {name}")
    return value


def _check_times(claims: Mapping[str, Any], expected: Expected, now: int) -> None:
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    if expires <= now - expected.skew:
        raise IdTokenError("it has expired, or the clocks differ")
    if issued > now + expected.skew:
        raise IdTokenError("it is from the future, or the clocks differ")
    if expected.began is not None and issued < expected.began // 1000 - expected.skew:
        raise IdTokenError("it is older than this login")
