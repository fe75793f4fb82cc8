"""Second factors in words, for the command line and the line mode."""

from typing import Final

from parlour_protocol.kit.second_factor import FactorInfo, FactorKind, FactorList

KIND_WORDS: Final = {
    FactorKind.TOTP: "app with codes",
    FactorKind.SECURITY_KEY: "security key",
    FactorKind.RECOVERY_CODE: "recovery code",
}


def factor_line(one: FactorInfo) -> str:
    """Return one factor as a line."""
    return f"{one.name}  {KIND_WORDS[one.kind]}  {one.id}"


def about_factors(listed: FactorList) -> str:
    """Return what the list of factors means."""
    if listed.factors:
        return f"A login asks for one of these. {listed.recovery_codes} recovery codes are left."
    if not listed.addable:
        return "This server doesn't offer second factors."
    return "A login asks for your password only. parlour security add-app makes it ask for a code as well."
