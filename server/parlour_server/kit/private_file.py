"""Files that only their owner can read, written whole or not at all (O2)."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from parlour_server.kit.errors import SetupError

_FILE_MODE: Final = 0o600


def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file of mode 0600, whole or not at all. Raises SetupError.

    Without ``replace`` the first of several writers wins; the others get FileExistsError.
    """
    with private_file(path, replace=replace) as out:
        out.write(data)


@contextlib.contextmanager
def private_file(path: Path, *, replace: bool = True, folder: int | None = None) -> Iterator[BinaryIO]:
    """Write a file of mode 0600 piece by piece: it is there, whole, when the block has ended well.

    ``folder`` is the descriptor of the folder that ``path`` starts from. Raises SetupError; FileExistsError
    without ``replace``.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # O_EXCL: a file or link that someone put there is not followed.
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE, dir_fd=folder)
        with os.fdopen(file, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if replace:
            os.replace(beside, path, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.link(beside, path, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        raise
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=folder)
