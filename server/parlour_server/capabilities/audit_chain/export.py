"""Audit records for other programs: lines of syslog (RFC 5424) and of OpenTelemetry logs (OTLP/JSON).

Both carry the whole record as it is in the file, so that the chain can be checked where they arrive.
"""

import re
from datetime import datetime
from typing import Any, Final

import msgspec

from parlour_server.capabilities.audit_chain.chain import Record

_AUDIT_FACILITY: Final = 13
_SYSLOG_SEVERITIES: Final = {"info": 6, "warning": 4, "error": 3}
_OTEL_SEVERITIES: Final = {"info": (9, "INFO"), "warning": (13, "WARN"), "error": (17, "ERROR")}
_MOST_SEQUENCE: Final = 2_147_483_647
_OTEL_NAMES: Final = {"user": "user.name", "address": "client.address"}
"""Attributes that OpenTelemetry has names for."""
_LEFT_OUT: Final = frozenset({"event", "audit", "level", "time"})
_OUTSIDE_PRINTABLE: Final = re.compile(r"[^\x21-\x7e]")


def as_syslog(line: bytes, record: Record, *, host: str, program: str) -> bytes:
    """Return a message of RFC 5424, without a frame: `<PRI>1 TIME HOST PROGRAM - EVENT [meta …] RECORD`."""
    fields = record.fields()
    priority = _AUDIT_FACILITY * 8 + _SYSLOG_SEVERITIES.get(str(fields.get("level")), 6)
    number = (record.number - 1) % _MOST_SEQUENCE + 1
    words = (
        f"<{priority}>1",
        _word(fields.get("time"), 32),
        _word(host, 255),
        _word(program, 48),
        "-",
        _word(fields.get("event"), 32),
        f'[meta sequenceId="{number}"]',
    )
    return " ".join(words).encode() + b" " + line


def as_otel(line: bytes, record: Record, *, host: str, program: str, chain: str) -> bytes:
    """Return one `ExportLogsServiceRequest` as a line of JSON."""
    fields = record.fields()
    number, text = _OTEL_SEVERITIES.get(str(fields.get("level")), (9, "INFO"))
    nanoseconds = str(_nanoseconds(fields.get("time")))
    attributes = {
        _OTEL_NAMES.get(name, f"audit.{name}"): value
        for name, value in fields.items()
        if name not in _LEFT_OUT and value is not None
    }
    attributes |= {"audit.chain": chain, "log.record.original": line.decode()}
    log_record = {
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": number,
        "severityText": text,
        "eventName": str(fields.get("event")),
        "body": {"stringValue": str(fields.get("event"))},
        "attributes": _attributes(attributes),
    }
    resource = {"service.name": program, "host.name": host}
    scope = {"scope": {"name": "audit"}, "logRecords": [log_record]}
    return msgspec.json.encode(
        {"resourceLogs": [{"resource": {"attributes": _attributes(resource)}, "scopeLogs": [scope]}]}
    )


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: object) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}  # 64 bits are a string in Protobuf's JSON
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


def _nanoseconds(time: object) -> int:
    try:
        found = datetime.fromisoformat(str(time))
    except ValueError:
        return 0
    return int(found.timestamp()) * 1_000_000_000 + found.microsecond * 1000


def _word(value: object, most: int) -> str:
    """Return a header field: printable, without spaces, `-` for nothing."""
    text = _OUTSIDE_PRINTABLE.sub("?", str(value))[:most] if value else ""
    return text or "-"
