"""Spelling: which words of a text are misspelt, and what could be meant, by `hunspell` or `aspell`.

The program runs as a process of its own, without a shell, and is given one word after the other through a
pipe; nothing leaves the machine. Code, links, names, commands and emoji names are not checked, and neither
is the word that is being typed. The composer asks from memory and never waits for the program.
"""

import asyncio
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_client.kit.language import _
from parlour_client.kit.programs import end_program, find_program

AUTO: Final = "auto"
LONGEST_TEXT: Final = 10_000
"""Characters; a longer text is not checked."""
_LONGEST_WORD: Final = 64
_REMEMBERED: Final = 5_000
_SUGGESTED: Final = 8
_PATIENCE: Final = 5.0
"""Seconds for the answer about one word."""
_PROGRAMS: Final = {
    "hunspell": ("-a", "-i", "utf-8", "-d"),
    "aspell": ("-a", "--encoding=utf-8", "-d"),
}
_ROOT: Final = Path(os.sep).absolute()
"""Hunspell looks for dictionaries where it was started, which may be anywhere."""
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?")
_MARK: Final = "\0"
"""Stands for a mark, such as a vowel sign, while words are looked for: to `re` it is no part of one."""
_WORD: Final = re.compile(r"(?:[^\W\d_]\0*)+(?:['’](?:[^\W\d_]\0*)+)*")  # noqa: RUF001 - an apostrophe
_NOT_PROSE: Final = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\S*(?:://|@|\#|\\)\S*|(?<!\w)www\.\S+|:[^\s:]{1,64}:|\w*[\d_]\w*", re.DOTALL
)
"""Code, addresses, people, rooms, paths, names of emoji, and words with digits."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: its row, and its columns."""

    row: int
    start: int
    end: int
    text: str


def words_of(text: str) -> Iterator[Word]:
    """Yield the words that can be misspelt."""
    if len(text) > LONGEST_TEXT or (text.startswith("/") and not text.startswith("//")):
        return
    prose = _NOT_PROSE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for row, line in enumerate(prose.split("\n")):
        for found in _WORD.finditer(_with_marks(line)):
            word = line[found.start() : found.end()]
            if len(word) <= _LONGEST_WORD and not (word.isupper() and len(word) > 1):
                yield Word(row, found.start(), found.end(), word)


def _with_marks(line: str) -> str:
    if line.isascii():
        return line
    return "".join(_MARK if unicodedata.category(char) in {"Mn", "Mc"} else char for char in line)


def language_of(setting: str, environment: Mapping[str, str]) -> str:
    """Return the dictionary's language: as the setting says, or the one of the environment."""
    if setting != AUTO:
        return setting
    names = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    language = next(filter(None, names), "").partition(".")[0].partition("@")[0]
    return language if _LANGUAGE.fullmatch(language) else "en_US"


class Spelling:
    """The words that are known, and the program that knows more."""

    def __init__(
        self, language: str, changed: Callable[[], None], environment: Mapping[str, str] = os.environ
    ) -> None:
        """Call ``changed`` when there are new answers, or none will come any more."""
        self.language = language
        self.problem = ""
        """Why nothing can be checked; a sentence."""
        self._changed = changed
        self._environment = environment
        self._known: dict[str, Sequence[str] | None] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()

    def suggestions(self, word: str) -> Sequence[str] | None:
        """Return what could be meant by a misspelt word; None if it is right, or not known yet."""
        return self._known.get(word)

    def unknown(self, words: Iterable[Word]) -> Sequence[str]:
        """Return the words that were not asked about yet."""
        return list({word.text for word in words if word.text not in self._known}) if not self.problem else ()

    async def ask(self, words: Sequence[str]) -> None:
        """Ask the program about words. Never raises: what fails is in ``problem``."""
        async with self._asking:
            try:
                for word in words:
                    if word not in self._known and not self.problem:
                        async with asyncio.timeout(_PATIENCE):
                            await self._ask(word)
            except (OSError, TimeoutError, ValueError):
                self.problem = self._failed()
                await self.stop()
        self._changed()

    async def _ask(self, word: str) -> None:
        process = self._process or await self._start()
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.write(f"^{word}\n".encode())  # the sign keeps a word from being a command
        await process.stdin.drain()
        answer: Sequence[str] | None = None
        while line := (await process.stdout.readline()).decode(errors="replace"):
            if line == "\n" or not line.strip():
                break
            if line[0] in "&?":
                answer = [suggestion.strip() for suggestion in line.partition(":")[2].split(",")][:_SUGGESTED]
            elif line[0] == "#":
                answer = ()
        else:
            raise OSError
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[word] = answer

    async def _start(self) -> asyncio.subprocess.Process | None:
        """Start the program, and read its greeting. Raises OSError."""
        found = ((name, find_program(name, self._environment)) for name in _PROGRAMS)
        program = next(((name, where) for name, where in found if where is not None), None)
        if program is None:
            self.problem = _("Spelling can't be checked: install hunspell or aspell.")
            return None
        if not _LANGUAGE.fullmatch(self.language):
            raise OSError
        name, where = program
        process = self._process = await asyncio.create_subprocess_exec(
            where,
            *_PROGRAMS[name],
            self.language,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(self._environment),
            cwd=_ROOT,
        )
        if process.stdout is None or not await process.stdout.readline():
            raise OSError
        return process

    def _failed(self) -> str:
        return _("Spelling can't be checked: no dictionary for {language}, or the program failed.").format(
            language=self.language if _LANGUAGE.fullmatch(self.language) else "?"
        )

    async def stop(self) -> None:
        """End the program."""
        process, self._process = self._process, None
        if process is not None:
            await end_program(process)
