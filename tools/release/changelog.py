"""What the changelog says of a version."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """The changes of one version; those that are not released yet have neither version nor day."""

    version: str
    day: str
    text: str


def sections(changelog: str) -> list[Section]:
    """Return the sections, the newest first."""
    heads = r"^## (?:Unreleased|(?P<version>[^\s-]\S*)(?: - (?P<day>\d{4}-\d\d-\d\d))?)\n"
    found = list(re.finditer(heads, changelog, re.MULTILINE))
    ends = [*(each.start() for each in found[1:]), len(changelog)]
    return [
        Section(each["version"] or "", each["day"] or "", changelog[each.end() : end].strip())
        for each, end in zip(found, ends, strict=True)
    ]


def newest_release(changelog: str) -> Section | None:
    """Return the newest section that has a version, if there is one."""
    return next((each for each in sections(changelog) if each.version), None)
