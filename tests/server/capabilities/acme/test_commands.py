"""`cert request` and `cert renew`, as an operator and a timer call them."""

from tests.e2e.commands import run_here

from parlour_server.capabilities.acme.files import failures_of
from parlour_server.core.data_folder import DataFolder


def test_a_request_says_what_it_lacks(folder: DataFolder) -> None:
    """A CA, its terms, a running server: each is one sentence, and the old certificate stays."""
    before = folder.certificate.read_bytes()
    for setting, why in (
        ("", "acme.directory names no CA"),
        ('directory = "https://127.0.0.1:1/"', "no server is running"),
        ('listen = ["127.0.0.1:0"]', "terms of service"),
        ('terms_agreed = "yes"', "no CA signs names of loopback"),
    ):
        if not setting:
            folder.settings.write_text("[acme]\n")
        folder.settings.write_text(f"{folder.settings.read_text()}{setting}\n")
        for words in ("request", "renew"):
            done = run_here("parlour_server", "cert", words, "--data", str(folder.path))
            assert (done.returncode, done.stdout) == (1, "")
            assert why in done.stderr
            assert done.stderr.count("\n") == 1
    assert folder.certificate.read_bytes() == before
    assert not failures_of(folder).exists()
