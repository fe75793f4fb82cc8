"""Logins with the company's account from the outside, against a real provider: one test for each attack."""

import asyncio
import base64
import hmac
import json
import secrets
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from tests.server.capabilities.oidc.conftest import ANNA, BERT, Company, Open
from tests.server.capabilities.oidc.openid_provider import SECRET, Claims, Provider, new_signing_key, signed

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.oidc.audit_events import OidcEvent
from parlour_server.capabilities.oidc.fetch import Fetcher
from parlour_server.capabilities.oidc.provider import Provider as Client
from parlour_server.capabilities.oidc.recheck import LOOK_SECONDS, Recheck
from parlour_server.capabilities.oidc.sealing import Sealer
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.capabilities.oidc.store import OidcStore
from parlour_server.core.addresses import Networks
from parlour_server.core.audit import AuditEvent
from parlour_server.core.config.server_settings import section
from parlour_server.core.errors import RefusedError, SetupError
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import PASSWORD, Key

LOOKS = 700
"""At most: less than three hours, after which sessions would end without any answer of the provider."""


async def test_a_login_makes_an_account_and_finds_it_again(company: Open) -> None:
    """It is the subject's, whatever they are called by then."""
    async with company() as here:
        first = await here.log_in(ANNA)
        assert first["user"] == "anna"
        assert await here.is_live(first["session"])
        here.provider.people[ANNA]["preferred_username"] = "annabel"
        assert (await here.log_in(ANNA))["user"] == "anna"
        assert len(here.world.audit(OidcEvent.COMPANY_ACCOUNT_LINKED)) == 1


async def test_an_account_is_never_made_without_its_link(
    company: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails between the two leaves neither: otherwise the name is taken, and by no one."""

    def fail(_db: WriteConnection) -> None:
        raise RefusedError(ErrorCode.CONFLICT, "the server dies here")

    async with company() as here:
        with monkeypatch.context() as broken:
            broken.setattr(OidcStore, "linking", lambda *_: fail)
            with pytest.raises(RuntimeError, match="409 "):
                await here.log_in(ANNA)
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_not_yet_and_too_early_are_one_answer(company: Open) -> None:
    """The provider is asked once for each interval, and half as often once it says so."""
    async with company() as here:
        begun = await here.begin()
        assert begun["interval"] == 5
        assert await here.poll(begun["login"]) == {"interval": 5}
        asked = here.provider.count("/token")
        again = await here.world.api("POST", "/v1/company-logins/session", {"login": begun["login"]})
        assert (again, here.provider.count("/token")) == ({"interval": 5}, asked)
        here.provider.slows_down = True
        assert await here.poll(begun["login"]) == {"interval": 10}
        here.provider.approve(begun["code"], ANNA)
        assert await here.poll(begun["login"]) == {"interval": 10}
        assert (await here.poll(begun["login"]))["user"] == "anna"


async def test_a_login_ends_by_the_servers_clock(company: Open) -> None:
    """The provider would allow half an hour."""
    async with company() as here:
        begun = await here.begin()
        assert begun["expires_in"] == 600
        here.provider.approve(begun["code"], ANNA)
        here.clock.forward(600)
        with pytest.raises(RuntimeError, match=r"404 .*too old"):
            await here.poll(begun["login"])


async def test_a_refusal_in_the_browser_ends_it(company: Open) -> None:
    """It can't be approved afterwards."""
    async with company() as here:
        begun = await here.begin()
        here.provider.approve(begun["code"], ANNA, yes=False)
        with pytest.raises(RuntimeError, match=r"403 .*refused in the browser"):
            await here.poll(begun["login"])
        here.provider.approve(begun["code"], ANNA)
        with pytest.raises(RuntimeError, match=r"404 .*unknown"):
            await here.poll(begun["login"])


async def test_only_the_client_that_began_it_gets_the_session(company: Open) -> None:
    """Not with the code that the person types, with a guess, or with another key; and once only."""
    async with company() as here:
        mine, other = Key(), Key()
        begun = await here.begin(key=mine.public.text)
        here.provider.approve(begun["code"], ANNA)
        for login in (begun["code"], secrets.token_urlsafe(32)):
            with pytest.raises(RuntimeError, match=r"404 .*unknown"):
                await here.poll(login, key=mine.public.text)
        for more in ({}, {"key": other.public.text}):
            with pytest.raises(RuntimeError, match=r"404 .*unknown"):
                await here.poll(begun["login"], **more)
        assert here.provider.count("/token") == 0
        here.clock.forward(15)
        results = await asyncio.gather(
            *(here.poll(begun["login"], key=mine.public.text) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(one, dict) and "session" in one for one in results) == 1
        with pytest.raises(RuntimeError, match=r"404 .*unknown"):
            await here.poll(begun["login"], key=mine.public.text)


async def test_the_provider_binds_the_code_to_this_server(company: Open) -> None:
    """PKCE: whoever steals the code at the provider lacks the verifier."""
    async with company() as here:
        begun = await here.begin()
        (_, form) = here.provider.asked[-1]
        assert form["code_challenge_method"] == "S256"
        next(iter(here.provider.codes.values()))["form"]["code_challenge"] = "another"
        here.provider.approve(begun["code"], ANNA)
        with pytest.raises(RuntimeError, match=r"403 .*ask the operator"):
            await here.poll(begun["login"])


def _hmac_by_public_key(provider: Provider, claims: Claims) -> str:
    """Sign with the public key, which everyone has, as the secret of HMAC."""
    header = _part({"alg": "HS256", "kid": provider.key.kid})
    text = f"{header}.{_part(claims)}"
    digest = hmac.new(provider.key.as_pem(private=False), text.encode(), "sha256").digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _unsigned(claims: Claims) -> str:
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def _part(value: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def _refused(here: Company, sign: Any) -> None:
    here.provider.sign = sign
    with pytest.raises(RuntimeError, match=r"403 .*not valid here"):
        await here.log_in(ANNA)
    here.provider.sign = None


async def test_an_id_token_that_is_not_of_this_login_is_refused(company: Open) -> None:
    """Of another issuer, audience, login or time; unsigned, or not signed by a key of the provider."""
    async with company() as here:
        provider, now = here.provider, here.clock.now() // 1000

        def changed(**changes: Any) -> Any:
            return lambda claims: signed({**claims, **changes}, provider.key)

        wrong: list[dict[str, Any]] = [
            {"iss": "https://other.example.org"},
            {"iss": provider.issuer + "/"},
            {"iss": None},
            {"aud": "other"},
            {"aud": ["parlour", "other"]},
            {"aud": []},
            {"azp": "other"},
            {"nonce": "of another login"},
            {"iat": now - 3_600},
            {"iat": now + 3_600},
            {"iat": True},
            {"exp": now - 120},
            {"exp": "later"},
            {"sub": ""},
            {"sub": 7},
            {"sub": "a" * 256},
            {"sub": "anna\n"},
        ]
        for one in wrong:
            await _refused(here, changed(**one))
        await _refused(here, _unsigned)
        await _refused(here, lambda claims: _hmac_by_public_key(provider, claims))
        await _refused(here, lambda claims: signed(claims, new_signing_key()))
        other = new_signing_key()
        await _refused(here, lambda claims: signed(claims, other, jwk=other.as_dict(private=False)))
        await _refused(here, lambda claims: signed(claims, provider.key, typ="logout+jwt"))
        await _refused(here, lambda claims: signed({**claims, "more": "x" * 20_000}, provider.key))
        await _refused(here, lambda _claims: "a.b")
        assert not await OidcStore(here.world.parts.store, here.clock).linked()
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_clocks_may_differ_a_little(company: Open) -> None:
    """By a minute, unless the settings say otherwise."""
    async with company() as here:
        now = here.clock.now() // 1000
        here.provider.sign = lambda claims: signed(
            {**claims, "iat": now + 50, "exp": now - 20}, here.provider.key
        )
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_an_id_token_is_used_once(company: Open) -> None:
    """The second login gets the first one's token, from a provider that sends no nonce."""
    async with company() as here:
        first: list[str] = []

        def sign(claims: Claims) -> str:
            del claims["nonce"]
            first.append(signed(claims, here.provider.key))
            return first[0]

        here.provider.sign = sign
        await here.log_in(ANNA)
        with pytest.raises(RuntimeError, match=r"403 .*used before"):
            await here.log_in(ANNA)


async def test_keys_are_read_again_when_the_provider_has_a_new_one(company: Open) -> None:
    """But not for each token with a key that no one knows."""
    async with company() as here:
        await here.log_in(ANNA)
        here.clock.forward(60)
        here.provider.rotate()
        assert (await here.log_in(ANNA))["user"] == "anna"
        asked = here.provider.count("/keys")
        for _ in range(3):
            await _refused(here, lambda claims: signed(claims, new_signing_key()))
        assert here.provider.count("/keys") == asked


async def test_rsa_keys_are_used_too(company: Open) -> None:
    """As most providers have them."""
    async with company() as here:
        here.provider.key = RSAKey.generate_key(2048, {"kid": "r", "use": "sig"}, private=True)
        here.provider.sign = lambda claims: signed(claims, here.provider.key, "RS256")
        assert (await here.log_in(ANNA))["user"] == "anna"


@pytest.mark.parametrize(
    "documents",
    [
        {"issuer": "https://other.example.org"},
        {"device_authorization_endpoint": "http://localhost/codes"},
        {"device_authorization_endpoint": ["https://localhost/codes"]},
        {"device_authorization_endpoint": None},
    ],
)
async def test_a_discovery_document_that_is_not_the_issuers_is_not_used(
    company: Open, documents: Claims
) -> None:
    """Mix-up: nothing is asked, and the secret sent nowhere."""
    async with company() as here:
        here.provider.documents = documents
        with pytest.raises(RuntimeError, match=r"503 .*can't be reached"):
            await here.begin()
        assert here.provider.count("/codes") == 0


async def test_the_same_subject_at_another_provider_is_someone_else(company: Open, tmp_path: Path) -> None:
    """Mix-up: their name is taken; nothing is sent to the new provider that the old one gave."""
    async with company() as here:
        session = (await here.log_in(ANNA))["session"]
    (tmp_path / "other").mkdir()
    with Provider(people=here.provider.people).serve(tmp_path / "other") as other:
        other.clock = here.provider.clock
        changes = {"issuer": other.issuer, "ca_file": str(tmp_path / "other" / "provider-ca.pem")}
        async with company(here.clock, **changes) as again:
            again.provider = other
            with pytest.raises(RuntimeError, match=r"403 .*taken here"):
                await again.log_in(ANNA)
            again.clock.forward(16 * 60)
            await _until_ended(again, session)
        assert [form for path, form in other.asked if form.get("grant_type") == "refresh_token"] == []


async def _until_ended(here: Company, session: str) -> None:
    """Let the server look until the session has ended."""
    sessions, digest = here.world.parts.store.sessions, Secret(session).digest()
    for _ in range(LOOKS):
        if await sessions.find(digest, here.clock.now()) is None:
            return
        await _look(here)
    raise AssertionError("the session goes on")


async def _look(here: Company) -> None:
    """Let time pass, and the server do what it does meanwhile."""
    here.clock.forward(LOOK_SECONDS)
    await here.world.api("GET", "/healthz")


async def test_an_account_is_never_linked_by_its_name_or_mail_address(company: Open) -> None:
    """The operator links it, by a command: then its password works no longer."""
    async with company(groups=("chat",)) as here:
        anna = await here.world.person("anna")
        with pytest.raises(RuntimeError, match=r"403 .*taken here.*ask the operator to link"):
            await here.log_in(ANNA)
        (line,) = here.world.audit(OidcEvent.COMPANY_LOGIN_REFUSED)
        assert line["subject"] == ANNA
        await here.world.command("oidc", "link", "anna", ANNA)
        assert (await here.log_in(ANNA))["user"] == "anna"
        await _until_ended(here, anna.session)
        with pytest.raises(RuntimeError, match=r"401 .*login_refused"):
            await here.world.log_in("anna")
        assert "anna" in await here.world.command("oidc", "list")
        with pytest.raises(RuntimeError, match="ended with"):
            await here.world.command("oidc", "link", "anna", BERT)
        session = (await here.log_in(ANNA))["session"]
        await here.world.command("oidc", "unlink", "anna")
        await _until_ended(here, session)
        with pytest.raises(RuntimeError, match=r"403 .*taken here"):
            await here.log_in(ANNA)


@pytest.mark.parametrize(
    "name",
    [
        "an\u0000na",
        "an\u202ena",
        "an\u200bna",
        "anna\nbert",
        "server",
        "",
        " ",
        "a" * 200,
        "\u0440\u0430ypal",
        7,
        None,
        ["anna"],
    ],
)
async def test_a_claim_that_is_no_name_makes_no_account(company: Open, name: Any) -> None:
    """Nor is it in a sentence or a log."""
    async with company() as here:
        here.provider.people[ANNA]["preferred_username"] = name
        with pytest.raises(RuntimeError, match=r"403 .*ask the operator to link") as refused:
            await here.log_in(ANNA)
        if isinstance(name, str) and name.strip():
            assert name not in str(refused.value)
            (line,) = here.world.audit(OidcEvent.COMPANY_LOGIN_REFUSED)
            assert name not in line.values()
        here.provider.people[ANNA]["preferred_username"] = "anna"
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_a_domain_is_that_of_a_verified_mail_address(company: Open) -> None:
    """Any other claim about it is worth nothing; the name loses what follows the @ only then."""
    async with company(domains=("Example.org",)) as here:
        people = here.provider.people
        people[ANNA]["preferred_username"] = "anna@example.org"
        for changes in (
            {"email": "anna@example.com"},
            {"email": "anna@example.org.evil.example"},
            {"email_verified": "true"},
            {"email_verified": False},
            {"email": None},
        ):
            old = dict(people[ANNA])
            people[ANNA].update(changes)
            with pytest.raises(RuntimeError, match=r"403 .*domain"):
                await here.log_in(ANNA)
            people[ANNA] = old
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_groups_are_looked_at_again_with_each_check(company: Open) -> None:
    """Who leaves the group is logged out."""
    async with company(groups=("chat",)) as here:
        with pytest.raises(RuntimeError, match=r"403 .*group"):
            await here.log_in(BERT)
        session = (await here.log_in(ANNA))["session"]
        here.provider.people[ANNA]["groups"] = ["other"]
        here.clock.forward(15 * 60)
        await _until_ended(here, session)


async def test_a_check_that_answers_for_someone_else_ends_the_session(company: Open) -> None:
    """The subject stays the same for as long as a refresh token lives."""
    async with company() as here:
        session = (await here.log_in(ANNA))["session"]
        here.provider.people[ANNA]["sub"] = BERT
        here.clock.forward(15 * 60)
        await _until_ended(here, session)


async def test_one_server_of_several_asks_about_an_account(company: Open, tmp_path: Path) -> None:
    """A refresh token works once: a provider takes a second use for theft, and ends them all."""
    async with company() as here:
        session = (await here.log_in(ANNA))["session"]
        parts = here.world.parts
        settings = section(parts.settings, OidcSettings)
        context = ssl.create_default_context(cafile=str(tmp_path / "provider-ca.pem"))
        fetcher = Fetcher(context, Networks("private", settings.private_networks))
        clock = FakeClock(here.clock.now() + 20 * 60_000)
        here.provider.clock = lambda: clock.now() / 1000
        store = OidcStore(parts.store, clock)
        checks = [
            Recheck(
                store,
                Client(settings, fetcher, SECRET, clock),
                Sealer.of(parts.folder.key),
                settings,
                clock,
                parts.audit,
            )
            for _ in range(3)
        ]
        asked = here.provider.count("/token")
        await asyncio.gather(*(one.check() for one in checks))
        assert here.provider.count("/token") == asked + 1
        assert await here.is_live(session)


async def test_someone_who_was_disabled_is_logged_out_in_time(company: Open) -> None:
    """Their own sessions end, and no one else's; the refresh token works once each time."""
    async with company() as here:
        anna, bert = (await here.log_in(ANNA))["session"], (await here.log_in(BERT))["session"]
        for _ in range(3):
            here.clock.forward(15 * 60)
            await _until_checked(here)
        assert await here.is_live(anna)
        del here.provider.people[ANNA]
        here.clock.forward(15 * 60)
        await _until_ended(here, anna)
        assert await here.is_live(bert)
        (line,) = here.world.audit(OidcEvent.COMPANY_SESSIONS_ENDED)
        assert (line["user"], line["sessions"]) == ("anna", 1)


async def _until_checked(here: Company) -> None:
    """Let the server look until it has checked everyone: then they are due in more than ten minutes."""
    store = OidcStore(here.world.parts.store, here.clock)
    for _ in range(LOOKS):
        if all(one.due > here.clock.now() + 600_000 for one in await store.linked()):
            return
        await _look(here)
    raise AssertionError("no one was checked")


async def _until_asked(here: Company, path: str, times: int) -> None:
    """Let the server look until the provider was asked so often."""
    for _ in range(LOOKS):
        if here.provider.count(path) >= times:
            return
        await _look(here)
    raise AssertionError(f"{path} was not asked")


async def test_a_provider_that_is_down_ends_sessions_late_and_lets_no_one_in(company: Open) -> None:
    """The server starts without it, and says so."""
    async with company(unchecked_minutes=60) as here:
        session = (await here.log_in(ANNA))["session"]
        for path in ("/token", "/codes"):
            here.provider.answers[path] = lambda: (500, b"")
        here.clock.forward(20 * 60)
        await _until_asked(here, "/token", here.provider.count("/token") + 1)
        assert await here.is_live(session)
        here.clock.forward(60 * 60)
        await _until_ended(here, session)
    del here.provider.answers["/codes"]
    here.provider.answers["/.well-known/openid-configuration"] = lambda: (503, b"")
    async with company(here.clock) as again:
        with pytest.raises(RuntimeError, match=r"503 .*can't be reached right now"):
            await again.begin()
        del again.provider.answers["/.well-known/openid-configuration"]
        del again.provider.answers["/token"]
        assert (await again.log_in(ANNA))["user"] == "anna"


CODES = b'"device_code": "a", "user_code": "A", "verification_uri": "https://localhost/"}'


@pytest.mark.parametrize(
    "answer",
    [
        (200, b'{"more": "' + b"x" * 70_000 + b'", ' + CODES),
        (200, b"[" * 60_000),
        (200, b"[]"),
        (200, b"\xff{}"),
        (302, b"{" + CODES),
        (200, b'{"device_code": "a", "user_code": "\\u202eA", "verification_uri": "https://localhost/"}'),
        (200, b'{"device_code": "a", "user_code": "A", "verification_uri": "javascript:alert(1)"}'),
    ],
)
async def test_an_answer_that_is_none_is_not_used(company: Open, answer: tuple[int, bytes]) -> None:
    """Too large, too deep, no JSON, a redirect, or to be shown to someone."""
    async with company() as here:
        here.provider.answers["/codes"] = lambda: answer
        with pytest.raises(RuntimeError, match=r"503 .*can't be reached"):
            await here.begin()


async def test_a_slow_provider_holds_no_one_up(company: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ten seconds for a whole answer; others are served meanwhile."""
    monkeypatch.setattr(sys.modules[Fetcher.__module__], "SECONDS", 0.3)
    async with company() as here:
        await here.begin()
        here.provider.answers["/codes"] = lambda: (here.provider.released.wait(), (200, b"{}"))[1]
        waiting = asyncio.ensure_future(here.begin())
        await here.world.api("GET", "/readyz")
        with pytest.raises(RuntimeError, match=r"503 .*can't be reached"):
            await waiting


async def test_private_addresses_are_asked_only_where_the_settings_name_them(company: Open) -> None:
    """A name of the provider that means this machine gains nothing."""
    async with company(private_networks=("10.0.0.0/8",)) as here:
        with pytest.raises(RuntimeError, match=r"503 .*can't be reached"):
            await here.begin()
        assert here.provider.asked == []


async def test_another_certificate_is_not_the_provider(company: Open, tmp_path: Path) -> None:
    """The secret is sent to no one else."""
    with Provider().serve(_made(tmp_path / "other")):
        async with company(ca_file=str(tmp_path / "other" / "provider-ca.pem")) as here:
            with pytest.raises(RuntimeError, match=r"503 .*can't be reached"):
                await here.begin()
            assert here.provider.asked == []


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def test_a_second_factor_is_the_providers_part(company: Open) -> None:
    """Who did not use it there is refused; with it an account that has one here is let in."""
    async with company(amr=("mfa",), passwords="linked") as here:
        anna = await here.world.person("anna")
        await anna.set_up_codes()
        await here.world.command("oidc", "link", "anna", ANNA)
        for amr in (None, "pwd", ["pwd"], {"mfa": True}):
            here.provider.people[ANNA]["amr"] = amr
            with pytest.raises(RuntimeError, match=r"403 .*second factor"):
                await here.log_in(ANNA)
        here.provider.people[ANNA]["amr"] = ["pwd", "mfa"]
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_a_second_factor_here_is_not_passed_by(company: Open) -> None:
    """Where the provider need not ask for one."""
    async with company(passwords="linked") as here:
        anna = await here.world.person("anna")
        await anna.set_up_codes()
        await here.world.command("oidc", "link", "anna", ANNA)
        with pytest.raises(RuntimeError, match=r"403 .*second factor here"):
            await here.log_in(ANNA)


async def test_acr_is_asked_for_and_looked_at(company: Open) -> None:
    """What was asked for is not what was done."""
    async with company(acr=("gold",)) as here:
        with pytest.raises(RuntimeError, match=r"403 .*second factor"):
            await here.log_in(ANNA)
        assert [form["acr_values"] for path, form in here.provider.asked if path == "/codes"] == ["gold"]
        here.provider.people[ANNA]["acr"] = "gold"
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_where_everyone_must_have_a_second_factor_the_provider_must_ask_for_it(company: Open) -> None:
    """No one could set it up here without a password; who has a password must."""
    required = {"logins.second_factor": "required"}
    with pytest.raises(SetupError, match="second factor"):
        async with company(also=required):
            pass
    async with company(also=required, amr=("mfa",)) as here:
        with pytest.raises(RuntimeError, match=r"403 .*second factor"):
            await here.log_in(BERT)
        here.provider.people[BERT]["amr"] = ["mfa"]
        assert await here.is_live((await here.log_in(BERT))["session"])
        assert here.world.audit(AuditEvent.LOGIN_OK)[-1]["factor"] == "elsewhere"
        carl = await here.world.person("carl")
        with pytest.raises(RuntimeError, match=r"403 .*second"):
            await here.world.api("POST", "/v1/tickets", bearer=carl.session)


async def test_a_factor_that_only_one_account_must_have_can_be_the_providers(company: Open) -> None:
    """The same, for an account that the operator named."""
    async with company(amr=("mfa",)) as here:
        here.provider.people[BERT]["amr"] = ["mfa"]
        await here.log_in(BERT)
        await here.world.command("user", "second-factor", "require", "bert")
        assert await here.is_live((await here.log_in(BERT))["session"])


async def test_passwords_can_be_off(company: Open) -> None:
    """Then an invite makes no account either."""
    async with company(passwords="never") as here:
        invite = await here.world.invite()
        account = {"username": "carl", "password": PASSWORD, "invite": invite}
        with pytest.raises(RuntimeError, match=r"/v1/accounts: 403 .*company_login"):
            await here.world.api("POST", "/v1/accounts", account)
        for path in ("/v1/sessions", "/v1/%73essions"):
            login = {"username": "carl", "password": PASSWORD, "device": "laptop"}
            with pytest.raises(RuntimeError, match=r"40[0-9] "):
                await here.world.api("POST", path, login)
        assert (await here.log_in(ANNA))["user"] == "anna"


async def test_without_a_refresh_token_no_one_is_let_in(company: Open) -> None:
    """No one could tell whether they are still with the company."""
    async with company() as here:
        here.provider.answers["/token"] = lambda: (200, json.dumps({"id_token": made()}).encode())
        nonce: list[str] = []

        def made() -> str:
            form = next(iter(here.provider.codes.values()))["form"]
            nonce.append(form["nonce"])
            return here.provider.id_token(here.provider.claims(ANNA, form["nonce"]))

        with pytest.raises(RuntimeError, match=r"403 .*lacks what this server needs"):
            await here.log_in(ANNA)


async def test_one_address_begins_so_many_logins(company: Open) -> None:
    """The provider is not asked for more."""
    async with company() as here:
        for _ in range(20):
            await here.begin()
        with pytest.raises(RuntimeError, match=r"429 "):
            await here.begin()
        assert here.provider.count("/codes") == 20
        here.clock.forward(600)
        await here.begin()


async def test_a_disabled_account_stays_out(company: Open) -> None:
    """The provider does not know that."""
    async with company() as here:
        await here.log_in(ANNA)
        await here.world.command("user", "disable", "anna")
        with pytest.raises(RuntimeError, match=r"403 .*disabled here"):
            await here.log_in(ANNA)


async def test_no_secret_is_in_a_log_or_plain_in_the_database(company: Open, tmp_path: Path) -> None:
    """Tokens, codes and the client's secret: refused logins and checks included."""
    async with company() as here:
        session = (await here.log_in(ANNA))["session"]
        begun = await here.begin()
        await _refused(here, lambda _claims: "a.b.c")
        here.clock.forward(15 * 60 + 15)
        await _until_asked(here, "/token", here.provider.count("/token") + 1)
        assert await here.is_live(session)
        text = json.dumps([dict(line) for line in here.world.logs])
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("*.db*"))
    hidden = [*here.provider.issued, SECRET, begun["login"], session]
    assert len(hidden) > 6
    assert [one for one in hidden if one in text or one.encode() in stored] == []


async def test_company_logins_that_are_off_end(company: Open, provider: Provider) -> None:
    """No one would check them any more; and the API says that there are none."""
    async with company() as here:
        session = (await here.log_in(ANNA))["session"]
    async with company(FakeClock(here.clock.now()), issuer="", everyone="no") as again:
        assert not await again.is_live(session)
        with pytest.raises(RuntimeError, match=r"404 .*no company login"):
            await again.begin()
    assert provider.people


async def test_without_the_extra_a_configured_server_does_not_start(
    company: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names what to install."""
    for module in ("id_token", "logins", "provider"):
        monkeypatch.delitem(sys.modules, f"parlour_server.capabilities.oidc.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "joserfc", None)
    with pytest.raises(SetupError, match=r"oidc\.issuer needs joserfc .*extra `oidc`"):
        async with company():
            pass
