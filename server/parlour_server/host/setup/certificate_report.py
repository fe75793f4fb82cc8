"""The report of `cert show` about the server's certificate."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from parlour_server.app.base_app import BaseApp
from parlour_server.core.clock import utc_text
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.host.setup.certificate_chain import lacking_names, names_of
from parlour_server.host.setup.certificate_source import source_of
from parlour_server.host.setup.certificate_state import ends_soon, keeps_key
from parlour_server.host.setup.certificates import is_own, pin_of, read_certificate


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """The facts by name, as JSON has them; times are in UTC."""

    fields: dict[str, Any]
    is_urgent: bool

    @classmethod
    def of(cls, program: BaseApp[Any, Any], folder: DataFolder, settings: Settings) -> Self:
        """Look at the folder. Raises SetupError for a pair that can't be served."""
        TlsFiles(folder.certificate, folder.key)
        leaf, now = read_certificate(folder.certificate), datetime.now(UTC)
        own, source = is_own(folder, leaf), source_of(program.capabilities, folder, settings)
        fields: dict[str, Any] = {
            "names": names_of(leaf),
            "lacks": () if own and not source.renewed_by else tuple(lacking_names(leaf, source.names)),
            "issuer": _printable(leaf.issuer.rfc4514_string()) if not own else "this server's own CA",
            "starts": utc_text(leaf.not_valid_before_utc),
            "ends": utc_text(leaf.not_valid_after_utc),
            "days_left": (leaf.not_valid_after_utc - now).days,
            "pin": pin_of(leaf),
            "keeps_key": keeps_key(folder, leaf),
            "renewed_by": _renewer(folder, source.renewed_by, own=own),
            **source.facts(),
        }
        return cls(fields, is_urgent=ends_soon(leaf, now))

    @property
    def lines(self) -> list[str]:
        """The same for a person."""
        known = self.fields
        left = f"{known['days_left']} days left" if known["days_left"] >= 0 else "it has expired"
        return [
            f"names:   {', '.join(known['names'])}",
            *([f"lacks:   {', '.join(known['lacks'])}"] if known["lacks"] else []),
            f"issuer:  {known['issuer']}",
            f"valid:   {known['starts']} to {known['ends']} ({left})",
            f"pin:     {known['pin']}{'' if known['keeps_key'] else ' (a renewal may change the key)'}",
            f"renewal: {known['renewed_by']}",
            *([f"due:     {known['due']}"] if "due" in known else []),
            *(
                [f"failed:  {known['failures']} in a row; the last: {known['last_failure']}"]
                if known.get("failures")
                else []
            ),
        ]


def _renewer(folder: DataFolder, source: str, *, own: bool) -> str:
    if folder.certificate.is_symlink():
        return f"another program, which writes {folder.certificate.readlink()}"
    return source or ("this server, by its own CA" if own else "another program, by `cert import` or by hand")


def _printable(text: str) -> str:
    """Return a text of the CA's for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]
