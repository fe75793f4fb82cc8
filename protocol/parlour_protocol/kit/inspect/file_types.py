"""The type of a file by its first bytes, and whether its name says something else.

Only the outermost format is seen: a program in an archive, or behind a picture, is not.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.inspect.verdict import Finding


@dataclass(frozen=True, slots=True)
class FileType:
    """A format: its kind, which operators name in `refused_files`, its name, and the ends of file names."""

    kind: str
    name: str
    endings: frozenset[str]


def _endings(*words: str) -> frozenset[str]:
    return frozenset(" ".join(words).split())


def _type(kind: str, name: str, endings: str) -> FileType:
    return FileType(kind, name, _endings(endings))


_WINDOWS: Final = _type("program", "a Windows program", "exe dll sys scr com cpl ocx msi efi")
_ELF: Final = _type("program", "a Linux program", "so o bin elf ko")
_MACH_O: Final = _type("program", "a macOS program", "dylib bundle o")
_JAVA: Final = _type("program", "Java bytecode", "class")
_SCRIPT: Final = _type("program", "a script", "sh bash zsh py pl rb js mjs lua fish awk tcl php")
_WASM: Final = _type("program", "WebAssembly", "wasm")
_ZIP: Final = _type(
    "archive", "a ZIP archive", "zip jar apk xpi docx xlsx pptx odt ods odp epub whl war ipa kmz 3mf cbz"
)
_OFFICE: Final = _type("document", "an old Office document", "doc xls ppt msg msi")
_TYPES: Final[tuple[tuple[int, bytes, FileType], ...]] = (
    (0, b"MZ", _WINDOWS),
    (0, b"\x7fELF", _ELF),
    (0, b"\xcf\xfa\xed\xfe", _MACH_O),
    (0, b"\xce\xfa\xed\xfe", _MACH_O),
    (0, b"\xca\xfe\xba\xbe", _JAVA),
    (0, b"\0asm", _WASM),
    (0, b"#!", _SCRIPT),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"PK\x05\x06", _ZIP),
    (0, b"7z\xbc\xaf\x27\x1c", _type("archive", "a 7-Zip archive", "7z")),
    (0, b"Rar!\x1a\x07", _type("archive", "a RAR archive", "rar cbr")),
    (0, b"\x1f\x8b", _type("archive", "gzip data", "gz tgz svgz")),
    (0, b"BZh", _type("archive", "bzip2 data", "bz2 tbz2 tbz")),
    (0, b"\xfd7zXZ\0", _type("archive", "xz data", "xz txz")),
    (0, b"\x28\xb5\x2f\xfd", _type("archive", "zstd data", "zst tzst")),
    (257, b"ustar", _type("archive", "a tar archive", "tar")),
    (0, b"%PDF-", _type("document", "a PDF document", "pdf ai")),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        _type("document", "an old Office document", "doc xls ppt msg msi"),
    ),
    (0, b"{\\rtf", _type("document", "a rich text document", "rtf doc")),
    (0, b"SQLite format 3\0", _type("database", "an SQLite database", "db sqlite sqlite3")),
    (0, b"\x89PNG\r\n\x1a\n", _type("picture", "a PNG picture", "png apng")),
    (0, b"\xff\xd8\xff", _type("picture", "a JPEG picture", "jpg jpeg jpe jfif")),
    (0, b"GIF8", _type("picture", "a GIF picture", "gif")),
    (8, b"WEBP", _type("picture", "a WebP picture", "webp")),
    (0, b"BM", _type("picture", "a BMP picture", "bmp")),
    (4, b"ftyp", _type("media", "an MP4 or HEIF file", "mp4 m4a m4v mov heic heif avif 3gp")),
    (0, b"\x1aE\xdf\xa3", _type("media", "a Matroska or WebM video", "mkv webm mka")),
    (0, b"OggS", _type("media", "an Ogg file", "ogg oga ogv opus")),
    (0, b"ID3", _type("media", "an MP3 file", "mp3")),
    (8, b"WAVE", _type("media", "a WAVE file", "wav")),
    (0, b"fLaC", _type("media", "a FLAC file", "flac")),
)
KINDS: Final = frozenset(found.kind for _, _, found in _TYPES)
_CLAIMED: Final = _endings(
    "txt md csv tsv json xml yaml yml toml ini log svg html htm tex",
    *(" ".join(found.endings) for _, _, found in _TYPES),
)
"""Endings that say what a file is."""
_ALWAYS: Final = _endings(
    "png jpg jpeg gif webp pdf zip docx xlsx pptx odt ods odp 7z rar gz xz sqlite exe dll class"
)
"""Endings of files that always begin with bytes that are known here."""


def file_type(head: bytes) -> FileType | None:
    """Return the format of a file that begins with these bytes; None for text and formats not known here."""
    for at, magic, found in _TYPES:
        if head[at : at + len(magic)] == magic and not (magic == b"BM" and not _is_bmp(head)):
            return found
    return None


def _is_bmp(head: bytes) -> bool:
    return head[6:10] == b"\0\0\0\0"  # two letters by themselves may begin a text


def find_file_types(head: bytes, name: str, refused: frozenset[str]) -> list[Finding]:
    """Return what is wrong with a file: a refused kind, or a name that claims another format."""
    found = file_type(head)
    findings = []
    if found is not None and found.kind in refused:
        findings.append(Finding(found.name))
    ending = name.rpartition(".")[2].casefold() if "." in name else ""
    if found is not None and ending in _CLAIMED and ending not in found.endings:
        findings.append(Finding(f"{found.name} whose name says something else"))
    elif found is None and ending in _ALWAYS:
        findings.append(Finding("a file whose content is not what its name says"))
    return findings
