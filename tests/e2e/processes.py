# ruff: noqa: S603 - our own programs
"""A real server as a process, started by the commands that an operator types, and real clients beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e import commands
from tests.e2e.commands import DEADLINE
from tests.forked import ForkedPython, PipedPython
from tools.cluster.process import reserved_port

NO_PROXIES: dict[str, str] = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
"""Proxies that lead nowhere: nothing here may use them."""


class Server:
    """`parlour-server` on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "server"
        self.ready = folder / "ready"
        self.log = folder / "server.log"
        self.port = reserved_port(self)
        self.process: subprocess.Popen[bytes] | ForkedPython | None = None
        self.launcher: list[str] | None = None
        """What starts the command: a program that confines it, or nothing; None forks the server instead."""
        self.arguments: list[str] = []
        """Further options of `run`."""
        self.cheap_passwords = True
        """Whether a server that is forked hashes as cheaply as it can: what it costs matters to few tests."""

    def command(self, *arguments: str) -> str:
        """Run an administration command and return what it printed."""
        done = commands.run("parlour_server", *arguments, "--data", str(self.data))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start it and wait until it is ready; each start takes the same port."""
        self.ready.unlink(missing_ok=True)
        arguments = [
            "run",
            "--data",
            str(self.data),
            "--listen",
            f"127.0.0.1:{self.port}",
            "--ready-file",
            str(self.ready),
            *self.arguments,
        ]
        command = ["-m", "parlour_server", *arguments]
        with self.log.open("ab") as log:
            if self.launcher is None:
                self.process = ForkedPython(
                    command,
                    files={1: log.fileno(), 2: log.fileno()},
                    cheap_passwords=self.cheap_passwords,
                )
            else:
                command = [*self.launcher, sys.executable, *command]
                self.process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + DEADLINE
        while not self.ready.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)  # another process writes the file: there is no event to wait for
        self.port = urlsplit(json.loads(self.ready.read_text())["url"]).port or 0

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it without a word, or as told."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(DEADLINE)

    def invite(self) -> str:
        """Return an invite link."""
        link: str = json.loads(self.command("invite", "create", "--uses", "5", "--json"))["link"]
        return link


class Person:
    """Someone with a home folder, who uses the commands."""

    def __init__(self, home: Path, server: Server) -> None:
        self.home = home
        self.server = server

    def run(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `parlour` to its end."""
        home = ("--home", str(self.home))
        done = commands.run("parlour_client", *home, *arguments, stdin=stdin, env=NO_PROXIES)
        assert not check or done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def begin(self, *arguments: str) -> PipedPython:
        """Start `parlour` and leave it running."""
        return PipedPython(self.line(*arguments)[1:], env=environment())

    def join(self, name: str) -> None:
        """Make an account and log in."""
        arguments = [
            "join",
            self.server.invite(),
            "--username",
            name,
            "--password-stdin",
            "--device",
            f"{name}'s box",
        ]
        self.run(*arguments, stdin=f"{password(name)}\n")

    def line(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        return [sys.executable, "-m", "parlour_client", "--home", str(self.home), *arguments]


def password(name: str) -> str:
    """Return a person's password."""
    return f"the long password of {name}"


def environment() -> dict[str, str]:
    """Return the environment of a client's process."""
    return os.environ | NO_PROXIES


def json_lines(text: str) -> list[dict[str, object]]:
    """Read one JSON object a line."""
    return [json.loads(line) for line in text.splitlines()]


def rest_of(sender: PipedPython, lines: list[str]) -> list[str]:
    """Give a sender its last lines and return what it prints until it ends well."""
    with sender.stdin, sender.stdout, sender.stderr:
        sender.stdin.write("\n".join(lines) + "\n")
        sender.stdin.close()
        found = sender.stdout.read().splitlines()  # not communicate(): readline has read ahead
        assert sender.wait(DEADLINE) == 0, sender.stderr.read()
    return found
