"""The section `witnesses` of the settings."""

from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from parlour_protocol.limits import WITNESSES
from parlour_server.core.config.server_settings import Section
from parlour_server.core.errors import SetupError


class WitnessSettings(Section, frozen=True):
    """Programs elsewhere that follow the key log."""

    keys: Annotated[
        tuple[str, ...],
        Meta(
            description="the public keys of witnesses (`witness init` shows one) that may read the whole key "
            "log, with the names of all accounts and devices; empty: none",
            max_length=WITNESSES.value,
            extra={"reloads": True},
        ),
    ] = ()

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Return what raises SetupError for a key that is none."""
        return {"keys": lambda: _refuse_wrong(self.keys)}


def _refuse_wrong(keys: tuple[str, ...]) -> None:
    from parlour_protocol.identity import StatementError  # noqa: PLC0415 - most servers have none
    from parlour_protocol.identity.cosignatures import WitnessKey  # noqa: PLC0415 - as above

    try:
        names = [WitnessKey.parse(key).name for key in keys]
    except StatementError as error:
        raise SetupError(f"{error}; copy the line that `witness init` shows") from error
    if len(set(names)) < len(names):
        raise SetupError("two witnesses have the same name")
