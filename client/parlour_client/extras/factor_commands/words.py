"""Second factors in words, for the command line and the line mode."""

from typing import Final

from parlour_client.commands.results import Listed
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.second_factor import FactorInfo, FactorKind, FactorList

KIND_WORDS: Final = {
    FactorKind.TOTP: N_("app with codes"),
    FactorKind.SECURITY_KEY: N_("security key"),
    FactorKind.RECOVERY_CODE: N_("recovery code"),
}


def listed(found: FactorList) -> Listed:
    """Return the factors as lines and as fields, and what they mean."""
    fields = [
        {
            "id": factor.id,
            "kind": factor.kind.value,
            "name": factor.name,
            "created": factor.created,
            "last_used": factor.last_used,
        }
        for factor in found.factors
    ]
    return Listed([_line(factor) for factor in found.factors], _about(found), fields)


def _line(factor: FactorInfo) -> str:
    return f"{factor.name}  {_(KIND_WORDS[factor.kind])}  {factor.id}"


def _about(listed: FactorList) -> str:
    if listed.factors:
        return _("A login asks for one of these. {recovery_codes} recovery codes are left.").format(
            recovery_codes=listed.recovery_codes
        )
    if not listed.addable:
        return _("This server doesn't offer second factors.")
    return _("A login asks for your password only. parlour security add-app makes it ask for a code as well.")
