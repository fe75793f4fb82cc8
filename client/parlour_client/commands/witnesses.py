"""Commands for the witnesses of the server's key log."""

from typing import Annotated

from parlour_client.commands.command import Call, Connect, Kind, Takes, command
from parlour_client.commands.results import Done, WitnessesListed
from parlour_client.kit.language import _


@command("witnesses", cli="witness list", connect=Connect.CAUGHT_UP, json=True, examples=("witness list",))
async def witnesses(call: Call) -> WitnessesListed:
    """List the witnesses of the key log that you want, and what each has signed."""
    wanted = call.client.encryption.witnesses
    await wanted.look()
    return WitnessesListed(await wanted.wanted())


@command(
    ui="witnesses add",
    line="witnesses add",
    cli="witness add",
    connect=Connect.CAUGHT_UP,
    json=True,
    examples=("witness add witness.example.net+0d1f2c3b+BMm8...",),
)
async def add(call: Call, key: Annotated[str, Takes(Kind.WORD, "KEY")]) -> WitnessesListed:
    """Want a witness's signature of the key log: an alarm tells you when it signs another log, or none.

    KEY is the public key of the witness, one line. Get it from the person who runs it, not from this server.
    """
    return WitnessesListed([await call.client.encryption.witnesses.add(key)])


@command(
    ui="witnesses remove",
    line="witnesses remove",
    cli="witness remove",
    connect=Connect.IF_POSSIBLE,
    examples=("witness remove witness.example.net",),
)
async def remove(call: Call, name: Annotated[str, Takes(Kind.WORD, "NAME")]) -> Done:
    """Want a witness's signature no longer."""
    await call.client.encryption.witnesses.remove(name)
    return Done(_("You don't want the signature of {name} any more.").format(name=name))
