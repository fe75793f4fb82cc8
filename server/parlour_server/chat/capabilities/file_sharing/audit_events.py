"""The audit events of files."""

from enum import StrEnum


class FileEvent(StrEnum):
    """What happens to files."""

    FILE_STORED = "file_stored"
    FILES_REMOVED = "files_removed"
