"""The names of a program: of its files, in sentences, and on the command line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProgramName:
    """``word``: in names of files and metrics; ``title``: in sentences; ``command``: what operators run."""

    word: str
    title: str
    command: str

    @property
    def variables(self) -> str:
        """How the names of its environment variables begin."""
        return self.word.upper().replace("-", "_") + "_"
