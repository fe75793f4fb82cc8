"""A witness of a real server, over TLS: what it reads and leaves, and what others may not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from parlour_protocol.delivery import CosignedHead, CosignedHeads, KeyLogPage
from parlour_protocol.frames.opaque import Digest, LogEntryBytes, Signature
from parlour_protocol.identity import AccountEntry, Head
from parlour_protocol.identity.cosignatures import Cosignature, WitnessKey, to_be_cosigned
from parlour_protocol.identity.key_log import encode_entry
from parlour_protocol.kit.api import decode_payload, encode_payload
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.payload import Payload
from parlour_server.chat.capabilities.key_log_witnesses.commands import witness
from parlour_server.chat.capabilities.key_log_witnesses.operations import ReadAsWitness, to_be_signed
from parlour_server.chat.delivery.tables.key_log import append_entry
from parlour_server.chat.program import CHAT
from parlour_server.core.signatures import SigningKey, holds, make_signing_key
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.testing.server import World, running

NAME = "witness.example.net"


@dataclass
class Place:
    """A server that knows the key of a witness, whose folder is not made yet."""

    world: World
    folder: Path
    signer: SigningKey

    @property
    def key(self) -> WitnessKey:
        """The witness's public key."""
        return WitnessKey(NAME, self.signer.public)

    @property
    def server(self) -> str:
        """The server's name."""
        return self.world.parts.server

    async def append(self, user: str) -> None:
        """Let someone have an account key."""
        entry = encode_entry(AccountEntry(self.world.parts.clock.now(), parse_user_name(user), bytes(32)))

        def write(db: WriteConnection) -> None:
            append_entry(db, LogEntryBytes(entry))

        await self.world.parts.store.writer.submit(write)

    async def post(self, path: str, body: Payload) -> Any:
        """Call an operation without a session."""
        return await self.world.api("POST", f"/v1/key-log/{path}", json.loads(encode_payload(body)))

    def asking(self, after: int = 0, *, late: int = 0, by: SigningKey | None = None) -> ReadAsWitness:
        """Return a request to read."""
        at = self.world.parts.clock.now() - late
        signed = to_be_signed(self.server, after, at)
        signature = Signature((by or self.signer).sign(signed))
        return ReadAsWitness(self.key.vkey, after, type(self.world.parts.clock.now())(at), signature)

    async def run(self, *words: str) -> Result:
        """Run a command of the witness, in an event loop of its own."""
        return await asyncio.to_thread(CliRunner().invoke, witness, words)

    async def init(self) -> Result:
        """Make the witness."""
        url, ca = f"https://localhost:{self.world.port}", str(self.world.data / "ca.pem")
        return await self.run(
            "init", str(self.folder), "--server", self.server, "--name", NAME, "--url", url, "--ca", ca
        )

    async def handed_out(self) -> CosignedHeads:
        """Return what people's clients get."""
        ada = await self.world.person("ada")
        answer = await self.world.api("GET", "/v1/key-log/cosignatures", bearer=ada.session)
        return decode_payload(CosignedHeads, json.dumps(answer).encode())


def signer_in(folder: Path) -> SigningKey:
    """Make a key."""
    folder.mkdir()
    make_signing_key(folder / "witness.key")
    return SigningKey.load(folder / "witness.key")


@asynccontextmanager
async def place(folder: Path, *, known: bool = True) -> AsyncIterator[Place]:
    """Run the server; ``known``: the settings name the witness."""
    signer = signer_in(folder / "witness")
    given = {"witnesses.keys": [WitnessKey(NAME, signer.public).vkey]} if known else {}
    async with running(CHAT, folder / "data", given=given) as world:
        yield Place(world, folder / "witness", signer)


async def test_a_witness_signs_and_everyone_gets_its_cosignature(tmp_path: Path) -> None:
    """By its commands, as cron runs them: it has no account, and no data folder of a server."""
    async with place(tmp_path) as here:
        made = await here.init()
        assert (made.exit_code, made.output.strip()) == (0, here.key.vkey)
        for number, user in enumerate(("ben", "cat", "dan"), 1):
            await here.append(user)
            ran = await here.run("run", str(here.folder), "--once")
            assert (ran.exit_code, ran.output.partition(":")[0]) == (
                0,
                f"signed the head of {number} entries (1 new)",
            )
        (head,) = (await here.handed_out()).heads
        assert head.size == 3
        shown = await here.post("reads", here.asking())
        page = decode_payload(KeyLogPage, json.dumps(shown).encode())
        assert (page.size, page.head, len(page.entries)) == (3, head.head, 3)
        here.key.read(head.line, Head(3, bytes(head.head)).to_be_signed(here.server), holds)


async def test_a_log_that_was_taken_back_ends_the_command_with_a_status(tmp_path: Path) -> None:
    """Rolled back: 5; unreachable: 4; and what was handed out stays."""
    async with place(tmp_path) as here:
        await here.init()
        await here.append("ben")
        await here.append("cat")
        assert (await here.run("run", str(here.folder), "--once")).exit_code == 0

        def write(db: WriteConnection) -> None:
            db.execute("DELETE FROM key_log WHERE number = 2")

        await here.world.parts.store.writer.submit(write)
        ran = await here.run("run", str(here.folder), "--once")
        assert ran.exit_code == 5
        assert "rolled back" in ran.stderr
        assert [head.size for head in (await here.handed_out()).heads] == [2]
    ran = await here.run("run", str(here.folder), "--once")
    assert ran.exit_code == 4
    assert "can't be reached" in ran.stderr


async def test_only_a_witness_of_the_settings_reads_the_log(tmp_path: Path) -> None:
    """Names of people are in it: no stranger, no other key, no request that is old, or of another server."""
    async with place(tmp_path) as here:
        await here.append("ben")
        stranger = signer_in(tmp_path / "stranger")
        for body in (
            here.asking(by=stranger),
            ReadAsWitness(
                WitnessKey(NAME, stranger.public).vkey, 0, here.asking().at, here.asking().signature
            ),
            ReadAsWitness(here.key.vkey, 1, here.asking().at, here.asking().signature),
        ):
            with pytest.raises(RuntimeError, match=r"403.*unknown_witness"):
                await here.post("reads", body)
        for late in (400_000, -400_000):
            with pytest.raises(RuntimeError, match=r"403.*clocks_differ"):
                await here.post("reads", here.asking(late=late))
        for path in ("/v1/key-log", "/v1/key-log/cosignatures"):
            with pytest.raises(RuntimeError, match="401"):
                await here.world.api("GET", path)


async def test_only_a_witness_of_the_settings_leaves_a_cosignature(tmp_path: Path) -> None:
    """And an older one replaces no newer one: the server can't be made to look as if it had stopped."""
    async with place(tmp_path) as here:
        head = Head(7, bytes(32))

        def cosigned(at: int, by: SigningKey) -> CosignedHead:
            signature = by.sign(to_be_cosigned(head.to_be_signed(here.server), at))
            return CosignedHead(7, Digest(head.root), here.key.line(Cosignature(at, signature)))

        newest = cosigned(2_000, here.signer)
        await here.post("cosignatures", newest)
        await here.post("cosignatures", cosigned(1_000, here.signer))
        for other in (
            cosigned(3_000, signer_in(tmp_path / "stranger")),
            CosignedHead(8, newest.head, newest.line),
        ):
            with pytest.raises(RuntimeError, match=r"403.*unknown_witness"):
                await here.post("cosignatures", other)
        assert (await here.handed_out()).heads == (newest,)


async def test_a_server_without_witnesses_shows_no_one_the_log(tmp_path: Path) -> None:
    """The default: the witness says which setting is missing."""
    async with place(tmp_path, known=False) as here:
        await here.init()
        ran = await here.run("run", str(here.folder), "--once")
        assert ran.exit_code == 4
        assert "its setting witnesses.keys does not have the key of this witness" in ran.stderr
        assert (await here.handed_out()).heads == ()


async def test_a_wrong_setting_or_option_is_told(tmp_path: Path) -> None:
    """A key that is damaged stops the start; a name that can't be in a vkey makes no witness."""
    key = WitnessKey(NAME, signer_in(tmp_path / "witness").public).vkey
    for keys, words in (([key[:-4]], "copy the line"), ([key, key], "same name")):
        with pytest.raises(Exception, match=words):
            async with running(CHAT, tmp_path / "data", given={"witnesses.keys": keys}):
                pass
    for words in (("--name", "my witness"), ("--name", NAME, "--url", "ftp://x")):
        ran = await asyncio.to_thread(
            CliRunner().invoke, witness, ["init", str(tmp_path / "w"), "--server", "chat.example.org", *words]
        )
        assert ran.exception is not None
        assert not (tmp_path / "w").exists()
