"""Files in words and paths: what a message's file is called, what was typed as a path, and where files go.

Pure but for looking where the person's downloads are; it opens no file, and a name from the chat is never
made into a path here (``core.attachments`` does that, safely). The screens, the
line mode and the commands use it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _, ngettext

if TYPE_CHECKING:
    from parlour_client.core.settings import Settings
    from parlour_protocol.frames.bodies import FileRef

_UNITS: Final = ("bytes", "kB", "MB", "GB")
_STEP: Final = 1_000
_ROUND_FROM: Final = 100
"""From here on a size has no decimal place."""
PICTURE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def size_words(size: int) -> str:
    """Return a size as a person says it: `12 bytes`, `3.4 MB`, `310 kB`."""
    amount, unit = float(size), 0
    while round(amount) >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    if unit == 0:
        return ngettext("{size} bytes", "{size} bytes", size).format(size=size)
    return f"{amount:.{0 if amount >= _ROUND_FROM else 1}f} {_UNITS[unit]}"


def facts_of(file: "FileRef") -> str:
    """Return type and size: our words, since a type has a pattern and a size is a number."""
    return f"{file.media_type}, {size_words(file.size)}"


def is_picture(file: "FileRef") -> bool:
    """Say whether a file claims to be a picture of a kind that has previews."""
    return file.media_type in PICTURE_TYPES


def downloads_folder(settings: "Settings") -> Path:
    """Return the folder where files are saved. Raises SetupError if that is not a folder."""
    if settings.downloads:
        folder = Path(settings.downloads).expanduser()
        if not folder.is_dir():
            raise SetupError(
                _("{folder} is not a folder.").format(folder=folder),
                _("Make it, or change the setting downloads."),
            )
        return folder
    usual = Path.home() / "Downloads"
    return usual if usual.is_dir() else Path.home()


def typed_path(rest: str) -> tuple[Path, str]:
    r"""Read `PATH [CAPTION]`; a space in a path is written `\ `, or the path in quotation marks.

    Raises SetupError.
    """
    text = rest.strip()
    if not text:
        raise SetupError(_("Write /file and the path of a file; Tab completes it."))
    if text[0] in "\"'":
        path, quote, caption = text[1:].partition(text[0])
        if not quote:
            raise SetupError(_("The path starts with a quotation mark but has no closing one."))
        return Path(path).expanduser(), caption.strip()
    path, at = "", 0
    while at < len(text) and text[at] != " ":
        at += text[at] == "\\" and at + 1 < len(text)
        path += text[at]
        at += 1
    return Path(path).expanduser(), text[at:].strip()


def written_path(path: str) -> str:
    """Return a path in the form in which it is typed: the inverse of ``typed_path``."""
    return path.replace("\\", "\\\\").replace(" ", "\\ ")
