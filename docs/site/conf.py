"""The documentation site: Sphinx with Furo, over the Markdown pages of the whole repository.

The pages are those that GitHub shows. What only the site has is put in where a page has a comment
`<!-- site: NAME -->`; links to files that are no page lead to the repository, if `pyproject.toml` names it.
"""

import re
import sys
import tomllib
from pathlib import Path
from posixpath import normpath, relpath
from typing import Final

from sphinx.application import Sphinx

ROOT: Final = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from tools.laboratory import attacks_page  # noqa: E402 - tools are found from the root

_CONFIGURED: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_HOOKS: Final = _CONFIGURED["tool"]["hatch"].get("metadata", {}).get("hooks", {})
_REPOSITORY: Final = _HOOKS.get("custom", {}).get("repository", "").rstrip("/")
_LINK: Final = re.compile(r"\[([^\[\]]*)\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")
_INSERTED: Final = re.compile(r"<!-- site: (\w+) -->")
_CODE: Final = re.compile(r"(?<!`)` *([^`\n]+?) *`(?!`)")

# --- what sphinx reads

project = "Parlour"
author = "the Parlour contributors"
copyright = author  # noqa: A001 - sphinx's name
release = version = _CONFIGURED["project"]["version"]
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/README"
include_patterns = ["*.md", "**/*.md"]
exclude_patterns = [".*", "**/.*", "build", "dist", "**/node_modules"]
templates_path = ["templates"]
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_heading_anchors = 6
myst_fence_as_directive: list[str] = []

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autoclass_content = "both"  # what __init__ takes is explained there
autodoc_default_options = {"members": True}
python_maximum_signature_line_length = 90
autodoc_inherit_docstrings = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"Parlour {release}"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_additional_pages = {"index": "home.html"}
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"sidebar_hide_name": False, "navigation_with_keys": True}
html_domain_indices = False

_CONTENTS: Final = {
    "Patterns": ["docs/patterns/README", "docs/patterns/[a-z]*"],
    "Tutorials": ["docs/tutorials/*"],
    "How-to guides": ["docs/how-to/*", "deploy/README", "deploy/*/README"],
    "Reference": ["docs/reference/*", "docs/reference/api/README", "docs/security", "protocol/README"],
    "Explanation": ["docs/explanation/*", "docs/adr/README"],
    "The code": [
        "server/README", "server/**/README", "client/README", "protocol/*/README", "examples/README",
        "examples/*/README", "tests/README", "tests/**/README", "bench/README", "bench/*RESULTS",
    ],
    "The project": ["README", "CHANGELOG", "SECURITY", "CONTRIBUTING", "CODE_OF_CONDUCT", "SUPPORT"],
}  # fmt: skip


def _tree(entries: list[str], caption: str = "") -> str:
    title = [f":caption: {caption}"] if caption else []
    rows = [entry if "*" in entry else f"/{entry}" for entry in entries]
    return "\n".join(
        ["```{toctree}", ":hidden:", ":glob:", *title, "", *(f"/{row.lstrip('/')}" for row in rows), "```"]
    )


def _contents() -> str:
    return "\n\n".join(_tree(entries, caption) for caption, entries in _CONTENTS.items())


_PARTS: Final = {
    "contents": _contents,
    "decisions": lambda: _tree(["docs/adr/0*"]),
    "api": lambda: _tree(["docs/reference/api/[a-z]*"]),
    "attacks": attacks_page,
}
"""What the site puts in place of a comment."""


def _is_page(path: str) -> bool:
    return path.endswith(".md") and (ROOT / path).is_file()


def _read(_app: Sphinx, name: str, content: list[str]) -> None:
    """Put in what only the site has, and let links lead to pages of the site or to the repository."""
    folder = Path(name).parent.as_posix()

    def lead(link: re.Match[str]) -> str:
        text, path, fragment = link[1], normpath(f"{folder}/{link[2]}"), link[3] or ""
        if (ROOT / path).is_dir() and _is_page(f"{path}/README.md"):
            path = f"{path}/README.md"
        if fragment and _is_page(path) and f'<a id="{fragment[1:]}">' in (ROOT / path).read_text("utf-8"):
            # myst knows headings only
            return f'<a href="{relpath(path, folder).removesuffix(".md")}.html{fragment}">{text}</a>'
        if _is_page(path):
            return f"[{text}]({relpath(path, folder)}{fragment})"
        if not (ROOT / path).exists() or path.endswith((".svg", ".json")):
            return link[0]
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"[{text}]({_REPOSITORY}/{kind}/main/{path}{fragment})" if _REPOSITORY else text

    content[0] = _LINK.sub(lead, _INSERTED.sub(lambda part: _PARTS[part[1]](), content[0]))


def _docstring(
    _app: Sphinx, _kind: str, _name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    """Let code be code: docstrings are plain text, not reStructuredText."""
    shown: list[str] = []
    in_code = False
    for line in lines:
        if line and not line.startswith("  "):
            in_code = False
        elif line and shown and not shown[-1] and not in_code:
            in_code = True  # an indented paragraph
            shown += ["::", ""]
        shown.append(line if in_code else _CODE.sub(r"``\1``", line).replace("*", r"\*"))
    lines[:] = shown


def setup(app: Sphinx) -> None:
    """Register what reads pages and docstrings."""
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", _docstring)
