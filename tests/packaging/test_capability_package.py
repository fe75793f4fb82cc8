"""A capability as a package: built as a wheel, installed into a folder, named, and used by commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools.release.builds import build

EXAMPLE = Path(__file__).parents[2] / "examples" / "server_rules"


@pytest.mark.long
def test_a_wheel_is_installed_named_and_used(tmp_path: Path) -> None:
    """What the page says, in another process; before it is named nothing of it is there."""
    _, wheel = build(EXAMPLE, tmp_path / "built")
    site, data = tmp_path / "site", tmp_path / "data"
    pip = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, *pip], check=True, capture_output=True)  # noqa: S603 - our own wheel

    def server(*words: str) -> tuple[int, str]:
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-m", "parlour_server", *words, "--data", str(data)],
            env={**os.environ, "PYTHONPATH": str(site)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert server("init")[0] == 0
    assert server("rules", "show")[0] == 2
    configuration = data / "parlour.toml"
    text = configuration.read_text("utf-8").replace("# packages = []", 'packages = ["server_rules"]')
    configuration.write_text(f"{text}\n[rules]\nreview_days = 30\n", "utf-8")
    assert "migrate" in server("rules", "set", "Be kind.")[1]
    assert "; new tables: server_rules\n" in server("migrate")[1]
    assert server("rules", "set", "Be kind.")[0] == 0
    assert "Be kind." in server("rules", "show")[1]
    status, told = server("doctor")
    assert status == 0
    assert "server_rules is of parlour-server-rules 1.0" in told
    assert "rules.review_days = 30" in told
