"""Security keys at this computer (WebAuthn over USB), by the library `fido2`: the extra `security-keys`.

A key signs only for the name of the server that this client is connected to: another name that a server asks
for is refused here, before the key is used. The calls wait for a touch in a thread.
"""

import asyncio
import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.second_factor import (
    AttestationObject,
    AuthenticatorData,
    ClientData,
    CredentialId,
    FactorChallenge,
    KeyAssertion,
    KeySignature,
    SecurityKeyCredential,
    SecurityKeyOptions,
)
from parlour_protocol.kit.secret import Secret

if TYPE_CHECKING:
    from fido2.client import Fido2Client
    from fido2.ctap import CtapDevice

_T = TypeVar("_T")
_TOUCH: Final = N_("Touch your security key.")
_ALGORITHMS: Final = (-7, -8, -257)
"""ES256, EdDSA, RS256 (COSE)."""


class KeyDialog(Protocol):
    """Things that a key needs from a person."""

    async def password(self, words: str) -> Secret:
        """Ask for a password or the key's PIN, without showing it."""
        ...

    def tell(self, words: str) -> None:
        """Say what to do."""
        ...


class SecurityKeys(Protocol):
    """The security keys at hand: those at this computer, or a test's."""

    def require(self) -> None:
        """Raise SetupError if there can be none."""
        ...

    async def register(
        self, options: SecurityKeyOptions, address: ServerAddress, dialog: KeyDialog
    ) -> SecurityKeyCredential:
        """Make a credential for this server. Raises SetupError."""
        ...

    async def sign(
        self, challenge: FactorChallenge, address: ServerAddress, dialog: KeyDialog
    ) -> KeyAssertion:
        """Sign the challenge of this server. Raises SetupError."""
        ...


class _ChallengeBytes(Opaque):
    """The 32 bytes that a challenge's text encodes."""

    min_bytes = max_bytes = 32


def usb_devices() -> "Sequence[CtapDevice]":
    """Return the keys at this computer."""
    from fido2.hid import CtapHidDevice  # noqa: PLC0415 - an extra, which takes a quarter of a second

    return list(CtapHidDevice.list_devices())


class UsbKeys:
    """The key at this computer; if there are several, the first."""

    def __init__(self, devices: "Callable[[], Sequence[CtapDevice]]" = usb_devices) -> None:
        self._devices = devices

    def require(self) -> None:
        """Raise SetupError without the library."""
        if importlib.util.find_spec("fido2") is None:
            raise SetupError(
                _("Security keys need the library fido2."),
                _("Install the extra {extra}: docs/how-to/install.md").format(extra="security-keys"),
            )

    async def register(
        self, options: SecurityKeyOptions, address: ServerAddress, dialog: KeyDialog
    ) -> SecurityKeyCredential:
        """Make a credential for this server. Raises SetupError."""
        self.require()
        from fido2.webauthn import PublicKeyCredentialCreationOptions  # noqa: PLC0415 - an extra, as above

        asked = PublicKeyCredentialCreationOptions.from_dict(
            {
                "rp": {"id": options.relying_party, "name": options.relying_party},
                "user": {"id": bytes(options.account), "name": "account", "displayName": "account"},
                "challenge": bytes(_ChallengeBytes.parse(options.challenge.reveal())),
                "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
                "excludeCredentials": _described(options.keys),
            }
        )
        dialog.tell(_(_TOUCH))
        made = await self._run(address, dialog, lambda client: client.make_credential(asked))
        return SecurityKeyCredential(
            ClientData(made.response.client_data), AttestationObject(made.response.attestation_object)
        )

    async def sign(
        self, challenge: FactorChallenge, address: ServerAddress, dialog: KeyDialog
    ) -> KeyAssertion:
        """Sign the challenge of this server. Raises SetupError."""
        self.require()
        from fido2.webauthn import PublicKeyCredentialRequestOptions  # noqa: PLC0415 - an extra, as above

        asked = PublicKeyCredentialRequestOptions.from_dict(
            {
                "rpId": challenge.relying_party,
                "challenge": bytes(_ChallengeBytes.parse(challenge.challenge.reveal())),
                "allowCredentials": _described(challenge.keys),
                "userVerification": "discouraged",
            }
        )
        dialog.tell(_(_TOUCH))
        made = await self._run(address, dialog, lambda client: client.get_assertion(asked).get_response(0))
        signed = made.response
        return KeyAssertion(
            CredentialId(made.raw_id),
            ClientData(signed.client_data),
            AuthenticatorData(signed.authenticator_data),
            KeySignature(signed.signature),
        )

    async def _run(
        self, address: ServerAddress, dialog: KeyDialog, work: "Callable[[Fido2Client], _T]"
    ) -> _T:
        """Use the key in a thread, for the server at this address."""
        from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client  # noqa: PLC0415 - as above

        devices = await asyncio.to_thread(self._devices)
        if not devices:
            raise SetupError(_("There is no security key at this computer."), _("Plug it in and try again."))
        collector = DefaultClientDataCollector(f"https://{address.authority}")
        interaction = _interaction(asyncio.get_running_loop(), dialog)
        try:
            client = Fido2Client(devices[0], collector, user_interaction=interaction)
            return await asyncio.to_thread(work, client)
        except ClientError as error:
            raise SetupError(
                _("The security key did not answer for this server."),
                _(
                    "Use the key that you set up here, connect by the server's usual name, and touch it in "
                    "time."
                ),
            ) from error
        except (OSError, ValueError) as error:
            raise SetupError(_("The security key can't be used."), _("Plug it in again.")) from error


def _described(keys: Sequence[CredentialId]) -> list[dict[str, Any]]:
    return [{"type": "public-key", "id": bytes(key)} for key in keys]


def _interaction(loop: asyncio.AbstractEventLoop, dialog: KeyDialog) -> Any:
    """Return how the library asks for a PIN, from its thread."""
    from fido2.client import UserInteraction  # noqa: PLC0415 - an extra, as above

    class Interaction(UserInteraction):
        """Asks by the front end's dialog."""

        def prompt_up(self) -> None:
            loop.call_soon_threadsafe(dialog.tell, _(_TOUCH))

        def request_pin(self, permissions: Any, rp_id: str | None) -> str | None:
            del permissions, rp_id
            asked = asyncio.run_coroutine_threadsafe(dialog.password(_("PIN of the security key")), loop)
            return asked.result().reveal()

    return Interaction()
