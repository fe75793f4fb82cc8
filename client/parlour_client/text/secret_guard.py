"""Finds text that should be checked before it is sent: several lines at once, and possible secrets.

The secrets are those that the inspectors know (`parlour_protocol/kit/inspect/secrets.py`); here each is named
with its line and never quoted, and only warned of. The composer and the line mode call it.
"""

from dataclasses import dataclass
from typing import Final

from parlour_client.kit.language import N_, _, ngettext
from parlour_protocol.kit.inspect.folding import fold
from parlour_protocol.kit.inspect.secrets import find_secrets

MOST_LOOKED_AT: Final = 100_000
"""Characters; the server takes far less in one message."""

KINDS: Final = (
    N_("a GitHub token"),
    N_("a GitLab token"),
    N_("a Google API key"),
    N_("a Slack token"),
    N_("a URL with a password in it"),
    N_("a package registry's token"),
    N_("a password or a token"),
    N_("a private key"),
    N_("a signed web token (JWT)"),
    N_("an API key"),
    N_("an AWS access key"),
    N_("an access token"),
    N_("an invite link, which anyone can use"),
)
"""The names that the inspectors have for the secrets that they find."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: its name, in our words, and the line (from 1; 0 for the whole)."""

    what: str
    line: int = 0


def look_at_paste(text: str) -> tuple[Finding, ...]:
    """Return the warning about a paste before it is inserted."""
    count = text.strip("\n").count("\n") + 1
    several = (
        (Finding(ngettext("{count} line", "{count} lines", count).format(count=count)),) if count > 1 else ()
    )
    return several + look_at_text(text)


def look_at_text(text: str) -> tuple[Finding, ...]:
    """Return possible secrets in a text; each kind once, where it first occurs."""
    folded = fold(text[:MOST_LOOKED_AT])
    found: dict[str, Finding] = {}
    for secret in sorted(find_secrets(folded), key=lambda secret: secret.start):
        if secret.kind not in found:
            found[secret.kind] = Finding(_(secret.kind), folded.count("\n", 0, secret.start) + 1)
    return tuple(found.values())
