"""What is on is what the operator wrote, and what can't be used is said at the start."""

from pathlib import Path

import msgspec
import pytest
from tests.server.capabilities.inspection import plugins

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.inspect import Action
from parlour_server.capabilities.inspection.plugins import find_plugins, plugin_of
from parlour_server.capabilities.inspection.served import options_of, shipped_of
from parlour_server.capabilities.inspection.settings import InspectionSettings
from parlour_server.chat.program import CHAT
from parlour_server.core.config.server_settings import section
from parlour_server.core.errors import SetupError
from parlour_server.host.config.settings_loader import load


def test_nothing_is_on_by_itself() -> None:
    """A server that no one configured looks at nothing."""
    assert shipped_of(InspectionSettings()) == []


def test_each_inspector_has_its_action(tmp_path: Path) -> None:
    """In the file, or in the environment."""
    file = tmp_path / "parlour.toml"
    file.write_text('[inspection]\nsecrets = "block"\nwords = "redact"\nword_list = "words.txt"\n')
    file.chmod(0o600)
    environment = {"PARLOUR_INSPECTION_CARDS": "flag"}
    settings = section(load(file, CHAT.settings_type, CHAT.name, environment=environment), InspectionSettings)
    assert dict(shipped_of(settings)) == {
        "secrets": Action.BLOCK,
        "cards": Action.FLAG,
        "words": Action.REDACT,
    }
    folder = CHAT.folder(tmp_path)
    with pytest.raises(SetupError, match=r"words\.txt"):
        options_of(settings, folder)
    (tmp_path / "words.txt").write_text("# of the board\nproject falcon\n\n", encoding="utf-8")
    assert options_of(settings, folder).words.entries == ("project falcon",)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"words": "flag"}, "name a file in inspection.word_list"),
        ({"refused_files": ("virus",)}, "virus is not a kind of file; there are archive"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, changed: dict[str, object], sentence: str) -> None:
    """Instead of looking for nothing."""
    settings = msgspec.structs.replace(InspectionSettings(), **changed)
    with pytest.raises(SetupError, match=sentence):
        options_of(settings, CHAT.folder(tmp_path))


def test_another_action_is_refused(tmp_path: Path) -> None:
    """A misspelt action must not be none."""
    file = tmp_path / "parlour.toml"
    file.write_text('[inspection]\ncards = "blok"\n')
    file.chmod(0o600)
    with pytest.raises(
        SetupError, match=r"line 2: inspection\.cards: Invalid enum value 'blok'; write one of .*block"
    ):
        load(file, CHAT.settings_type, CHAT.name, environment={})


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("badges", "has no action"),
        ("badges=allow", "has no action"),
        ("badges=block", "no installed package"),
    ],
)
def test_a_plug_in_that_is_not_there_is_said(wanted: str, sentence: str) -> None:
    """The server does not start without an inspector that its operator wants."""
    with pytest.raises(SetupError, match=sentence):
        find_plugins([wanted])


def test_an_inspector_of_a_program_can_be_imported() -> None:
    """It runs in another process, which gets its name and not the function."""
    assert plugin_of(plugins.no_shouting).target == f"{plugins.__name__}:no_shouting"
    with pytest.raises(ProgramError, match="can't be imported"):
        plugin_of(lambda _part, context: context.verdict())
