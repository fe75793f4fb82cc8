"""An animated picture: frames of a screen as one SVG that any browser plays, without a script.

What is the same in several frames is drawn once, and shown in their time. Readers who want no motion
see the last frame.
"""

import re
from typing import Final

_STYLE: Final = re.compile(r"\.(terminal-\d+-r\d+) \{ ([^}]*) \}")
_CELLS: Final = re.compile(
    r'<rect fill="(?P<fill>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" width="(?P<width>[\d.]+)"[^>]*/>'
    r'|<text class="(?P<style>terminal-\d+-r\d+)" x="(?P<tx>[\d.]+)" y="(?P<ty>[\d.]+)"'
    r' textLength="(?P<length>[\d.]+)"[^>]*>(?P<words>.*?)</text>',
    re.DOTALL,
)


class Cast:
    """Frames of one screen, each with the seconds for which it is shown."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._cells: tuple[dict[str, list[int]], ...] = ({}, {})
        """Backgrounds, and texts before them: each with the frames that have it."""
        self._styles: dict[str, str] = {}
        self._first = ""

    def add(self, picture: str, seconds: float) -> None:
        """Add a frame: a picture that Textual drew."""
        number = len(self._seconds)
        self._seconds.append(seconds)
        self._first = self._first or picture
        backgrounds, texts = self._cells
        styles = dict(_STYLE.findall(picture))
        for found in _CELLS.finditer(picture.partition('clip-path="url(#')[2]):
            if found["fill"] is not None:
                width = found["width"]
                path = f"M{found['x']} {found['y']}h{width}v24.6h-{width}"
                cell = f'<path fill="{found["fill"]}" d="{path}"/>'
                backgrounds.setdefault(cell, []).append(number)
            elif found["words"].replace("&#160;", "").strip():
                style = self._styles.setdefault(styles[found["style"]], f"s{len(self._styles)}")
                cell = (
                    f'<text class="{style}" x="{found["tx"]}" y="{found["ty"]}"'
                    f' textLength="{found["length"]}">{found["words"]}</text>'
                )
                texts.setdefault(cell, []).append(number)

    def svg(self) -> str:
        """Return the picture."""
        whole = sum(self._seconds)
        starts = [sum(self._seconds[:number]) for number in range(len(self._seconds) + 1)]
        percents = [f"{100 * start / whole:.2f}%" for start in starts]
        times: dict[tuple[int, ...], str] = {}
        parts = []
        for cells in self._cells:
            together: dict[tuple[int, ...], list[str]] = {}
            for cell, numbers in cells.items():
                together.setdefault(tuple(numbers), []).append(cell)
            for shown, drawn in together.items():
                name = times.setdefault(shown, f"t{len(times)}")
                parts.append(f'<g class="{name}">{"".join(drawn)}</g>')
        css = [f".{name} {{ {style} }}" for style, name in self._styles.items()]
        for frames, name in times.items():
            if len(frames) == len(self._seconds):
                continue
            keys = [
                f"{percents[number]} {{ visibility: {'visible' if number in frames else 'hidden'} }}"
                for number in range(len(self._seconds))
                if number == 0 or (number in frames) != (number - 1 in frames)
            ]
            css.append(f"@keyframes {name} {{ {' '.join(keys)} }}")
            css.append(f".{name} {{ animation: {name} {whole:.1f}s step-end infinite }}")
        last = len(self._seconds) - 1
        still = [
            f".{name} {{ animation: none; visibility: {'visible' if last in frames else 'hidden'} }}"
            for frames, name in times.items()
        ]
        box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', self._first)
        width, height = box.groups() if box else ("1000", "600")
        frame = re.search(r'<rect fill="#292929".*?</g>', self._first, re.DOTALL)
        return "\n".join(
            [
                f'<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">',
                "<style>",
                "text { font-family: Fira Code, monospace; font-size: 20px; white-space: pre }",
                *css,
                f"@media (prefers-reduced-motion: reduce) {{ {' '.join(still)} }}",
                "</style>",
                re.sub(r'class="[^"]*"', "", frame[0]) if frame else "",
                '<g transform="translate(9, 41)">',
                *parts,
                "</g></svg>",
                "",
            ]
        )
