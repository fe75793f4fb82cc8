"""One page says how to install, and all others link there."""

import re
import tomllib

from tests.docs.pages import ROOT, pages

PAGE = "docs/how-to/install.md"
OTHERS = {
    PAGE,
    "deploy/README.md",  # the same from a checkout, for a folder of root's
    "docs/how-to/releasing.md",  # what a release is checked for
    "bench/RESULTS.md",  # of the programs that it is compared with
    "CHANGELOG.md",
}
INSTALLS = re.compile(r"\b(?:pip|pipx|uv tool) install (?!--with)(.*)|\buvx (?!-)(.*)|\bpipx run (.*)")
SOURCES = re.compile(r"'\.{1,2}\[(\w+)\]'")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_no_other_page_says_how_to_install() -> None:
    """Commands for a package that is on no index fail, or install somebody else's."""
    others = [
        str(page.path) for page in pages() if INSTALLS.search(page.text) and "adr/" not in str(page.path)
    ]
    assert set(others) <= OTHERS


def test_what_is_installed_is_these_sources() -> None:
    """`'.[EXTRA]'` is what pip, pipx and uv understand; the extra exists."""
    lines = [
        found[1] or found[2] or found[3]
        for page in pages()
        if str(page.path) in {PAGE, "deploy/README.md"}
        for found in INSTALLS.finditer(page.text)
    ]
    assert len(lines) >= 4
    for line in lines:
        named = SOURCES.match(line)
        assert named is not None, line
        assert named[1] in EXTRAS


def test_every_extra_is_explained() -> None:
    """In the table of the page, but for those that only name a side."""
    table = (ROOT / PAGE).read_text().partition("## Extras")[2]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(EXTRAS) - {"server", "client"}
