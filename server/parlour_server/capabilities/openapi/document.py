"""The OpenAPI document, made from the table of operations and the structs of the bodies.

It is served at `/v1/openapi.json`.
"""

import json
from inspect import cleandoc
from typing import Any, Final

import msgspec

from parlour_protocol.kit.api import Problem
from parlour_protocol.kit.limits import PASSWORD_BYTES, PASSWORD_MIN
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_server.core.https.operations import Operation, Operations
from parlour_server.core.program_name import ProgramName

_FIELDS: Final[dict[type, str]] = {
    UserName: "A user name: canonical (RFC 8265), 1 to 32 grapheme clusters.",
    DeviceName: "The name of a device: one line, 1 to 32 code points.",
    Secret: "A secret. A new password has at least "
    f"{PASSWORD_MIN.value} code points and at most {PASSWORD_BYTES.value} bytes of UTF-8.",
}
_ALWAYS: Final = {
    (False, False): {429, 500},
    (True, True): {401, 429, 500},
    (True, False): {401, 403, 429, 500},
}
"""The refusals of every operation, by ``session`` and ``while_enrolling``."""
_BYTES: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def document(program: ProgramName, operations: Operations) -> bytes:
    """Return the document of a program's API as JSON text."""
    rows = operations.rows
    bodies = {k for row in rows for k in (row.takes, row.gives, row.or_gives and row.or_gives[1]) if k}
    kinds = sorted(bodies | {Problem}, key=_name)
    _, schemas = msgspec.json.schema_components(
        kinds, schema_hook=_field, ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": program.title,
            "version": "1",
            "summary": operations.summary,
        },
        "servers": [{"url": "https://localhost:8443"}],
        "paths": paths,
        "components": {
            "schemas": portable(dict(sorted(schemas.items()))),
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token from POST /v1/sessions. A ticket does not work here.",
                }
            },
        },
    }
    return (json.dumps(whole, indent=1) + "\n").encode()


def _operation(row: Operation) -> dict[str, Any]:
    refusals = {status.value for status in row.refusals} | _ALWAYS[row.session, row.while_enrolling]
    found: dict[str, Any] = {"operationId": row.name, "summary": row.does}
    if row.session:
        found["security"] = [{"session": []}]
    if "{id}" in row.path:
        found["parameters"] = [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
        ]
    for name in row.query:
        number = {"type": "integer", "minimum": 0}
        found.setdefault("parameters", []).append({"name": name, "in": "query", "schema": number})
    if row.takes_bytes:
        found["requestBody"] = {"required": True, "content": _BYTES}
    if row.takes:
        found["requestBody"] = {"required": not row.may_be_empty, "content": _content(row.takes)}
    gives: dict[str, Any] = {"description": row.status.phrase}
    if row.gives:
        gives["content"] = _content(row.gives)
    elif row.gives_bytes:
        gives["content"] = _BYTES
    elif row.name == "describe":
        gives["content"] = {"application/json": {"schema": {"type": "object"}}}
    also = {
        str(status.value): {"description": status.phrase, "content": _content(kind)}
        for status, kind in filter(None, [row.or_gives])
    }
    found["responses"] = {str(row.status.value): gives, **also} | {
        str(status): {"description": "See `error` and `message`.", "content": _content(Problem)}
        for status in sorted(refusals)
    }
    return found


def _content(kind: type[Payload]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{_name(kind)}"}}}


def _name(kind: type) -> str:
    return kind.__name__


def _field(kind: type) -> dict[str, Any]:
    if issubclass(kind, Opaque):
        return opaque_schema(kind)
    description = _FIELDS.get(kind) or (kind.__doc__ or kind.__name__).splitlines()[0]
    return {"type": "string", "description": description}


def opaque_schema(kind: type[Opaque]) -> dict[str, Any]:
    """Return the schema of bytes that travel as base64url text."""
    least, most = (-(-count * 4 // 3) for count in (kind.min_bytes, kind.max_bytes))
    size = f"{kind.min_bytes} to {kind.max_bytes:,} bytes"
    if kind.min_bytes == kind.max_bytes:
        size = f"{kind.min_bytes} bytes"
    return {
        "type": "string",
        "minLength": least,
        "maxLength": most,
        "pattern": "^[A-Za-z0-9_-]*$",
        "description": f"{(kind.__doc__ or '').splitlines()[0]} {size}, as base64url without padding.",
    }


def portable(node: Any) -> Any:
    r"""Make a schema portable across readers and versions of Python.

    ``\A`` and ``\Z`` become ECMA-262's ``^`` and ``$``, and docstrings lose their indentation, as Python does
    itself since 3.13.
    """
    if isinstance(node, dict):
        return {key: portable(value) for key, value in node.items()}
    if isinstance(node, list):
        return [portable(value) for value in node]
    return cleandoc(node.replace("\\A", "^").replace("\\Z", "$")) if isinstance(node, str) else node
