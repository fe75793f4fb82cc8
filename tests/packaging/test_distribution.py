"""The repository packs into one distribution, with nothing forgotten and nothing unlocked."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import nacl
import pytest
from hatch_build import long_description
from tests.git import tracked
from tools.release.builds import build, build_elsewhere
from tools.release.installations import Offline

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]
CLIENT = ROOT / "client" / "parlour_client"
PACKAGES = [Path(folder) for folder in SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]


def test_no_module_shares_a_packages_name() -> None:
    """A module in a source root but outside its package imports here and is missing from the wheel."""
    roots = {folder.parent for folder in PACKAGES}
    modules = [path for path in map(Path, tracked()) if path.suffix == ".py" and Path(path.parts[0]) in roots]
    assert [path for path in modules if not any(path.is_relative_to(folder) for folder in PACKAGES)] == []


def test_every_package_is_typed() -> None:
    """Each package carries py.typed, so that programs made from this template are checked against it."""
    assert [folder for folder in PACKAGES if not (ROOT / folder / "py.typed").is_file()] == []


def test_the_extras_say_what_the_plain_install_brings() -> None:
    """`server` and `client` together are the part of the dependencies that is not common to both."""
    extras = PROJECT["optional-dependencies"]
    sides = set(extras["server"]) | set(extras["client"])
    assert sides <= set(PROJECT["dependencies"])
    assert not set(extras["server"]) & set(extras["client"])


@pytest.mark.parametrize(
    "name",
    ["run.txt", "dev.txt", "program.txt", "extras.txt", "release.txt", "build.txt", "server.txt", "docs.txt"],
)
def test_requirements_are_locked_with_hashes_and_without_addresses(name: str) -> None:
    """Every requirement is pinned to one version with SHA-256 hashes, and no registry is named."""
    text = (ROOT / "requirements" / name).read_text()
    pins = re.findall(r"^[a-z0-9][^\n]*?(?:\\\n +--hash[^\n]*)+", text, flags=re.MULTILINE)
    named = re.findall(r"^[a-z0-9][^ ]*", text, flags=re.MULTILINE)
    assert len(pins) == len(named) > 0
    assert all("==" in pin for pin in pins)
    assert "://" not in text
    assert "--index-url" not in text


def test_the_lock_of_all_extras_is_what_is_tested() -> None:
    """The SBOM is made from it: it pins what every extra needs, and as the tests have it."""
    pins = {
        name: set(
            re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
        )
        for name in ("extras.txt", "dev.txt")
    }
    extras = PROJECT["optional-dependencies"].values()
    needed = {re.split(r"[^a-z0-9-]", one)[0] for one in (*PROJECT["dependencies"], *chain(*extras))}
    assert needed - {name for name, _ in pins["extras.txt"]} == set()
    assert pins["extras.txt"] - pins["dev.txt"] == set()


def test_the_crypto_library_is_none_that_is_known_to_be_weak() -> None:
    """E5: PyNaCl before 1.6.2 brings a libsodium that takes points it must refuse (CVE-2025-69277)."""
    required = next(one for one in PROJECT["dependencies"] if one.startswith("pynacl"))
    locked = re.findall(r"^pynacl==(\S+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    for found in (required.removeprefix("pynacl>="), *locked, nacl.__version__):
        assert tuple(int(part) for part in found.split(".")[:3]) >= (1, 6, 2), found
    assert len(locked) == 1


def test_what_carries_addresses_is_not_in_the_repository() -> None:
    """uv.lock names registries, and an environment is never committed."""
    assert not [path for path in map(Path, tracked()) if path.name == "uv.lock" or path.parts[0] == ".venv"]


def test_no_workflow_gives_away_what_it_holds() -> None:
    """Zizmor finds nothing: actions are pinned by commit, rights are the least, no strangers' text is run."""
    zizmor = [
        str(Path(sys.executable).parent / "zizmor"),
        "--offline",
        "--persona",
        "pedantic",
        str(ROOT / ".github"),
    ]
    done = subprocess.run(zizmor, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert done.returncode == 0, done.stdout


@dataclass(frozen=True)
class Built:
    """What hatchling makes of the repository."""

    sdist: Path
    wheel: Path

    def names(self) -> set[str]:
        """Return the names of the files in the wheel."""
        with zipfile.ZipFile(self.wheel) as packed:
            return set(packed.namelist())

    def metadata(self) -> str:
        """Return the metadata of the wheel, which an index shows."""
        with zipfile.ZipFile(self.wheel) as packed:
            return packed.read(
                next(name for name in packed.namelist() if name.endswith("/METADATA"))
            ).decode()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return both distributions, made once."""
    return Built(*build(ROOT, tmp_path_factory.mktemp("built")))


@pytest.mark.long
def test_the_source_distribution_holds_all_that_it_is_tested_with(built: Built) -> None:
    """It has every file of the repository: `make test` works there as in a clone."""
    with tarfile.open(built.sdist) as packed:
        names = {Path(*Path(name).parts[1:]) for name in packed.getnames()}
    assert set(map(Path, tracked())) - names == set()


@pytest.mark.long
def test_two_builds_are_the_same_bit_by_bit(built: Built, tmp_path: Path) -> None:
    """The second is made of the unpacked first: elsewhere, at another time, with another umask and epoch."""
    again = Built(*build_elsewhere(built.sdist, tmp_path))
    assert again.sdist.read_bytes() == built.sdist.read_bytes()
    assert again.wheel.read_bytes() == built.wheel.read_bytes()


def test_every_language_is_in_the_wheel(built: Built) -> None:
    """English is in the code; each other language is a catalogue that is compiled."""
    languages = {path.parts[-3] for path in (CLIENT / "locales").glob("*/LC_MESSAGES/*.po")}
    assert {"de", "he"} <= languages
    catalogues = {f"parlour_client/locales/{one}/LC_MESSAGES/parlour.mo" for one in languages}
    assert catalogues <= built.names()


def test_man_pages_and_completion_are_in_the_wheel(built: Built) -> None:
    """They lie where `man` and the shells look below a prefix."""
    share = {name.partition("/data/")[2] for name in built.names() if "/data/share/" in name}
    assert share == {
        f"share/{place.format(program)}"
        for program in ("parlour", "parlour-server")
        for place in (
            "man/man1/{}.1",
            "bash-completion/completions/{}",
            "zsh/site-functions/_{}",
            "fish/vendor_completions.d/{}.fish",
        )
    }


def test_bash_completes_commands() -> None:
    """The script asks the program, which is on the path, and takes its answer."""
    script = ROOT / "share/bash-completion/completions/parlour-server"
    asked = "COMP_WORDS=(parlour-server invite cr); COMP_CWORD=2; _parlour_server_completion parlour-server"
    done = subprocess.run(  # noqa: S603 - our own
        ["bash", "-c", f'source "{script}"; {asked}; echo "${{COMPREPLY[@]}}"'],  # noqa: S607 - the shell of the developer
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "create\n", done.stderr


@pytest.mark.skipif(shutil.which("fish") is None, reason="NOT TESTED: completion in fish, which is missing")
def test_fish_shows_whole_descriptions() -> None:
    """With the commas that are in them."""
    script = ROOT / "share/fish/vendor_completions.d/parlour-server.fish"
    done = subprocess.run(  # noqa: S603 - our own
        ["fish", "-c", f"source {script}; complete -C 'parlour-server backup '"],  # noqa: S607 - the shell of the developer
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert "(database, keys, configuration, files)" in shown["create"], shown


def test_the_script_of_fish_splits_once() -> None:
    """An answer's kind stands before its first comma; the others are of descriptions."""
    script = (ROOT / "share/fish/vendor_completions.d/parlour.fish").read_text()
    assert script.count("string split") == script.count('string split --max 1 "," $completion') == 1


def test_the_long_description_leads_nowhere_that_is_not_there(built: Built) -> None:
    """On an index there is no file beside it: every link and picture has a whole address, or is left out."""
    targets = re.findall(r"\]\(([^)\s]+)\)", built.metadata())
    assert [one for one in targets if not one.startswith(("https://", "#"))] == []


def test_the_long_description_names_the_release_it_came_with() -> None:
    """With an address, pictures are loaded from the tag of the version, and links lead there."""
    text = (
        "![The client](docs/screenshot.svg) [guide](docs/security.md#the-claims) "
        "[web](https://example.org/) [below](#security)"
    )
    assert long_description(text, "https://forge.example/parlour/{}/v1.0.0") == (
        "![The client](https://forge.example/parlour/raw/v1.0.0/docs/screenshot.svg) "
        "[guide](https://forge.example/parlour/blob/v1.0.0/docs/security.md#the-claims) "
        "[web](https://example.org/) [below](#security)"
    )
    assert long_description(text, "") == " guide [web](https://example.org/) [below](#security)"


@pytest.fixture(scope="module")
def offline(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Offline:
    """Return a place to install the wheel in, without a network."""
    return Offline(tmp_path_factory.mktemp("offline"), built.wheel)


@pytest.fixture(scope="module")
def environment(offline: Offline) -> Path:
    """Return what `pip install 'parlour[server]'` makes."""
    return offline.pip_install("server")


def ways_in() -> list[str]:
    """Return the lines of the README's first section: try it, run it, build on it."""
    section = (ROOT / "README.md").read_text("utf-8").partition("\n## ")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*)\n```", section)


@pytest.mark.long
def test_the_readmes_three_ways_in_are_one_line_each(offline: Offline, environment: Path) -> None:
    """With an environment in the folder and nothing on PATH: a server is ready, a project is there."""
    try_it, run_it, build_on_it = ways_in()
    assert try_it == "make demo"  # which makes the environment, and plays what the next test does
    (offline.home / ".venv").symlink_to(environment)
    with offline.shell(run_it, PARLOUR_LISTEN_ADDRESS="127.0.0.1:0") as server:
        assert server.stdout is not None
        assert any(b'"event":"ready"' in line for line in server.stdout)
        os.killpg(server.pid, signal.SIGTERM)
    with offline.shell(build_on_it) as made:
        made.communicate()
    assert made.returncode == 0
    assert (offline.home / "shop" / "pyproject.toml").is_file()


@pytest.mark.long
def test_the_demo_plays_from_the_wheel(offline: Offline, environment: Path) -> None:
    """As pip installed it. Every check of it holds."""
    shown = offline.run(environment / "bin" / "parlour", "demo")
    assert re.search(r"^(\d+) of \1 checks passed", shown, re.MULTILINE), shown


@pytest.mark.long
def test_pip_installs_a_server(offline: Offline, environment: Path) -> None:
    """It sets up a server that doctor finds well, without the extra `fast`, and has its man page."""
    server, data = environment / "bin" / "parlour-server", str(environment / "data")
    offline.run(server, "init", "--data", data, "--name", "chat.example.org")
    assert "event loop: asyncio: uvloop is not installed" in offline.run(server, "doctor", "--data", data)
    assert (environment / "share/man/man1/parlour-server.1").is_file()


@pytest.mark.long
def test_one_file_is_enough(offline: Offline, tmp_path: Path) -> None:
    """It plays the demo, whose server is another process, and has the server's command as well."""
    file = offline.one_file(tmp_path)
    shown = offline.run(file, "demo", "--headless")
    assert re.search(r"^(\d+) of \1 checks passed", shown, re.MULTILINE), shown
    server = offline.run(Path("/usr/bin/env"), "PEX_SCRIPT=parlour-server", str(file), "--help")
    assert "Usage: parlour-server" in server
