"""T2: the conversation with the CA, over real HTTPS, with a CA that is good and with ones that are not."""

import re
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from tests.ports import free_port
from tests.server.capabilities.acme.acme_ca import AcmeCa
from tests.server.host.setup.chains import new_key, pem_of

from parlour_server.capabilities.acme.job import CertificateJob
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificate_chain import CertificateChain

order = pytest.importorskip("parlour_server.capabilities.acme.order")

NAMES = ("chat.example.org", "192.0.2.7")


def signing_request() -> str:
    """Return a request for the names, with a new key."""
    general = [x509.DNSName(NAMES[0]), x509.IPAddress(ip_address(NAMES[1]))]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return made.sign(new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


REQUEST = signing_request()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library not wait between its questions."""
    monkeypatch.setattr("acme.client.time.sleep", lambda _seconds: None)


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[AcmeCa]:
    """Run a CA."""
    found = AcmeCa()
    with found.running(tmp_path / "ca"):
        yield found


@pytest.fixture
def job(ca: AcmeCa, tmp_path: Path) -> CertificateJob:
    """Return a job that the CA does, by http-01 on a listener of its own."""
    port = free_port()
    ca.validate_at = ("127.0.0.1", port)
    (tmp_path / "answers").mkdir()
    return CertificateJob(
        directory=ca.url,
        names=NAMES,
        request=REQUEST,
        account_key=str(tmp_path / "acme.key"),
        contact=("admin@example.org",),
        challenge="http-01",
        answers=str(tmp_path / "answers"),
        listen=(f"127.0.0.1:{port}", "127.0.0.1:0"),
        dns_command="",
        dns_seconds=0,
        ca_file=str(tmp_path / "ca" / "root.pem"),
        eab_key_id="",
        eab_key_file="",
        seconds=20,
    )


def changed(job: CertificateJob, **values: Any) -> CertificateJob:
    """Return the job with other values."""
    return msgspec.structs.replace(job, **values)


def hook(tmp_path: Path, code: str) -> str:
    """Return a DNS hook for `sh`; `$1`, `$2`, `$3` are its words, it starts in the folder `records`."""
    (tmp_path / "records").mkdir(exist_ok=True)
    script = tmp_path / "hook.sh"
    script.write_text(f"cd '{tmp_path / 'records'}'\n{code}\n")
    return f"sh {script}"


def test_a_certificate_by_http_01(ca: AcmeCa, job: CertificateJob, tmp_path: Path) -> None:
    """The CA fetches each name's answer without TLS; afterwards nothing answers any more."""
    chain = CertificateChain.parse(order.obtain(job).encode())
    assert pem_of(*chain.certificates).decode() == ca.orders[0].chain.decode()
    assert [url.partition("/.well")[0] for url in ca.validated] == [
        "http://chat.example.org",
        "http://192.0.2.7",
    ]
    assert list((tmp_path / "answers").iterdir()) == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(ca.validate_at)


def test_the_account_is_private_and_used_again(ca: AcmeCa, job: CertificateJob, tmp_path: Path) -> None:
    """One account, whose key no one else can read; a nonce that is too old is replaced (section 6.5)."""
    order.obtain(job)
    ca.bad_nonces = 1
    order.obtain(job)
    assert ca.bad_nonces == 0
    assert len(ca.accounts) == 1
    assert (tmp_path / "acme.key").stat().st_mode & 0o777 == 0o600


def test_a_certificate_by_dns_01(ca: AcmeCa, job: CertificateJob, tmp_path: Path) -> None:
    """The hook adds a record for each name, and removes it when the CA has looked."""
    ca.txt_records = lambda: {path.name: path.read_text() for path in (tmp_path / "records").iterdir()}
    command = hook(tmp_path, 'yes | head -c 100000; [ $1 = add ] && printf %s "$3" > "$2" || rm "$2"')
    assert order.obtain(changed(job, challenge="dns-01", dns_command=command, listen=()))
    assert ca.validated == ["_acme-challenge.chat.example.org", "_acme-challenge.192.0.2.7"]
    assert list((tmp_path / "records").iterdir()) == []


def test_a_hook_that_fails_ends_the_request_and_cleans_up(
    ca: AcmeCa, job: CertificateJob, tmp_path: Path
) -> None:
    """What it said is in the sentence; `remove` runs for all that was begun."""
    command = hook(
        tmp_path, ': > "$1 $2"; case "$1 $2" in add*192*) printf "no such\\nzone" >&2; exit 1;; esac'
    )
    with pytest.raises(SetupError, match=r"add _acme-challenge\.192.* status 1 \(no such zone\)"):
        order.obtain(changed(job, challenge="dns-01", dns_command=command, listen=()))
    done = {path.name for path in (tmp_path / "records").iterdir()}
    assert {f"remove _acme-challenge.{name}" for name in NAMES} < done
    with pytest.raises(SetupError, match="cannot run none"):
        order.obtain(changed(job, challenge="dns-01", dns_command="/none", listen=()))
    assert ca.validated == []


def test_an_account_bound_to_another(ca: AcmeCa, job: CertificateJob, tmp_path: Path) -> None:
    """RFC 8555 section 7.3.4: some CAs want an account of theirs first, and say so."""
    ca.external_key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
    with pytest.raises(SetupError, match=r"acme\.eab_key_id"):
        order.obtain(job)
    (tmp_path / "eab").write_text(f"{ca.external_key}\n")
    bound = changed(job, eab_key_id="key-1", eab_key_file=str(tmp_path / "eab"))
    assert order.obtain(bound)
    with pytest.raises(SetupError, match=r"acme\.eab_key_file"):
        order.obtain(changed(bound, eab_key_file=str(tmp_path / "none")))


def refusal(job: CertificateJob) -> str:
    """Return why the job fails, as the operator reads it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the library has many kinds
        order.obtain(job)
    return str(caught.value) if isinstance(caught.value, SetupError) else order.why_of(caught.value)


def test_a_ca_that_can_not_reach_the_server_says_so(ca: AcmeCa, job: CertificateJob) -> None:
    """The CA's own words, in one line."""
    ca.validate_at = ("127.0.0.1", free_port())
    said = refusal(job)
    assert "chat.example.org: no answer: ConnectionRefusedError" in said
    assert "\n" not in said


def test_a_ca_whose_https_is_not_trusted_gets_nothing(ca: AcmeCa, job: CertificateJob) -> None:
    """T2: neither the account nor a name, whoever answers in its place."""
    assert "not trusted" in refusal(changed(job, ca_file=""))
    assert not ca.accounts


def test_a_port_that_is_taken_is_a_sentence(job: CertificateJob) -> None:
    """And the capability that port 80 needs."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refusal(changed(job, listen=(f"127.0.0.1:{taken.getsockname()[1]}",)))
    assert said.startswith("acme.listen: cannot listen on 127.0.0.1")
    assert "CAP_NET_BIND_SERVICE" in said


def _endless(path: str, body: Any) -> Any:
    return ({**body, "x": "x" * 400_000}, {}) if "order" in path else (body, {})


def _plain(_path: str, body: Any) -> Any:
    plain = {key: value.replace("https", "http") for key, value in body.items() if key == "newOrder"}
    return {**body, **plain}, {}


def _elsewhere(path: str, body: Any) -> Any:
    return body, {"status": "307", "Location": "/stolen"} if path == "/new-order" else {}


def _another_name(path: str, body: Any) -> Any:
    other = {"identifier": {"type": "dns", "value": "victim.example"}}
    return ({**body, **other}, {}) if "authz" in path else (body, {})


def _evil_token(path: str, body: Any) -> Any:
    evil = [{**one, "token": "A" * 2_000} for one in body.get("challenges", ())]
    return ({**body, "challenges": evil}, {}) if "authz" in path else (body, {})


def _nonsense(path: str, body: Any) -> Any:
    return ({**body, "authorizations": {"a": [None]}}, {}) if "order" in path else (body, {})


def _escapes(path: str, body: Any) -> Any:
    bad = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "\x1b[2J\u202eslow\n" + "y" * 9_000}
    return (bad, {"status": "429"}) if path == "/new-order" else (body, {})


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (_endless, "InvalidHeader"),
        (_plain, "InvalidURL"),
        (_elsewhere, "TooManyRedirects"),
        (_another_name, "a name that was not requested"),
        (_evil_token, "token of an unknown form"),
        (_nonsense, "not understood|could not be used"),
        (_escapes, "slow"),
    ],
)
def test_a_hostile_ca_is_refused(
    ca: AcmeCa, job: CertificateJob, tamper: Any, why: str, tmp_path: Path
) -> None:
    """T2: endless answers, no TLS, redirects, other names, long tokens, nonsense, escapes in sentences."""
    ca.tamper = tamper
    said = refusal(job)
    assert re.search(why, said), said
    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= 400
    assert list((tmp_path / "answers").iterdir()) == []


def test_a_ca_without_the_challenge(ca: AcmeCa, job: CertificateJob) -> None:
    """The sentence names the setting."""
    ca.challenges = ("dns-01",)
    assert refusal(job) == "the CA offers no http-01 for chat.example.org; set acme.challenge"
