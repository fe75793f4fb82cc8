"""D21: a program of the kit is inspected without a line about it, and can bring an inspector of its own."""

from pathlib import Path

from tests.server.capabilities.inspection.notes import Note, Words, app, notes

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Error, Ok
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_server.capabilities.inspection.inspection import InspectionEvent
from parlour_server.core.line_limiter import FIRST
from parlour_server.testing.server import running


async def test_what_a_program_keeps_was_looked_at(tmp_path: Path) -> None:
    """By what the operator turned on, and by the program's own inspector, in its process."""
    async with running(app, tmp_path / "data", given={"inspection.cards": "block"}) as world:
        socket = await (await world.person("ada")).connect()
        refused = await socket.ask(Note(new_request_id(), Words("card 4111 1111 1111 1111")))
        assert isinstance(refused, Error)
        assert refused.code == ErrorCode.CONTENT_REFUSED
        answer = await socket.ask(Note(new_request_id(), Words("say voldemort twice")))
        assert isinstance(answer, Ok)
        assert answer.redacted == "a name was removed before it was stored"
        entries, _ = await notes.page("all", after=Seq(0))
        assert [str(entry.body.words) for entry in entries] == ["say [removed: a name] twice"]
        assert not world.faults


async def test_findings_of_one_account_are_summed_up(tmp_path: Path) -> None:
    """Like other refusals: nobody pushes older lines out of the audit log with them."""
    async with running(app, tmp_path / "data", given={"inspection.cards": "block"}) as world:
        socket = await (await world.person("ada")).connect()
        for _ in range(FIRST + 5):
            answer = await socket.ask(Note(new_request_id(), Words("card 4111 1111 1111 1111")))
            assert isinstance(answer, Error)
            assert answer.code == ErrorCode.CONTENT_REFUSED
        assert len(world.audit(InspectionEvent.INSPECTED)) == FIRST
