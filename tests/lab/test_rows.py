"""The table of the laboratory: what a row must be, and that each of ours names what exists."""

from pathlib import Path

import pytest
from tests.packaging.test_claims import CLAIMS, defined

from parlour_lab.attack import load
from parlour_lab.excerpt import excerpt
from parlour_lab.rows import Defence, Row, RowError, chosen, parse, place, rows
from parlour_lab.source import Source, find_source

SOURCE = find_source()
GOOD = {
    "threat": "Someone does it.\nThey gain.",
    "attack": "credentials.ticket_race",
    "test": "tests/lab/test_rows.py::test_x",
    "defences": [{"file": "server/parlour_server/x.py", "text": "if a > b:", "replacement": "if False:"}],
}
BAD = {
    "a member is missing": {key: value for key, value in GOOD.items() if key != "test"},
    "a member too many": GOOD | {"extra": 1},
    "no defence": GOOD | {"defences": []},
    "nothing is changed": GOOD | {"defences": [{"file": "x", "text": "a", "replacement": "a"}]},
    "nothing is named": GOOD | {"defences": [{"file": "x", "text": " ", "replacement": "a"}]},
    "something is added": GOOD | {"defences": [{"file": "x", "text": "a", "replacement": "b"}]},
    "a defence and none": GOOD | {"absent": "There is nothing."},
    "none, and no word why": {key: value for key, value in GOOD.items() if key != "defences"}
    | {"absent": " "},
    "a defence of another shape": GOOD | {"defences": [{"file": "x", "text": "a"}]},
}


@pytest.mark.parametrize("how", BAD)
def test_a_row_that_is_none(how: str) -> None:
    """It is refused when it is read."""
    with pytest.raises(RowError, match=r"x\.toml, K3"):
        parse("K3", BAD[how], "x")


def test_a_row_with_nothing_to_take_out() -> None:
    """It says why, in the place of defences."""
    members = {key: value for key, value in GOOD.items() if key != "defences"}
    row = parse("K3", members | {"absent": "Nothing\n  here."}, "x")
    assert (row.defences, row.absent) == ((), "Nothing here.")


def test_an_id_that_is_none() -> None:
    """A row's id is a line's, perhaps with a word behind a hyphen."""
    assert parse("K3-nodes", GOOD, "x").line == "K3"
    for name in ("k3", "K", "K3N", "K3-", "K3-A"):
        with pytest.raises(RowError, match="not the id"):
            parse(name, GOOD, "x")


@pytest.mark.parametrize(("text", "times"), [("a = 1\na = 1\n", 2), ("b = 1\n", 0)])
def test_a_text_that_is_there_twice_or_never(tmp_path: Path, text: str, times: int) -> None:
    """It is refused: no one could say which defence was taken out."""
    (tmp_path / "x.py").write_text(text)
    with pytest.raises(RowError, match=f"{times} times, not once"):
        place(
            Defence("server/parlour_server/x.py", "a = 1", "a = 2"),
            Source({"parlour_server": tmp_path}, None),
        )


@pytest.mark.parametrize("row", rows().values(), ids=lambda row: row.id)
def test_a_row_of_ours(row: Row) -> None:
    """Its line, attack and test exist, and each of its texts is in its file once."""
    assert row.line in {claim.id for claim in CLAIMS}
    assert load(row.attack).title
    path, _, name = row.test.partition("::")
    assert name.partition("[")[0] in defined(path)
    assert row.threat.endswith(".")
    for defence in row.defences:
        shown = excerpt(defence, SOURCE)
        assert "\n".join(shown.lines).count(defence.text.strip("\n").split("\n")[0]) >= 1
        assert shown.marked.start >= shown.first


def test_choosing_rows() -> None:
    """By id, line or topic, in any case and once each; an unknown one is an error."""
    assert [row.id for row in chosen(["k3"])] == ["K3", "K3-nodes"]
    assert [row.id for row in chosen(["K3-NODES"])] == ["K3-nodes"]
    assert [row.id for row in chosen(["nodes", "K3-nodes"])].count("K3-nodes") == 1
    with pytest.raises(RowError, match="no line or topic X9"):
        chosen(["X9"])
