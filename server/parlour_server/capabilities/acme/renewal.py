"""Renews the certificate by ACME while the server runs, and keeps the old one until that has worked.

It asks when a third of the certificate's life is left, when a name was added, and at once while the server
still has a certificate of its own CA. After a failure it waits for an hour, then for twice as long each time,
up to a day; a restart does not shorten that.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from random import SystemRandom
from typing import Final

from parlour_server.capabilities.acme.failures import Failures
from parlour_server.capabilities.acme.request import refuse_incomplete, request_certificate
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.capabilities.acme.source import due_at, wanted_names
from parlour_server.core.clock import Clock, utc_text
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.output import log, log_fault, warn
from parlour_server.host.setup.certificate_chain import CertificateChain, lacking_names
from parlour_server.host.setup.certificates import is_own, read_certificate

LOOK_SECONDS: Final = 60.0
_QUIET_SECONDS: Final = 1800.0
"""After any failure, also one that can't be written down: less than the shortest pause that is."""
_random: Final = SystemRandom()


class AcmeRenewal:
    """The renewals of one running server; more processes of it take its certificate."""

    def __init__(
        self,
        folder: DataFolder,
        settings: Settings,
        clock: Clock,
        chance: Callable[[], float] = _random.random,
    ) -> None:
        """``chance`` returns 0 to 1, and spreads retries."""
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._quiet_until = float("-inf")
        self._settings_changed = False

    def use(self, settings: Settings) -> None:
        """Use other settings from now on; if they matter here, ask the CA within a minute."""
        old, self._settings = self._settings, settings
        before, now = section(old, AcmeSettings), section(settings, AcmeSettings)
        if (before, wanted_names(old)) != (now, wanted_names(settings)):
            self._settings_changed = True
            self._quiet_until = float("-inf")

    async def run(self) -> None:
        """Renew in time, until cancelled."""
        while True:
            try:
                if self.is_due():
                    chain = await self.renew()
                    log("certificate_renewed", ends=utc_text(chain.leaf.not_valid_after_utc))
            except SetupError as error:
                self._quiet_until = self._clock.monotonic() + _QUIET_SECONDS
                warn("certificate_not_renewed", why=str(error), in_force="the old certificate stays in use")
            except Exception as error:  # noqa: BLE001 - the next one may work
                self._quiet_until = self._clock.monotonic() + _QUIET_SECONDS
                log_fault("renewing the certificate", error)
            await self._clock.sleep(LOOK_SECONDS)

    def is_due(self) -> bool:
        """Return whether to ask the CA now. Raises SetupError."""
        if (
            not section(self._settings, AcmeSettings).directory
            or self._folder.main is not None
            or self._folder.certificate.is_symlink()
            or self._clock.monotonic() < self._quiet_until
        ):
            return False
        leaf, now = read_certificate(self._folder.certificate), self._now()
        return (
            is_own(self._folder, leaf)
            or bool(lacking_names(leaf, wanted_names(self._settings)))
            or now >= due_at(leaf)
        ) and (self._settings_changed or Failures.read(self._folder, leaf).may_retry(now))

    async def renew(self) -> CertificateChain:
        """Ask the CA now; returns the new certificate. Raises SetupError, and the old one stays.

        Settings with which no request can succeed don't count as a failure of the CA's.
        """
        self._settings_changed = False
        refuse_incomplete(self._folder, self._settings)
        try:
            return await request_certificate(self._folder, self._settings, self._now())
        except SetupError as error:
            with suppress(SetupError):  # a full disk, which may be why it failed
                failures = Failures.read(self._folder, read_certificate(self._folder.certificate))
                failures.failed(self._now(), str(error), self._chance()).write(self._folder)
            raise

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now() / 1000, UTC)
