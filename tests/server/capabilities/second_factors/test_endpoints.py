"""Second factors from the outside, one test for each attack: P20-P29, L7, and lines of OWASP ASVS 5."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from pyotp.totp import TOTP
from tests.server.chat.delivery.https.conftest import OPERATIONS, SETTINGS, Api
from tests.server.fakes import CHEAP, PASSWORD, MakeAccount, ReadableAudit, StoppedClock, by_login

from parlour_lab.software_key import SoftwareKey
from parlour_protocol.kit.api import encode_payload
from parlour_protocol.kit.names import UserName, parse_device_name
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors.audit_events import FactorEvent
from parlour_server.capabilities.second_factors.challenges import CHALLENGE_SECONDS, SecondFactors
from parlour_server.capabilities.second_factors.settings import FactorSettings
from parlour_server.capabilities.second_factors.store import FactorStore
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.audit import AuditEvent
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import LoginRefusedError

WRONG = "another-violin-marble"
AT_ONCE = 20


@dataclass
class Someone:
    """A person with an app for codes, and what they were shown."""

    api: Api
    clock: StoppedClock
    name: UserName
    token: Secret = field(default_factory=lambda: Secret(""))
    secret: str = ""
    factor: str = ""
    recovery: list[str] = field(default_factory=list)

    def code(self) -> str:
        """Return what the app shows now."""
        return TOTP(self.secret).at(self.clock.now() // 1000)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call with this session."""
        return await self.api.as_(self.token, method, path, json=body)

    async def challenge(self) -> str:
        """Return a challenge of this session."""
        made = await self.call("POST", "/v1/second-factors/challenges")
        assert made.status_code == 201
        return str(made.json()["challenge"])

    async def proof(self) -> dict[str, object]:
        """Return a proof by the app for this session, by a code that was not used yet."""
        self.clock.pass_seconds(30)
        return totp(await self.challenge(), self.code())

    async def step_up(self) -> dict[str, object]:
        """Return the password, and a proof."""
        return {"password": PASSWORD, "proof": await self.proof()}

    async def enrol(self, step_up: dict[str, object] | None = None, name: str = "app") -> None:
        """Set up the app."""
        body = {"name": name, **(step_up or {"password": PASSWORD})}
        begun = await self.call("POST", "/v1/second-factors/totp", body)
        assert begun.status_code == 201, begun.text
        self.secret, self.factor = begun.json()["secret"], begun.json()["id"]
        done = await self.call("POST", f"/v1/second-factors/{self.factor}/totp", {"code": self.code()})
        assert done.status_code == 200, done.text
        self.recovery = done.json().get("recovery_codes", self.recovery)

    async def ask(self) -> dict[str, Any]:
        """Give the password; return the challenge."""
        asked = await self.api.log_in(self.name)
        assert asked.status_code == 202, asked.text
        found: dict[str, Any] = asked.json()
        return found

    async def finish(self, proof: dict[str, object]) -> Any:
        """Answer a challenge of a login."""
        return await self.api.http.post("/v1/sessions/second-factor", json=proof)


def totp(challenge: str, code: str) -> dict[str, object]:
    """Return a proof by a code of an app."""
    return {"challenge": challenge, "answer": {"kind": "totp", "code": code}}


def recovery(challenge: str, code: str) -> dict[str, object]:
    """Return a proof by a recovery code."""
    return {"challenge": challenge, "answer": {"kind": "recovery_code", "code": code}}


def by_key(challenge: str, key: SoftwareKey) -> dict[str, object]:
    """Return a proof by a security key."""
    answer: dict[str, object] = plain(key.sign(Secret(challenge)))
    return {"challenge": challenge, "answer": answer}


def plain(payload: Payload) -> Any:
    """Return a body as JSON has it."""
    return msgspec.json.decode(encode_payload(payload))


@pytest.fixture
async def anna(api: Api, clock: StoppedClock, make_account: MakeAccount) -> Someone:
    """Return someone who is logged in and has no factor yet."""
    made = Someone(api, clock, await make_account("anna"))
    made.token = await api.session()
    return made


@pytest.fixture
async def eve(anna: Someone) -> Someone:
    """Return someone with an app, whose last code was a while ago."""
    await anna.enrol()
    anna.clock.pass_seconds(60)
    return anna


# --- logging in


async def test_a_password_is_not_enough(eve: Someone, audit: ReadableAudit) -> None:
    """P20, ASVS 6.3.3: with a factor the password gives a challenge and no session; the factor gives it."""
    asked = await eve.ask()
    assert asked.keys() == {"challenge", "expires_in", "kinds"}
    assert asked["kinds"] == ["totp", "recovery_code"]
    assert FactorEvent.SECOND_FACTOR_ASKED in audit.kinds()
    # the challenge itself is no session, and no ticket
    for path in ("/v1/sessions", "/v1/second-factors"):
        assert (await eve.api.as_(Secret(asked["challenge"]), "GET", path)).status_code == 401
    made = await eve.finish(totp(asked["challenge"], eve.code()))
    assert made.status_code == 201
    assert (await eve.api.as_(Secret(made.json()["session"]), "GET", "/v1/sessions")).status_code == 200
    assert ("totp", eve.name) in [
        (about["factor"], about["user"]) for kind, about in audit.events if kind is AuditEvent.LOGIN_OK
    ]


async def test_the_first_step_tells_strangers_nothing(eve: Someone) -> None:
    """P21: a wrong password, and an account that does not exist, are answered as if no one had a factor."""
    tries = ((eve.name, WRONG), ("nobody", PASSWORD), ("bert", WRONG))
    answers = [await eve.api.log_in(*one) for one in tries]
    assert len({(one.status_code, one.text, tuple(one.headers.items())) for one in answers}) == 1
    assert answers[0].status_code == 401


async def test_every_wrong_second_step_is_one_refusal(eve: Someone, store: ChatStore) -> None:
    """P21: wrong, reused, of another kind or account, late, disabled: the same status, body and headers."""
    used = eve.code()
    assert (await eve.finish(totp((await eve.ask())["challenge"], used))).status_code == 201
    refused = [
        await eve.finish(totp((await eve.ask())["challenge"], "000000")),
        await eve.finish(totp((await eve.ask())["challenge"], used)),
        await eve.finish(totp((await eve.ask())["challenge"], "not a code")),
        await eve.finish(recovery((await eve.ask())["challenge"], "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")),
        await eve.finish(by_key((await eve.ask())["challenge"], SoftwareKey())),
        await eve.finish(totp("c" * 43, eve.code())),
    ]
    late = (await eve.ask())["challenge"]
    eve.clock.pass_seconds(CHALLENGE_SECONDS)
    refused.append(await eve.finish(totp(late, eve.code())))
    disabled = (await eve.ask())["challenge"]
    await store.accounts.set_disabled(ByOperator(eve.name), disabled=True)
    refused.append(await eve.finish(totp(disabled, eve.code())))
    assert {one.status_code for one in refused} == {401}
    assert len({(one.text, tuple(one.headers.items())) for one in refused}) == 1


async def test_a_challenge_is_used_up_by_a_wrong_answer(eve: Someone) -> None:
    """P22: it allows one guess; the next one needs the password again."""
    asked = (await eve.ask())["challenge"]
    assert (await eve.finish(totp(asked, "000000"))).status_code == 401
    assert (await eve.finish(totp(asked, eve.code()))).status_code == 401


async def test_guesses_at_codes_count_like_guesses_at_passwords(eve: Someone) -> None:
    """P23, ASVS 6.6.3: the right password between the guesses clears nothing, from whatever address."""
    for _ in range(SETTINGS.logins.failures_per_account):
        assert (await eve.finish(totp((await eve.ask())["challenge"], "000000"))).status_code == 401
    refused = await eve.api.log_in(eve.name)
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_attempts")
    eve.clock.pass_seconds(refused.json()["retry_after"])
    # and a right login clears them
    assert (await eve.finish(totp((await eve.ask())["challenge"], eve.code()))).status_code == 201
    for _ in range(SETTINGS.logins.failures_per_account - 1):
        assert (await eve.finish(totp((await eve.ask())["challenge"], "000000"))).status_code == 401
    await eve.ask()


async def test_a_code_works_once_at_whatever_time_it_is_raced_for(eve: Someone) -> None:
    """L7, P22, ASVS 6.5.1: of twenty logins with twenty challenges and one code, one succeeds."""
    asked = [(await eve.ask())["challenge"] for _ in range(AT_ONCE)]
    code = eve.code()
    answers = await asyncio.gather(*(eve.finish(totp(one, code)) for one in asked))
    made = [one.status_code for one in answers]
    assert made.count(201) == 1
    assert set(made) <= {201, 401, 429}


async def test_a_challenge_works_once_however_it_is_raced_for(eve: Someone) -> None:
    """L7, P22: of twenty answers to one challenge, each by another recovery code, one succeeds."""
    asked = (await eve.ask())["challenge"]
    codes = (eve.recovery * 2)[:AT_ONCE]
    answers = await asyncio.gather(*(eve.finish(recovery(asked, one)) for one in codes))
    assert [one.status_code for one in answers].count(201) == 1


async def test_a_recovery_code_works_once_however_it_is_raced_for(eve: Someone, audit: ReadableAudit) -> None:
    """L7, P24, ASVS 6.5.1: of twenty logins with one recovery code, one succeeds; the list shows one less."""
    asked = [(await eve.ask())["challenge"] for _ in range(AT_ONCE)]
    answers = await asyncio.gather(*(eve.finish(recovery(one, eve.recovery[0].lower())) for one in asked))
    assert [one.status_code for one in answers].count(201) == 1
    assert audit.kinds().count(FactorEvent.RECOVERY_CODE_USED) == 1
    listed = (await eve.call("GET", "/v1/second-factors")).json()
    assert listed["recovery_codes"] == len(eve.recovery) - 1


async def test_a_code_of_another_half_minute(eve: Someone) -> None:
    """P22, ASVS 6.5.5: a code is right for its 30 seconds; the one before and the one after are wrong."""
    old = eve.code()
    eve.clock.pass_seconds(30)
    assert (await eve.finish(totp((await eve.ask())["challenge"], old))).status_code == 401
    eve.clock.pass_seconds(30)
    ahead = eve.code()
    eve.clock.pass_seconds(-30)
    assert (await eve.finish(totp((await eve.ask())["challenge"], ahead))).status_code == 401


async def test_a_clock_that_is_set_back_repeats_no_code(eve: Someone) -> None:
    """P22, ASVS 6.5.1: the half minute of a code only rises."""
    code = eve.code()
    assert (await eve.finish(totp((await eve.ask())["challenge"], code))).status_code == 201
    eve.clock.pass_seconds(30)
    assert (await eve.finish(totp((await eve.ask())["challenge"], eve.code()))).status_code == 201
    eve.clock.pass_seconds(-30)
    assert (await eve.finish(totp((await eve.ask())["challenge"], code))).status_code == 401


async def test_a_challenge_is_for_one_login_or_one_session(eve: Someone, make_account: MakeAccount) -> None:
    """P22, ASVS 6.6.2: a login's challenge confirms nothing, a session's logs no one in."""
    login = (await eve.ask())["challenge"]
    body = {"old": PASSWORD, "new": "marble-violin-tigress", "proof": totp(login, eve.code())}
    assert (await eve.call("POST", "/v1/password", body)).status_code == 403
    eve.clock.pass_seconds(30)
    assert (await eve.finish(totp(await eve.challenge(), eve.code()))).status_code == 401
    eve.clock.pass_seconds(30)
    made = await eve.finish(totp((await eve.ask())["challenge"], eve.code()))
    other = await eve.api.as_(Secret(made.json()["session"]), "POST", "/v1/second-factors/challenges")
    eve.clock.pass_seconds(30)
    body["proof"] = totp(other.json()["challenge"], eve.code())
    assert (await eve.call("POST", "/v1/password", body)).status_code == 403
    await make_account("bert")
    bert = Someone(eve.api, eve.clock, eve.name, await eve.api.session("bert"))
    await bert.enrol()
    eve.clock.pass_seconds(30)
    assert (await eve.finish(totp((await eve.ask())["challenge"], bert.code()))).status_code == 401


async def test_a_new_password_voids_challenges_after_the_old_one(eve: Someone) -> None:
    """P25: someone who knew the old password, and waits with its challenge, gets nothing for it."""
    asked = (await eve.ask())["challenge"]
    body = {"old": PASSWORD, "new": "marble-violin-tigress", "proof": await eve.proof()}
    assert (await eve.call("POST", "/v1/password", body)).status_code == 204
    eve.clock.pass_seconds(30)
    assert (await eve.finish(totp(asked, eve.code()))).status_code == 401


async def test_a_password_that_is_reset_while_a_factor_answers(
    eve: Someone, store: ChatStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: between the answer and the session the operator resets it: no session begins."""
    asked, prove = (await eve.ask())["challenge"], SecondFactors._answered

    async def overtaken(factors: SecondFactors, *given: Any) -> Any:
        proven = await prove(factors, *given)
        await store.accounts.set_password(ByOperator(eve.name), "the operator's hash")
        return proven

    monkeypatch.setattr(SecondFactors, "_answered", overtaken)
    assert (await eve.finish(totp(asked, eve.code()))).status_code == 401


# --- setting up


async def test_a_factor_is_active_once_its_first_code_was_given(anna: Someone, audit: ReadableAudit) -> None:
    """P26: until then a login needs the password only, and a wrong code leaves it at that."""
    body = {"name": "app", "password": PASSWORD}
    begun = (await anna.call("POST", "/v1/second-factors/totp", body)).json()
    path = f"/v1/second-factors/{begun['id']}/totp"
    refused = await anna.call("POST", path, {"code": "000000"})
    assert (refused.status_code, refused.json()["error"]) == (403, "second_factor_refused")
    assert (await anna.api.log_in()).status_code == 201
    assert (await anna.call("GET", "/v1/second-factors")).json()["factors"] == []
    code = {"code": TOTP(begun["secret"]).at(anna.clock.now() // 1000)}
    done = await asyncio.gather(*(anna.call("POST", path, code) for _ in range(AT_ONCE)))
    assert [one.status_code for one in done].count(200) == 1  # L7
    assert audit.kinds().count(FactorEvent.SECOND_FACTOR_ADDED) == 1
    # the code that confirmed it logs no one in
    asked = (await anna.ask())["challenge"]
    assert (await anna.finish(totp(asked, code["code"]))).status_code == 401


async def test_the_first_factor_ends_every_session_that_began_without(
    anna: Someone, notices: list[object]
) -> None:
    """P26: someone who knows the password and waits in a session of their own does not outlast it."""
    waiting = await anna.api.session()
    await anna.enrol()
    assert (await anna.api.as_(waiting, "GET", "/v1/sessions")).status_code == 401
    assert (await anna.call("GET", "/v1/sessions")).status_code == 200
    assert [notice for notice in notices if type(notice).__name__ == "SessionsEnded"]


async def test_a_login_that_races_the_first_factor(
    anna: Someone, store: ChatStore, clock: StoppedClock
) -> None:
    """P26: a session that began without a factor is not created once there is one."""
    await anna.enrol()
    activity = SessionActivity(clock)
    sessions = Sessions(
        store.sessions, LocalBus(), clock, ReadableAudit(), SETTINGS.logins, activity, AccountLimits()
    )
    with pytest.raises(LoginRefusedError):
        await sessions.begin(await by_login(store, anna.name), parse_device_name("late"))


@pytest.mark.parametrize("what", ["password", "app", "key", "codes", "removal"])
async def test_a_stolen_session_changes_nothing_about_logins(eve: Someone, what: str) -> None:
    """P25, ASVS 7.5.1: not without the password, not without a factor, not with a used code."""
    used = eve.code()
    assert (await eve.finish(totp((await eve.ask())["challenge"], used))).status_code == 201

    async def attempt(password: str, proof: dict[str, object] | None) -> tuple[int, str]:
        body: dict[str, object] = {"password": password, "proof": proof}
        path = f"/v1/second-factors/{eve.factor}/removal"
        match what:
            case "password":
                path, body = "/v1/password", {"old": password, "new": "marble-violin-tigress", "proof": proof}
            case "app":
                path, body["name"] = "/v1/second-factors/totp", "thief"
            case "key":
                path, body["name"] = "/v1/second-factors/security-keys", "thief"
            case "codes":
                path = "/v1/second-factors/recovery-codes"
        given = {name: value for name, value in body.items() if value is not None}
        answer = await eve.call("POST", path, given)
        return answer.status_code, answer.json()["error"] if answer.is_error else ""

    assert await attempt(PASSWORD, None) == (403, "second_factor_needed")
    assert await attempt(WRONG, None) == (403, "second_factor_needed")
    assert await attempt(PASSWORD, totp(await eve.challenge(), used)) == (403, "wrong_password")
    assert await attempt(PASSWORD, totp(await eve.challenge(), "000000")) == (403, "wrong_password")
    assert await attempt(WRONG, await eve.proof()) == (403, "wrong_password")
    assert (await attempt(PASSWORD, await eve.proof()))[0] in {200, 201, 204}


async def test_wrong_proofs_of_a_session_are_throttled(eve: Someone) -> None:
    """P23, ASVS 6.6.3: in the same count as logins, so that neither is a way around the other."""
    for _ in range(SETTINGS.logins.failures_per_account):
        body = {"password": PASSWORD, "proof": totp(await eve.challenge(), "000000")}
        assert (await eve.call("POST", "/v1/second-factors/recovery-codes", body)).status_code == 403
    body = {"password": PASSWORD, "proof": totp(await eve.challenge(), eve.code())}
    assert (await eve.call("POST", "/v1/second-factors/recovery-codes", body)).status_code == 429


async def test_a_factor_is_listed_and_removed(eve: Someone, audit: ReadableAudit) -> None:
    """P27, ASVS 6.5.6: a lost one stops working; after the last one the recovery codes are gone, too."""
    await eve.enrol(await eve.step_up(), name="second")
    listed = (await eve.call("GET", "/v1/second-factors")).json()
    assert [one["name"] for one in listed["factors"]] == ["app", "second"]
    second = Someone(eve.api, eve.clock, eve.name, eve.token, eve.secret, eve.factor)
    gone = listed["factors"][1]["id"]
    removed = await eve.call("POST", f"/v1/second-factors/{gone}/removal", await eve.step_up())
    assert removed.status_code == 204
    eve.clock.pass_seconds(30)
    assert (await eve.finish(totp((await eve.ask())["challenge"], second.code()))).status_code == 401
    audited = {about["factor"] for kind, about in audit.events if kind is FactorEvent.SECOND_FACTOR_REMOVED}
    assert audited == {gone}
    last = listed["factors"][0]["id"]
    body = {"password": PASSWORD, "proof": recovery(await eve.challenge(), eve.recovery[0])}
    assert (await eve.call("POST", f"/v1/second-factors/{last}/removal", body)).status_code == 204
    assert (await eve.call("GET", "/v1/second-factors")).json()["factors"] == []
    assert (await eve.api.log_in()).status_code == 201


async def test_new_recovery_codes_void_the_old_ones(eve: Someone) -> None:
    """P24, ASVS 6.5.6: a stolen list of codes is revoked."""
    made = await eve.call("POST", "/v1/second-factors/recovery-codes", await eve.step_up())
    codes = made.json()["codes"]
    assert not set(codes) & set(eve.recovery)
    assert (await eve.finish(recovery((await eve.ask())["challenge"], eve.recovery[0]))).status_code == 401
    assert (await eve.finish(recovery((await eve.ask())["challenge"], codes[0]))).status_code == 201


async def test_another_account_s_factor(eve: Someone, make_account: MakeAccount) -> None:
    """P25: its id is no help; it is as unknown as any."""
    await make_account("bert")
    bert = Someone(eve.api, eve.clock, eve.name, await eve.api.session("bert"))
    await bert.enrol()
    for factor in (eve.factor, "x" * 22):
        refused = await bert.call("POST", f"/v1/second-factors/{factor}/removal", await bert.step_up())
        assert (refused.status_code, refused.json()["error"]) == (404, "not_found")
        unknown = await bert.call("POST", f"/v1/second-factors/{factor}/totp", {"code": "000000"})
        assert unknown.status_code == 404


# --- security keys


async def enrol_key(someone: Someone, key: SoftwareKey, step_up: dict[str, object]) -> None:
    """Set a security key up."""
    begun = await someone.call("POST", "/v1/second-factors/security-keys", {"name": "blue", **step_up})
    assert begun.status_code == 201, begun.text
    body = plain(key.register(Secret(begun.json()["challenge"])))
    done = await someone.call("POST", f"/v1/second-factors/{begun.json()['id']}/security-key", body)
    assert done.status_code == 200, done.text
    someone.recovery = done.json().get("recovery_codes", someone.recovery)


async def test_a_security_key_logs_in(anna: Someone) -> None:
    """P28: the challenge names the credentials and the server; a signature and a counter work once."""
    key = SoftwareKey()
    await enrol_key(anna, key, {"password": PASSWORD})
    asked = await anna.ask()
    assert asked["kinds"] == ["security_key", "recovery_code"]
    assert (asked["keys"], asked["relying_party"]) == ([key.id.text], "localhost")
    proof = by_key(asked["challenge"], key)
    assert (await anna.finish(proof)).status_code == 201
    assert (await anna.finish(proof)).status_code == 401
    copied = SoftwareKey(private=key.private, counter=key.counter - 1)
    assert (await anna.finish(by_key((await anna.ask())["challenge"], copied))).status_code == 401
    assert (await anna.finish(by_key((await anna.ask())["challenge"], key))).status_code == 201


async def test_a_key_that_does_not_count_works_again_and_again(anna: Someone) -> None:
    """Its counter stays 0 (WebAuthn, section 6.1.1)."""
    key = SoftwareKey()
    await enrol_key(anna, key, {"password": PASSWORD})
    for _ in range(2):
        key.counter = -1
        assert (await anna.finish(by_key((await anna.ask())["challenge"], key))).status_code == 201


async def test_a_phished_signature(anna: Someone) -> None:
    """P28: what a key signs for another server is refused here."""
    key = SoftwareKey()
    await enrol_key(anna, key, {"password": PASSWORD})
    phished = SoftwareKey(private=key.private, counter=9, party="evil.example", origin="https://evil.example")
    assert (await anna.finish(by_key((await anna.ask())["challenge"], phished))).status_code == 401


# --- policy

REQUIRED = FactorSettings(second_factor="required")
OFF = FactorSettings(second_factor="off")


@pytest.mark.parametrize("factor_settings", [REQUIRED])
async def test_nothing_but_setting_up_a_factor_without_one(anna: Someone) -> None:
    """P29, ASVS 6.3.3: every other operation, of the program's too, is refused whatever its handler does."""
    made = await anna.api.log_in()
    assert made.json()["must_enrol"] is True
    allowed = {row.name for row in OPERATIONS.rows if row.session and row.while_enrolling}
    assert allowed == {
        "log_out",
        "list_second_factors",
        "begin_totp",
        "confirm_totp",
        "begin_security_key",
        "confirm_security_key",
    }
    for row in OPERATIONS.rows:
        if row.session and not row.while_enrolling:
            refused = await anna.call(row.method, row.path.replace("{id}", "x" * 22))
            assert (refused.status_code, refused.json()["error"]) == (403, "enrolment_required"), row.name
    await anna.enrol()
    assert (await anna.call("POST", "/v1/tickets")).status_code == 201
    anna.clock.pass_seconds(30)
    made = await anna.finish(totp((await anna.ask())["challenge"], anna.code()))
    assert "must_enrol" not in made.json()


@pytest.mark.parametrize("factor_settings", [REQUIRED])
async def test_the_last_factor_stays_where_one_is_required(eve: Someone) -> None:
    """P29: removing it is refused; another one first, then this one."""
    path = f"/v1/second-factors/{eve.factor}/removal"
    refused = await eve.call("POST", path, await eve.step_up())
    assert (refused.status_code, refused.json()["error"]) == (409, "not_now")
    assert (await eve.call("GET", "/v1/second-factors")).json()["required"] is True
    await enrol_key(eve, SoftwareKey(), await eve.step_up())
    body = {"password": PASSWORD, "proof": recovery(await eve.challenge(), eve.recovery[0])}
    assert (await eve.call("POST", path, body)).status_code == 204


async def test_the_operator_requires_a_factor_of_one_account(anna: Someone, store: ChatStore) -> None:
    """P29: its sessions end, and the next one may only set one up; the last factor then stays."""
    await FactorStore(store, anna.clock).require(ByOperator(anna.name), required=True)
    assert (await anna.call("GET", "/v1/sessions")).status_code == 401
    anna.token = await anna.api.session()
    assert (await anna.call("POST", "/v1/tickets")).status_code == 403
    await anna.enrol()
    assert (await anna.call("POST", "/v1/tickets")).status_code == 201
    path = f"/v1/second-factors/{anna.factor}/removal"
    assert (await anna.call("POST", path, await anna.step_up())).status_code == 409
    await FactorStore(store, anna.clock).require(ByOperator(anna.name), required=False)
    assert (await anna.call("POST", path, await anna.step_up())).status_code == 204


@pytest.mark.parametrize("factor_settings", [OFF])
async def test_a_server_without_second_factors(anna: Someone, store: ChatStore) -> None:
    """No one can set one up, but who must have one, or has one, is still asked."""
    body = {"name": "app", "password": PASSWORD}
    assert (await anna.call("GET", "/v1/second-factors")).json() == {"factors": []}
    assert (await anna.call("POST", "/v1/second-factors/totp", body)).status_code == 403
    await FactorStore(store, anna.clock).require(ByOperator(anna.name), required=True)
    anna.token = await anna.api.session()
    await anna.enrol()
    await anna.ask()


# --- the operator, and what is written down


async def test_a_reset_password_goes_around_no_factor(eve: Someone, store: ChatStore) -> None:
    """P27, ASVS 6.4.3: a new password by the operator is followed by the factor as before."""
    await store.accounts.set_password(ByOperator(eve.name), CHEAP.hash(PASSWORD))
    await eve.ask()


async def test_a_reset_factor_ends_every_session(eve: Someone, store: ChatStore) -> None:
    """P27, ASVS 6.5.6: nothing that the lost factor let in stays in, nor a challenge, nor a recovery code."""
    asked = (await eve.ask())["challenge"]
    assert await FactorStore(store, eve.clock).reset(ByOperator(eve.name)) == 1
    assert (await eve.call("GET", "/v1/sessions")).status_code == 401
    assert (await eve.finish(recovery(asked, eve.recovery[0]))).status_code == 401
    assert (await eve.api.log_in()).status_code == 201


async def test_no_secret_of_a_factor_is_written_down(
    eve: Someone, audit: ReadableAudit, store: ChatStore, folder: DataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """K7, ASVS 6.5.2: codes and challenges are in no log, and only as digests in the database."""
    caplog.set_level(logging.DEBUG)
    asked = (await eve.ask())["challenge"]
    code = eve.code()
    await eve.finish(totp(asked, code))
    await eve.finish(recovery((await eve.ask())["challenge"], eve.recovery[0]))
    unanswered = (await eve.ask())["challenge"]
    written = repr(audit.events) + caplog.text
    for secret in (asked, code, unanswered, eve.secret, *eve.recovery):
        assert secret not in written
    await store.close()
    stored = b"".join(path.read_bytes() for path in folder.path.glob("*.db*"))
    for secret in (asked, unanswered, *eve.recovery, *(one.replace("-", "") for one in eve.recovery)):
        assert secret.encode() not in stored
    assert eve.secret.encode() in stored  # documented: the server computes with it
