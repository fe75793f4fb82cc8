"""Speaks with the CA: account, order, challenges, certificate (RFC 8555, by the `acme` library).

It runs in a process of its own. What it returns is a text from the CA that nothing has checked.
"""

import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import requests
from acme import challenges, errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from parlour_server.capabilities.acme.answers import HttpAnswers, listening
from parlour_server.capabilities.acme.dns_hook import DnsHook
from parlour_server.capabilities.acme.job import CertificateJob
from parlour_server.capabilities.acme.network import restrict
from parlour_server.core.errors import SetupError
from parlour_server.core.private_file import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT: Final = 20
_AGENT: Final = "parlour"
_LONGEST: Final = 400


def obtain(job: CertificateJob) -> str:
    """Return the chain that the CA issues, in PEM. Raises SetupError, and the library's errors."""
    key = JWKEC(key=_account_key(Path(job.account_key)))
    network = ClientNetwork(key, alg=ES256, user_agent=_AGENT, timeout=_TIMEOUT)
    restrict(network.session, job.ca_file)
    client = ClientV2(ClientV2.get_directory(job.directory, network), network)
    network.account = _account(client, job, key)
    order = client.new_order(job.request.encode())
    deadline = datetime.now() + timedelta(seconds=job.seconds)  # noqa: DTZ005 - as the library counts
    with ExitStack() as stack:
        for challenge in _answer(job, order, key, stack):
            client.answer_challenge(challenge, challenge.chall.response(key))
        order = client.poll_authorizations(order, deadline)
        order = client.finalize_order(order, deadline)
    return str(order.fullchain_pem)


def _account(client: ClientV2, job: CertificateJob, key: JWKEC) -> messages.RegistrationResource:
    """Return the account of the key, which is made if the CA does not know it."""
    binding = None
    if job.eab_key_id:
        binding = messages.ExternalAccountBinding.from_data(
            key.public_key(), job.eab_key_id, _eab_key(job), client.directory
        )
    elif client.external_account_required():
        raise SetupError(
            "the CA requires an account with it (external account binding): get a key id and a key there, and"
            " set acme.eab_key_id and acme.eab_key_file"
        )
    new = messages.NewRegistration.from_data(
        email=",".join(job.contact) or None, terms_of_service_agreed=True, external_account_binding=binding
    )
    try:
        return client.new_account(new)
    except errors.ConflictError as known:
        return messages.RegistrationResource(uri=known.location, body=messages.Registration())


def _answer(
    job: CertificateJob, order: messages.OrderResource, key: JWKEC, stack: ExitStack
) -> list[messages.ChallengeBody]:
    """Put the answers where the CA looks; returns the challenges. ``stack`` takes the answers away again."""
    # The library's fields are descriptors, which pyright takes for methods.
    authorizations = cast("Sequence[messages.AuthorizationResource]", order.authorizations)
    pending = [
        authorization.body
        for authorization in authorizations
        if authorization.body.status != messages.STATUS_VALID
    ]
    for authorization in pending:
        if authorization.identifier.value not in job.names:
            raise SetupError("the CA asks about a name that was not requested")
    chosen = [(authorization, _challenge(authorization, job.challenge)) for authorization in pending]
    if job.challenge == "dns-01":
        hook = DnsHook(job.dns_command, Path(job.answers))
        stack.callback(hook.remove)
        for authorization, challenge in chosen:
            name = challenges.DNS01.LABEL + "." + authorization.identifier.value
            hook.add(name, str(challenge.chall.validation(key)))
        if chosen:
            time.sleep(job.dns_seconds)  # only time can tell when the name servers have the records
    else:
        answers = HttpAnswers(Path(job.answers))
        stack.callback(answers.withdraw)
        for _, challenge in chosen:
            answers.give(str(challenge.chall.encode("token")), str(challenge.chall.validation(key)))
        for address in job.listen if chosen else ():
            stack.enter_context(listening(address, job.names, Path(job.answers)))
    return [challenge for _, challenge in chosen]


def _challenge(authorization: messages.Authorization, kind: str) -> messages.ChallengeBody:
    """Return the challenge of this kind. Raises SetupError."""
    for challenge in cast("Sequence[messages.ChallengeBody]", authorization.challenges):
        if challenge.chall.typ == kind:
            return challenge
    raise SetupError(f"the CA offers no {kind} for {authorization.identifier.value}; set acme.challenge")


def _account_key(path: Path) -> EllipticCurvePrivateKey:
    """Return the account's key, a new one if there is none. Raises SetupError."""
    if not path.exists():
        key = generate_private_key(SECP256R1())
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        found = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SetupError(f"{path} contains no readable key; remove it, and a new account is made") from error
    if not isinstance(found, EllipticCurvePrivateKey):
        raise SetupError(f"{path} is not an ECDSA key; remove it, and a new account is made")
    return found


def _eab_key(job: CertificateJob) -> str:
    try:
        return Path(job.eab_key_file).read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise SetupError(f"acme.eab_key_file: cannot read {job.eab_key_file or 'it: none is set'}") from error


def why_of(error: BaseException) -> str:
    """Return what the CA or the network said, short and printable: it is a stranger's text."""
    kind = type(error).__name__
    if isinstance(error, requests.exceptions.SSLError):
        text = "the certificate of the CA's own web server is not trusted (acme.ca_file names a private CA)"
    elif isinstance(error, requests.exceptions.RequestException):
        text = f"the CA can't be reached, or its answer could not be used ({kind})"
    elif isinstance(error, errors.TimeoutError):
        text = "the CA did not finish in time"
    elif isinstance(error, errors.Error) and str(error):
        text = f"the CA refused: {error}"
    else:
        text = f"the CA's answer was not understood ({kind})"
    shown = "".join(letter if letter.isascii() and letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:_LONGEST]
