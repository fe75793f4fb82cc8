"""Write every generated file (`python -m tools.generate`), or list stale ones (`--check`)."""

import sys
from pathlib import Path

from tools import (
    api_lines,
    audit,
    claims,
    code_lines,
    completions,
    guide,
    man_pages,
    openapi,
    schemas,
    tables,
    third_party,
)

ROOT = Path(__file__).parents[1]


def stale() -> dict[Path, str]:
    """Return the generated files that do not hold what they should, with what they should hold."""
    made = (schemas, openapi, tables, guide, api_lines, audit, claims, man_pages, completions, third_party)
    wanted = {path: text for one in made for path, text in one.files().items()}
    wanted |= code_lines.files(wanted)
    return {
        path: text
        for path, text in wanted.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != text
    }


def main() -> int:
    """Write what is stale, or only name it."""
    check = "--check" in sys.argv[1:]
    found = stale()
    for path, text in found.items():
        print(f"{'stale' if check else 'written'}: {path}")
        if not check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
