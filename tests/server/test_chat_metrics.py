"""The metrics of a real server: each documented one is there, counts what it says, and names no one."""

import re
from pathlib import Path

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Entered, LogEvent, Ok
from parlour_protocol.frames.requests import CreateRoom, Join, Send
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat_metrics import CHAT_METRICS
from parlour_server.chat_program import CHAT
from parlour_server.kit.config.server_settings import Settings
from parlour_server.kit.metrics import Metric
from parlour_server.kit.server_metrics import KIT_METRICS
from parlour_server.kit.testing.server import World, running

SECRET = "a sentence that nobody else reads"


def with_metrics(settings: Settings) -> Settings:
    """Return the settings with a metrics listener on a free port."""
    return replace(settings, listen=replace(settings.listen, metrics="127.0.0.1:0"))


Shown = dict[str, dict[tuple[tuple[str, str], ...], float]]


def scrape(world: World) -> Shown:
    """Return what the listener answers with: the samples of each name, by their labels."""
    found: Shown = {}
    for family in text_string_to_metric_families(world.parts.metrics.text().decode()):
        found.setdefault(family.name, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def total(shown: Shown, name: str) -> float:
    """Return the sum over all labels."""
    return sum(shown[name].values())


async def test_a_real_server_shows_what_is_documented_and_counts_what_people_do(tmp_path: Path) -> None:
    """Messages, deliveries, commits, requests; as documented, nothing more; and no label of a person's."""
    given = {"inspection.secrets": "flag"}
    async with running(CHAT, tmp_path / "data", given=given, change=with_metrics) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        writing, reading = await ada.connect(), await bob.connect()
        name = parse_room_name("den")
        made = await writing.ask(CreateRoom(id=new_request_id(), name=name, kind=RoomKind.PUBLIC))
        assert isinstance(made, Ok)
        assert isinstance(made.result, Entered)
        room = made.result.room.room
        await reading.ask(Join(id=new_request_id(), room=room))
        before = scrape(world)
        text = MessageText(SECRET)
        assert isinstance(await writing.ask(Send(id=new_request_id(), room=room, text=text)), Ok)
        while not (isinstance(event := await reading.push(), LogEvent) and isinstance(event.body, Message)):
            pass
        after = scrape(world)

        def grown(name: str) -> float:
            return total(after, name) - total(before, name)

        assert grown("parlour_messages_total") == grown("parlour_requests_total") == 1
        assert grown("parlour_request_seconds_count") == grown("parlour_delivery_seconds_count") == 1
        assert grown("parlour_deliveries_total") == len((writing, reading))
        assert grown("parlour_delivered_bytes_total") > len(SECRET)
        assert grown("parlour_commit_writes_sum") >= grown("parlour_commit_seconds_count") >= 1
        assert total(after, "parlour_people_connected") == total(after, "parlour_connections") == 2
        assert total(after, "parlour_certificate_expiry_timestamp_seconds") > 1.7e9
        assert total(after, "parlour_disk_free_bytes") > 0
        assert after["parlour_database_bytes"][("file", "database"),] > 0
        assert after["parlour_limit_hits_total"][("setting", "rates.invites_per_hour"),] == 0

        own = {name for name in after if name.startswith("parlour_")}
        documented = [one for one in (*KIT_METRICS, *CHAT_METRICS) if one.needs not in {"NATS", "PostgreSQL"}]
        assert {_family(name, documented) for name in own} == {one.name for one in documented}
        labels = {one.labels for one in documented}
        for samples in after.values():
            for sample in samples:
                keys = tuple(key for key, _ in sample if key != "le")
                assert not keys or any(set(keys) == set(known) for known in labels)
                for _, value in sample:
                    assert not re.search(rf"ada|bob|den|127\.|{SECRET}|{room}", value)


def _family(name: str, documented: list[Metric]) -> str:
    """Return the documented name of a sample or of a family."""
    short = name.removeprefix("parlour_")
    known = {one.name for one in documented}
    for ending in ("", "_bucket", "_count", "_sum"):
        if short.endswith(ending) and short[: len(short) - len(ending)] in known:
            return short[: len(short) - len(ending)]
    return short if f"{short}_total" not in known else f"{short}_total"
