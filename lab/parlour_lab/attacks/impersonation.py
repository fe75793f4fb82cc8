"""Group T: an impostor who answers in the server's place."""

import asyncio
from pathlib import Path

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import CaFile, Pin, SystemRoots, Trust, Verifier, pin_of
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.impostor import Made, make, recording
from parlour_protocol.kit.api import Login
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret


@attack(
    "Machines in the middle with certificates of their own",
    expects="The client ends each connection before it sends a byte of the login.",
    stage=Stage.NOTHING,
)
def impostors(folder: Path, seen: Evidence) -> bool:
    authority, other = make(ca=True), make(ca=True)
    cases: dict[str, tuple[Made, Trust]] = {
        "self-signed": (make(), CaFile(authority.pem)),
        "self-signed, against the system's roots": (make(), SystemRoots()),
        "of another authority": (make(issuer=other), CaFile(authority.pem)),
        "for another host": (make(issuer=authority, names=("example.org",)), CaFile(authority.pem)),
        "expired": (make(issuer=authority, expired=True), CaFile(authority.pem)),
        "with another key than the pinned one": (make(issuer=authority), Pin("A" * 43)),
    }
    leaks = [asyncio.run(_leaks(folder, how, made, trust, seen)) for how, (made, trust) in cases.items()]
    return not any(leaks)


@attack(
    "A server with another key than the one that the client has pinned",
    expects="The client compares the key before it sends a byte of the login.",
    stage=Stage.NOTHING,
)
def another_key(folder: Path, seen: Evidence) -> bool:
    pin = pin_of(make().der)
    return not asyncio.run(_leaks(folder, f"good, for a key that is not {pin[:8]}…", make(), Pin(pin), seen))


async def _hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take what comes first; that is enough."""
    await reader.read(1)


async def _leaks(folder: Path, how: str, made: Made, trust: Trust, seen: Evidence) -> bool:
    login = Login(username="alice", password=Secret("CANARY-password"), device=parse_device_name("x"))
    refusal = "no error"
    async with recording(made.context(folder), _hang_up) as server:
        seen.sent(f"a client logs in at an impostor whose certificate is {how}")
        try:
            async with asyncio.timeout(5):
                await Api(Verifier(server.address, trust)).log_in(login)
        except (ParlourClientError, TimeoutError) as error:
            refusal = str(error)
    seen.received(bytes(server.data) or "the impostor got no byte")
    seen.observed(refusal)
    return bool(server.data)
