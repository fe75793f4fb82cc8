"""What `doctor` and `cert show` say of a server that asks a CA."""

from datetime import UTC, datetime

import pytest
from tests.server.capabilities.acme.asking import asking

from parlour_server.app.finding import Finding
from parlour_server.capabilities.acme.failures import Failures
from parlour_server.capabilities.acme.findings import examine as find
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.chat.program import CHAT
from parlour_server.core.clock import utc_text
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.certificate_report import CertificateReport
from parlour_server.host.setup.certificates import read_certificate

CA = "https://ca.example/directory"
LISTEN = Listen(names=("localhost", "chat.example.org"))
ASKS = asking(AcmeSettings(directory=CA, terms_agreed="yes"), LISTEN)


def examine(folder: DataFolder, acme: AcmeSettings) -> list[Finding]:
    """Return what `doctor` finds."""
    return [*find(folder, asking(acme, LISTEN), None)]


def fail(folder: DataFolder) -> Failures:
    """Note a failed request of the certificate that is in use."""
    failures = Failures.read(folder, read_certificate(folder.certificate))
    failures = failures.failed(datetime.now(UTC), "the CA is down", 0.5)
    failures.write(folder)
    return failures


def test_doctor_says_why_there_is_no_certificate_of_the_ca(folder: DataFolder) -> None:
    """What is missing, or what the CA said last; nothing while no CA is asked."""
    pytest.importorskip("acme")
    assert examine(folder, AcmeSettings()) == []
    assert [*find(folder, None, None)] == []
    [advice] = examine(folder, AcmeSettings(directory=CA))
    assert (advice.level, advice.about) == ("advice", "acme")
    assert "acme.terms_agreed" in advice.text
    agreed = AcmeSettings(directory=CA, terms_agreed="yes")
    assert examine(folder, agreed) == [Finding("fine", "acme", f"certificates come from {CA}")]
    fail(folder)
    assert examine(folder, agreed) == [
        Finding("advice", "acme", "the last request failed (1 in a row): the CA is down")
    ]


def test_the_report_says_when_the_ca_is_asked_again(folder: DataFolder) -> None:
    """Beside who renews, which names are lacking, and why it failed last."""
    found = CertificateReport.of(CHAT, folder, ASKS)
    assert found.fields["lacks"] == ("chat.example.org",)
    assert found.fields["renewed_by"] == f"this server, by ACME from {CA}"
    assert (found.fields["failures"], found.fields["last_failure"]) == (0, "")
    again = datetime.fromtimestamp(fail(folder).retry_at / 1000, UTC)
    failed = CertificateReport.of(CHAT, folder, ASKS)
    assert failed.fields["due"] == utc_text(again)
    assert failed.lines[-1] == "failed:  1 in a row; the last: the CA is down"
    assert "due" not in CertificateReport.of(CHAT, folder, CHAT.settings_type()).fields


def test_a_backup_has_the_key_of_the_account(folder: DataFolder) -> None:
    """Without it the next request makes another account."""
    assert folder.path / "acme.key" in folder.files
