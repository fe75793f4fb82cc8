"""The stages of dialogs that act on one message: what a key on it opens, copies, or puts into the composer.

What shows a message whole gets many texts in one message. What shows a beginning on one line gets as many as
fit into that line, each group at one of the two sizes. ``terminal_oracle.py`` runs them.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tests.e2e.oracle.hostile_server import ME, HostileServer
from tests.e2e.oracle.places import CONTENT, ESCAPE, PICTURE, file_of, fits, picture_of
from tests.e2e.oracle.reading import WHEEL_UP, page_through, room_of, turn
from tests.e2e.oracle.run import Run, groups, together
from tests.e2e.oracle.stages import open_room
from tests.e2e.oracle.terminal import PLACEHOLDER
from tests.protocol.kit.text.corpus import Entry

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import FileName, MessageText
from parlour_protocol.kit.api import Problem, encode_payload
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.text import safe_text

SELECT = "\x1b[1;3A"
WHOLE = 6_000
"""Characters of a message that is shown whole."""
TABLE = 390
"""Code points that the inspector describes, without the mark."""
CHOOSE = "Enter: choose"
PLAIN = frozenset({"Ll", "Lu", "Lo", "Lm", "Nd", "Zs", "Mn", "Mc"})


async def _select(run: Run[HostileServer]) -> None:
    await run.terminal.quiet()
    run.terminal.press(SELECT)
    await run.terminal.drawn()
    await run.terminal.shows("SELECT")


async def whole(run: Run[HostileServer]) -> None:
    """Copy, inspect and edit each text: as a part of a long message, and each code point for itself."""
    await open_room(run, "c-dialogs")
    packed = groups(run.entries, partial(fits, MessageText), WHOLE)
    for numbers in packed[run.part :: 2]:
        await _said(run, together(run, numbers), numbers[0])
        await _select(run)
        await _copied(run, numbers)
        await _inspected(run, numbers)
        await _edited(run, numbers)
    points = sorted({char for entry in run.entries for char in entry.text if fits(MessageText, f"a{char}")})
    pieces = ["".join(points[begin : begin + TABLE]) for begin in range(0, len(points), TABLE)]
    for count, piece in list(enumerate(pieces))[run.part :: 2]:
        await _said(run, piece, count)
        await _select(run)
        await _inspected(run, ())
        await run.terminal.leave(ESCAPE, "SELECT")


async def _said(run: Run[HostileServer], text: str, mark: int) -> None:
    """Say a text in a message of our own, below its mark."""
    server, room = run.server, room_of(run, "c-dialogs")
    run.terminal.seen.clear()
    marked = f"#{mark};\n{text}"
    is_marked = fits(MessageText, marked)
    await server.say(server.append(room, Message(MessageText(marked if is_marked else text)), ME))
    if is_marked:
        await run.terminal.until(lambda _text: mark in run.terminal.seen, f"#{mark};")
    else:
        await run.terminal.drawn()


async def _copied(run: Run[HostileServer], numbers: Sequence[int]) -> None:
    reader = run.terminal.reader
    before, reader.clipboard_allowed = len(reader.clipboard), True
    run.terminal.press("y")
    await run.terminal.until(lambda _text: len(reader.clipboard) > before, "the clipboard")
    reader.clipboard_allowed = False
    run.blame("clipboard", *numbers)


async def _inspected(run: Run[HostileServer], numbers: Sequence[int]) -> None:
    run.terminal.press("i")
    await run.terminal.until("Code points")
    await page_through(run, "inspector", *numbers)
    run.terminal.press(ESCAPE)
    await run.terminal.until(lambda _text: not run.terminal.has("Esc: close"), "the end of the inspector")


async def _edited(run: Run[HostileServer], numbers: Sequence[int]) -> None:
    """Take it into the composer, and turn the wheel there up to its first row."""
    terminal = run.terminal
    terminal.press("e")
    await terminal.until(lambda _text: not terminal.has(PLACEHOLDER), "the composer's text")
    at = f"{terminal.screen.columns // 2};{terminal.screen.rows - 3}M"
    while await turn(run, f"{WHEEL_UP}{at}" * 2):
        run.blame("edit, in the composer", *numbers)
    run.blame("edit, in the composer", *numbers)
    await terminal.leave(ESCAPE, "Esc: c")


# --- what shows one line


def _is_plain(shown: str) -> bool:
    """Tell a beginning of nothing but letters, digits and spaces of a script that goes from left to right."""
    return all(
        (unicodedata.category(char) in PLAIN and unicodedata.bidirectional(char) not in {"R", "AL"})
        or char in ",.;:!?'-"
        for char in shown
    )


def lines_of(entries: Sequence[Entry], most: int) -> list[list[int]]:
    """Return groups for what shows so many characters of one line, escapes counted.

    Plain letters stand in the same line of the screen as a topic and as a hint: they are not shown again.
    """
    taken = [entry for entry in entries if fits(MessageText, entry.text) and not _is_plain(entry.text[:most])]
    shown = [" / ".join(safe_text(entry.text).lines)[:most] for entry in taken]
    numbers = {id(entry): number for number, entry in enumerate(entries)}
    packed: list[list[int]] = []
    length = most
    for entry, line in zip(taken, shown, strict=True):
        length += len(line) + 3
        if length > most + 3:
            packed.append([])
            length = len(line) + 3
        packed[-1].append(numbers[id(entry)])
    return packed


@dataclass(frozen=True)
class Dialog:
    """A dialog that a key opens; ``words`` are the client's own in it, ``most`` what it shows of a text."""

    name: str
    key: str
    words: str
    most: int
    half: int
    """Which groups it gets at the first size; the other ones at the second."""
    every: int = 2
    """Each so manieth group at a size."""
    before: str = ""
    """What makes one word of a text that the dialog is about: the beginning of an address."""

    def message(self, texts: Sequence[str]) -> str:
        """Return the message that the dialog opens on."""
        return self.before + "".join("".join(texts).split()) if self.before else "\n".join(texts)

    def groups(self, entries: Sequence[Entry], part: int) -> list[list[int]]:
        """Return the texts of each message of its room."""
        return lines_of(entries, self.most)[(part + self.half) % 2 :: self.every]


HINT = Dialog("reply hint", "r", "Reply to ", 40, 0, 12)
"""A sample: the line above the composer shows every text as the hint of an error, and a reply is slow."""
DIALOGS = (
    Dialog("deletion dialog", "d", "Delete this message", 116, 0),
    Dialog("profile card", "w", " from them ", 116, 1),
    Dialog("link dialog", "o", "│ a.example", 116, 0, 6, "https://a.example/"),
)


def furnish(server: HostileServer, entries: Sequence[Entry], part: int) -> None:
    """Fill the rooms of these dialogs: a message for each group, by an author of its own."""
    for dialog in (HINT, *DIALOGS):
        room = server.room(f"k-{dialog.key}")
        for count, numbers in enumerate(dialog.groups(entries, part)):
            text = dialog.message([entries[number].text for number in numbers])
            author = parse_user_name(f"{dialog.key}{count:04}")
            server.append(room, Message(MessageText(text)), author)


async def one_line(run: Run[HostileServer]) -> None:
    """Show the beginning of each text in the dialogs that show no more of it, from the newest upwards."""
    terminal = run.terminal
    for dialog in DIALOGS:
        groups_of_texts = dialog.groups(run.entries, run.part)
        if not groups_of_texts:
            continue  # a small corpus: the other part shows its only line
        await open_room(run, f"k-{dialog.key}")
        step = ""
        await _select(run)
        for numbers in reversed(groups_of_texts):
            terminal.press(f"{step}{dialog.key}")
            either = dialog.words, CHOOSE
            await terminal.until(
                lambda text, either=either: any(map(text.__contains__, either)), dialog.words
            )
            if terminal.has(CHOOSE):  # a text has an address of its own
                run.blame("list of links", *numbers)
                terminal.press("\r")
                await terminal.until(dialog.words)
            run.blame(dialog.name, *numbers)
            terminal.press(ESCAPE)
            await terminal.until(
                lambda _text, words=dialog.words: not terminal.has(words), "the end of a dialog"
            )
            step = "k"
        await terminal.leave(ESCAPE, "SELECT")


async def hints(run: Run[HostileServer]) -> None:
    """Show the beginning of each text above the composer, as what is answered."""
    await open_room(run, f"k-{HINT.key}")
    for numbers in reversed(HINT.groups(run.entries, run.part)):
        run.terminal.press(SELECT)
        await run.terminal.shows("SELECT")
        run.terminal.press(HINT.key)
        await run.terminal.until(lambda _text: not run.terminal.has("SELECT"), HINT.words)
        run.blame(HINT.name, *numbers)
    await run.terminal.leave(ESCAPE, HINT.words)


async def files(run: Run[HostileServer]) -> None:
    """Save files whose names are the texts; once the server refuses with them, once they are saved."""
    server, terminal, room = run.server, run.terminal, room_of(run, "f-files")
    await open_room(run, "f-files")
    packed = groups(run.entries, partial(fits, FileName), 40, " ")
    others = groups(run.entries, lambda text: len(text) <= 400 and not fits(FileName, text), 200)
    for count in range(run.part, max(len(packed), len(others)), 2):
        names = packed[count] if count < len(packed) else []
        words = [*names, *(others[count] if count < len(others) else [])]
        name = together(run, names, " ") or "name"
        terminal.forget()
        await server.say(server.append(room, Message(MessageText(f"#{count};"), file=file_of(name))))
        await terminal.drawn()
        message = _sendable(together(run, words))[:400]
        for answer, told in ((encode_payload(Problem("conflict", message)), "! "), (CONTENT, "Saved: ")):
            terminal.press("/save\r")
            await terminal.until("saving ")
            run.blame("file name on its way", *names)
            terminal.forget()
            server.files.put_nowait(answer)
            # What was told before may be drawn once more: it is over when nothing is on its way.
            await terminal.until(lambda text, told=told: told in text and not terminal.has("saving "), told)
            run.blame("refusal of a call" if told == "! " else "file name, saved", *words)


async def pictures(run: Run[HostileServer]) -> None:
    """Look at one picture, whose name is made of texts: each starts a decoder."""
    server, terminal, room = run.server, run.terminal, room_of(run, "f-files")
    await open_room(run, "f-files")
    names = groups(run.entries, partial(fits, FileName), 40, " ")[run.part :: 2][:1]
    numbers = names[0] if names else []
    name = together(run, numbers, " ") or "name"
    await server.say(server.append(room, Message(MessageText("look"), file=picture_of(name))))
    await terminal.drawn()
    await _select(run)
    server.files.put_nowait(PICTURE)
    terminal.press("v")
    await terminal.until("▀")
    run.blame("picture dialog", *numbers)
    terminal.press(ESCAPE)
    await terminal.until(lambda _text: not terminal.has("Esc: close"), "the end of a picture")
    await terminal.leave(ESCAPE, "SELECT")


def _sendable(text: str) -> str:
    return text.encode("utf-8", "ignore").decode()
