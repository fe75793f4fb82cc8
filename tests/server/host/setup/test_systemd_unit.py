"""The unit that `systemd-unit` prints: that of `deploy/`, with a program's names."""

import sys

import pytest
from tests.deploy.confined import UNIT, directives

from parlour_server.core.program_name import ProgramName
from parlour_server.host.setup import systemd_unit

_OWN = {"Description", "Documentation", "User", "Group", "StateDirectory", "ExecStart", "WorkingDirectory"}


def lines(text: str) -> list[str]:
    """Return the directives that every program has."""
    found = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    return [line for line in found if line.partition("=")[0] not in _OWN]


def test_a_program_has_the_same_confinement(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directive for directive; its user, its folder and its command are its own."""
    monkeypatch.chdir(str(tmp_path))
    text = systemd_unit.systemd_unit(ProgramName("shop", "Shop", "python -m shop.server"))
    assert lines(text) == lines(UNIT.read_text("utf-8"))
    assert "ProtectSystem=strict" in lines(text)
    own = "".join(line + "\n" for line in text.splitlines() if not line.startswith("#"))
    assert f"\nUser=shop\nGroup=shop\nWorkingDirectory={tmp_path}\n" in own
    runs = "-m shop.server run --data /var/lib/shop --listen 0.0.0.0:8443 --migrate"
    assert f"\nExecStart={sys.executable} {runs}\n" in own
    assert "\nStateDirectory=shop\n" in own
    assert "parlour" not in own.replace(sys.executable, "").replace(str(tmp_path), "")


def test_the_chats_is_that_of_deploy() -> None:
    """The same user, folder and command; nothing else of the text is replaced."""
    text = systemd_unit.systemd_unit(ProgramName("parlour", "Parlour", "parlour-server"))
    assert lines(text) == lines(UNIT.read_text("utf-8"))
    assert directives(UNIT.read_text("utf-8"), "User") == ["parlour"]
    assert "\nWorkingDirectory=/\n" in text
    assert "/parlour-server run --data /var/lib/parlour --listen 0.0.0.0:8443 --migrate\n" in text
