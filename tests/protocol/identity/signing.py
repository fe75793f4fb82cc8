"""Account and device keys for tests, and the check that each side does with its own library."""

from functools import cache

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from parlour_protocol.identity import Certificate, Revocation
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_device_name, parse_user_name

SERVER = "chat.example"
ADA = parse_user_name("ada")
NOW = Millis(1_800_000_000_000)


@cache
def key(name: str) -> SigningKey:
    """Return the key of someone or something; the same name has the same key."""
    return SigningKey(name.encode().ljust(32, b"."))


def public(name: str) -> bytes:
    """Return its public half."""
    return bytes(key(name).verify_key)


def holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Verify with libsodium."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


def certificate(**changed: object) -> Certificate:
    """Return Ada's certificate for her laptop, with some fields changed."""
    fields = {
        "user": ADA,
        "server": SERVER,
        "account_key": public("account"),
        "device_key": public("laptop"),
        "name": parse_device_name("laptop"),
        "created": NOW,
        "expires": Millis(NOW + 86_400_000),
    }
    return Certificate(**{**fields, **changed})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def revocation() -> Revocation:
    """Return Ada's revocation of her laptop."""
    return Revocation(
        user=ADA,
        server=SERVER,
        account_key=public("account"),
        device_key=public("laptop"),
        at=NOW,
    )


def signed(statement: Certificate | Revocation, by: str = "account") -> bytes:
    """Return the statement as it is carried, signed by this key."""
    return statement.signed(key(by).sign(statement.to_be_signed()).signature)
