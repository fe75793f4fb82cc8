"""Group P: someone who knows a password, and wants to get past the second factor."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from pyotp.totp import TOTP

from parlour_client.kit.account.second_factor import Factors, NoDialog
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.transport.https import Api
from parlour_lab.attack import Evidence, NotTriedError, Stage, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import PASSWORD, Answer
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.second_factor import FactorAdded, FactorId, FactorList, TotpSecret
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors.security_keys import SecurityKeys
from parlour_server.core.errors import ProofRefusedError

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
    session: str
    app: TOTP
    first_code: str
    recovery_codes: tuple[str, ...]

    @classmethod
    def of(cls, server: LabServer, name: str, session: str = "") -> "_Victim":
        """Set an app up in this session, or in that of a new account."""
        session = session or server.newcomer(name)
        headers = _headers(session)
        asked = {"name": "app", "password": PASSWORD}
        begun = json.loads(server.api("POST", "/v1/second-factors/totp", asked, headers).body)
        app, path = TOTP(begun["secret"]), f"/v1/second-factors/{begun['id']}/totp"
        code = app.now()
        done = server.api("POST", path, {"code": code}, headers)
        if done.status == 403:  # the half minute was over
            code = app.now()
            done = server.api("POST", path, {"code": code}, headers)
        assert done.status == 200, done
        return cls(server, name, session, app, code, tuple(json.loads(done.body)["recovery_codes"]))

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


def _headers(session: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {session}"}


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


@attack(
    "Getting new recovery codes with a stolen session and the password",
    expects="It is refused: it needs a factor that the account has.",
    settings=_FEW_GUESSES,
)
def factorless_change(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "polly")
    seen.sent("the password, in the victim's session")
    asked = {"password": PASSWORD}
    answer = server.api("POST", "/v1/second-factors/recovery-codes", asked, _headers(victim.session))
    seen.received(answer)
    return answer.status >= 400


@attack(
    "Waiting in a session of one's own until the victim sets up a second factor",
    expects="The session ends in that moment, because it began without a factor.",
    settings=_FEW_GUESSES,
)
def session_before_factor(server: LabServer, seen: Evidence) -> bool:
    mine = server.newcomer("perry")
    body = {"username": "perry", "password": PASSWORD, "device": "probe"}
    stolen = str(json.loads(server.api("POST", "/v1/sessions", body).body)["session"])
    assert server.api("GET", "/v1/sessions", None, _headers(stolen)).status == 200
    _Victim.of(server, "perry", mine)
    seen.sent("a request in the session that began with the password")
    answer = server.api("GET", "/v1/sessions", None, _headers(stolen))
    seen.received(answer.status)
    return answer.status == 401


@attack(
    "Staying logged in with a stolen factor, after the operator has reset it",
    expects="The reset ends every session.",
    settings=_FEW_GUESSES,
)
def session_after_reset(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "pippa")
    status, said = server.operate("user", "second-factor", "reset", "pippa")
    assert status == 0, said
    seen.sent("a request in a session of before the reset")
    answer = server.api("GET", "/v1/sessions", None, _headers(victim.session))
    seen.received(answer.status)
    return answer.status == 401


@attack(
    "A session is ended while it asks for new recovery codes, with the password and a code of the old list",
    expects="It gets none: whether it lives is looked up in the transaction that writes them.",
    settings=_FEW_GUESSES,
)
def ended_while_asking(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "phil")
    codes = iter(victim.recovery_codes)
    for _ in range(3):  # the server may read the end of the session first
        made = victim.finish(victim.challenge(), next(codes), kind="recovery_code")
        stolen = str(json.loads(made.body)["session"])
        listed = json.loads(server.api("GET", "/v1/sessions", None, _headers(stolen)).body)["sessions"]
        [mine] = [one["id"] for one in listed if one.get("current")]
        asked = server.api("POST", "/v1/second-factors/challenges", None, _headers(stolen))
        answer = {"kind": "recovery_code", "code": next(codes)}
        proof = {"challenge": json.loads(asked.body)["challenge"], "answer": answer}
        body = {"password": PASSWORD, "proof": proof}
        with server.wire() as thief, server.wire() as owner:
            thief.send(_request(server, stolen, "POST", "/v1/second-factors/recovery-codes", body))
            ended = owner.ask(_request(server, victim.session, "DELETE", f"/v1/sessions/{mine}"))
            told = thief.answer()
        assert ended.status == 204, ended
        seen.sent("a request for new recovery codes, and the end of its session")
        seen.received(told)
        if told.status == 201:
            return False
    return True


def _request(server: LabServer, session: str, method: str, path: str, body: object = None) -> bytes:
    sent = b"" if body is None else json.dumps(body).encode()
    kind = "" if body is None else "Content-Type: application/json\r\n"
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {server.name}:{server.port}\r\n"
        f"Authorization: Bearer {session}\r\n{kind}Content-Length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent


@attack(
    "Asking for forty challenges with a stolen token, while the victim types a code",
    expects="The victim's challenge stays: a session makes room only among its own.",
    settings=_FEW_GUESSES,
)
def voided_challenge(server: LabServer, seen: Evidence) -> bool:
    victim = _Victim.of(server, "pedro")
    mine = victim.challenge()
    for _ in range(40):
        answer = server.api("POST", "/v1/second-factors/challenges", None, _headers(victim.session))
        assert answer.status == 201, answer
    seen.sent("forty requests for a challenge")
    answer = victim.finish(mine, victim.recovery_codes[0], kind="recovery_code")
    seen.observed(f"the victim's answer: {answer.status}")
    return answer.status == 201


@attack(
    "Sending requests with a stolen token until the server says to wait, as the owner ends its session",
    expects="The owner's request is answered: what secures an account is counted for each session.",
    settings="""
[rates]
http_per_minute = 60
http_burst = 40
""",
)
def used_up_requests(server: LabServer, seen: Evidence) -> bool:
    mine, stolen = server.newcomer("paul"), server.log_in("paul")
    listed = json.loads(server.api("GET", "/v1/sessions", None, _headers(stolen)).body)["sessions"]
    [thief] = [one["id"] for one in listed if one.get("current")]
    answers = [
        server.api("GET", "/v1/sessions", None, _headers(stolen), source=f"127.0.0.{110 + number % 4}")
        for number in range(100)  # from several addresses, each of which is limited, too
    ]
    seen.sent("a hundred requests with the stolen token")
    seen.received(answers[-1].status)
    answer = server.api("DELETE", f"/v1/sessions/{thief}", None, _headers(mine), source="127.0.0.120")
    seen.observed(f"the owner's request: {answer.status}")
    return answer.status == 204


@attack(
    "A page of someone else has the victim's security key sign the challenge of a login",
    expects="The signature is refused, because it names the page that it was made on.",
    stage=Stage.UNIT,
)
def phished_key(_folder: Path, seen: Evidence) -> bool:
    if find_spec("fido2") is None:
        raise NotTriedError("it needs the extra `security-keys`: docs/how-to/install.md")
    from parlour_lab.software_key import SoftwareKey  # noqa: PLC0415 - an extra

    server, key, challenge = SecurityKeys("localhost"), SoftwareKey(), Secret.random()
    made = server.register(challenge, key.register(challenge))
    server.check(challenge, key.sign(challenge), made.credential)
    accepted = 0
    for origin in ("https://evil.example.org", "https://localhost.example.org"):
        key.origin = origin
        seen.sent(f"a signature that was made on {origin}")
        try:
            server.check(challenge, key.sign(challenge), made.credential)
            accepted += 1
        except ProofRefusedError:
            seen.received("refused")
    seen.observed(f"{accepted} of 2 were accepted")
    return accepted == 0


@attack(
    "Using an account without a second factor, where the operator requires one",
    expects="It may set one up, and gets no ticket.",
    settings='[logins]\nsecond_factor = "required"\n',
)
def not_enrolled(server: LabServer, seen: Evidence) -> bool:
    seen.sent("a request for a ticket, in a session that has only the password")
    answer = server.api("POST", "/v1/tickets", None, _headers(server.session()))
    seen.received(answer)
    return answer.status != 201


@attack(
    "A hostile server sends control sequences as the secret for an app, and as recovery codes",
    expects="None of them reaches the screen.",
    stage=Stage.UNIT,
)
def hostile_secret(_folder: Path, seen: Evidence) -> bool:
    secret, uri, code = "ABCDEFGHABCDEFGH", "otpauth://totp/x", "ABCD-EFGH-ABCD-EFGH"
    shown: list[str] = []
    for answers in (
        (_ESCAPE, uri, code),
        (secret, f"otpauth://totp/{_ESCAPE}", code),
        (secret, uri, _ESCAPE),
    ):
        seen.sent(f"secret, address and recovery code: {answers}")
        screen = _Screen()
        factors = Factors(
            cast("Api", _HostileApi(*answers)), Secret(""), ServerAddress("localhost", 1), screen
        )
        try:
            asyncio.run(factors.add_app("app", Secret(PASSWORD)))
        except ServerMisbehavedError as error:
            seen.received(str(error))
        shown += screen.shown
    seen.observed(f"on the screen: {shown}")
    return not any(_ESCAPE in text for text in shown)


_ESCAPE: Final = "\x1b]0;pwned\x07"


class _Screen(NoDialog):
    """Someone who types a code, and what they are shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    async def first_code(self, secret: str, uri: str, problem: str) -> str:
        self.shown += [secret, uri, problem]
        return "123456"

    async def show_recovery_codes(self, codes: Sequence[str]) -> None:
        self.shown += codes


class _HostileApi:
    """What ``Factors`` asks, answered as no honest server does."""

    def __init__(self, secret: str, uri: str, code: str) -> None:
        self._begun = TotpSecret(FactorId("f" * 22), Secret(secret), Secret(uri), 600)
        self._added = FactorAdded((Secret(code),))

    async def second_factors(self, _session: Secret) -> FactorList:
        return FactorList(())

    async def begin_totp(self, _session: Secret, _body: object) -> TotpSecret:
        return self._begun

    async def confirm_totp(self, _session: Secret, _factor: object, _body: object) -> FactorAdded:
        return self._added
