"""The section `oidc`: what stops the start."""

from typing import Any

import pytest

from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.core.errors import SetupError

GOOD: dict[str, Any] = {
    "issuer": "https://login.example.org/staff",
    "client_id": "parlour",
    "groups": ("chat",),
}


def _check(**changes: Any) -> None:
    for check in OidcSettings(**{**GOOD, **changes}).checks().values():
        check()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"issuer": "http://login.example.org"}, "https"),
        ({"issuer": "https://"}, "https"),
        ({"issuer": "https://user@login.example.org"}, "https"),
        ({"issuer": "https://login.example.org/?tenant=1"}, "https"),
        ({"issuer": "https://[login.example.org"}, "https"),
        ({"client_id": ""}, "the id"),
        ({"groups": ()}, "name oidc.domains"),
        ({"everyone": "yes"}, "would mean nothing"),
        ({"private_networks": ("intranet",)}, "private_networks"),
    ],
)
def test_a_section_that_is_not_whole_is_refused(changes: dict[str, Any], sentence: str) -> None:
    """Above all one that does not say who may log in."""
    _check()
    with pytest.raises(SetupError, match=sentence):
        _check(**changes)


def test_without_an_issuer_nothing_is_asked() -> None:
    """A server without company logins needs no section."""
    for check in OidcSettings().checks().values():
        check()
