"""Headless Chromium as the browser of a victim, driven over the DevTools protocol.

It has an empty profile, finds no name but those that it is given, and ends with its block.
"""

import asyncio
import base64
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from parlour_lab.attack import NotTriedError

MISSING: Final = "There is no Chromium here. On Debian: apt install chromium"
_COMMANDS: Final = ("chromium", "chromium-browser", "google-chrome")
_SECONDS: Final = 20.0
"""The longest that one step of the browser may take."""
_OPTIONS: Final = (
    *("--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-proxy-server", "--remote-debugging-port=0", "--window-size=800,360"),
)

_PREFERENCES: Final = {"profile": {"cookie_controls_mode": 0}}
"""Headless, Chromium sends no cookies with requests of another site's pages; with this it does."""


def find_chromium() -> str:
    """Return where Chromium is. Raises NotTriedError."""
    for command in _COMMANDS:
        if found := shutil.which(command):
            return found
    raise NotTriedError(MISSING)


class Page:
    """A tab."""

    def __init__(self, browser: "Chromium", session: str) -> None:
        self._browser = browser
        self._session = session

    async def open(self, address: str) -> str:
        """Load a page; returns what was in the way, if something was."""
        found = await self._browser.ask("Page.navigate", self._session, url=address)
        if not (failed := str(found.get("errorText", ""))):
            await self.run('document.readyState === "complete" || new Promise(done => onload = done)')
        return failed

    async def run(self, script: str) -> Any:
        """Return what JavaScript in the page gives, or what its promise does."""
        found = await self._browser.ask(
            "Runtime.evaluate",
            self._session,
            expression=f"Promise.resolve({script}).then(value => value ?? null)",
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def errors(self) -> list[str]:
        """Return what the browser has said since about WebSockets of this tab that failed, and forget it."""
        found = self._browser.errors.pop(self._session, [])
        return [one.partition("WebSocket handshake: ")[2] or one for one in found]

    async def picture(self) -> bytes:
        """Return what the page looks like, as PNG."""
        found = await self._browser.ask("Page.captureScreenshot", self._session, format="png")
        return base64.b64decode(found["data"])


class Chromium:
    """A running browser."""

    def __init__(self, devtools: ClientConnection) -> None:
        self.errors: dict[str, list[str]] = {}
        """By tab, what the browser writes into its console about WebSockets that failed."""
        self._devtools = devtools
        self._asked = 0

    async def ask(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """Send one command and return its result, one at a time. Raises RuntimeError, TimeoutError."""
        self._asked += 1
        command: dict[str, Any] = {"id": self._asked, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        async with asyncio.timeout(_SECONDS):
            await self._devtools.send(json.dumps(command))
            while True:
                answer = json.loads(await self._devtools.recv())
                if answer.get("id") == self._asked:
                    break
                if answer.get("method") == "Network.webSocketFrameError":
                    told = answer["params"]["errorMessage"]
                    self.errors.setdefault(answer["sessionId"], []).append(told)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def page(self) -> Page:
        """Open a tab: all of them share the cookies."""
        target = await self.ask("Target.createTarget", url="about:blank")
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        await self.ask("Network.enable", attached["sessionId"])
        return Page(self, attached["sessionId"])


@asynccontextmanager
async def chromium(names: Mapping[str, int], trusted: Sequence[str]) -> AsyncIterator[Chromium]:
    """Start a browser in which these names, each with a port, lead to ports of loopback.

    ``trusted`` are digests of TLS keys (SHA-256 of the SubjectPublicKeyInfo, base64) that it accepts for any
    name. Raises NotTriedError where there is none.
    """
    command = find_chromium()
    rules = [f"MAP {name} 127.0.0.1:{port}" for name, port in names.items()]
    rules += ["MAP * ~NOTFOUND", "EXCLUDE localhost", "EXCLUDE 127.0.0.1"]
    with tempfile.TemporaryDirectory(prefix="parlour-browser-", ignore_cleanup_errors=True) as profile:
        _write_preferences(Path(profile))
        options = [*_OPTIONS, f"--user-data-dir={profile}", f"--host-resolver-rules={', '.join(rules)}"]
        options.append(f"--ignore-certificate-errors-spki-list={','.join(trusted)}")
        if os.geteuid() == 0:  # Chromium's sandbox refuses to run as root
            options.append("--no-sandbox")
        process = await asyncio.create_subprocess_exec(
            command, *options, "about:blank", stderr=asyncio.subprocess.PIPE, start_new_session=True
        )
        try:
            async with connect(await _devtools(process), max_size=None, proxy=None) as devtools:
                browser = Chromium(devtools)
                yield browser
                await browser.ask("Browser.close")
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _SECONDS)
        finally:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _write_preferences(profile: Path) -> None:
    (profile / "Default").mkdir()
    (profile / "Default" / "Preferences").write_text(json.dumps(_PREFERENCES))


async def _devtools(process: asyncio.subprocess.Process) -> str:
    """Return the address at which it is driven, which it writes as a line when it is ready."""
    assert process.stderr is not None  # noqa: S101 - it was asked for
    said = b""
    async with asyncio.timeout(_SECONDS):
        while line := await process.stderr.readline():
            if line.startswith(b"DevTools listening on "):
                return line.split()[-1].decode()
            said += line
    raise RuntimeError(f"Chromium did not start: {said[-600:].decode('utf-8', 'replace')}")
