"""Audit records for syslog and OpenTelemetry: the right form, and the whole record in it."""

import json
import re
from datetime import datetime

from parlour_server.capabilities.audit_chain.chain import AuditHead, Record, chain_record
from parlour_server.capabilities.audit_chain.export import as_otel, as_syslog

EVENT = {
    "user": "anna",
    "address": "203.0.113.7",
    "left_out": 3,
    "seconds": 0.5,
    "ok": True,
    "nothing": None,
    "text": 'quote " bracket ] back\\slash \x1b[31m \u2028',
    "event": "login_failed",
    "audit": True,
    "level": "warning",
    "time": "2030-01-02T03:04:05.678901Z",
}
LINE, _ = chain_record(json.dumps(EVENT).encode(), AuditHead.empty("chain"))
RFC_5424 = re.compile(
    r"<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (-) (\S{1,32}) (\[meta sequenceId=\"\d+\"\]) (\{.*\})"
)


def shaped(line: bytes = LINE) -> tuple[bytes, Record]:
    """Return a line and its record."""
    record = Record.read(line)
    assert record is not None
    return line, record


def test_syslog() -> None:
    """RFC 5424: facility 13 (log audit), the record as the message, nothing that needs a frame."""
    message = as_syslog(*shaped(), host="host name\n", program="parlour-server")
    assert message.isascii()
    found = RFC_5424.fullmatch(message.decode())
    assert found is not None
    priority, time, host, program, _, event, data, text = found.groups()
    assert int(priority) == 13 * 8 + 4
    assert datetime.fromisoformat(time).microsecond == 678901
    assert (host, program, event) == ("host?name?", "parlour-server", "login_failed")
    assert data == '[meta sequenceId="1"]'
    assert text.encode() == LINE


def test_syslog_of_a_long_log() -> None:
    """RFC 5424, 7.3.1: the number of a message is at most 2147483647, then 1 again."""
    line = LINE.replace(b'"record":1,', b'"record":2147483648,')
    assert b'sequenceId="1"' in as_syslog(*shaped(line), host="h", program="p")


def test_otel() -> None:
    """OTLP/JSON: one request a line; 64-bit numbers are strings; the record is in it as it was."""
    request = json.loads(as_otel(*shaped(), host="h", program="parlour-server", chain="chain"))
    [resource] = request["resourceLogs"]
    [scope] = resource["scopeLogs"]
    [log] = scope["logRecords"]
    assert log["timeUnixNano"] == "1893553445678901000"
    assert (log["severityNumber"], log["severityText"], log["eventName"]) == (13, "WARN", "login_failed")
    attributes = {one["key"]: one["value"] for one in log["attributes"]}
    assert attributes["user.name"] == {"stringValue": "anna"}
    assert attributes["client.address"] == {"stringValue": "203.0.113.7"}
    assert attributes["audit.left_out"] == {"intValue": "3"}
    assert attributes["audit.seconds"] == {"doubleValue": 0.5}
    assert attributes["audit.ok"] == {"boolValue": True}
    assert attributes["log.record.original"] == {"stringValue": LINE.decode()}
    assert "audit.nothing" not in attributes
