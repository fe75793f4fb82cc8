"""Where a link leads, and what looks wrong about it, in words.

It is a function of the link: nothing is fetched or opened. An address with hidden characters or without a
valid host is described, but has no address to open.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

from parlour_client.kit.language import _, ngettext
from parlour_client.text.links import Link, script_of
from parlour_protocol.kit.names.errors import NameReason, NameRefusedError
from parlour_protocol.kit.names.scripts import require_scripts_that_belong_together
from parlour_protocol.kit.names.skeleton import ascii_look_alike

MOST_TO_OPEN: Final = 8_000
"""Characters of an address that is opened; programs and systems have limits of their own above it."""
_LONG: Final = 2_000
_MOST_HOST: Final = 253
_MOST_SHOWN: Final = 8
"""Characters or names that one warning lists."""
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_SMALL_CAPITAL: Final = re.compile("LATIN LETTER SMALL CAPITAL ([A-Z])")
_TOP_LEVEL: Final = frozenset(
    (
        "com",
        "org",
        "net",
        "edu",
        "gov",
        "mil",
        "info",
        "biz",
        "io",
        "co",
        "app",
        "dev",
        "eu",
        "uk",
        "de",
        "fr",
    )
) | frozenset(("es", "nl", "it", "pl", "ch", "at", "be", "us", "ca", "au", "jp", "cn", "in", "br", "ru"))
_LOCAL: Final = ("localhost", "local", "internal", "lan", "home.arpa", "intranet")
_PORTS: Final = {"http": 80, "https": 443}
_MAIL_FIELDS: Final = frozenset({"subject", "body", "cc", "bcc"})
_SAFE_IN_ADDRESS: Final = "/?#&+,;=:@~%-._"
"""Kept as they are; everything else is percent-encoded, also what a badly written opener could act on."""


@dataclass(frozen=True, slots=True)
class LinkDetails:
    """Where a link leads."""

    text: str
    """The address as it is written."""
    address: str
    """The address that is opened, in ASCII; empty if it is not opened."""
    host: str
    """The host in Unicode."""
    ascii_host: str
    """The host in ASCII (punycode): what is looked up."""
    warnings: tuple[str, ...]
    """Sentences about what looks wrong; they quote the address, so they are others' text."""
    refusal: str = ""
    """Why it is not opened."""


def describe(link: Link) -> LinkDetails:
    """Say where a link leads, and what looks wrong about it."""
    scheme, _colon, rest = link.text.partition(":")
    scheme = scheme.lower()
    if scheme == "mailto":
        return _describe_mail(link, rest)
    authority, tail = _divided(rest.removeprefix("//"))
    user, at, place = authority.rpartition("@")
    name, port = _name_and_port(place)
    host = _Host(name)
    warnings = list(_hidden_warnings(link))
    if at:
        warnings.append(
            _("“{user}” before the @ is a user name, not the site. The site is {host}.").format(
                user=_cut(user), host=host.unicode
            )
        )
    warnings += host.warnings()
    warnings += _label_warnings(link.label, host)
    refusal = ""
    if port is None:
        refusal = _("The port is not a number from 1 to 65535.")
    elif port not in {0, _PORTS[scheme]}:
        warnings.append(
            _("Port {port} instead of {usual}: another service on the same machine.").format(
                port=port, usual=_PORTS[scheme]
            )
        )
    if scheme == "http" and not host.is_here:
        warnings.append(_("http, not https: everyone on the way can read and change what you see."))
    warnings += _tail_warnings(tail)
    userinfo = f"{_encoded(user)}@" if at else ""
    written_port = f":{port}" if port and port != _PORTS[scheme] else ""
    return _details(
        link, f"{scheme}://{userinfo}{host.ascii}{written_port}{_encoded(tail)}", host, warnings, refusal
    )


def _describe_mail(link: Link, rest: str) -> LinkDetails:
    people, _mark, fields = rest.partition("?")
    # Mail programs decode it before they look for commas, and some take semicolons for commas.
    recipients = [recipient for recipient in re.split(r"[,;\r\n\0]+", unquote(people)) if recipient] or [
        people
    ]
    host = _Host(recipients[0].rpartition("@")[2])
    warnings = list(_hidden_warnings(link))
    warnings += host.warnings(site=False)
    warnings += _label_warnings(link.label, host)
    if len(recipients) > 1:
        count = len(recipients)
        warnings.append(
            ngettext("It writes to {count} person.", "It writes to {count} people.", count).format(
                count=count
            )
        )
    names = [unquote(field.partition("=")[0]).lower() for field in fields.split("&") if field]
    filled = [name for name in dict.fromkeys(names) if name in _MAIL_FIELDS - {"subject"}]
    if filled:
        warnings.append(
            _("It fills in: {fields}. Read the message before you send it.").format(fields=", ".join(filled))
        )
    refusal = ""
    if not set(names) <= _MAIL_FIELDS:
        refusal = _("It asks your mail program for more than an address, a subject and a text.")
    warnings += _tail_warnings(rest, other_addresses=False)
    return _details(link, f"mailto:{_encoded(rest)}", host, warnings, refusal)


def _details(link: Link, address: str, host: "_Host", warnings: list[str], refusal: str) -> LinkDetails:
    if link.hides:
        refusal = _("It has hidden characters in it.")
    elif not host.is_valid:
        refusal = _("Its host is not a valid name.")
    elif len(address) > MOST_TO_OPEN:
        refusal = _("It is too long to open; you can copy it.")
    if len(link.text) > _LONG:
        warnings.append(_("Very long: {count} characters.").format(count=len(link.text)))
    return LinkDetails(
        link.text,
        "" if refusal else address,
        host.unicode,
        host.ascii,
        tuple(dict.fromkeys(warnings)),
        refusal,
    )


def _divided(rest: str) -> tuple[str, str]:
    found = re.search(r"[/?#]", rest)
    return (rest, "") if found is None else (rest[: found.start()], rest[found.start() :])


def _name_and_port(place: str) -> tuple[str, int | None]:
    """Return the host and its port: 0 if none is written, None if it is none."""
    if place.startswith("["):
        name, _bracket, port = place.partition("]")
        name = f"{name}]"
        if port and not port.startswith(":"):
            return name, None
        port = port.removeprefix(":")
    else:
        name, _colon, port = place.partition(":")
    if not port:
        return name, 0
    if not (port.isascii() and port.isdigit()) or len(port) > 5 or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
        return name, None
    return name, int(port)


class _Host:
    """A host as it is written, read as browsers read it."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.unicode = self.ascii = written
        self.address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
        self.is_valid = self._parse()

    def _parse(self) -> bool:
        if self.written.startswith("["):
            return self._take_address(self.written[1:-1])
        name = self.written
        if "%" in name:
            try:
                name = unquote_to_bytes(name).decode()
            except UnicodeDecodeError:
                return False
        return self._take_name(name)

    def _take_address(self, text: str) -> bool:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            return False
        if address.scope_id is not None:
            return False
        mapped = address.ipv4_mapped
        self.address = mapped or address
        # as the URL standard writes it; how Python writes a mapped one depends on its version
        text = "::ffff:{:x}:{:x}".format(*divmod(int(mapped), 1 << 16)) if mapped else address.compressed
        self.unicode = self.ascii = f"[{text}]"
        return True

    def _take_name(self, name: str) -> bool:
        if not name.isascii():
            import idna  # noqa: PLC0415 - its tables are loaded for the few that need them

            try:
                name = idna.uts46_remap(name[: 4 * _MOST_HOST], std3_rules=False)
            except (idna.IDNAError, UnicodeError):
                return False
        labels = name.lower().removesuffix(".").split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return self._take_number(labels)
        both = [_both_forms(label) for label in labels[:_MOST_HOST]]
        if not all(both):
            self.unicode = name
            return False
        self.unicode = ".".join(unicode for unicode, _ascii in filter(None, both))
        self.ascii = ".".join(ascii_form for _unicode, ascii_form in filter(None, both))
        return len(self.ascii) <= _MOST_HOST and len(labels) <= _MOST_HOST

    def _take_number(self, labels: list[str]) -> bool:
        """Read an IPv4 address in any of the ways that browsers understand: octal, hexadecimal, shortened."""
        if len(labels) > 4 or not all(_NUMBER.fullmatch(label) and len(label) <= 12 for label in labels):  # noqa: PLR2004 - four numbers
            return False
        try:
            *high, last = (_number(label) for label in labels)
        except ValueError:
            return False
        if any(part > 255 for part in high) or last >= 256 ** (5 - len(labels)):  # noqa: PLR2004 - bytes
            return False
        whole = last + sum(part << (8 * (3 - place)) for place, part in enumerate(high))
        self.address = ipaddress.IPv4Address(whole)
        self.unicode = self.ascii = str(self.address)
        return True

    @property
    def is_here(self) -> bool:
        """Whether it is this machine or a network around it."""
        if self.address is not None:
            return not self.address.is_global
        ends = self.ascii.rsplit(".", 1)[-1]
        return self.is_valid and (
            "." not in self.ascii or ends in _LOCAL or self.ascii.endswith(".home.arpa")
        )

    def warnings(self, *, site: bool = True) -> Iterator[str]:
        """Return what looks wrong with it."""
        if not self.is_valid:
            yield _("The host is not a valid name: {host}.").format(host=_cut(self.written))
        elif "%" in self.written:
            yield _("The host is written with escapes; it is {host}.").format(host=_cut(self.unicode))
        elif self.address is None and self._is_rewritten():
            yield _("The host is written in other characters; it is {host}.").format(host=_cut(self.unicode))
        if self.address is not None:
            yield self._address_warning()
        elif site and self.is_here:
            yield _("A machine on your own network or this one, not a site on the internet.")
        if self.address is None:
            yield from self._letter_warnings()
            yield from self._part_warnings()

    def _is_rewritten(self) -> bool:
        plain = unicodedata.normalize("NFC", self.written).casefold().rstrip(".")
        return plain not in {self.unicode.casefold(), self.ascii.casefold()}

    def _address_warning(self) -> str:
        if self.written not in {self.ascii, f"{self.ascii}."} and not self.written.startswith("["):
            return _("A number instead of a name; it means the IP address {host}.").format(host=self.ascii)
        if self.is_here:
            return _("An IP address of this machine or of a network around it, instead of a name.")
        return _("An IP address instead of a name.")

    def _letter_warnings(self) -> Iterator[str]:
        *labels, last = self.unicode.split(".")
        for whole in (*labels, last):
            label = whole[:_MOST_HOST]
            if label.isascii():
                continue
            if invisible := _invisible(label):
                yield _("Invisible characters in the host: {points}.").format(points=invisible)
            letters = "".join(
                char for char in label if char.isalpha() or unicodedata.category(char)[0] == "M"
            )
            if letters and _are_mixed(letters):
                yield _("Letters of several scripts in “{label}”: {letters}.").format(
                    label=_cut(label), letters=_by_script(letters)
                )
            look_alike = _look_alike(label)
            if look_alike is not None and (last.isascii() or _are_mixed(letters)):
                yield _("“{label}” can be taken for “{other}”: {letters}.").format(
                    label=_cut(label), other=_cut(look_alike), letters=_beyond_ascii(label)
                )

    def _part_warnings(self) -> Iterator[str]:
        labels = self.ascii.split(".")
        for at in range(1, len(labels) - 2):
            if labels[at] in _TOP_LEVEL:
                yield _("The host begins like {other}, but is a part of {host}.").format(
                    other=_cut(".".join(labels[: at + 1])), host=_cut(".".join(labels[at + 1 :]))
                )
                return


def _look_alike(label: str) -> str | None:
    """Return the ASCII label that it can be taken for; the tables lack small capitals (`ɢoogle`)."""
    plain = "".join(_without_small_capitals(char) for char in label)
    return plain if plain != label and plain.isascii() else ascii_look_alike(plain)


def _without_small_capitals(char: str) -> str:
    capital = _SMALL_CAPITAL.fullmatch(unicodedata.name(char, ""))
    return capital[1].lower() if capital else char


def _both_forms(label: str) -> tuple[str, str] | None:
    """Return a label in Unicode and in ASCII; None if it is not valid."""
    if label.isascii() and not label.startswith("xn--"):
        return (label, label) if _LABEL.fullmatch(label) else None
    if len(label) > _MOST_HOST:
        return None
    import idna  # noqa: PLC0415 - its tables are loaded for the few that need them

    try:
        ascii_form = idna.alabel(label).decode()
        return idna.ulabel(ascii_form), ascii_form
    except (idna.IDNAError, UnicodeError):
        return None


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if label.startswith("0") and len(label) > 1 else int(label)


def _hidden_warnings(link: Link) -> Iterator[str]:
    if link.hides:
        yield _("Hidden characters, which are shown as ⟦…⟧.")
    elif invisible := _invisible(link.text):
        yield _("Invisible characters in the address: {points}.").format(points=invisible)
    signs = [
        char
        for char in dict.fromkeys(link.text)
        if char > "\x7f" and not char.isalnum() and _imitates_a_sign(char)
    ]
    if signs:
        listed = ", ".join(f"{char} (U+{ord(char):04X})" for char in signs[:_MOST_SHOWN])
        yield _("Characters that look like the / . ? # @ : of an address: {letters}.").format(letters=listed)


def _imitates_a_sign(char: str) -> bool:
    return (ascii_look_alike(char) or "-") in "/.?#@:%&="


def _label_warnings(label: str, host: _Host) -> Iterator[str]:
    names = re.findall(r"[\w-]+(?:\.[\w-]+)+", label)
    if names and all(
        not host.unicode.endswith(name.lower()) and host.ascii != name.lower() for name in names
    ):
        yield _("The text before it says “{label}”, but it leads to {host}.").format(
            label=_cut(label), host=_cut(host.unicode)
        )


def _tail_warnings(tail: str, *, other_addresses: bool = True) -> Iterator[str]:
    """Return what looks wrong behind the host."""
    data = unquote_to_bytes(tail)
    decoded = data.decode("utf-8", "replace")
    inner = re.search(r"https?://([^\s/?#]+)", decoded, re.IGNORECASE) if other_addresses else None
    if inner is not None:
        yield _("Another address is in it ({host}); the site may pass you on to it.").format(
            host=_cut(inner.group(1))
        )
    if "%" not in tail:
        return
    if any(byte < 0x20 or byte == 0x7F for byte in data):  # noqa: PLR2004 - controls
        yield _("Line breaks or control characters are hidden in escapes (%…).")
    if invisible := _invisible(decoded):
        yield _("Invisible characters are hidden in escapes (%…): {points}.").format(points=invisible)
    plain = re.findall(r"%(?:3[0-9]|[46][1-9a-f]|[57][0-9a]|2d|2e|5f|7e)", tail, re.IGNORECASE)
    if plain:
        yield _("Ordinary letters are written as escapes (%…); decoded it says {text}.").format(
            text=_cut(decoded, 120)
        )


def _invisible(text: str) -> str:
    """Return the code points of invisible characters in a text that was let through; empty: none."""
    found = [
        f"U+{ord(char):04X}"
        for char in dict.fromkeys(text)
        if char > "\x7f"
        and (unicodedata.category(char) in {"Cf", "Zl", "Zp"} or 0xFE00 <= ord(char) <= 0xFE0F)  # noqa: PLR2004 - variation selectors
    ]
    return ", ".join(found[:_MOST_SHOWN])


def _are_mixed(letters: str) -> bool:
    try:
        require_scripts_that_belong_together(letters)
    except NameRefusedError as error:
        return error.reason is NameReason.MIXED_SCRIPTS
    return False


def _by_script(letters: str) -> str:
    scripts: dict[str, list[str]] = {}
    for char in dict.fromkeys(letters):
        scripts.setdefault(script_of(char), []).append(char)
    return "; ".join(f"{name}: {' '.join(chars[:_MOST_SHOWN])}" for name, chars in scripts.items())


def _beyond_ascii(text: str) -> str:
    chars = [char for char in dict.fromkeys(text) if char > "\x7f"]
    return ", ".join(f"{char} (U+{ord(char):04X})" for char in chars[:_MOST_SHOWN])


def _cut(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _encoded(part: str) -> str:
    """Return a part of an address in ASCII; a percent sign that begins no escape is written as one."""
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", part), safe=_SAFE_IN_ADDRESS)
