"""Every link of every page leads somewhere, and so does every path of a document that code or a file names.

Addresses of other sites are not fetched: they must be well formed.
"""

import re
from pathlib import PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import pytest
from tests.docs.pages import ROOT, Page, pages, read
from tests.git import tracked

KINDS = ("patterns", "tutorials", "how-to", "reference", "explanation")
AT_THE_TOP = {"docs/README.md", "docs/security.md"}
"""Pages of `docs/` that are of no folder: the list of all, and the claims, which tools name by their path."""
NAMED = re.compile(r"(?<![\w/.-])docs/[\w./-]*\w\.(?:md|json|svg|toml|patch)\b")
WRITTEN = (".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".service", ".cfg", ".conf", ".env", "Makefile")
FOLDERS = {str(parent) for name in tracked() for parent in PurePosixPath(name).parents}


def problem(page: Page, link: str) -> str | None:
    """Return what is wrong with a link."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None if parts.scheme in {"https", "mailto"} and (parts.netloc or parts.path) else "not https"
    target = normpath(page.path.parent / unquote(parts.path)) if parts.path else str(page.path)
    if target not in tracked():
        return None if target in FOLDERS and not parts.fragment else "no such file"
    if target.endswith(".md"):
        known = read(PurePosixPath(target)).anchors
        return None if not parts.fragment or unquote(parts.fragment) in known else "no such heading"
    if line := re.fullmatch(r"L(\d+)(?:-L(\d+))?", parts.fragment):
        count = len((ROOT / target).read_text(encoding="utf-8").splitlines())
        return None if int(line[2] or line[1]) <= count else "the file has fewer lines"
    return "no such anchor" if parts.fragment else None


def test_links_lead_somewhere() -> None:
    """To a file or folder of the repository, a heading of a page, a line of a file, or an address."""
    found = [
        f"{page.path}: {link}: {why}"
        for page in pages()
        for link in page.links
        if (why := problem(page, link))
    ]
    assert found == []
    assert sum(len(page.links) for page in pages()) > 500


@pytest.mark.parametrize(
    "link",
    ["nothing.md", "security.md#nothing", "../pyproject.toml#L99999", "http://example.org", "../../etc"],
)
def test_a_link_that_leads_nowhere_is_noticed(link: str) -> None:
    """Each kind of link is looked at."""
    assert problem(read(PurePosixPath("docs/README.md")), link)


def test_documents_that_are_named_exist() -> None:
    """In code, errors, tests, other pages and deployed files, wherever a path of `docs/` is written."""
    found = [
        f"{name}: {path}"
        for name in sorted(tracked())
        if name.endswith(WRITTEN)
        for path in NAMED.findall((ROOT / name).read_text(encoding="utf-8"))
        if path not in tracked()
    ]
    assert found == []


def test_every_page_is_of_one_kind_and_listed() -> None:
    """A new page is sorted into one of the five folders, and `docs/README.md` says what it is for."""
    home = read(PurePosixPath("docs/README.md"))
    listed = {normpath(home.path.parent / link) for link in home.links if "://" not in link}
    for page in pages():
        if page.path.parts[0] != "docs" or page.path.parts[1] == "adr" or str(page.path) in AT_THE_TOP:
            continue
        assert page.path.parts[1] in KINDS, page.path
        assert str(page.path) in listed or page.path.parts[2:3] == ("api",), (
            f"{page.path} is not in docs/README.md"
        )
