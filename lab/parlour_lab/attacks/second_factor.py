"""Group P: someone who knows a password, and wants to get past the second factor."""

import json
from dataclasses import dataclass
from typing import Final

from pyotp.totp import TOTP

from parlour_lab.attack import Evidence, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import PASSWORD, Answer

_FEW_GUESSES: Final = """
[logins]
failures_per_account = 5
failures_per_address = 1000
[rates]
http_per_minute = 100000
http_burst = 10000
"""


@dataclass(frozen=True)
class _Victim:
    """An account with an app for codes, and its password, which the attacker knows."""

    server: LabServer
    name: str
    app: TOTP
    first_code: str
    recovery_codes: tuple[str, ...]

    @classmethod
    def of(cls, server: LabServer, name: str) -> "_Victim":
        """Make an account and set an app up."""
        headers = {"Authorization": f"Bearer {server.newcomer(name)}"}
        asked = {"name": "app", "password": PASSWORD}
        begun = json.loads(server.api("POST", "/v1/second-factors/totp", asked, headers).body)
        app, path = TOTP(begun["secret"]), f"/v1/second-factors/{begun['id']}/totp"
        code = app.now()
        done = server.api("POST", path, {"code": code}, headers)
        if done.status == 403:  # the half minute was over
            code = app.now()
            done = server.api("POST", path, {"code": code}, headers)
        assert done.status == 200, done
        return cls(server, name, app, code, tuple(json.loads(done.body)["recovery_codes"]))

    def give_password(self, password: str = PASSWORD) -> Answer:
        """Log in with the password only."""
        body = {"username": self.name, "password": password, "device": "probe"}
        return self.server.api("POST", "/v1/sessions", body)

    def challenge(self) -> str:
        """Return the challenge that the password gives."""
        asked = self.give_password()
        assert asked.status == 202, asked
        return str(json.loads(asked.body)["challenge"])

    def finish(self, challenge: str, code: str, *, kind: str = "totp") -> Answer:
        """Answer a challenge."""
        proof = {"challenge": challenge, "answer": {"kind": kind, "code": code}}
        return self.server.api("POST", "/v1/sessions/second-factor", proof)


@attack(
    "Logging in with a stolen password, to an account that has a second factor",
    expects="The password gives a challenge and no session.",
    settings=_FEW_GUESSES,
)
def password_only(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "paula")
    seen.sent("the right password, and nothing else")
    answer = victim.give_password()
    seen.received(answer)
    return "session" not in json.loads(answer.body)


@attack(
    "Comparing what wrong answers at the second step are told",
    expects="A wrong code, a wrong recovery code and a challenge that never was get the same answer.",
    settings=_FEW_GUESSES,
)
def second_step_oracle(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "petra")
    answers = {
        "a wrong code": victim.finish(victim.challenge(), "not a code"),
        "a wrong recovery code": victim.finish(victim.challenge(), "A" * 24, kind="recovery_code"),
        "a challenge that never was": victim.finish("c" * 43, "not a code"),
    }
    for what, answer in answers.items():
        seen.sent(what)
        seen.received(answer)
    return len({(one.status, one.body) for one in answers.values()}) == 1


@attack(
    "A code that was seen over a shoulder is used a second time, within its half minute",
    expects="It is refused, because each code works once.",
    settings=_FEW_GUESSES,
)
def repeated_code(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "pablo")
    code = victim.first_code
    answer = victim.finish(victim.challenge(), code)
    if victim.app.now() != code:  # its half minute was over: the next one is long enough
        code = victim.app.now()
        victim.finish(victim.challenge(), code)
        answer = victim.finish(victim.challenge(), code)
    seen.sent("the code that was used a moment ago")
    seen.received(answer)
    return answer.status != 201


@attack(
    "Guessing codes, with the right password before each guess",
    expects="After five wrong codes the account has to wait: the password clears nothing.",
    settings=_FEW_GUESSES,
)
def guessed_codes(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "pavel")
    tried = 0
    for _ in range(7):
        asked = victim.give_password()
        if asked.status == 429:
            seen.received(asked)
            break
        answer = victim.finish(json.loads(asked.body)["challenge"], "not a code")
        tried += answer.status == 401
    seen.sent("the password and a wrong code, seven times")
    seen.observed(f"{tried} codes were tried")
    return tried <= 5


@attack(
    "A recovery code from a list that someone copied, after its owner has used it",
    expects="It is refused, because each recovery code works once.",
    settings=_FEW_GUESSES,
)
def repeated_recovery_code(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "piotr")
    code = victim.recovery_codes[0]
    used = victim.finish(victim.challenge(), code, kind="recovery_code")
    assert used.status == 201, used
    seen.sent("the recovery code that its owner has used")
    answer = victim.finish(victim.challenge(), code, kind="recovery_code")
    seen.received(answer)
    return answer.status != 201
