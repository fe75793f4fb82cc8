"""A witness signs what extends its last head: no log that was rolled back, forked or falsified."""

import hashlib
import sys
from pathlib import Path

import pytest
from tests.client.core.core_fake import FakeClock
from tests.client.core.e2ee.identity_world import ANA, BEN, SERVER, Service

from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_mls import Secret
from parlour_protocol.delivery import CosignedHead, KeyLogPage
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.identity import AccountEntry
from parlour_protocol.identity.key_log import encode_entry
from parlour_protocol.kit.ids import Millis
from parlour_server.chat.capabilities.key_log_witnesses.exchange import LogServer
from parlour_server.chat.capabilities.key_log_witnesses.following import Following, Outcome
from parlour_server.chat.capabilities.key_log_witnesses.witness_folder import (
    ContradictionError,
    Cosigned,
    UnreachableError,
    Witness,
)
from parlour_server.core.errors import SetupError
from parlour_server.core.signatures import holds

NAME = "witness.example.net/chat"


class Place:
    """A server in memory, and a witness of its log."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.service = Service(self.clock)
        self.service.page = 2
        self.folder = folder / "witness"
        self.witness = Witness.make(self.folder, name=NAME, server=SERVER, url=f"https://{SERVER}", ca="")
        for user in (ANA, BEN):
            self.account(user)

    def account(self, user: str = ANA) -> AccountKey:
        """Append another key of someone's."""
        key = AccountKey.generate()
        self.service.swap_account_key(ANA if user == ANA else BEN, key)
        return key

    async def look(self, service: Service | None = None) -> Cosigned:
        """Follow the log once more, as a process that has just started."""
        self.witness = Witness(self.folder)

        async def read(after: int) -> KeyLogPage:
            return (service or self.service).key_log(after)

        return await self.witness.follow(read, self.clock.now())

    def check(self, cosigned: Cosigned, size: int) -> None:
        """Check that this is a cosignature of the first ``size`` entries."""
        head = self.service.head(size)
        assert (cosigned.head.size, bytes(cosigned.head.head)) == (size, head.root)
        signed = self.witness.key.read(cosigned.head.line, head.to_be_signed(SERVER), holds)
        assert signed.at == self.clock.now() // 1000

    @property
    def published(self) -> Path:
        """The file for web servers."""
        return (
            self.folder / "public" / hashlib.sha256(f"{SERVER}/key-log".encode()).hexdigest() / "checkpoint"
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return the place."""
    return Place(tmp_path)


async def test_it_signs_what_extends_its_last_head(place: Place) -> None:
    """In pages of two, over restarts; the same head again with the time then."""
    place.check(await place.look(), 2)
    for _ in range(5):
        place.account()
    place.clock.advance(60)
    place.check(await place.look(), 7)
    place.clock.advance(60)
    place.check(await place.look(), 7)


async def test_the_published_note_has_both_signatures_and_is_readable(place: Place) -> None:
    """The log's and the witness's, at the path of tlog-witness; the folder's own files stay private."""
    cosigned = await place.look()
    text, _, lines = place.published.read_text().rpartition("\n\n")
    assert f"{text}\n".encode() == place.service.head().to_be_signed(SERVER)
    log, witness = lines.splitlines()
    assert log.startswith(f"\N{EM DASH} {SERVER}/key-log ")
    assert witness == cosigned.head.line
    modes = {path.name: path.stat().st_mode & 0o777 for path in place.folder.rglob("*")}
    assert modes["checkpoint"] == 0o644
    assert (modes["witness.key"], modes["witness.json"], modes["public"]) == (0o600, 0o600, 0o755)


async def refused(place: Place, words: str, service: Service | None = None) -> None:
    """Check that nothing is signed, now and the next time, and that it is said why."""
    before = place.published.read_bytes()
    for _ in range(2):
        with pytest.raises(ContradictionError, match=words):
            await place.look(service)
    assert place.published.read_bytes() == before


async def test_a_log_that_was_rolled_back_is_refused(place: Place) -> None:
    """The evidence is kept; once the log goes on from where it was, it is signed again."""
    await place.look()
    entry = place.service.entries.pop()
    await refused(place, "rolled back: it has 1 entries, and had 2")
    (kept,) = place.folder.glob("contradiction-1-*.note")
    assert kept.read_bytes().startswith(place.service.head().to_be_signed(SERVER))
    place.service.entries.append(entry)
    place.check(await place.look(), 2)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_an_entry_inserted_late_is_refused(place: Place, number: int) -> None:
    """Slipped into what was signed; at the end it is an honest entry."""
    await place.look()
    place.service.insert_late(encode_entry(AccountEntry(Millis(1), BEN, bytes(32))), number)
    if number > 2:
        place.check(await place.look(), 3)
    else:
        await refused(place, "forked: its head does not extend the 2 entries")


async def test_another_log_than_before_is_refused(place: Place) -> None:
    """A fork that is as long, and one that is longer: the witness was shown another one."""
    other = place.service.fork()
    place.account()
    await place.look()
    other.append(AccountEntry(place.clock.now(), BEN, bytes(32)))
    await refused(place, "forked", other)
    other.append(AccountEntry(place.clock.now(), ANA, bytes(32)))
    await refused(place, "forked", other)
    place.check(await place.look(), 3)


async def test_entries_that_are_not_the_signed_ones_are_refused(place: Place) -> None:
    """The head is true, and an entry is another one; or it is held back; or the signature is none."""

    async def read(after: int) -> KeyLogPage:
        page = place.service.key_log(after)
        return KeyLogPage(page.server, page.entries[:wanted], size, page.head, page.signature, page.key)

    wanted, size = 0, 2
    with pytest.raises(ContradictionError, match="holds back"):
        await place.witness.follow(read, place.clock.now())
    wanted, size = 2, 1
    with pytest.raises(ContradictionError, match="signature of its head"):
        await place.witness.follow(read, place.clock.now())
    false = place.service.key_log(0)
    head = place.service.head()

    async def changed(_after: int) -> KeyLogPage:
        entries = (false.entries[1], false.entries[0])
        return KeyLogPage(SERVER, entries, 2, Digest(head.root), false.signature, false.key)

    with pytest.raises(ContradictionError, match="forked"):
        await place.witness.follow(changed, place.clock.now())
    assert not place.published.exists()


async def test_another_key_or_server_is_refused(place: Place) -> None:
    """The log's key is that of the first contact; the name that of `init`."""
    await place.look()
    stranger = Service(place.clock)
    stranger.entries = list(place.service.entries)
    stranger.log_seed = Secret(bytes(32))
    await refused(place, "another key", stranger)
    elsewhere = Service(place.clock, "other.example.org")
    elsewhere.entries = list(place.service.entries)
    await refused(place, "calls itself", elsewhere)


async def test_the_state_is_written_before_a_signature_leaves(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, or a process killed before the head is published, signs nothing else later."""
    await place.look()
    place.account()
    shown = place.service.fork()

    def full(*_: object) -> None:
        raise SetupError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(sys.modules[Witness.__module__], "write_private", full)
        with pytest.raises(SetupError):
            await place.look()
    assert Witness(place.folder).size == 2
    with monkeypatch.context() as patched:
        patched.setattr(Witness, "_publish", full)
        with pytest.raises(SetupError):
            await place.look()
    assert Witness(place.folder).size == 3
    shown.entries[2] = encode_entry(AccountEntry(Millis(5), BEN, bytes(32)))
    await refused(place, "forked", shown)


async def test_faults_of_entries_are_told(place: Place) -> None:
    """The head is signed: it is about the order of the entries, not about whose they are."""
    await place.look()
    place.account()
    place.service.certify(BEN, AccountKey.generate(), b"g" * 32)
    cosigned = await place.look()
    place.check(cosigned, 4)
    assert [(one.number, one.words) for one in cosigned.found] == [
        (3, "the account key of ana was replaced by another one"),
        (4, "a device of ben was added by a key that is not ben's"),
    ]


def test_a_folder_has_one_witness_and_one_process(place: Place) -> None:
    """No second key, and no second signer."""
    with pytest.raises(SetupError, match="already"):
        Witness.make(place.folder, name=NAME, server=SERVER, url="", ca="")
    with place.witness.alone(), pytest.raises(SetupError, match="another process"), place.witness.alone():
        pass
    (place.folder / "witness.json").write_bytes(b"{")
    with pytest.raises(SetupError, match="witness init"):
        Witness(place.folder)


class Asked(LogServer):
    """Answers as the memory's server does, unless it is down."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.witness, place.clock)
        self.place = place
        self.down = False
        self.left: list[int] = []

    async def page(self, after: int) -> KeyLogPage:
        if self.down:
            raise UnreachableError("the server can't be reached: no route")
        return self.place.service.key_log(after)

    async def leave(self, head: CosignedHead) -> None:
        self.left.append(head.size)


async def test_what_is_wrong_is_said_once_with_a_status(place: Place) -> None:
    """Signed; unreachable; frozen after days; grown again; rolled back, which ends it."""
    said: list[str] = []
    asked = Asked(place)
    following = Following(place.witness, asked, place.clock, 86_400_000, said.append, said.append)

    async def next_said(before: Outcome | None) -> tuple[Outcome, list[str]]:
        said.clear()
        return await following.once(before), list(said)

    outcome, words = await next_said(None)
    assert (outcome, words[0][:33]) == (Outcome.SIGNED, "signed the head of 2 entries (2 n")
    assert await next_said(outcome) == (Outcome.SIGNED, [])
    asked.down = True
    outcome, words = await next_said(outcome)
    assert (outcome, words) == (
        Outcome.UNREACHABLE,
        ["nothing signed: the server can't be reached: no route"],
    )
    assert await next_said(outcome) == (Outcome.UNREACHABLE, [])
    asked.down = False
    place.service.freeze()
    place.account()
    place.clock.advance(2 * 86_400)
    outcome, words = await next_said(outcome)
    assert outcome is Outcome.FROZEN
    assert words == ["the log has not grown for 2 days: it may be frozen for this witness"]
    assert await next_said(outcome) == (Outcome.FROZEN, [])
    place.service.frozen = None
    outcome, words = await next_said(outcome)
    assert outcome is Outcome.SIGNED
    place.service.entries.pop()
    outcome, words = await next_said(outcome)
    assert outcome is Outcome.REFUSED
    assert "REFUSED, nothing signed: the log was rolled back" in words[0]
    assert await following.until_refused(1.0) is Outcome.REFUSED
    assert asked.left == [2, 2, 2, 2, 3]
