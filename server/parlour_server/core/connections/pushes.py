"""Pushes that clients can read: what another program or a mistake would send disconnects each of them."""

from parlour_protocol.kit.codec import encode, self_check
from parlour_protocol.kit.errors import MalformedFrameError, ProgramError
from parlour_protocol.kit.frames import Push
from parlour_protocol.kit.limits import SERVER_FRAME


def checked_push(push: Push, pushes: frozenset[type[Push]]) -> bytes:
    """Encode a push. Raises ProgramError for what is not one of these, or what clients would not read."""
    if type(push) not in pushes:
        raise stray_push(push)
    try:
        payload = encode(push)
        if len(payload) > SERVER_FRAME.value:
            raise ProgramError(f"{type(push).__name__} has {len(payload)} bytes, more than a client takes")
        self_check(type(push))(payload)
    except (ValueError, MalformedFrameError) as error:
        raise ProgramError(f"clients would not read this {type(push).__name__}: {error}") from error
    return payload


def stray_push(push: object) -> ProgramError:
    """Return the error for a push that is not one of the program's."""
    return ProgramError(
        f"{type(push).__name__} is not one of the program's pushes: add it to those of its Wire"
    )
