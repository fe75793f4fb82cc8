"""The section `acme` of the settings."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from msgspec import Meta

from parlour_server.core.addresses import listen_address
from parlour_server.core.config.server_settings import Section, setting
from parlour_server.core.errors import SetupError
from parlour_server.host.config.settings_loader import refuse_names


def _text(reason: str) -> Meta:
    """Describe a text that SIGHUP applies."""
    return Meta(description=reason, extra={"reloads": True})


class AcmeSettings(Section, frozen=True):
    """Certificates of a public CA by ACME (RFC 8555), always for the server's own key."""

    directory: Annotated[
        str, _text("`https://` URL of the CA's ACME directory; empty: the server's own CA signs")
    ] = ""
    terms_agreed: Annotated[Literal["no", "yes"], _text("`yes`: you agree to the CA's terms of service")] = (
        "no"
    )
    contact: Annotated[tuple[str, ...], _text("mail addresses for the account at the CA")] = ()
    names: Annotated[
        tuple[str, ...],
        _text("names of the certificate; empty: those of `listen.names` that are not loopback"),
    ] = ()
    challenge: Annotated[
        Literal["http-01", "dns-01"],
        _text("how the CA checks the names: by `/.well-known/acme-challenge/`, or by `dns_command`"),
    ] = "http-01"
    listen: Annotated[
        tuple[str, ...],
        _text(
            "addresses, mostly `0.0.0.0:80` and `[::]:80`, that answer http-01 without TLS while a"
            " certificate is requested; empty: something else redirects port 80 to this server's HTTPS"
        ),
    ] = ()
    dns_command: Annotated[
        str,
        _text(
            "for dns-01: a program that is run with `add NAME VALUE` and `remove NAME VALUE`, a TXT record"
        ),
    ] = ""
    dns_seconds: Annotated[
        int, setting("seconds", "between `add` and the CA's check of the record", ge=0, le=600, reloads=True)
    ] = 30
    ca_file: Annotated[
        str,
        _text(
            "a file with certificates of the CAs to trust for `directory`, in the data folder or with its"
            " whole path; empty: those of the system"
        ),
    ] = ""
    eab_key_id: Annotated[str, _text("external account binding, if the CA asks for it: the key's id")] = ""
    eab_key_file: Annotated[
        str, _text("a file with its key in base64url, as the CA shows it; where as with `ca_file`")
    ] = ""

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Look at addresses and names."""
        return {
            "directory": self._refuse_plain,
            "names": lambda: refuse_names(self.names),
            "listen": lambda: [listen_address(address) for address in self.listen],
        }

    def _refuse_plain(self) -> None:
        if self.directory and not self.directory.startswith("https://"):
            raise SetupError("write https://…, or leave it empty")
