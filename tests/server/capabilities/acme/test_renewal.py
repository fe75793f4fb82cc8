"""When a running server asks the CA: in time, not all at once, and more and more rarely while that fails."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec.structs import replace
from tests.server.capabilities.acme.asking import asking
from tests.server.fakes import StoppedClock
from tests.server.host.setup.chains import TestCa

from parlour_server.capabilities.acme import renewal as module
from parlour_server.capabilities.acme.failures import Failures
from parlour_server.capabilities.acme.files import failures_of
from parlour_server.capabilities.acme.renewal import AcmeRenewal
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.capabilities.acme.source import due_at
from parlour_server.chat.program import CHAT
from parlour_server.core.config.server_settings import Listen, Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificate_chain import CertificateChain
from parlour_server.host.setup.certificate_state import install
from parlour_server.host.setup.certificates import read_certificate

CA = TestCa()
NAME = "chat.example.org"
ACME = AcmeSettings(directory="https://ca.example/directory", terms_agreed="yes")
ASKS = asking(ACME, Listen(names=("localhost", NAME)))


def put(folder: DataFolder, life: timedelta, *names: str) -> None:
    """Install a certificate of the CA for the server's key, which begins now."""
    key: Any = load_pem_private_key(folder.key.read_bytes(), None)
    install(folder, CertificateChain.parse(CA.chain(key.public_key(), names or (NAME,), life=life)))


def failures(folder: DataFolder) -> Failures:
    """Return what the folder has of failed requests."""
    return Failures.read(folder, read_certificate(folder.certificate))


def renewal(folder: DataFolder, days: float, settings: Settings = ASKS) -> AcmeRenewal:
    """Return the renewals of a server so many days later."""
    at = datetime.now(UTC) + timedelta(days=days)
    return AcmeRenewal(folder, settings, StoppedClock(int(at.timestamp() * 1000)), lambda: 0.5)


@pytest.mark.parametrize("life", [90, 6])
def test_it_is_due_with_a_third_of_the_life_left(folder: DataFolder, life: int) -> None:
    """A little earlier, by what the certificate says: servers of one day don't come back together."""
    put(folder, timedelta(days=life))
    assert not renewal(folder, life * 0.62).is_due()
    assert renewal(folder, life * 0.67).is_due()
    due = set()
    for _ in range(8):
        put(folder, timedelta(days=life))
        leaf = read_certificate(folder.certificate)
        assert 1 / 3 <= (leaf.not_valid_after_utc - due_at(leaf)) / timedelta(days=life) <= 11 / 30
        due.add(due_at(leaf))
    assert len(due) > 4


def test_it_is_due_at_once_for_the_own_ca_and_for_a_new_name(folder: DataFolder) -> None:
    """Without a directory nothing is asked, whatever the certificate is."""
    assert renewal(folder, 0).is_due()
    assert not renewal(folder, 0, Settings()).is_due()
    put(folder, timedelta(days=90))
    assert not renewal(folder, 0).is_due()
    more = asking(ACME, Listen(names=(NAME, "second.example.org")))
    assert renewal(folder, 0, more).is_due()
    one = renewal(folder, 0)
    one.use(more)
    assert one.is_due()


def test_a_worker_and_a_link_are_left_alone(folder: DataFolder, tmp_path: Path) -> None:
    """One of several workers renews; what another program keeps is its own."""
    worker = DataFolder(folder.path, CHAT.name, main=folder)
    assert not renewal(worker, 0).is_due()
    folder.certificate.rename(tmp_path / "live.pem")
    folder.certificate.symlink_to(tmp_path / "live.pem")
    assert not renewal(folder, 0).is_due()


async def test_failures_are_spread_and_survive_a_restart(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour, two, four, up to a day, each a fifth more or less; a success forgets them."""

    async def fail(*_args: object) -> None:
        raise SetupError("the CA is down")

    monkeypatch.setattr(module, "request_certificate", fail)
    at, pauses = datetime.now(UTC), []
    for number in range(7):
        clock = StoppedClock(int(at.timestamp() * 1000))
        asking = AcmeRenewal(folder, ASKS, clock, lambda: 0.5)  # as after a restart
        assert asking.is_due()
        with pytest.raises(SetupError, match="the CA is down"):
            await asking.renew()
        assert not asking.is_due()
        assert not AcmeRenewal(folder, ASKS, clock).is_due()
        state = failures(folder)
        assert (state.count, state.why) == (number + 1, "the CA is down")
        again = datetime.fromtimestamp(state.retry_at / 1000, UTC)
        pauses.append(round((again - at).total_seconds() / 3600))
        at = again + timedelta(seconds=1)
    assert pauses == [1, 2, 4, 8, 16, 24, 24]
    first = Failures().failed(at, "", 0.0), Failures().failed(at, "", 1.0)
    assert [one.retry_at // 1000 - int(at.timestamp()) for one in first] == [2880, 4320]
    put(folder, timedelta(days=90))
    assert failures(folder).count == 0


async def test_changed_settings_are_tried_at_once(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, own_logs: list[dict[str, object]]
) -> None:
    """Terms that no one agreed to are no failure of the CA's; SIGHUP with nothing new is no reason to ask."""
    asked: list[Settings] = []

    async def fail(_folder: DataFolder, settings: Settings, _now: datetime) -> None:
        asked.append(settings)
        raise SetupError("the CA is down")

    async def once(_seconds: float) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(module, "request_certificate", fail)
    hasty = asking(AcmeSettings(directory=ACME.directory), ASKS.listen)
    one = renewal(folder, 0, hasty)
    monkeypatch.setattr(StoppedClock, "sleep", staticmethod(once))
    for settings, asks in ((hasty, 0), (ASKS, 1), (ASKS, 1), (hasty, 1), (ASKS, 2)):
        one.use(settings)
        with suppress(asyncio.CancelledError):
            await one.run()
        assert len(asked) == asks
    assert {line["event"] for line in own_logs} == {"certificate_not_renewed"}
    assert len(own_logs) == 4
    assert failures(folder).count == 2


def test_a_pause_of_a_wrong_clock_does_not_count(folder: DataFolder) -> None:
    """A clock that was a year ahead once does not stop renewals for a year."""
    wrong = int((datetime.now(UTC).timestamp() + 365 * 86_400) * 1000)
    replace(failures(folder), count=1, retry_at=wrong).write(folder)
    assert renewal(folder, 0).is_due()
    failures_of(folder).write_bytes(b"damaged")
    assert renewal(folder, 0).is_due()
