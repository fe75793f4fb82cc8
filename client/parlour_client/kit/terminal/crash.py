"""The message after a crash: one sentence of ours. The details go to a private log, without message content.

Textual prints the frames' local variables (passwords, tokens) and the raw exception text (escape sequences)
on the person's normal screen. This replaces that: never a local, a source line or the exception's own text on
the terminal or in the log, because an exception may quote a stranger. The three methods are Textual's private
ones; `tests/client/kit/terminal/test_crash.py` checks that they exist.
"""

import os
import stat
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Final

from rich.segment import Segment
from textual.worker import WorkerFailed

from parlour_client.kit.language import _
from parlour_client.kit.private_files import open_private
from parlour_protocol.kit.text import safe_text

_MAX_LOG: Final = 256 * 1024
"""Bytes: after that the log starts over."""


def crash_report(error: BaseException | None, log: Path, width: int, program: str, note: str) -> Segment:
    """Write the log, and return the text to print instead of a traceback."""
    if isinstance(error, WorkerFailed):  # Textual's wrapper around what a worker raised
        error = error.error
    sentence = crash_sentence(error, write_log(error, log), program, note)
    rows = wrap(sentence, max(20, width - 1), break_on_hyphens=False)  # the printer cuts rows
    return Segment("\n".join(rows) + "\n")


def crash_sentence(error: BaseException | None, log: Path | None, program: str, note: str) -> str:
    """Return the sentence for the person: the kind of error, ``note``, and where the details are."""
    kind = type(error).__name__ if error is not None else _("an error")
    where = (
        _("Details, without any message text, are in {log}.").format(log=log)
        if log
        else _("The details could not be saved.")
    )
    return safe_text(
        " ".join(
            filter(None, (_("{program} crashed ({kind}).").format(program=program, kind=kind), note, where))
        )
    ).plain


def write_log(error: BaseException | None, path: Path) -> Path | None:
    """Append the kinds of the errors and the places in the code; return the file, None if that failed."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with os.fdopen(descriptor, "a", encoding="ascii", errors="backslashreplace") as file:
            if sys.platform != "win32":
                os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)  # it may exist already
            if os.fstat(descriptor).st_size > _MAX_LOG:
                file.truncate(0)
            file.write(
                "\n".join([f"== {datetime.now(UTC).isoformat(timespec='seconds')}", *places(error), ""])
            )
    except OSError:
        return None
    return path


def places(error: BaseException | None) -> list[str]:
    """Return the chain of errors as types and code places: no messages, no locals, no source lines."""
    found: list[str] = []
    while error is not None and len(found) < 200:  # noqa: PLR2004 - a chain can be a ring
        found.append(f"{type(error).__module__}.{type(error).__qualname__}")
        found += [
            f"  {frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
            for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        error = error.__cause__ or error.__context__
    return found
