"""Capabilities of other packages: those that the configuration names are loaded, and no others.

A package is a module and its metadata in a folder, as an installer leaves them.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parlour_protocol.kit.server_notices import FollowNotices
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.program import CHAT, ChatApp
from parlour_server.core.errors import SetupError
from parlour_server.host.cli.command_line import CommandLine
from parlour_server.host.config.settings_loader import packages_in
from parlour_server.host.installed import load_installed
from parlour_server.testing.server import running

GREETING = """
from typing import Annotated
import click
from msgspec import Meta
from parlour_server.app.capability import Capability
from parlour_server.core.config.server_settings import Section

class Greeting(Section, frozen=True):
    "What greet says."
    word: Annotated[str, Meta(description="the word")] = "hello"

@click.command()
@click.option("--data", required=True)
def greet(data): click.echo("hello")

CAPABILITY = Capability(name="greeting", commands=(greet,), settings=lambda: {"greeting": Greeting})
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package that has one module and offers capabilities of it."""
    site, modules = tmp_path / "site", set(sys.modules)
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def installed(package: str, code: str, *, name: str = "greeting", attribute: str = "CAPABILITY") -> None:
        module = package.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[parlour_server.capabilities]\n{name} = {module}:{attribute}\n"
        )

    yield installed
    for module in set(sys.modules) - modules:
        if module.startswith("test_package"):
            del sys.modules[module]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with a configuration only."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    configure(folder, "")
    return folder


def configure(folder: Path, text: str) -> None:
    """Write the configuration."""
    (folder / "parlour.toml").write_text(text)
    (folder / "parlour.toml").chmod(0o600)


def line() -> tuple[CommandLine, ChatApp]:
    """Return the command line of a chat that no other test changes."""
    chat = ChatApp()
    return CommandLine(chat.name, lambda: chat, about="", example="", capabilities=chat.capabilities), chat


NAMED = '[capabilities]\npackages = ["greeting"]\n'


def test_a_package_that_is_not_named_is_not_imported(install: Install, data: Path) -> None:
    """Though it is installed, and offers a capability."""
    install("test-package", "raise RuntimeError('imported')")
    commands, _ = line()
    assert commands.run(["greet", "--data", str(data)]) == 2
    assert commands.run(["doctor", "--data", str(data)]) == 1
    assert "test_package" not in sys.modules


@pytest.mark.parametrize("given", [["--data", "{}"], ["--data={}"], ["--data", "elsewhere", "--data", "{}"]])
def test_a_named_one_has_its_commands(
    install: Install, data: Path, given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line of the folder whose configuration names it, as click reads the line."""
    install("test-package", GREETING)
    configure(data, NAMED)
    commands, _ = line()
    assert commands.run(["greet", *(word.format(data) for word in given)]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert commands.run(["greet", "--data", str(data.parent)]) == 2


def test_the_environment_names_folder_and_package(
    install: Install, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with every other setting."""
    install("test-package", GREETING)
    monkeypatch.setenv("PARLOUR_CAPABILITIES_PACKAGES", "greeting")
    assert packages_in(data / "parlour.toml", CHAT.name) == ("greeting",)
    monkeypatch.setenv("PARLOUR_DATA", str(data))
    assert line()[0].run(["greet", "--data", str(data)]) == 0
    assert line()[0].run(["greet", "--help"]) == 0


def test_its_settings_are_checked_as_ours_are_and_doctor_names_it(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its section has a line in `doctor`, and the package has one with its version."""
    install("test-package", GREETING)
    data, (commands, _) = tmp_path / "data", line()
    assert commands.run(["init", "--data", str(data)]) == 0
    configure(data, NAMED + '[greeting]\nword = "hi"\n')
    capsys.readouterr()
    assert commands.run(["doctor", "--data", str(data), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["capabilities.packages"] == ["greeting"]
    assert told["settings"]["greeting.word"] == "hi"
    text = "greeting is of test-package 1.0, and has all the rights of the server"
    assert {"level": "fine", "about": "capabilities", "text": text} in told["findings"]
    configure(data, NAMED + '[greeting]\nwords = "hi"\n')
    assert commands.run(["doctor", "--data", str(data)]) == 1
    assert "line 4: unknown setting greeting.words; did you mean word?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "how", "said"),
    [
        ("", {"name": "other"}, "which no installed package has"),
        ("import nothing_here", {}, "test-package 1.0, which has it, can't be loaded (ModuleNotFoundError"),
        ("raise SystemExit(3)", {}, "can't be loaded (SystemExit: 3)"),
        (GREETING, {"attribute": "GONE"}, "can't be loaded (AttributeError"),
        (GREETING, {"attribute": "greet"}, "is not a Capability"),
        (GREETING.replace('name="greeting"', 'name="welcome"'), {}, "calls itself welcome"),
    ],
    ids=["not installed", "import", "exit", "attribute", "type", "name"],
)
def test_one_that_cant_be_loaded_stops_every_command(
    install: Install,
    data: Path,
    code: str,
    how: dict[str, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The sentence names the setting, and what to do or whom to ask."""
    install("test-package", code, **how)
    configure(data, NAMED)
    for command in ("run", "doctor"):
        assert line()[0].run([command, "--data", str(data)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("parlour-server: capabilities.packages names greeting")
        assert said in error
        assert error.count("\n") == 1


def test_two_packages_with_one_name_are_refused(install: Install) -> None:
    """Which of them would be loaded depends on the order of folders: neither is imported."""
    install("test-package", "raise RuntimeError")
    install("test-package-too", "raise RuntimeError")
    with pytest.raises(
        SetupError, match=r"which test-package 1.0 and test-package-too 1.0 both have: uninstall"
    ):
        load_installed(["greeting"], CAPABILITIES)


def test_a_name_of_ours_and_a_name_twice_are_refused(install: Install) -> None:
    """A package can't take the place of one of ours, nor is it loaded twice."""
    install("test-package", "raise RuntimeError", name="address_bans")
    with pytest.raises(SetupError, match="address_bans, which is here without that"):
        load_installed(["address_bans"], CAPABILITIES)
    with pytest.raises(SetupError, match="greeting twice"):
        load_installed(["greeting", "greeting"], CAPABILITIES)


def test_a_configuration_that_others_can_write_names_nothing(install: Install, data: Path) -> None:
    """Nor does one that can't be read: the command says why, and nothing was imported."""
    install("test-package", "raise RuntimeError")
    configure(data, NAMED)
    (data / "parlour.toml").chmod(0o622)
    assert packages_in(data / "parlour.toml", CHAT.name) == ()
    for text in ("capabilities = 3", "[capabilities]\npackages = 3", "[capabilities", "[[capabilities]]"):
        configure(data, text)
        assert packages_in(data / "parlour.toml", CHAT.name) == ()
        assert line()[0].run(["run", "--data", str(data)]) == 1
    assert "test_package" not in sys.modules


async def test_a_server_that_did_not_load_what_is_named_does_not_start(tmp_path: Path) -> None:
    """It would serve without what the operator counts on."""
    with pytest.raises(SetupError, match="names greeting, which was not loaded"):
        async with running(ChatApp(), tmp_path / "data", given={"capabilities.packages": ("greeting",)}):
            raise AssertionError("it started")


def test_a_capability_of_the_chat_is_refused_by_other_programs(install: Install) -> None:
    """What it does in rooms would silently not happen."""
    code = "from parlour_server.chat.capability import ChatCapability\n"
    install("test-package", f"{code}CAPABILITY = ChatCapability(name='greeting')")
    found = load_installed(["greeting"], CAPABILITIES)
    ChatApp().use_installed(found)
    with pytest.raises(SetupError, match="is not for Shop"):
        App[None](Wire("shop.v1", requests=FollowNotices)).use_installed(found)
