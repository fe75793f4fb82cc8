"""The name of a new project, and the forms of it that its code needs. One that would not work is refused."""

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from parlour_client.kit.errors import WrongUseError
from parlour_client.kit.language import _

MAX_NAME: Final = 18
"""The lines with it stay as short as the formatter wants them."""
_FORM: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*\Z")
_FOLDERS: Final = frozenset({"requirements", "test", "tests", "wheels"})


@dataclass(frozen=True, slots=True)
class ProjectName:
    """A name: `my-shop`."""

    word: str
    """In the protocol's name, in files, and for people."""

    @property
    def package(self) -> str:
        """Of the Python package: `my_shop`."""
        return self.word.replace("-", "_")

    @property
    def title(self) -> str:
        """At the beginning of a sentence: `My-shop`, as the kit writes it."""
        return self.word.capitalize()


def parse_project_name(text: str, locked: Path) -> ProjectName:
    """Return a project's name. Raises WrongUseError, also for a package of the requirements in ``locked``."""
    if not _FORM.match(text) or len(text) > MAX_NAME:
        raise WrongUseError(
            _("A project can't have the name {text!a}.").format(text=text),
            _(
                "Use small letters, digits and single hyphens, at most {max_name}, beginning with a letter."
            ).format(max_name=MAX_NAME),
        )
    name = ProjectName(text.replace("_", "-"))
    package = name.package
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        raise WrongUseError(
            _("{package} is a word of Python.").format(package=package), _("Choose another name.")
        )
    if package in _FOLDERS:
        raise WrongUseError(
            _("A project has a folder {package} for something else.").format(package=package),
            _("Choose another name."),
        )
    if package in sys.stdlib_module_names:
        raise WrongUseError(
            _("Python has a module {package} of its own.").format(package=package), _("Choose another name.")
        )
    required = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", locked.read_text("utf-8"), re.MULTILINE)
    taken = {package.replace("-", "_").replace(".", "_") for package in required} | set(
        packages_distributions()
    )
    if package in taken or package.startswith("parlour"):
        raise WrongUseError(
            _("The project would hide the package {package}, which it needs or which is installed.").format(
                package=package
            ),
            _("Choose another name."),
        )
    return name
