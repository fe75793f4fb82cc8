"""The demo of a program: its own server in a temporary folder, and people who joined it with an invitation.

With a screen it opens the program's app as `guest`. Headless, the guest does what the program's ``play``
does, if there is one, and the demo says what held. It exits 0 only if everything did.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import click

from parlour_client.kit.account.home import Home
from parlour_client.kit.account.profile_file import ProfileFile
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.app import LinkApp, LinkScreen
from parlour_client.kit.console.printing import echo
from parlour_client.kit.demo_server import DemoError, DemoServer, demo_server
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _, language, preferred_languages
from parlour_client.kit.link import Link
from parlour_client.kit.main import exit_status
from parlour_client.kit.transport.conversation import G, P, Q, R
from parlour_protocol.kit.invite_link import InviteLink
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.wire import Wire

GUEST: Final = "guest"
_PATIENCE: Final = 60.0
"""Seconds for what the guest does headless."""


def demo_main(
    program: str,
    wire: Wire[Q, Any],
    screen: Callable[[Link[G, Q, R, P]], LinkScreen[G, Q, R, P]],
    play: Callable[[Link[G, Q, R, P]], Awaitable[str]] | None = None,
    *,
    server: str,
    others: Mapping[str, Callable[[Link[G, Q, R, P]], Awaitable[None]]] = MappingProxyType({}),
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a program's demo and return its exit status.

    ``server`` is the module with the server's commands. ``play`` does what a guest would do, and says what
    held in a sentence. ``others`` are simulated people by their names, each busy until the demo ends.
    """
    language.use(preferred_languages(os.environ))

    @click.command(help=_("Try {program} on a server that lives only for this demo.").format(program=program))
    @click.option("--headless", is_flag=True, help=_("Play it without a screen, and print what held."))
    def command(*, headless: bool) -> int:
        # Textual draws on standard error: `2>log` would be a blank screen.
        if not headless and not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise SetupError(
                _("The demo's screen needs a terminal."), _("Without one: make demo ARGS=--headless.")
            )
        echo(
            _("{program} demo: starting a server that lives only for this demo …").format(program=program),
            err=True,
        )
        return asyncio.run(_headless() if headless else _with_screen())

    async def _with_screen() -> int:
        async with demo_server(server) as running, _busy(running, wire, others):
            app = LinkApp[G, Q, R, P](program, await _joined(running, wire, GUEST), wire, screen)
            await app.run_async()
            running.check_log()
            return app.return_code or 0

    async def _headless() -> int:
        async with demo_server(server) as running:
            echo(_("  ok    the server is ready at {url}").format(url=running.url))
            async with _busy(running, wire, others), _connected(running, wire, GUEST) as link:
                echo(
                    _("  ok    {guest} joined with an invitation: {security}").format(
                        guest=GUEST, security=link.status.security
                    )
                )
                if play is not None:
                    echo(f"  ok    {await running.while_it_runs(_played(link, play))}")
            running.check_log()
        if running.folder.exists():
            raise DemoError(_("{folder} is still there.").format(folder=running.folder))
        echo(_("  ok    the server is stopped, its folder gone"))
        return 0

    async def _played(link: Link[G, Q, R, P], play: Callable[[Link[G, Q, R, P]], Awaitable[str]]) -> str:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await play(link)
        except TimeoutError as error:
            raise DemoError(
                _("{guest} waited for {patience:.0f} s, and not all of it happened.").format(
                    guest=GUEST, patience=_PATIENCE
                )
            ) from error

    return exit_status(command, arguments)


async def _joined(server: DemoServer, wire: Wire[Any, Any], name: str) -> Home:
    """Return the home of someone who has joined with an invitation."""
    home = Home(server.folder / name)
    link = InviteLink.parse(await server.invite(1), wire.word)
    user, device = parse_user_name(name), parse_device_name("demo")
    await SignIn(ProfileFile(home)).join(link, user, Secret.random(), device)
    return home


@contextlib.asynccontextmanager
async def _connected(
    server: DemoServer, wire: Wire[Q, Any], name: str
) -> AsyncIterator[Link[Any, Q, Any, Any]]:
    sign_in = SignIn(ProfileFile(await _joined(server, wire, name)))
    async with Link[Any, Q, Any, Any](sign_in, await sign_in.store.load(), wire) as link:
        await server.while_it_runs(link.connected())
        yield link


@contextlib.asynccontextmanager
async def _busy(
    server: DemoServer,
    wire: Wire[Q, Any],
    people: Mapping[str, Callable[[Any], Awaitable[None]]],
) -> AsyncIterator[None]:
    """Keep simulated people busy for the time of the context; raise at its end what went wrong for them."""
    async with contextlib.AsyncExitStack() as links:
        tasks = []
        for name, does in people.items():
            link = await links.enter_async_context(_connected(server, wire, name))
            tasks.append(asyncio.ensure_future(does(link)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended
