"""The README says how to install; its commands are parsed with those of all pages (`test_commands.py`)."""

import re
import shlex
import tomllib

from tests.docs.pages import ROOT


def test_the_install_command_names_an_extra_that_exists() -> None:
    """`pip install '.[NAME]'` is what pip understands; another form fails, and so does an unknown extra."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installs = re.findall(r"^pip install (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert installs
    for install in installs:
        named = re.fullmatch(r"\.\[(\w+)\]", shlex.split(install, comments=True)[-1])
        assert named is not None, install
        assert named[1] in extras
