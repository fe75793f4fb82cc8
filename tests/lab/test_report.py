"""What a drill writes: text, JSON and a page, none of which its evidence can break out of."""

import json
from html.parser import HTMLParser

from parlour_lab import report
from parlour_lab.attack import Evidence, Outcome, Step, Verdict
from parlour_lab.rows import rows

ROWS = rows()
HOSTILE = "</td><script>alert(1)</script>\x1b]0;x\x07 \"' onclick=x <img src=https://evil.example>"


def result(verdict: Verdict = Verdict.HELD) -> report.Result:
    """Return a result whose evidence is hostile."""
    seen = Evidence()
    seen.received(HOSTILE)
    steps: tuple[Step, ...] = tuple(seen.steps)
    return report.Result(
        ROWS["K3"], Outcome("credentials.ticket_race", verdict, seen.steps[0].text, 0.1, steps, 3)
    )


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_page_has_only_its_own_tags() -> None:
    """No script, nothing that loads, a policy that says so; the evidence is in it as text."""
    page = report.html([result(), result(Verdict.BROKEN)], "<server>")
    tags = Tags()
    tags.feed(page)
    names = {name for name, _ in tags.found}
    assert not names & {"script", "img", "link", "iframe", "object", "a", "form"}
    assert not {key for _, given in tags.found for key in given} & {"src", "href", "onclick"}
    policy = next(given for name, given in tags.found if given.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert [given for name, given in tags.found if name == "details"] == [{}, {"open": None}]


def test_json_is_ascii_and_has_everything() -> None:
    """For scripts: the verdicts, and whether all held."""
    text = report.as_json([result(), result(Verdict.BROKEN)], "localhost")
    assert text.isascii()
    found = json.loads(text)
    assert found["held"] is False
    assert [one["verdict"] for one in found["attacks"]] == ["held", "broken"]
    assert found["attacks"][0]["steps"][0]["kind"] == "received"


def test_text_is_printable() -> None:
    """A step is one line, whatever was sent."""
    text = report.text(result())
    assert "docs/security.md, line K3" in text
    assert all(line.isprintable() for line in text.splitlines())
    assert "and 3 more steps" in text


def test_what_counts_as_well() -> None:
    """Not tried is no failure; an error is one, and so is nothing at all."""
    held, other = result(), result(Verdict.NOT_TRIED)
    assert report.is_well([held, other])
    assert not report.is_well([other])
    assert not report.is_well([held, result(Verdict.ERROR)])
    assert not report.is_well([held, result(Verdict.BROKEN)])
    assert report.summary([held, other]) == "2 attacks: 1 held, 1 not tried"
