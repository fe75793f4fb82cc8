"""L20: hostile files that an operator is given as a backup; the program is run as the operator runs it."""

import io
import resource
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tests.attacks.raw import RunningServer
from tests.e2e import commands

SPARSE: Final = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a backup as the program writes it."""
    server = RunningServer(tmp_path_factory.mktemp("server"))
    server.command("init")
    file = tmp_path_factory.mktemp("backup") / "all.tar"
    server.command("backup", "create", str(file))
    return file.read_bytes()


def restore(folder: Path, backup: bytes) -> tuple[int, str, int]:
    """Restore it; returns the status, what was said, and how many bytes lie in the new folder."""
    file, data = folder / "backup.tar", folder / "again"
    file.write_bytes(backup)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SPARSE // 2, hard))  # no file of the size of the sparse one
    try:
        done = commands.run_here("parlour_server", "backup", "restore", "--data", str(data), str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Traceback" not in done.stderr
    left = sum(path.lstat().st_size for path in data.rglob("*") if not path.is_dir()) if data.exists() else 0
    return done.returncode, done.stderr, left


def header(name: str, size: int, kind: bytes, **fields: str) -> bytes:
    """Return one header."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def old_sparse(good: bytes) -> bytes:
    """Make the database a sparse member: 512 bytes in the archive, 64 MiB on the disk."""
    block = bytearray(header("parlour.db", 512, tarfile.GNUTYPE_SPARSE))
    block[386:398] = b"%011o\0" % (SPARSE - 512)  # where the one piece of data lies
    block[398:410] = b"%011o\0" % 512
    block[483:495] = b"%011o\0" % SPARSE
    return _with_checksum(block) + b"x" * 512 + without_database(good)


def pax_sparse(good: bytes) -> bytes:
    """Say the same in an extended header, as newer archivers do."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("parlour.db")
        info.size = 512
        info.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.size": str(SPARSE),
            "GNU.sparse.map": f"{SPARSE - 512},512",
        }
        tar.addfile(info, io.BytesIO(b"x" * 512))
    archive = whole.getvalue()
    return archive[: archive.index(b"x" * 512) + 512] + without_database(good)


def _with_checksum(block: bytearray) -> bytes:
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


PLAIN: Final = "in it is not a regular file"
LARGE: Final = "in it is too large"

HOSTILE: Final[dict[str, tuple[Callable[[bytes], bytes], str]]] = {
    "an old sparse member": (old_sparse, PLAIN),
    "a sparse member by an extended header": (pax_sparse, PLAIN),
    "an extended header of 8 GiB": (lambda good: header("x", 2**33 - 1, tarfile.XHDTYPE) + good, PLAIN),
    "a long name of 8 GiB": (lambda good: header("x", 2**33 - 1, tarfile.GNUTYPE_LONGNAME) + good, PLAIN),
    "a size of an exabyte": (
        lambda good: header("parlour.db", 2**60, tarfile.REGTYPE) + without_database(good),
        "it was cut off in parlour.db",
    ),
    "a configuration of gigabytes": (
        lambda good: header("parlour.toml", 2**32, tarfile.REGTYPE) + good,
        LARGE,
    ),
    "a link out of the folder": (
        lambda good: header("files", 0, tarfile.SYMTYPE, linkname="/tmp") + good,
        PLAIN,
    ),
    "a hard link to a key": (
        lambda good: header("ca.pem", 0, tarfile.LNKTYPE, linkname="ca.key") + good,
        PLAIN,
    ),
    "a device": (lambda good: header("parlour.db", 0, tarfile.BLKTYPE) + without_database(good), PLAIN),
    "a member twice": (lambda good: good[: 512 + _size(good)] + good, "is in it twice"),
    "a path upwards": (lambda good: header("../outside", 0, tarfile.REGTYPE) + good, "'../outside' is in it"),
    "an absolute path": (
        lambda good: header("/tmp/outside", 0, tarfile.REGTYPE) + good,
        "'/tmp/outside' is in it",
    ),
    "a name with a control": (lambda good: header("\x1b[2J", 0, tarfile.REGTYPE) + good, "is in it"),
}


def without_database(good: bytes) -> bytes:
    """Take the first member away, whose place an attack takes."""
    return good[512 + _size(good) :]


def _size(good: bytes) -> int:
    """Return what the first member takes."""
    size = tarfile.TarInfo.frombuf(good[:512], "ascii", "strict").size
    return -(-size // 512) * 512


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_backup_unpacks_to_nothing(good: bytes, tmp_path: Path, how: str) -> None:
    """Refused by its headers: not a byte of it is unpacked, and what is said has no control in it."""
    attack, words = HOSTILE[how]
    status, said, left = restore(tmp_path, attack(good))
    assert (status, left) == (1, 0), said
    assert words in said
    assert said.strip().isprintable()
    assert not (tmp_path / "outside").exists()


def test_a_good_backup_is_restored(good: bytes, tmp_path: Path) -> None:
    """What the attacks are made of is taken when nothing was done to it."""
    status, said, left = restore(tmp_path, good)
    assert status == 0, said
    assert left > 100_000
