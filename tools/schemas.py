"""JSON Schema and AsyncAPI of the frames, generated from the structs.

The structs are the truth; these files are for people who write a client in another language. They say
what a schema can say: the rules for names and text that it cannot are in the specification.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import msgspec

from parlour_protocol.frames.replies import AnyServerFrame
from parlour_protocol.frames.requests import AnyRequest
from parlour_protocol.frames.wire import CHAT_PATH, SUBPROTOCOL
from parlour_protocol.kit.fields import WireText, encode_field
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import RoomName
from parlour_server.capabilities.openapi.document import opaque_schema, portable

FOLDER = Path("protocol/schema")
_NAMES: dict[type, str] = {
    UserName: "A user name (RFC 8265 UsernameCaseMapped; specification section 7)",
    RoomName: "A room name (the same discipline as user names)",
    DeviceName: "A device name (free text, 1 to 32 code points)",
    Secret: "A secret: never logged, never shown",
}


def field_schema(kind: type) -> dict[str, Any]:
    """Return the schema of a field whose type is checked by a function."""
    if issubclass(kind, WireText):
        return {
            "type": "string",
            "maxLength": kind.max_bytes,
            "description": f"{(kind.__doc__ or '').splitlines()[0]} At most {kind.max_bytes} bytes "
            f"of UTF-8, {kind.max_lines} lines; no lone surrogate, NUL or noncharacter.",
        }
    if issubclass(kind, Opaque):
        return opaque_schema(kind)
    return {"type": "string", "description": _NAMES[kind]}


def components() -> tuple[list[str], list[str], dict[str, Any]]:
    """Return the names of the client's frames, of the server's frames, and all definitions."""
    requests, answers = get_args(AnyRequest), get_args(AnyServerFrame)
    # msgspec writes defaults without a hook for types of ours, so it gets one here
    with patch("msgspec._json_schema.to_builtins", partial(msgspec.to_builtins, enc_hook=encode_field)):
        _, found = msgspec.json.schema_components(
            [*requests, *answers], schema_hook=field_schema, ref_template="#/$defs/{name}"
        )
    return [kind.__name__ for kind in requests], [kind.__name__ for kind in answers], portable(found)


def json_schema() -> str:
    """Return the JSON Schema document: what a client may send, and what a server may."""
    requests, answers, found = components()
    return _text(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"Frames of {SUBPROTOCOL}",
            "oneOf": [{"$ref": "#/$defs/FromClient"}, {"$ref": "#/$defs/FromServer"}],
            "$defs": {
                "FromClient": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in requests]},
                "FromServer": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in answers]},
                **dict(sorted(found.items())),
            },
        }
    )


def asyncapi() -> str:
    """Return the AsyncAPI document: one channel, what goes which way."""
    requests, answers, found = components()

    def operation(action: str, names: list[str]) -> dict[str, Any]:
        messages = [{"$ref": f"#/channels/chat/messages/{name}"} for name in names]
        return {"action": action, "channel": {"$ref": "#/channels/chat"}, "messages": messages}

    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "Parlour", "version": SUBPROTOCOL, "description": "From the server's side."},
        "servers": {
            "here": {
                "host": "localhost:8443",
                "protocol": "wss",
                "security": [{"type": "http", "scheme": "bearer"}],
            }
        },
        "channels": {
            "chat": {
                "address": CHAT_PATH,
                "messages": {
                    name: {"payload": {"$ref": f"#/components/schemas/{name}"}} for name in requests + answers
                },
            }
        },
        "operations": {"receive": operation("receive", requests), "send": operation("send", answers)},
        "components": {"schemas": dict(sorted(found.items()))},
    }
    return _text(document).replace("#/$defs/", "#/components/schemas/")


def _text(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def files() -> dict[Path, str]:
    """Return what the generated files should hold."""
    return {FOLDER / "parlour.v1.schema.json": json_schema(), FOLDER / "asyncapi.json": asyncapi()}
