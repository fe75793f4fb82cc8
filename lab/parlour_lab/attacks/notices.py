"""What the operator tells everyone: who could speak in the operator's place, and what its text does."""

import json
from pathlib import Path

from parlour_client.extras.operator_notices.bar import NoticeBar
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import PASSWORD, frame
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice


@attack(
    "Someone sends a notice as the server does, and asks for accounts called operator and notice",
    expects="The frame is refused as malformed, and the names as reserved.",
)
def forged_notice(server: LabServer, seen: Evidence) -> bool:
    notice = {
        "type": "server_notice",
        "id": "probe-0000000001",
        "notice": "7kq2m9x4tb",
        "at": 1,
        "expires": 2**50,
        "text": "log in at evil.example",
    }
    with server.chatting(server.session()) as (wire, _):
        seen.sent(json.dumps(notice))
        wire.send(frame(1, json.dumps(notice).encode()))
        answer = wire.told("probe-0000000001")
        seen.received(json.dumps(answer))
    made = []
    for name in ("operator", "notice"):
        body = {"invite": server.invite_code, "username": name, "password": PASSWORD}
        status = server.api("POST", "/v1/accounts", body).status
        seen.sent(f"an account called {name}")
        seen.received(status)
        made += [name] * (status == 201)
    return answer.get("code") == "malformed" and not made


@attack(
    "A notice in the markup of the client, with a sequence that clears the screen",
    expects="The bar above the chat shows it as text.",
    stage=Stage.UNIT,
)
def hostile_notice(folder: Path, seen: Evidence) -> bool:
    del folder
    text = NoticeText.parse("[red]down[/] \x1b[2J at 8")
    seen.sent(text)
    bar = NoticeBar()
    bar.tell([ServerNotice(NoticeId("7kq2m9x4tb"), Millis(1), Millis(2**50), text)], "chat.example")
    shown = str(bar.visual)
    seen.received(shown)
    return "[red]down[/]" in shown and "\x1b" not in shown
