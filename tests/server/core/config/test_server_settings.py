"""Settings that capabilities add to a program's."""

from parlour_server.core.config.server_settings import Keys, Logins, Settings, section, with_sections


class Strict(Settings, frozen=True):
    """A program with defaults of its own."""

    logins: Logins = Logins(failures_per_account=3)


class Greeting(Keys, frozen=True):
    """A key for logins."""

    greeting: str = "hello"


def test_a_section_with_more_keys_has_the_programs_own_defaults() -> None:
    """A program that is stricter than the server stays so."""
    settings = with_sections(Strict, {"logins": Greeting})()
    assert settings.logins.failures_per_account == 3
    assert section(settings, Greeting) == Greeting()
