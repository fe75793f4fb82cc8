"""Files over the API: only for members of the room, complete or absent, no paths from outside."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.server.chat.capabilities.file_sharing.files import files
from tests.server.chat.capabilities.file_sharing.over_https.uploads import (
    BYTES,
    DATA,
    on_disk,
    say,
    upload,
    uploaded,
)
from tests.server.chat.delivery.https.api_harness import LAPTOP, Village
from tests.server.fakes import StoppedClock

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Archived, Deleted, Kicked, Muted
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId, new_file_id, new_room_id
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.limits import FILE_BYTES
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore, Incoming
from parlour_server.chat.capabilities.file_sharing.budgets import UploadBudgets
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.capabilities.file_sharing.settings import FileSettings
from parlour_server.chat.capabilities.file_sharing.uploads import Uploads
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import NewRoom
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import RefusedError, UnavailableError


async def never() -> AsyncIterator[bytes]:
    """Fail when a body is read."""
    raise AssertionError("read")
    yield b""


async def test_a_file_is_uploaded_and_downloaded(village: Village, folder: DataFolder) -> None:
    """The same bytes, privately on the disk, with the digest that the server computed."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob, encrypted=False)
    answer = await upload(ada, room)
    stored = answer.json()
    assert answer.status_code == 201
    assert stored["sha256"] == Digest(hashlib.sha256(DATA).digest()).text
    assert stored["size"] == len(DATA)
    [path] = on_disk(folder)
    assert path.name == stored["file"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert files_of(folder).stat().st_mode & 0o777 == 0o700
    for home in (ada, bob):
        got = await home.ask("GET", f"/v1/files/{stored['file']}")
        assert got.content == DATA


async def test_a_download_is_nothing_that_a_browser_shows(village: Village) -> None:
    """No type, no name and no script of the person who uploaded it (stored XSS)."""
    ada = await village.person("ada")
    room = await village.room(ada)
    file = await uploaded(ada, room, b"<script>alert(1)</script>")
    got = await ada.ask("GET", f"/v1/files/{file}")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "no-store"
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["content-length"] == "25"
    head = await ada.ask("HEAD", f"/v1/files/{file}")
    assert (head.status_code, head.content) == (200, b"")


async def test_only_members_of_the_room_get_a_file(village: Village) -> None:
    """A stranger and a removed member get the answer for a file that does not exist."""
    ada, bob, eve = [await village.person(name) for name in ("ada", "bob", "eve")]
    room = await village.room(ada, bob)
    file = await uploaded(ada, room)
    assert (await bob.ask("GET", f"/v1/files/{file}")).status_code == 200
    await village.append(ada, room, Kicked(who=bob.user))
    nothing = await eve.ask("GET", f"/v1/files/{new_file_id()}")
    for stranger in (bob, eve):
        refused = await stranger.ask("GET", f"/v1/files/{file}")
        assert (refused.status_code, refused.content) == (404, nothing.content)


async def test_only_members_who_may_write_upload(
    village: Village, folder: DataFolder, uploads: Uploads
) -> None:
    """Not a stranger, not someone muted, and no one where it is archived, or the other account deleted."""
    ada, bob, eve = [await village.person(name) for name in ("ada", "bob", "eve")]
    room = await village.room(ada, bob)
    await village.append(ada, room, Muted(who=bob.user))
    assert (await upload(eve, room)).json()["error"] == "not_found"
    assert (await upload(bob, room)).json()["error"] == "muted"
    await village.append(ada, room, Archived(on=True))
    refused = await upload(ada, room)
    assert (refused.status_code, refused.json()["error"]) == (403, "archived")
    (session,) = await village.store.sessions.list(ada.user, Millis(0))
    with pytest.raises(RefusedError):
        await uploads.may_upload(session, room, 5)  # before a byte of it is read
    direct = NewRoom(
        new_room_id(),
        RoomKind.DIRECT,
        ada.user,
        None,
        LAPTOP,
        new_request_id(),
        village.clock.now(),
        peer=bob.user,
    )
    await village.store.rooms.create(direct)
    await village.store.accounts.close(ByOperator(bob.user), "unusable", ())
    assert (await upload(ada, direct.room)).json()["error"] == "forbidden"
    assert on_disk(folder) == []


@pytest.mark.parametrize("which", ["files", "commits", "tickets"])
async def test_a_body_that_arrives_after_its_session_ended_does_nothing(
    village: Village, folder: DataFolder, which: str
) -> None:
    """S1: who was logged out can't keep requests open with a body on its way, and finish them later."""
    ada = await village.person("ada")
    room = await village.room(ada)
    paths = {
        "files": f"/v1/rooms/{room}/files",
        "commits": f"/v1/rooms/{room}/commits",
        "tickets": "/v1/tickets",
    }
    begin, end = (b"half", b"half") if which == "files" else (b'{"here":', b"false}")
    kind = BYTES if which == "files" else {"Content-Type": "application/json"}
    size = str(len(begin + end))

    async def body() -> AsyncIterator[bytes]:
        yield begin
        await village.store.sessions.end_all(ByOperator(ada.user))
        yield end

    refused = await ada.ask("POST", paths[which], content=body(), headers={**kind, "Content-Length": size})
    assert (refused.status_code, refused.json()["error"]) == (401, "unauthenticated")
    assert on_disk(folder) == []


@pytest.mark.parametrize(
    "file",
    [
        "../parlour.toml",
        "..%2Fparlour.toml",
        "%2e%2e%2fserver.key",
        "..%5cserver.key",
        "%2Fetc%2Fpasswd",
        "." * 22,
        "A" * 21,
        "A" * 23,
        "A" * 22 + "%00",
        "A" * 22 + "%0a",
        "A" * 22 + ".part",
    ],
)
async def test_path_traversal_finds_nothing(village: Village, folder: DataFolder, file: str) -> None:
    """CWE-22: only ids are looked up."""
    ada = await village.person("ada")
    (files_of(folder) / ("A" * 22)).write_bytes(b"an orphan without a record")
    (files_of(folder) / ("A" * 22 + ".part")).write_bytes(b"half")
    refused = await ada.ask("GET", f"/v1/files/{file}")
    assert refused.status_code == 404
    assert (await ada.ask("GET", f"/v1/files/{'A' * 22}")).status_code == 404


@pytest.mark.parametrize("name", ["../x", "x" * 21, "", "a/b", "x" * 22 + "\n", ".part"])
def test_the_shelf_itself_takes_no_other_names(tmp_path: Path, name: str) -> None:
    """For every caller."""
    with pytest.raises(ValueError, match="not the id"):
        BlobStore(tmp_path).path(FileId(name))


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"Content-Length": str(FILE_BYTES.value + 1)}, 413, "body_too_large"),
        ({"Content-Length": "99999999999999999999"}, 413, "body_too_large"),
        ({"Content-Length": "0"}, 400, "malformed"),
        ({"Content-Type": "text/html"}, 415, "not_bytes"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415, "not_bytes"),
    ],
)
async def test_a_wrong_body_is_refused_from_its_head(
    village: Village, folder: DataFolder, headers: dict[str, str], status: int, error: str
) -> None:
    """K8, K9: before a byte is read or a file is made."""
    ada = await village.person("ada")
    room = await village.room(ada)

    refused = await ada.ask(
        "POST",
        f"/v1/rooms/{room}/files",
        content=never(),
        headers={**BYTES, "Content-Length": "5", **headers},
    )
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert on_disk(folder) == []


@pytest.mark.parametrize("announced", [9, 11])
async def test_another_length_than_announced_leaves_nothing(
    village: Village, folder: DataFolder, store: ChatStore, announced: int
) -> None:
    """Cut off, or longer than declared: no file and no record."""
    ada = await village.person("ada")
    room = await village.room(ada)
    refused = await upload(ada, room, b"0123456789", **{"Content-Length": str(announced)})
    assert refused.status_code == 400
    assert on_disk(folder) == []
    assert await files(store).used(ada.user) == (0, 0)


async def test_more_than_was_announced_is_not_read_to_its_end(village: Village, folder: DataFolder) -> None:
    """The first byte too many ends it: no disk is filled by a length that was a lie."""
    ada = await village.person("ada")
    room = await village.room(ada)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"01234"
        yield b"56789"
        raise AssertionError("read on")

    head = {**BYTES, "Content-Length": "9"}
    refused = await ada.ask("POST", f"/v1/rooms/{room}/files", content=chunks(), headers=head)
    assert refused.status_code == 400
    assert on_disk(folder) == []


async def test_what_is_no_id_is_not_looked_for(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    """CWE-22: the store and the disk never see it."""
    ada = await village.person("ada")

    async def find(*_: object) -> None:
        raise AssertionError("looked for")

    monkeypatch.setattr(Uploads, "find", find)
    for name in ("A" * 21, "A" * 23, "A" * 22 + "%0a", "A" * 22 + ".part", "%2e%2e%2fserver.key"):
        assert (await ada.ask("GET", f"/v1/files/{name}")).status_code == 404


async def test_a_body_without_a_length_is_refused(village: Village) -> None:
    """411: without a declared length the size cannot be limited."""
    ada = await village.person("ada")
    room = await village.room(ada)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    refused = await ada.ask("POST", f"/v1/rooms/{room}/files", content=chunks(), headers=BYTES)
    assert (refused.status_code, refused.json()["error"]) == (411, "needs_length")


async def test_one_person_cannot_fill_the_disk(
    village: Village, uploads: Uploads, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's room is still there."""
    monkeypatch.setattr(uploads, "_settings", FileSettings(user_bytes=1000, total_bytes=1500))
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    assert (await upload(ada, room, bytes(600))).status_code == 201
    refused = await upload(ada, room, bytes(600))
    assert (refused.status_code, refused.json()["error"]) == (507, "no_room")
    assert (await upload(bob, room, bytes(600))).status_code == 201
    assert (await upload(bob, room, bytes(400))).status_code == 507  # all together
    assert len(on_disk(folder)) == 2


@pytest.mark.parametrize("quota", ["user_bytes", "room_bytes", "total_bytes"])
async def test_uploads_at_once_take_no_more_than_the_quota(
    village: Village,
    uploads: Uploads,
    folder: DataFolder,
    store: ChatStore,
    monkeypatch: pytest.MonkeyPatch,
    quota: str,
) -> None:
    """Bytes on their way count before the first of them comes, and not any more when they fail."""
    monkeypatch.setattr(uploads, "_settings", FileSettings(**{quota: 1000}))
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    other = ada if quota == "user_bytes" else bob
    head = {**BYTES, "Content-Length": "600"}
    came, go = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(599)
        came.set()
        await go.wait()

    first = asyncio.ensure_future(ada.ask("POST", f"/v1/rooms/{room}/files", content=slow(), headers=head))
    await came.wait()
    refused = await other.ask("POST", f"/v1/rooms/{room}/files", content=never(), headers=head)
    assert (refused.status_code, refused.json()["error"]) == (507, "no_room")
    assert (await files(store).used(ada.user))[0] == 600
    go.set()
    assert (await first).status_code == 400
    assert await files(store).used(ada.user) == (0, 0)
    assert on_disk(folder) == []
    assert (await upload(other, room, bytes(600))).status_code == 201


async def test_an_upload_that_outlived_its_reservation_is_not_kept(
    village: Village, folder: DataFolder, store: ChatStore, clock: StoppedClock
) -> None:
    """The clock jumped, and its space was given up: someone else may have it by now."""
    ada = await village.person("ada")
    room = await village.room(ada)

    async def slow() -> AsyncIterator[bytes]:
        yield b"half"
        clock.pass_seconds(3600)
        yield b"half"

    refused = await ada.ask(
        "POST", f"/v1/rooms/{room}/files", content=slow(), headers={**BYTES, "Content-Length": "8"}
    )
    assert (refused.status_code, refused.json()["error"]) == (404, "not_found")
    assert "took too long" in refused.json()["message"]
    assert on_disk(folder) == []
    assert await files(store).used(ada.user) == (0, 0)


async def test_an_account_may_have_a_quota_of_its_own(
    village: Village, uploads: Uploads, account_limits: AccountLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than others, or less."""
    monkeypatch.setattr(uploads, "_settings", FileSettings(user_bytes=1000))
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    account_limits.replace([(ada.user, "files.user_bytes", 2000), (bob.user, "files.user_bytes", 500)])
    assert (await upload(ada, room, bytes(1500))).status_code == 201
    assert (await upload(ada, room, bytes(600))).status_code == 507
    assert (await upload(bob, room, bytes(600))).status_code == 507
    assert (await upload(bob, room, bytes(500))).status_code == 201


async def test_uploads_at_once_and_per_hour_are_limited(
    village: Village, budgets: DeliveryBudgets, upload_budgets: UploadBudgets
) -> None:
    """R1: each open upload holds a file and a socket."""
    ada = await village.person("ada")
    room = await village.room(ada)
    settings = FileSettings()
    with ExitStack() as held:
        for _ in range(ChatSettings().files.uploads_per_user):
            held.enter_context(budgets.large_body(ada.user))
        assert (await upload(ada, room, b"x")).status_code == 429
    assert (await upload(ada, room, b"x")).status_code == 201
    for _ in range(settings.uploads_per_hour - 1):
        upload_budgets.upload(ada.user, 1)
    assert (await upload(ada, room, b"x")).status_code == 429


async def test_deleting_a_file_gives_no_upload_back(
    village: Village, upload_budgets: UploadBudgets, store: ChatStore, clock: StoppedClock
) -> None:
    """D26: a tunnel through files that deletes what was fetched gets so many bytes an hour and no more."""
    ada = await village.person("ada")
    room = await village.room(ada, encrypted=False)
    upload_budgets.upload(ada.user, FileSettings().upload_bytes_per_hour - 1500)
    stored = (await upload(ada, room, bytes(1000))).json()
    await say(village, ada, room, stored)
    events, *_ = await store.log.page(room, after=None, before=None, limit=1, max_bytes=9999)
    await village.append(ada, room, Deleted(target=events[0].seq))
    await files(store).forget([FileId(stored["file"])])
    assert (await files(store).used(ada.user))[0] == 0
    refused = await upload(ada, room, bytes(1000))
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_attempts")
    clock.pass_seconds(60)
    assert (await upload(ada, room, bytes(1000))).status_code == 201


async def test_a_file_is_named_only_by_its_sender_in_its_room(village: Village) -> None:
    """No one sends on, under their name, what another uploaded; no one carries it to another room."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob, encrypted=False)
    other = await village.room(ada, bob, name="attic", encrypted=False)
    stored = (await upload(ada, room)).json()
    for author, place, changed in (
        (bob, room, {}),
        (ada, other, {}),
        (ada, room, {"file": new_file_id()}),
        (ada, room, {"size": 5}),
        (ada, room, {"sha256": Digest(bytes(32))}),
    ):
        with pytest.raises(RefusedError) as refused:
            await say(village, author, place, stored, **changed)
        assert refused.value.code in {ErrorCode.NOT_FOUND, ErrorCode.MALFORMED}
    await say(village, ada, room, stored)


@pytest.mark.parametrize("fails", ["gone", "disk"])
async def test_an_upload_that_ends_while_it_is_kept_leaves_neither_record_nor_bytes(
    village: Village,
    folder: DataFolder,
    store: ChatStore,
    monkeypatch: pytest.MonkeyPatch,
    fails: str,
) -> None:
    """The person left, or the disk failed, in between: in an encrypted room it would stay permanently."""
    ada = await village.person("ada")
    room = await village.room(ada)
    recorded, go = asyncio.Event(), asyncio.Event()
    keep = Incoming.keep

    async def wait(self: Incoming) -> None:
        recorded.set()
        await go.wait()
        if fails == "disk":
            raise UnavailableError
        await keep(self)

    monkeypatch.setattr(Incoming, "keep", wait)
    uploading = asyncio.ensure_future(upload(ada, room))
    await recorded.wait()
    assert (await files(store).used(ada.user))[0] == len(DATA)
    if fails == "gone":
        uploading.cancel()
    go.set()
    if fails == "gone":
        with pytest.raises(asyncio.CancelledError):
            await uploading
    else:
        assert (await uploading).status_code == 503
    assert await files(store).used(ada.user) == (0, 0)
    assert on_disk(folder) == []
