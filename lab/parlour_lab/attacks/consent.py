"""What someone sends to a person who does not want to hear from them."""

import json
import secrets

from parlour_lab.attack import Evidence, attack
from parlour_lab.keyed_device import asked
from parlour_lab.target import LabServer
from parlour_lab.wire import Wire


@attack(
    "Inviting someone who blocks the inviter, into a room with a name that they must read",
    expects="They are shown nothing, and the inviter is answered as if they were.",
)
def blocked_inviter(server: LabServer, seen: Evidence) -> bool:
    victim = server.newcomer("viktor")
    with server.chatting(victim) as (theirs, _), server.chatting(server.session()) as (wire, _):
        assert asked(theirs, _number(), "block", user="mallory")["type"] == "ok"
        name = f"read-me-{secrets.randbelow(10**9)}"
        room = asked(wire, _number(), "create_room", name=name, kind="private")["result"]["room"]["room"]
        seen.sent(f"an invitation into {name}")
        answer = asked(wire, _number(), "invite", room=room, user="viktor")
        seen.received(answer)
        assert answer["type"] == "ok"
        shown = _invitations(theirs)
    seen.observed(f"the invited person is shown {', '.join(shown) or 'nothing'}")
    return name not in shown


@attack(
    "Opening a direct room with a stranger, to talk to them at once",
    expects="The room waits for their yes, and says so.",
)
def direct_room(server: LabServer, seen: Evidence) -> bool:
    victim = server.newcomer("vesna")
    with server.chatting(server.session()) as (wire, _):
        made = asked(wire, _number(), "open_direct", user="vesna")
        seen.sent("open_direct")
        assert made["type"] == "ok", made
        room = made["result"]["room"]["room"]
    with server.wire() as wire:
        answer = wire.ask(server.head(authorization=f"Bearer {server.ticket(victim)}"))
        assert answer.status == 101, answer
        hello = json.loads(wire.frame()[1])
    [shown] = [one for one in hello["rooms"] if one["room"] == room]
    seen.received(shown)
    return bool(shown.get("request"))


def _invitations(wire: Wire) -> list[str]:
    found = asked(wire, _number(), "invitations")["result"]["invitations"]
    return [str(one["name"]) for one in found]


def _number() -> int:
    return secrets.randbelow(10**9)
