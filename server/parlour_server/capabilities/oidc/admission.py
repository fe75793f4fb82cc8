"""Who of the provider's people may log in, and by which name: rules over claims that were verified.

A claim is text of strangers: a name goes through the rules of names, and none is ever put into a sentence.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.core.errors import RefusedError

_LONGEST_NAME: Final = 128  # code points; nothing longer is a name, and normalising costs time


def refuse(hint: str) -> RefusedError:
    """Return a refusal with a sentence for the person."""
    return RefusedError(ErrorCode.FORBIDDEN, hint)


def admit(claims: Mapping[str, Any], settings: OidcSettings) -> None:
    """Raise RefusedError unless the person of these claims may log in."""
    if settings.acr and claims.get("acr") not in settings.acr:
        raise refuse("your company did not ask for the second factor that this server needs")
    if not set(settings.amr) <= _texts(claims.get("amr")):
        raise refuse("your company did not ask for the second factor that this server needs")
    if settings.domains and _domain(claims) not in _lower(settings.domains):
        raise refuse("your company account is not of a domain that may log in here")
    if settings.groups and not set(settings.groups) & _texts(claims.get(settings.groups_claim)):
        raise refuse("your company account is in no group that may log in here")


def name_of(claims: Mapping[str, Any], settings: OidcSettings) -> UserName:
    """Return the name for a new account. Raises RefusedError."""
    given = claims.get(settings.name_claim)
    if isinstance(given, str) and len(given) <= _LONGEST_NAME:
        local, _, domain = given.partition("@")
        try:
            return parse_user_name(local if domain.lower() in _lower(settings.domains) else given)
        except NameRefusedError:
            pass
    raise refuse("the name of your company account can't be a name here; ask the operator to link an account")


def _domain(claims: Mapping[str, Any]) -> str:
    """Return the domain of the mail address that the provider has verified, empty without one."""
    mail = claims.get("email")
    if not isinstance(mail, str) or claims.get("email_verified") is not True:
        return ""
    return mail.rpartition("@")[2].lower()


def _lower(domains: Iterable[str]) -> set[str]:
    return {one.lower() for one in domains}


def _texts(claim: object) -> set[str]:
    found = claim if isinstance(claim, list) else [claim]
    return {one for one in found if isinstance(one, str)}
