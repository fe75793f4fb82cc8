"""Checks an ID token (OpenID Connect Core 3.1.3.7): who signed it, for whom, when, and for which login.

Only these algorithms, whatever the token says: `none`, and HMAC with a public key as its secret, are none
of them (RFC 8725). The key is one that the configured issuer publishes; no key in the token is used.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet

from parlour_protocol.kit.ids import Millis
from parlour_server.capabilities.oidc.settings import OidcSettings

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
_MOST_CHARACTERS: Final = 16_384
_MOST_KEYS: Final = 64
_SUBJECT: Final = re.compile(r"[!-~]{1,255}")


class IdTokenError(Exception):
    """The token is not valid here; the text says why, for the operator."""


class UnknownKeyError(IdTokenError):
    """No key has the id that the token names: the provider may have a new one."""


def read_keys(document: Mapping[str, Any]) -> KeySet:
    """Return the keys that can be used; others are left out (RFC 7517, section 5)."""
    found, listed = [], document.get("keys")
    for entry in (listed if isinstance(listed, list) else [])[:_MOST_KEYS]:
        try:
            found.append(JWKRegistry.import_key(entry))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return KeySet(found)


def check_id_token(
    token: str, keys: KeySet, settings: OidcSettings, now: Millis, *, began: int = 0, nonce: str | None = None
) -> Mapping[str, Any]:
    """Return the claims of a token that is valid now. Raises IdTokenError.

    It was issued after the login ``began`` (milliseconds), and if it has a nonce, then the login's.
    """
    if len(token) > _MOST_CHARACTERS:
        raise IdTokenError("it is too large")
    try:
        signed = jwt.decode(token, keys, ALGORITHMS)
        jwt.JWTClaimsRegistry(
            now // 1000,
            settings.clock_skew_seconds,
            iss={"essential": True, "value": settings.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": settings.client_id},
            azp={"value": settings.client_id},
            iat={"essential": True},
            exp={"essential": True},
        ).validate(claims := signed.claims)
    except InvalidKeyIdError:
        raise UnknownKeyError("the provider publishes no key for it") from None
    except ClaimError as error:
        raise IdTokenError(error.description) from None
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise IdTokenError(f"its signature or form is not valid ({type(error).__name__})") from None
    if str(signed.header.get("typ", "JWT")).upper() != "JWT":
        raise IdTokenError("it is not an ID token")
    if nonce is not None and claims.get("nonce", nonce) != nonce:
        raise IdTokenError("it is of another login (nonce)")
    if claims["aud"] not in (settings.client_id, [settings.client_id]):
        raise IdTokenError("it is for several audiences")
    if not _SUBJECT.fullmatch(claims["sub"]):
        raise IdTokenError("its subject is not plain ASCII")
    if claims["iat"] < began // 1000 - settings.clock_skew_seconds:
        raise IdTokenError("it is older than this login")
    return claims
