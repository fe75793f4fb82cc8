"""Groups of the MLS engine with other implementations: installs them and runs the walks (`make interop`).

They are npm packages, pinned with their hashes in `tests/mls/peers`, and installed into `.peers` without
running their scripts. Without Node, npm or a network it says so and ends well; another hash is a failure.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PINS: Final = ROOT / "tests/mls/peers"
FOLDER: Final = ROOT / ".peers"
OFFLINE: Final = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
)
"""npm's codes for a registry that can't be reached."""
RETRY: Final = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
"""By default it takes more than a minute to say so."""


def install(npm: str) -> str | None:
    """Install them; return why that can't be done here. Raises CalledProcessError for anything else."""
    FOLDER.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINS / name, FOLDER)
    done = subprocess.run(  # noqa: S603 - npm of this machine
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *RETRY],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    if any(f"code {code}" in done.stderr for code in OFFLINE):
        return "the npm registry can't be reached"
    sys.stderr.write(done.stderr)
    raise subprocess.CalledProcessError(done.returncode, done.args)


def main() -> int:
    """Install them and run the tests, with further arguments for pytest."""
    npm = shutil.which("npm")
    reason = "Node or npm is not installed" if npm is None or shutil.which("node") is None else install(npm)
    if reason is not None:
        print(f"Skipped: {reason}. Nothing was tested with other implementations.")
        return 0
    test = "tests/mls/test_other_implementation.py"
    command = [sys.executable, "-m", "pytest", "-q", test, *sys.argv[1:]]
    done = subprocess.run(  # noqa: S603 - our tests
        command, cwd=ROOT, env={**os.environ, "PARLOUR_PEERS": str(FOLDER)}, check=False
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
