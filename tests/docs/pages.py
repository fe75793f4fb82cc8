"""The Markdown pages of the repository, as tests see them: links, anchors, blocks, and code in sentences."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.git import tracked

ROOT: Final = Path(__file__).parents[2]
SHELL: Final = ("sh", "console")

_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")
_HTML_ANCHOR: Final = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")
_ENDS_A_COMMAND: Final = frozenset({"|", "||", "&", "&&", ";", "(", ")", "|&"})
_REDIRECTS: Final = frozenset({">", ">>", "<", "<<", "<<<", ">&", "<&", "&>"})


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the first word after the fence, the other words, and the line where it begins."""

    language: str
    marks: frozenset[str]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    path: PurePosixPath
    links: tuple[str, ...]
    anchors: frozenset[str]
    blocks: tuple[Block, ...]
    code: tuple[str, ...]
    """What stands in backticks within sentences."""

    @property
    def text(self) -> str:
        """The page as it is written."""
        return (ROOT / self.path).read_text(encoding="utf-8")


@cache
def pages() -> tuple[Page, ...]:
    """Return all pages of the repository."""
    return tuple(read(PurePosixPath(name)) for name in sorted(tracked()) if name.endswith(".md"))


@cache
def read(path: PurePosixPath) -> Page:
    """Read one page."""
    text = (ROOT / path).read_text(encoding="utf-8")
    tokens = _MARKDOWN.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    links = [str(token.attrs.get("href") or token.attrs.get("src")) for token in inline if _leads(token)]
    headings = [after for token, after in pairwise(tokens) if token.type == "heading_open"]
    return Page(
        path,
        tuple(links),
        frozenset(_slugs(headings)) | frozenset(_HTML_ANCHOR.findall(text)),
        tuple(_block(token) for token in tokens if token.type == "fence"),
        tuple(token.content for token in inline if token.type == "code_inline"),
    )


def _leads(token: Token) -> bool:
    return token.type in {"link_open", "image"}


def _block(token: Token) -> Block:
    language, *marks = token.info.split() or [""]
    return Block(language, frozenset(marks), token.content, (token.map or [0])[0] + 1)


def _slugs(headings: list[Token]) -> Iterator[str]:
    """Return the anchors that GitHub gives to these headings."""
    seen: dict[str, int] = {}
    for heading in headings:
        words = "".join(
            child.content for child in heading.children or () if child.type in {"text", "code_inline"}
        )
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = seen[slug] = seen.get(slug, -1) + 1
        yield f"{slug}-{count}" if count else slug


def shell_lines(block: Block) -> list[str]:
    """Return the command lines of a shell block, without what is printed, and lines that go on joined."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        return [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def commands(line: str) -> Iterator[list[str]]:
    """Return the words of each command of a line. Raises ValueError for open quotes."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for token in lexer:
        if skip:
            skip = False
        elif token in _REDIRECTS:
            skip = True
            if words and words[-1].isdigit():
                words.pop()
        elif token in _ENDS_A_COMMAND:
            if words:
                yield words
            words = []
        else:
            words.append(token)
    if words:
        yield words
