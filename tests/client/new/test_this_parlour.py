"""How a project installs the Parlour that made it."""

import json
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from parlour_client.new.this_parlour import requirement


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "parlour==9.8"),
        ({"url": "file:///opt/parlour.whl", "archive_info": {}}, "parlour @ file:///opt/parlour.whl"),
        ({"url": "file:///src/parlour", "dir_info": {}}, "parlour @ file:///src/parlour"),
        ({"url": "file:///src/parlour", "dir_info": {"editable": True}}, "-e file:///src/parlour"),
        (
            {"url": "https://git.example/p.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "parlour @ git+https://git.example/p.git@ab12",
        ),
    ],
)
def test_it_is_installed_from_where_this_one_was(origin: object, line: str, tmp_path: Path) -> None:
    """By PEP 610; a release has no origin, only a version."""
    folder = tmp_path / "parlour-9.8.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: parlour\nVersion: 9.8\n")
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))
    assert requirement(PathDistribution(folder)) == line
