"""Second factors in words, for the command line and the line mode."""

from typing import Final

from parlour_client.kit.language import N_, _
from parlour_protocol.kit.second_factor import FactorInfo, FactorKind, FactorList

KIND_WORDS: Final = {
    FactorKind.TOTP: N_("app with codes"),
    FactorKind.SECURITY_KEY: N_("security key"),
    FactorKind.RECOVERY_CODE: N_("recovery code"),
}


def factor_line(factor: FactorInfo) -> str:
    """Return one factor as a line."""
    return f"{factor.name}  {_(KIND_WORDS[factor.kind])}  {factor.id}"


def about_factors(listed: FactorList) -> str:
    """Return what the list of factors means."""
    if listed.factors:
        return _("A login asks for one of these. {recovery_codes} recovery codes are left.").format(
            recovery_codes=listed.recovery_codes
        )
    if not listed.addable:
        return _("This server doesn't offer second factors.")
    return _("A login asks for your password only. parlour security add-app makes it ask for a code as well.")
