"""The MLS README is true: its example runs, the tests that it names exist, the files that it names exist."""

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = _ROOT / "protocol" / "parlour_mls"
_TEXT = (_PACKAGE / "README.md").read_text()


def test_the_worked_example_runs() -> None:
    """Every Python block of the README runs as it stands."""
    blocks = re.findall(r"```python\n(.*?)```", _TEXT, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - our own documentation


def test_every_test_that_is_named_exists() -> None:
    """A rule in the tables is covered by a test that is there."""
    defined = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        defined |= set(re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", _TEXT))
    assert len(named) > 50
    assert named <= defined, named - defined


def test_every_file_is_named() -> None:
    """The map of the code names every module, and no module that is not there."""
    table = _TEXT[_TEXT.index("| folder |") : _TEXT.index("**The path of one message.**")]
    named = {
        (folder, module)
        for folder, files in re.findall(r"^\| `(\w+)/` \| (.*) \|$", table, re.MULTILINE)
        for module in re.findall(r"`(\w+)`", files)
    }
    modules = {(path.parent.name, path.stem) for path in _PACKAGE.glob("*/*.py")}
    assert named == {(folder, module) for folder, module in modules if module != "__init__"}


def test_every_openmls_rule_is_covered() -> None:
    """The checklist has all rules of the public list."""
    listed = set()
    for first, second in re.findall(r"^\| ValSem(\d+)(?:, (\d+))? ", _TEXT, re.MULTILINE):
        listed |= {int(first)} | ({int(second)} if second else set())
    expected = {*range(2, 12), *range(101, 113), *range(200, 208), *range(240, 247), 300, *range(400, 404)}
    assert listed == expected
