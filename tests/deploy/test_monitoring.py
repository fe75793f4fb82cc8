# ruff: noqa: S603 - a program of the system
"""What watches a server fits it: a real one shows what is documented, and what dashboard and alerts read.

NOT TESTED here: that Grafana draws the dashboard, which no test can fetch. Where promtool is installed, it
checks each expression, and the alerts against their own tests.
"""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain, combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Entered, LogEvent, Ok
from parlour_protocol.frames.requests import CreateRoom, Join, Send
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.app.capability import served_by
from parlour_server.app.metrics import Kind
from parlour_server.capabilities.prometheus.server_metrics import LIMITS
from parlour_server.capabilities.prometheus.text import PrometheusText
from parlour_server.chat.audit import ChatAuditEvent
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.capability import chat_served_by
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.chat.metrics import CHAT_LIMITS, CHAT_METRICS
from parlour_server.chat.name import NAME
from parlour_server.chat.program import CHAT
from parlour_server.core.audit import AuditEvent
from parlour_server.core.config.server_settings import Settings
from parlour_server.testing.server import World, running

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
ALERTS = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana/parlour.json").read_text("utf-8"))
ADDED = served_by(CHAT.capabilities)
DOCUMENTED = {
    one.full_name(NAME.word): one
    for one in (*CHAT_METRICS, *(metric for added in ADDED for metric in added.metrics))
}
ELSEWHERE = {"NATS", "PostgreSQL"}
"""Metrics that need one of these are not on the page of a server by itself."""
SECRET = "a sentence that nobody else reads"
SCRAPED = {"instance", "job"}
"""Labels that Prometheus adds."""

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


class Watched(NamedTuple):
    """What a real server showed before and after a message to two people."""

    before: Samples
    after: Samples
    people: re.Pattern[str]
    """What must not be in it: names of people and rooms, ids, addresses, texts."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Start a server, and have two people say something."""
    return asyncio.run(_watch(tmp_path_factory.mktemp("watched") / "data"))


async def _watch(data: Path) -> Watched:
    async with running(CHAT, data, given={"inspection.secrets": "flag"}, change=_with_metrics) as world:
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
        people = re.compile(rf"\bada\b|\bbob\b|\bden\b|127\.0|{SECRET}|{room}|{ada.session}")
        return Watched(before, scrape(world), people)


def _with_metrics(settings: Settings) -> Settings:
    return replace(settings, listen=replace(settings.listen, metrics="127.0.0.1:0"))


def scrape(world: World) -> Samples:
    """Return what the listener answers with: the samples of each name, by their labels."""
    found: Samples = {}
    page = PrometheusText(NAME.word, world.parts.metrics).text().decode()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def samples_of(name: str) -> Iterator[str]:
    """Return the names of the samples of a documented metric."""
    endings = ("_bucket", "_count", "_sum") if DOCUMENTED[name].kind is Kind.HISTOGRAM else ("",)
    return (name + ending for ending in endings)


def test_a_message_is_counted_everywhere(watched: Watched) -> None:
    """Requests, messages, commits and deliveries grow by what happened, and gauges show what is there."""

    def total(name: str) -> float:
        return sum(watched.after[f"parlour_{name}"].values())

    def grown(name: str) -> float:
        return total(name) - sum(watched.before[f"parlour_{name}"].values())

    assert grown("messages_total") == grown("requests_total") == 1
    assert grown("request_seconds_count") == grown("delivery_seconds_count") == 1
    assert grown("deliveries_total") == total("people_connected") == total("connections") == 2
    assert grown("delivered_bytes_total") > len(SECRET)
    assert grown("commit_writes_sum") >= grown("commit_seconds_count") >= 1
    assert total("certificate_expiry_timestamp_seconds") > 1.7e9
    assert 0 < total("disk_free_bytes") < total("disk_size_bytes")
    assert watched.after["parlour_database_bytes"][(("file", "database"),)] > 0
    assert total("store_writable") == 1
    assert total("accounts") == total("sessions") == 0  # at the start: the system account is no person's
    assert total("rooms") == 1


def test_every_kind_of_event_and_limit_is_shown_from_the_start(watched: Watched) -> None:
    """So that rates begin at 0; those of the chat, too."""
    events, limits = watched.before["parlour_events_total"], watched.before["parlour_limit_hits_total"]
    own = {event for one in ADDED for event in one.audit_events}
    assert {value for _, value in chain.from_iterable(events)} == {
        *AuditEvent,
        *ChatAuditEvent,
        *DeliveryEvent,
        *own,
    }
    limited = {name for one in chat_served_by(CHAT_CAPABILITIES) for name in one.limits}
    assert {value for _, value in chain.from_iterable(limits)} == {*LIMITS, *CHAT_LIMITS, *limited}
    assert events[(("event", "login_ok"),)] > 0
    assert events[(("event", "group_founded"),)] == 0


def test_a_server_shows_what_is_documented_and_nothing_else(watched: Watched) -> None:
    """Each metric of the table is there with its labels; each of the server's own is in the table."""
    for name, metric in DOCUMENTED.items():
        for sample in samples_of(name):
            for labels in watched.after.get(sample, ()):
                assert {key for key, _ in labels} - {"le"} == set(metric.labels)
    expected = {sample for name in DOCUMENTED for sample in samples_of(name)}
    own = {name for name in watched.after if name.startswith("parlour_")}
    assert own <= expected
    assert expected - own == {name for name, one in DOCUMENTED.items() if one.needs in ELSEWHERE}


def test_metrics_follow_prometheus_conventions() -> None:
    """Base units, `_total` for counters and for nothing else, and no label that could be someone's."""
    for name, metric in DOCUMENTED.items():
        assert name.endswith("_total") == (metric.kind is Kind.COUNTER), name
        assert not re.search(r"_(ms|millis|kb|mb|percent|minutes|hours|days)(_|$)", name), name
        assert not {"user", "account", "name", "room", "address", "id", "session", "device"} & {
            *metric.labels
        }
        assert "|" not in metric.about


def test_no_label_says_who(watched: Watched) -> None:
    """L28, K7: nothing on the page is the name of a person or a room, an address, an id or a text."""
    values = {value for samples in watched.after.values() for labels in samples for _, value in labels}
    assert not [value for value in values if watched.people.search(value)]


def expressions() -> Iterator[tuple[str, str]]:
    """Return each expression of alerts and dashboard, with where it is."""
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


def test_what_watches_a_server_reads_what_it_shows(watched: Watched) -> None:
    """Each metric, label and value of a label that an expression names is on a real server's page."""
    shown = {**watched.after, "up": {(): 1.0}}
    for name, one in DOCUMENTED.items():
        if one.needs in ELSEWHERE:
            shown |= {
                sample: {tuple((label, "") for label in one.labels): 0.0} for sample in samples_of(name)
            }
    for place, expression in expressions():
        _check(shown, place, expression)


def _check(shown: Samples, place: str, expression: str) -> None:
    named = set(re.findall(r"\b(?:parlour|process)_\w+|\bup\b", expression))
    assert named, place
    assert named <= shown.keys(), place
    labels = {label for name in named for sample in shown[name] for label, _ in sample} | {*SCRAPED, "le"}
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r'(\w+)\s*(=~?|!=|!~)\s*"([^"]*)"', matchers):
            if label in SCRAPED:
                continue
            values = {found for sample in shown[name] for key, found in sample if key == label}
            wanted = value.split("|") if operator == "=~" else [value]
            assert set(wanted) <= values, (place, name, label)
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {word.strip() for word in grouped.split(",")} <= labels, place


def test_alerts_say_what_to_do() -> None:
    """Each has a severity, a summary and what to do about it, and documents that it names exist."""
    for rule in (rule for group in ALERTS["groups"] for rule in group["rules"]):
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}
        for path in re.findall(r"docs/\S+\.md", rule["annotations"]["description"]):
            assert (DEPLOY.parent / path).is_file()


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    """Panels have ids of their own and places that do not overlap; each reads the chosen data source."""
    panels = DASHBOARD["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    assert {one["type"] for one in panels} == {"row", "stat", "timeseries"}
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(one["gridPos"]["x"] + one["gridPos"]["w"] <= 24 for one in panels)
    for panel in panels:
        for target in panel.get("targets", ()):
            assert (
                target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            )
        assert panel["type"] == "row" or (panel["description"] and panel["fieldConfig"]["defaults"]["unit"])
        for lower, upper in pairwise(
            panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps", ())[1:]
        ):
            assert lower["value"] < upper["value"]
    assert {one["name"] for one in DASHBOARD["templating"]["list"]} == {"datasource", "instance"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_agrees(tmp_path: Path) -> None:
    """Its check of the configuration, the alerts, their tests, and the dashboard's expressions."""
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, (_, expression) in enumerate(expressions())
        if not expression.startswith("label_values")
    ]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    for words in (
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml", str(tmp_path / "panels.yml")),
        ("test", "rules", "alerts_test.yml"),
    ):
        found = subprocess.run(
            [str(shutil.which("promtool")), *words],
            cwd=PROMETHEUS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stdout + found.stderr
