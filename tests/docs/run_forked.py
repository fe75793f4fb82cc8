"""Runs programs that are all named `ticker`, each in a fork of one process that has imported the kit.

It reads lines of JSON, `[folder, "test" or "start", [file…]]`, and writes what each prints to `FOLDER/output`
and an exit status to standard output. Importing the kit takes longer than most of these tests.
"""

import json
import os
import runpy
import sys
from pathlib import Path

import pytest


def run(folder: Path, what: str, files: list[str]) -> int:
    """Run tests, or start the server as far as `--help`."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    if what == "test":
        options = [
            "-q",
            "-W",
            "error",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
            "--rootdir",
            ".",
        ]
        mode = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
        return pytest.main([*options, *mode, *files])
    sys.argv = ["server", "--help"]
    try:
        runpy.run_module("ticker.server", run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def main() -> None:
    """Run each line."""
    for line in sys.stdin:
        folder, what, files = json.loads(line)
        child = os.fork()
        if not child:
            output = os.open(Path(folder, "output"), os.O_WRONLY | os.O_CREAT)
            os.dup2(output, 1)
            os.dup2(output, 2)
            status = 1
            try:
                status = run(Path(folder), what, files)
            except Exception as error:  # noqa: BLE001 - this is what a test looks at
                print(f"{type(error).__name__}: {error}")  # noqa: T201 - the result
            finally:
                sys.stdout.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the result


if __name__ == "__main__":
    main()
