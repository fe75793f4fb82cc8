"""The section `oidc` of the settings."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from parlour_server.core.addresses import Networks
from parlour_server.core.config.server_settings import Section, setting
from parlour_server.core.errors import SetupError


def _text(reason: str) -> Meta:
    return Meta(description=reason)


class OidcSettings(Section, frozen=True):
    """Logins with the company's account, at one OpenID provider that has device authorization (RFC 8628)."""

    issuer: Annotated[
        str,
        _text(
            "the provider's issuer, exactly as its discovery document has it; empty: no company login. It "
            "needs the extra `oidc`"
        ),
    ] = ""
    client_id: Annotated[str, _text("the id that the provider gave this server")] = ""
    client_secret_file: Annotated[
        str,
        _text(
            "a file with the secret for it, in the data folder or with its whole path; empty: a public client"
        ),
    ] = ""
    scopes: Annotated[
        tuple[str, ...],
        _text("what the provider is asked for; without a refresh token no one is let in"),
    ] = ("openid", "profile", "email", "offline_access")
    everyone: Annotated[
        Literal["no", "yes"],
        _text("`yes`: everyone with an account at the provider may log in; else name `domains` or `groups`"),
    ] = "no"
    domains: Annotated[
        tuple[str, ...],
        _text("only people whose mail address the provider has verified, in one of these domains"),
    ] = ()
    groups: Annotated[tuple[str, ...], _text("only members of one of these groups")] = ()
    groups_claim: Annotated[str, _text("the claim with a person's groups")] = "groups"
    name_claim: Annotated[
        str,
        _text("the claim that becomes the name of a new account; what follows an @ must be in `domains`"),
    ] = "preferred_username"
    acr: Annotated[
        tuple[str, ...],
        _text(
            "the provider must have authenticated by one of these `acr`; then it is the second factor, too"
        ),
    ] = ()
    amr: Annotated[
        tuple[str, ...],
        _text("the provider must have used all of these `amr`, such as `mfa`; the same"),
    ] = ()
    passwords: Annotated[
        Literal["unlinked", "linked", "never"],
        _text(
            "who may log in with a password: accounts that are linked to no company account; those as well; "
            "or no one, and then no invite makes an account"
        ),
    ] = "unlinked"
    check_minutes: Annotated[
        int,
        setting("minutes", "an account that the provider disabled is logged out after this time", le=1440),
    ] = 15
    unchecked_minutes: Annotated[
        int,
        setting("minutes", "the same while the provider does not answer, so that blocking it gains nothing"),
    ] = 240
    clock_skew_seconds: Annotated[
        int, setting("seconds", "the provider's clock may differ by this much", ge=0, le=300)
    ] = 60
    ca_file: Annotated[
        str,
        _text(
            "a file with certificates of the CAs to trust for the provider, where as with "
            "`client_secret_file`; empty: those of the system"
        ),
    ] = ""
    private_networks: Annotated[
        tuple[str, ...],
        _text("addresses or networks in which the provider may be though they are not public: `10.0.0.0/8`"),
    ] = ()

    @property
    def is_strong(self) -> bool:
        """Whether the provider must ask for more than a password."""
        return bool(self.acr or self.amr)

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Look at the issuer, and whether it is said who may log in."""
        return {
            "issuer": self._refuse_issuer,
            "client_id": self._refuse_no_client,
            "everyone": self._refuse_unsaid,
            "private_networks": lambda: Networks("oidc.private_networks", self.private_networks),
        }

    def _refuse_issuer(self) -> None:
        try:
            parts = urlsplit(self.issuer)
            fine = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
            fine = fine and not (parts.query or parts.fragment or "@" in parts.netloc)
        except ValueError:
            fine = False
        if self.issuer and not fine:
            raise SetupError(
                "write https://…, as the provider's discovery document has it, or leave it empty"
            )

    def _refuse_no_client(self) -> None:
        if self.issuer and not self.client_id:
            raise SetupError("write the id that the provider gave this server")

    def _refuse_unsaid(self) -> None:
        if self.issuer and self.everyone == "no" and not (self.domains or self.groups):
            raise SetupError("name oidc.domains or oidc.groups, or write `yes` to let in everyone it knows")
        if self.everyone == "yes" and (self.domains or self.groups):
            raise SetupError("oidc.domains and oidc.groups would mean nothing: write `no`, or leave them out")
