"""Installs a wheel as people do, offline: what it needs comes from the environment that runs this."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.release.one_file import build_one_file
from tools.release.wheelhouse import make_wheelhouse

_NEEDED: Final = ("parlour[server,fast]",)


class Offline:
    """A folder for environments, and an index of what they may install."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self._folder = folder
        self._wheel = wheel
        self._house = folder / "wheels"
        self._house.mkdir()
        make_wheelhouse(self._house, _NEEDED)

    @property
    def home(self) -> Path:
        """The home of the person who installs: there is nothing in it before."""
        return self._folder

    def shell(self, line: str, **more: str) -> "subprocess.Popen[bytes]":
        """Run a line as someone types it who has installed nothing; ``stdout`` has what it prints."""
        here = str(Path(sys.executable).parent)  # where this Parlour is installed already
        system = [place for place in os.environ["PATH"].split(os.pathsep) if place != here]
        return subprocess.Popen(
            ["/bin/sh", "-c", line],
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.pathsep.join(system), "TERM": "xterm-256color", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def uvx(self, *arguments: str) -> str:
        """Run `uvx parlour …` and return what it prints. Needs uv: the environment's own, or the system's."""
        return self._run(
            _uvx(), "-q", "--no-cache", "--offline", "--no-index", "--find-links", str(self._house),
            "--python", sys.executable, "--from", self._requirement("fast"), "parlour", *arguments,
        )  # fmt: skip

    def pip_install(self, extra: str) -> Path:
        """Run `pip install 'parlour[EXTRA]'` in a new environment; returns the environment."""
        where = self._folder / "pip"
        self._run(sys.executable, "-m", "venv", "--without-pip", str(where))
        self._run(
            sys.executable, "-m", "pip", "--python", str(where / "bin" / "python"), "install", "-q",
            "--no-compile", "--disable-pip-version-check",
            "--no-index", "--find-links", str(self._house), self._requirement(extra),
        )  # fmt: skip
        return where

    def pipx_install(self) -> Path:
        """Run `pipx install parlour`; returns the folder with its commands and man pages. Needs pipx."""
        where = self._folder / "pipx"
        places = {"HOME": "home", "BIN_DIR": "bin", "MAN_DIR": "share/man"}
        self._run(
            sys.executable, "-m", "pipx", "install", "-q", "--python", sys.executable,
            "--pip-args", f"--no-index --find-links {self._house}", str(self._wheel),
            **{f"PIPX_{name}": str(where / place) for name, place in places.items()},
        )  # fmt: skip
        return where

    def one_file(self, folder: Path) -> Path:
        """Build Parlour in one file, into a folder."""
        return build_one_file(self._wheel, self._house, folder)

    def run(self, program: Path, *arguments: str) -> str:
        """Run an installed command and return what it prints."""
        return self._run(str(program), *arguments)

    def _requirement(self, extra: str) -> str:
        return f"parlour[{extra}] @ {self._wheel.as_uri()}"

    def _run(self, *words: str, **more: str) -> str:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "PIP_", "UV_"))
        }
        environment["HOME"] = str(self._folder)  # nothing of this person's, and nothing left with them
        done = subprocess.run(
            words, cwd=self._folder, env={**environment, **more}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout


def _uvx() -> str:
    """Return uv's program, of the environment or of the system. Raises RuntimeError."""
    found = shutil.which("uvx", path=_path())
    if found is None:
        raise RuntimeError("there is no uvx; requirements/release.txt brings it: make release-check")
    return found


def _path() -> str:
    """Return where programs are looked for: in this environment first."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
