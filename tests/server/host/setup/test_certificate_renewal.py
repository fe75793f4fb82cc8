"""A running server renews its certificate, and takes up what others put into its place."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.server.fakes import StoppedClock
from tests.server.host.setup.chains import TestCa, key_pem, new_key

from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.output import set_up
from parlour_server.core.private_file import write_private
from parlour_server.host.setup.certificate_renewal import LOOK_SECONDS, Renewal
from parlour_server.host.setup.certificates import make_keys, pin_of, read_certificate, renew_if_due

NAMES = ("localhost", "chat.example.org")
CA = TestCa()


@pytest.fixture
def made(tmp_path: Path) -> DataFolder:
    """Return a folder with fresh certificates."""
    folder = CHAT.folder(tmp_path / "data")
    folder.create()
    assert make_keys(folder, had_database=False)
    assert renew_if_due(folder, NAMES)
    return folder


def clock_in(days: float) -> StoppedClock:
    """Return a clock that is so many days ahead."""
    return StoppedClock(int((datetime.now(UTC) + timedelta(days=days)).timestamp() * 1000))


def key_of(folder: DataFolder) -> EllipticCurvePrivateKey:
    """Return the server's key."""
    found = load_pem_private_key(folder.key.read_bytes(), password=None)
    assert isinstance(found, EllipticCurvePrivateKey)
    return found


async def test_a_server_that_runs_renews_and_serves_the_new_certificate(
    made: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2: sixty days later new connections get a new certificate of the same key."""
    clock, looks = clock_in(0), asyncio.Queue[None](1)

    async def sleep(seconds: float) -> None:
        assert seconds == LOOK_SECONDS
        await looks.put(None)

    monkeypatch.setattr(clock, "sleep", sleep)
    renewal = Renewal(made, NAMES, clock)
    before, first = renewal.tls.context, read_certificate(made.certificate)
    running = asyncio.create_task(renewal.run())
    for _ in range(3):
        await looks.get()
    assert renewal.tls.context is before
    clock.pass_seconds(60 * 86_400)
    for _ in range(5):
        await looks.get()
    running.cancel()
    assert renewal.tls.context is not before
    assert read_certificate(made.certificate).serial_number != first.serial_number
    assert pin_of(read_certificate(made.certificate)) == pin_of(first)


def test_a_renewal_that_fails_is_logged_and_tried_again(
    made: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CA key that is not there today does not end the server, nor its renewals."""
    set_up()
    renewal = Renewal(made, NAMES, clock := clock_in(0))
    before = renewal.tls.context
    clock.pass_seconds(60 * 86_400)
    away = made.ca_key.rename(made.path / "away")
    renewal.check()
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert line["event"] == "certificate_not_renewed"
    assert "ca.key" in line["why"]
    away.rename(made.ca_key)
    renewal.check()
    renewal.look()
    renewal.look()
    assert renewal.tls.context is not before


def test_a_pair_that_others_write_is_loaded_once_it_is_complete(
    made: DataFolder, own_logs: list[dict[str, object]]
) -> None:
    """New key first, certificate later: the old pair serves until both are there and stay the same."""
    renewal, key = Renewal(made, NAMES, clock_in(0)), new_key()
    before = renewal.tls.context
    write_private(made.key, key_pem(key))
    renewal.look()
    assert not own_logs
    renewal.look()
    assert renewal.tls.context is before
    assert [line["event"] for line in own_logs] == ["certificate_not_loaded"]
    renewal.look()
    assert len(own_logs) == 1  # once for each change
    write_private(made.certificate, CA.chain(key.public_key(), NAMES))
    renewal.look()
    assert renewal.tls.context is before
    renewal.look()
    assert renewal.tls.context is not before
    assert own_logs[-1]["event"] == "certificate_loaded"


def test_a_renewal_behind_a_link_is_noticed(made: DataFolder, tmp_path: Path) -> None:
    """Certbot leaves `live/` as it is and changes what its links lead to."""
    archive, live = tmp_path / "archive", tmp_path / "live"
    archive.mkdir()
    live.mkdir()
    key = key_of(made)
    for number in (1, 2):
        (archive / f"fullchain{number}.pem").write_bytes(CA.chain(key.public_key(), NAMES))
    (live / "fullchain.pem").symlink_to("../archive/fullchain1.pem")
    made.certificate.unlink()
    made.certificate.symlink_to(live / "fullchain.pem")
    renewal = Renewal(made, NAMES, clock_in(0))
    before = renewal.tls.context
    renewal.look()
    renewal.look()
    assert renewal.tls.context is before
    (live / "fullchain.pem").unlink()
    (live / "fullchain.pem").symlink_to("../archive/fullchain2.pem")
    renewal.look()
    renewal.look()
    assert renewal.tls.context is not before


def test_a_certificate_that_no_one_renews_is_in_the_log_each_day(
    made: DataFolder, own_logs: list[dict[str, object]]
) -> None:
    """From fourteen days before its end, or from a sixth of a shorter life."""
    write_private(made.certificate, CA.chain(key_of(made).public_key(), NAMES, life=timedelta(days=90)))
    renewal = Renewal(made, NAMES, clock := clock_in(75))
    assert not own_logs
    clock.pass_seconds(2 * 86_400)
    for _ in range(3):
        renewal.check()
    assert [line["event"] for line in own_logs] == ["certificate_ends"]
    clock.pass_seconds(86_400)
    renewal.check()
    assert len(own_logs) == 2
    own_logs.clear()
    write_private(made.certificate, CA.chain(key_of(made).public_key(), NAMES, life=timedelta(days=6)))
    Renewal(made, NAMES, clock_in(4.5))
    assert not own_logs
    Renewal(made, NAMES, clock_in(5.5))
    assert len(own_logs) == 1


def test_a_worker_takes_the_certificate_of_its_server(made: DataFolder, tmp_path: Path) -> None:
    """One renews; the others copy, and never sign or request one themselves."""
    worker = DataFolder(tmp_path / "2", CHAT.name, main=made)
    worker.create()
    for path in (made.key, made.certificate):
        write_private(worker.path / path.name, path.read_bytes())
    renewal = Renewal(worker, NAMES, clock := clock_in(0))
    before = renewal.tls.context
    assert renew_if_due(made, NAMES, datetime.now(UTC) + timedelta(days=60))
    clock.pass_seconds(60)
    renewal.check()
    renewal.look()
    renewal.look()
    assert worker.certificate.read_bytes() == made.certificate.read_bytes()
    assert renewal.tls.context is not before
