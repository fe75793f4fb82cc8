"""The copy in which a defence is taken out: nothing else is changed, and nothing outside of it."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from parlour_lab.job import copied_libraries, must_be_ours
from parlour_lab.rows import Defence, RowError
from parlour_lab.scratch import Scratch
from parlour_lab.source import PACKAGES, MissingSourceError, Source

FILE = "server/parlour_server/x.py"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return packages of one file each."""
    packages = {}
    for name in PACKAGES:
        packages[name] = tmp_path / "installed" / name
        packages[name].mkdir(parents=True)
        (packages[name] / "x.py").write_text("guard = True\nother = 1\n")
    return Source(packages, None)


def test_a_defence_is_taken_out_of_the_copy_and_put_back(source: Source, tmp_path: Path) -> None:
    """The installed file is the same throughout; Python can tell the copy's compiled versions apart."""
    before = (source.path(FILE).read_text(), source.path(FILE).stat().st_mtime_ns)
    copy = Scratch(tmp_path / "copy", source)
    changed = copy.folder / FILE
    times = set()
    for replacement in ("guard = None", "guard = 1234"):
        with copy.without([Defence(FILE, "guard = True", replacement)]):
            assert changed.read_text() == f"{replacement}\nother = 1\n"
            times.add(int(changed.stat().st_mtime))
        assert changed.read_text() == before[0]
    assert len(times) == 2
    assert (source.path(FILE).read_text(), source.path(FILE).stat().st_mtime_ns) == before


def test_a_defence_of_a_library(source: Source, tmp_path: Path) -> None:
    """The library is copied whole, is on the path while it lacks the defence, and is not changed itself."""
    file, text = "websockets/frames.py", "        frame.check()"
    before = source.read(file)
    copy = Scratch(tmp_path / "copy", source)
    with copy.without([Defence(file, text, "        pass")]):
        (place,) = (Path(path) for path in copy.paths if (Path(path) / "websockets").exists())
        assert (place / file).read_text() == before.replace(text, "        pass")
        assert (place / "websockets/protocol.py").exists()
        assert copied_libraries(copy.paths) == ["websockets"]
    assert copied_libraries(copy.paths) == []
    assert source.read(file) == before


def test_a_text_that_is_there_twice_changes_nothing(source: Source, tmp_path: Path) -> None:
    """All defences are looked for before the first is taken out."""
    copy = Scratch(tmp_path / "copy", source)
    two = [Defence(FILE, "guard = True", "x"), Defence(FILE, "missing", "y")]
    with pytest.raises(RowError), copy.without(two):
        pytest.fail("it was taken out")
    assert (copy.folder / FILE).read_text() == source.read(FILE)


@pytest.mark.parametrize("file", ["server/parlour_server/../../../x.py", "../x.py", "docs/security.md"])
def test_a_file_outside_of_the_packages(source: Source, tmp_path: Path, file: str) -> None:
    """It is refused: only the copy is changed, and an installed package has no other files."""
    (tmp_path / "x.py").write_text("guard = True\n")
    copy = Scratch(tmp_path / "copy", source)
    with pytest.raises((ValueError, MissingSourceError)), copy.without([Defence(file, "guard = True", "x")]):
        pytest.fail("it was taken out")
    assert (tmp_path / "x.py").read_text() == "guard = True\n"


def test_a_module_that_is_not_from_the_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process ends instead of attacking what is installed."""
    with pytest.raises(RuntimeError, match="which is not the scratch copy"):
        must_be_ours([str(tmp_path)])
    module = ModuleType("parlour_server")
    module.__file__ = str(tmp_path / "parlour_server/__init__.py")
    monkeypatch.setattr(sys, "modules", {"parlour_server": module, "os": sys.modules["os"]})
    must_be_ours([str(tmp_path)])
