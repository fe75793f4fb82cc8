"""Every setting that a page names exists: `section.name` in a sentence, and blocks of `parlour.toml`."""

import re
import tomllib

from tests.docs.pages import pages

from parlour_client.core import settings as client_settings
from parlour_server.chat.program import CHAT
from parlour_server.core.config.settings_table import rows

SERVER = {row.name for row in rows(CHAT.settings_type())}
SECTIONS = {name.partition(".")[0] for name in SERVER}
CLIENT = {row.key for row in client_settings.BY_KEY.values()}
NAMED = re.compile(r"([a-z]+)\.([a-z_]+)(?: = .*)?")
OTHER_NAMES = {"CHANGELOG.md", "docs/how-to/extending.md", "docs/security.md"}
"""What was, a program with settings of its own, and attacks."""


def named_in(table: object, prefix: str = "") -> set[str]:
    """Return the settings of a parsed block, as `section.name`."""
    if not isinstance(table, dict):
        return {prefix}
    return {name for key, inner in table.items() for name in named_in(inner, f"{prefix}.{key}".lstrip("."))}


def test_settings_of_the_server_in_sentences_exist() -> None:
    """Words with a dot whose first part is a section of the configuration."""
    wrong, count = [], 0
    for page in pages():
        for code in page.code:
            found = NAMED.fullmatch(code)
            if found and found[1] in SECTIONS and found[2] not in {"py", "key"}:
                count += 1
                if f"{found[1]}.{found[2]}" not in SERVER and str(page.path) not in OTHER_NAMES:
                    wrong.append(f"{page.path}: `{code}`")
    assert wrong == []
    assert count > 50


def test_blocks_of_configuration_can_be_used() -> None:
    """Each setting in a block of TOML with a section of the server, or of the client's settings, exists."""
    wrong, count = [], 0
    for page in pages():
        for block in page.blocks:
            if block.language != "toml":
                continue
            names = named_in(tomllib.loads(block.text))
            if any(name.partition(".")[0] in SECTIONS for name in names):
                count += 1
                wrong += [f"{page.path}:{block.line}: {name}" for name in names - SERVER - CLIENT]
    assert wrong == []
    assert count > 2
