"""Group M: addresses that hide where they lead, and addresses that are none, on their way to the opener."""

import asyncio
from contextlib import suppress
from pathlib import Path

from parlour_client.kit.opener import open_address
from parlour_client.text.link_details import describe
from parlour_client.text.links import find_links
from parlour_lab.attack import Evidence, Stage, attack
from parlour_protocol.kit.text import safe_text

_DISGUISED = (
    "https://p\u0430ypal.com/login",  # its second letter is Cyrillic
    "https://\u0430\u0440\u0440\u04cf\u0435.com/",  # all of its letters are
    "https://xn--80ak6aa92e.com/",  # the same in punycode
)
_NOT_ADDRESSES = ("--help", "file:///etc/passwd", "https://a.example/$(touch ran)", "https://a.example/ -x")


@attack(
    "Links whose hosts are made of letters that look like others",
    expects="Each is shown with its host in Unicode and in punycode, and with a warning about the letters.",
    stage=Stage.UNIT,
)
def disguised_host(folder: Path, seen: Evidence) -> bool:
    del folder
    warned = []
    for text in _DISGUISED:
        seen.sent(text)
        (link,) = find_links(safe_text(text))
        found = describe(link)
        assert found.ascii_host.startswith("xn--")
        seen.observed(f"{found.host} ({found.ascii_host}): {'; '.join(found.warnings) or 'no warning'}")
        warned.append(any("\u0430" in warning for warning in found.warnings))
    return all(warned)


@attack(
    "Options, files and commands of a shell in the place of an address that is opened",
    expects="The program that opens addresses is not started.",
    stage=Stage.UNIT,
)
def address_for_a_shell(folder: Path, seen: Evidence) -> bool:
    program = folder / "opener"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/opened\n')
    program.chmod(0o700)
    for address in _NOT_ADDRESSES:
        seen.sent(address)
        with suppress(ValueError):
            asyncio.run(open_address(address, str(program)))
    opened = folder / "opened"
    seen.observed(f"the opener got {opened.read_text().split() if opened.exists() else 'nothing'}")
    return not opened.exists()
