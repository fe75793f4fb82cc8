"""What `cert show` says of the server's certificate."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from parlour_server.kit.clock import utc_text
from parlour_server.kit.config.server_settings import Settings
from parlour_server.kit.net.tls_context import TlsFiles
from parlour_server.kit.setup.certificate_chain import lacking_names, names_of, wanted_names
from parlour_server.kit.setup.certificate_state import CertificateState, due_at, ends_soon, keeps_key
from parlour_server.kit.setup.certificates import is_own, pin_of, read_certificate
from parlour_server.kit.setup.data_folder import DataFolder


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """The facts by name, as JSON has them; times are in UTC."""

    fields: dict[str, Any]
    is_urgent: bool

    @classmethod
    def of(cls, folder: DataFolder, settings: Settings) -> "CertificateReport":
        """Look at the folder. Raises SetupError for a pair that can't be served."""
        TlsFiles(folder.certificate, folder.key)
        leaf, state, now = (
            read_certificate(folder.certificate),
            CertificateState.read(folder),
            datetime.now(UTC),
        )
        own, acme = is_own(folder, leaf), settings.acme
        fields: dict[str, Any] = {
            "names": names_of(leaf),
            "lacks": () if own and not acme.directory else tuple(lacking_names(leaf, wanted_names(settings))),
            "issuer": _printable(leaf.issuer.rfc4514_string()) if not own else "this server's own CA",
            "starts": utc_text(leaf.not_valid_before_utc),
            "ends": utc_text(leaf.not_valid_after_utc),
            "days_left": (leaf.not_valid_after_utc - now).days,
            "pin": pin_of(leaf),
            "keeps_key": keeps_key(folder, leaf),
            "renewed_by": _renewer(folder, settings, own=own),
        }
        if acme.directory:
            due = now if own else due_at(leaf)
            retry = datetime.fromtimestamp(state.retry_at / 1000, UTC) if state.failures else due
            fields |= {
                "due": utc_text(max(due, retry)),
                "failures": state.failures,
                "last_failure": state.why,
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


def _renewer(folder: DataFolder, settings: Settings, *, own: bool) -> str:
    if folder.certificate.is_symlink():
        return f"another program, which writes {folder.certificate.readlink()}"
    if settings.acme.directory:
        return f"this server, by ACME from {settings.acme.directory}"
    return "this server, by its own CA" if own else "another program, by `cert import` or by hand"


def _printable(text: str) -> str:
    """Return a text of the CA's for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]
