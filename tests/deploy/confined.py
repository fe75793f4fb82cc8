"""Runs a program under the system call filter of the systemd unit: `confined.py HOW PROGRAM …`.

libseccomp builds the filter that systemd would build of the unit's SystemCallFilter=, SystemCallErrorNumber=
and RestrictAddressFamilies=. HOW is `as-written`, or `deadly`: whatever is refused ends the process, so that
a test sees every call that the program needs and does not get.
"""

import ctypes
import ctypes.util
import errno
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

UNIT: Final = Path(__file__).parents[2] / "deploy" / "parlour-server.service"
_GROUPS: Final = Path(__file__).with_name("syscall_groups.txt")

_ALLOW: Final = 0x7FFF_0000
_KILL_PROCESS: Final = 0x8000_0000
_ERRNO: Final = 0x0005_0000
_NOT_EQUAL, _EQUAL, _ABOVE = 1, 4, 6  # SCMP_CMP_NE, SCMP_CMP_EQ, SCMP_CMP_GT


class _Compare(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def library() -> str | None:
    """Return the name of libseccomp on this machine, None where it is missing."""
    return ctypes.util.find_library("seccomp")


def directives(unit: str, name: str) -> list[str]:
    """Return the values of a setting, in order."""
    return [line.partition("=")[2].strip() for line in unit.splitlines() if line.startswith(f"{name}=")]


def groups(text: str) -> dict[str, list[str]]:
    """Read the file of groups: `@name: call call @group …`, continued on indented lines."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        calls = line
        if not line.startswith(" "):
            name, _, calls = line.partition(":")
            found[name] = []
        found[name] += calls.split()
    return found


def allowed_calls(filters: Iterable[str], known: dict[str, list[str]]) -> set[str]:
    """Return what SystemCallFilter= allows: its first line lists calls, later ones add or take away."""
    calls: set[str] = _members(["@default"], known)
    for number, line in enumerate(filters):
        if line.startswith("~"):
            assert number, "the first line is expected to be a list of what is allowed"
            calls -= _members(line[1:].split(), known)
        else:
            calls |= _members(line.split(), known)
    return calls


def _members(names: Iterable[str], known: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    for name in names:
        found |= _members(known[name], known) if name.startswith("@") else {name}
    return found


def confine(unit: str, *, deadly: bool) -> None:
    """Put this process, and what it becomes, under the unit's filters."""
    seccomp = ctypes.CDLL(library())
    seccomp.seccomp_init.restype = ctypes.c_void_p
    for function in ("seccomp_load", "seccomp_rule_add_array"):
        getattr(seccomp, function).argtypes = (
            (ctypes.c_void_p,)
            if function == "seccomp_load"
            else (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)
        )
    numbers = directives(unit, "SystemCallErrorNumber")
    refuse = _ERRNO | getattr(errno, numbers[-1]) if numbers and not deadly else _KILL_PROCESS
    calls = allowed_calls(directives(unit, "SystemCallFilter"), groups(_GROUPS.read_text("utf-8")))
    if os.geteuid() == 0:
        calls.add(
            "fchown"
        )  # SQLite gives files to the owner of the database when it runs as root; the unit does not
    _restrict_families(seccomp, unit)
    _filter(seccomp, refuse, ((_ALLOW, call, ()) for call in sorted(calls)))


def _restrict_families(seccomp: Any, unit: str) -> None:
    """Refuse socket(2) for all families but the unit's."""
    allowed = sorted(
        int(getattr(socket, family))
        for line in directives(unit, "RestrictAddressFamilies")
        for family in line.split()
    )
    no_family = _ERRNO | errno.EAFNOSUPPORT
    between = [family for family in range(allowed[-1]) if family not in allowed]
    rules = [(no_family, "socket", (_Compare(0, _EQUAL, family, 0),)) for family in between]
    _filter(seccomp, _ALLOW, [*rules, (no_family, "socket", (_Compare(0, _ABOVE, allowed[-1], 0),))])


def _filter(seccomp: Any, default: int, rules: Iterable[tuple[int, str, tuple[_Compare, ...]]]) -> None:
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(default)))
    assert context, "libseccomp makes no filter"
    for action, call, compared in rules:
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        if number == -1:
            continue  # of another architecture, or newer than this libseccomp
        array = (_Compare * len(compared))(*compared)
        failed = seccomp.seccomp_rule_add_array(context, action, number, len(compared), array)
        assert failed in {0, -errno.EDOM}, (call, failed)  # EDOM: not of this architecture
    loaded = seccomp.seccomp_load(context)
    assert loaded == 0, f"the kernel takes no filter: {os.strerror(-loaded)}"


if __name__ == "__main__":
    confine(UNIT.read_text("utf-8"), deadly=sys.argv[1] == "deadly")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted
