"""Accounts that the operator deleted."""

import secrets

from parlour_lab.attack import Evidence, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import PASSWORD


@attack(
    "Someone whose account was deleted logs in, and someone else registers under its name",
    expects="The login is refused, its open session too, and the name stays taken.",
)
def deleted_account(server: LabServer, seen: Evidence) -> bool:
    name = f"gone{secrets.token_hex(4)}"
    session = server.newcomer(name)
    status, said = server.operate("user", "delete", name, "--yes")
    assert status == 0, said
    seen.sent(f"parlour-server user delete {name}")
    login = server.api("POST", "/v1/sessions", {"username": name, "password": PASSWORD, "device": "probe"})
    seen.received(f"a login: {login.status}")
    ticket = server.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"})
    seen.received(f"a ticket for the session: {ticket.status}")
    again = server.create_account(name, server.invite_code)
    seen.received(f"an account with the same name: {again.status}")
    return (login.status, ticket.status, again.status) == (401, 401, 409)
