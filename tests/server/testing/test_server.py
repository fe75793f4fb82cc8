"""The server that tests run."""

import subprocess
import sys
from pathlib import Path

from parlour_protocol.kit.frames import Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_server.core.audit import AuditEvent
from parlour_server.testing.server import running

from ticker import server as ticker_program
from ticker.frames import Price, Watch


async def test_people_sockets_and_audit_lines(tmp_path: Path) -> None:
    """A test reads like the story that it tells."""
    async with running(ticker_program.app, tmp_path / "data") as world:
        anna = await world.person("anna")
        socket = await anna.connect()
        assert isinstance(await socket.ask(Watch(new_request_id(), ("ACME",))), Ok)
        assert isinstance(await socket.push(), Price)
        socket.send_bytes(b"nonsense")
        assert (await socket.answer()).re is None
        assert [line["user"] for line in world.audit(AuditEvent.CONNECTION_OPENED)] == ["anna"]
        assert anna.session not in repr(anna)
        assert not world.faults
    assert world.audit(AuditEvent.SERVER_STOPPED)


def test_it_needs_no_pytest() -> None:
    """Benchmarks and demos use it, too."""
    code = "import sys, parlour_server.testing.server; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert done.stdout == "False\n"
