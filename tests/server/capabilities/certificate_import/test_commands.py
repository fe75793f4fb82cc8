"""`cert show` and `cert import`: what an operator and a deploy hook call."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.e2e.commands import Done, run_here
from tests.server.host.setup.chains import TestCa, key_pem, new_key, pem_of

from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.certificates import is_own, pin_of, read_certificate
from parlour_server.host.setup.operator_record import OperatorRecord

NAMES = ("localhost", "127.0.0.1", "::1", "chat.example.org")
CA = TestCa()


def cert(folder: DataFolder, *words: str | Path, stdin: str = "") -> Done:
    """Run `cert …` on the folder."""
    first, *rest = map(str, words)
    return run_here("parlour_server", "cert", first, "--data", str(folder.path), *rest, stdin=stdin)


def shown(folder: DataFolder) -> dict[str, object]:
    """Return what `cert show --json` prints."""
    found: dict[str, object] = json.loads(cert(folder, "show", "--json").stdout)
    return found


def key_of(folder: DataFolder) -> EllipticCurvePrivateKey:
    """Return the server's key."""
    found = load_pem_private_key(folder.key.read_bytes(), password=None)
    assert isinstance(found, EllipticCurvePrivateKey)
    return found


def named(folder: DataFolder, names: Sequence[str] = ("chat.example.org",)) -> None:
    """Give the server public names."""
    folder.settings.write_text(f"[listen]\nnames = {json.dumps([*NAMES[:3], *names])}\n")


def chain_file(tmp_path: Path, data: bytes) -> Path:
    """Return a file with a chain."""
    (tmp_path / "fullchain.pem").write_bytes(data)
    return tmp_path / "fullchain.pem"


def test_the_servers_own_certificate_is_shown(folder: DataFolder) -> None:
    """Names, end, pin, who renews it; the status is 0."""
    leaf = read_certificate(folder.certificate)
    found = shown(folder)
    assert found["names"] == ["localhost", "127.0.0.1", "::1"]
    assert found["pin"] == pin_of(leaf)
    assert found["renewed_by"] == "this server, by its own CA"
    assert 80 < int(str(found["days_left"])) < 90
    text = cert(folder, "show")
    assert text.returncode == 0
    assert f"pin:     {pin_of(leaf)}\n" in text.stdout


def test_a_certificate_for_the_servers_key_is_taken_and_keeps_the_pin(
    folder: DataFolder, tmp_path: Path
) -> None:
    """T2: invite links keep the pin; a second run changes nothing; the operator's action is recorded once."""
    named(folder)
    before = pin_of(read_certificate(folder.certificate))
    pem = CA.chain(key_of(folder).public_key(), ("chat.example.org",))
    done = cert(folder, "import", "--chain", chain_file(tmp_path, b"comment\n" + pem))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("taken: for chat.example.org, until ")
    assert folder.certificate.read_bytes() == pem
    assert folder.certificate.stat().st_mode & 0o777 == 0o600
    assert not is_own(folder, read_certificate(folder.certificate))
    assert shown(folder)["keeps_key"] is True
    link = run_here("parlour_server", "invite", "create", "--data", str(folder.path))
    assert before in link.stdout
    again = cert(folder, "import", "--chain", tmp_path / "fullchain.pem")
    assert again.stdout.startswith("nothing to change")
    assert [one["action"] for one in OperatorRecord(folder.operator_record).waiting()].count(
        "cert import"
    ) == 1


def test_a_certificate_that_does_not_fit_changes_nothing(folder: DataFolder, tmp_path: Path) -> None:
    """T2: another key, a missing name, an ended one: status 1, the reason, and all files as before."""
    named(folder)
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    key = key_of(folder).public_key()
    old = datetime.now(UTC) - timedelta(days=100)
    for pem, why in (
        (CA.chain(new_key().public_key(), ("chat.example.org",)), "another key than server.key"),
        (CA.chain(key, ("b.example.org",)), "not for chat.example.org"),
        (pem_of(CA.sign(key, ("chat.example.org",), starts=old)), "the certificate expires"),
        (b"", "not made of readable certificates"),
    ):
        done = cert(folder, "import", "--chain", chain_file(tmp_path, pem))
        assert done.returncode == 1
        assert why in done.stderr
    assert "cannot read" in cert(folder, "import", "--chain", tmp_path / "none.pem").stderr
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_another_key_is_taken_only_if_that_is_asked_for(folder: DataFolder, tmp_path: Path) -> None:
    """T2: a deploy hook of a program that makes a new key each time fails, and breaks no pin."""
    named(folder)
    key, before = new_key(), folder.key.read_bytes()
    (tmp_path / "privkey.pem").write_bytes(key_pem(key))
    (tmp_path / "privkey.pem").chmod(0o600)
    chain = chain_file(tmp_path, CA.chain(key.public_key(), ("chat.example.org",)))
    words = ("import", "--chain", chain, "--key", tmp_path / "privkey.pem")
    done = cert(folder, *words)
    assert done.returncode == 1
    assert "--reuse-key" in done.stderr
    assert folder.key.read_bytes() == before
    assert cert(folder, *words, "--replace-key").returncode == 0
    assert pin_of(read_certificate(folder.certificate)) == shown(folder)["pin"]
    # from now on it is the server's key: a renewal needs no more words
    renewed = chain_file(tmp_path, CA.chain(key.public_key(), ("chat.example.org",)))
    assert cert(folder, "import", "--chain", renewed).stdout.startswith("taken")
    (tmp_path / "privkey.pem").chmod(0o640)
    assert "may have copied the key" in cert(folder, *words).stderr


def test_a_hook_may_give_everything_on_standard_input(folder: DataFolder) -> None:
    """Root reads certbot's files, the server's user takes them from a pipe."""
    named(folder)
    key = new_key()
    together = key_pem(key) + CA.chain(key.public_key(), ("chat.example.org",))
    words = ("import", "--chain", "-", "--key", "-", "--replace-key", "--json")
    done = cert(folder, *words, stdin=together.decode())
    assert json.loads(done.stdout)["new"] is True
    assert b"PRIVATE" not in folder.certificate.read_bytes()
    assert folder.key.read_bytes() == key_pem(key)


def test_a_linked_certificate_is_left_to_its_program(folder: DataFolder, tmp_path: Path) -> None:
    """What certbot's link leads to is not replaced by a file."""
    named(folder)
    chain = chain_file(tmp_path, CA.chain(key_of(folder).public_key(), ("chat.example.org",)))
    folder.certificate.unlink()
    folder.certificate.symlink_to(chain)
    assert "another program, which writes" in str(shown(folder)["renewed_by"])
    (tmp_path / "new.pem").write_bytes(CA.chain(key_of(folder).public_key(), ("chat.example.org",)))
    done = cert(folder, "import", "--chain", tmp_path / "new.pem")
    assert done.returncode == 1
    assert "is a link to" in done.stderr
    assert folder.certificate.is_symlink()


def test_a_linked_key_is_left_to_its_program(folder: DataFolder, tmp_path: Path) -> None:
    """As a linked certificate is: nothing is written to where the link leads."""
    named(folder)
    folder.key.rename(tmp_path / "kept.key")
    folder.key.symlink_to(tmp_path / "kept.key")
    before = folder.certificate.read_bytes()
    chain = chain_file(tmp_path, CA.chain(key_of(folder).public_key(), ("chat.example.org",)))
    done = cert(folder, "import", "--chain", chain)
    assert done.returncode == 1
    assert "server.key is a link to" in done.stderr
    assert folder.certificate.read_bytes() == before


def test_a_key_that_tls_refuses_is_not_installed(folder: DataFolder, tmp_path: Path) -> None:
    """The server would not start with it."""
    named(folder)
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    file = tmp_path / "weak.key"
    file.write_bytes(weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    chain = chain_file(tmp_path, CA.chain(weak.public_key(), ("chat.example.org",)))
    before = folder.certificate.read_bytes(), folder.key.read_bytes()
    done = cert(folder, "import", "--chain", chain, "--key", file, "--replace-key")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert (folder.certificate.read_bytes(), folder.key.read_bytes()) == before


def test_one_that_ends_soon_fails_the_command(folder: DataFolder, tmp_path: Path) -> None:
    """`cert show` can run from a timer, as `doctor` can."""
    named(folder)
    starts = datetime.now(UTC) - timedelta(days=80)
    pem = pem_of(CA.sign(key_of(folder).public_key(), ("chat.example.org",), starts=starts))
    assert cert(folder, "import", "--chain", chain_file(tmp_path, pem)).returncode == 0
    assert cert(folder, "show").returncode == 1
