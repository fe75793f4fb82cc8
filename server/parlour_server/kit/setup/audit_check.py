"""Checks the audit log: each chain's files, and the heads in the database and elsewhere that must match."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from parlour_server.kit.audit_chain import ChainCheck, Fault, KnownHead, Place, SignedHead, file_name
from parlour_server.kit.audit_file import chain_files, place_of
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.signatures import SigningKey

_TRIES: Final = 3
_DATABASE: Final = "the database"


@dataclass(slots=True)
class AuditReport:
    """What was found."""

    chains: list[ChainCheck] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """Those of the chains, and what is missing altogether."""
    elsewhere: list[KnownHead] = field(default_factory=list)
    """Chains of other servers, by the database: their files are there."""


@dataclass(frozen=True, slots=True)
class _Head:
    """A head to compare with, where it was kept, and where its chain is, if the database knows that."""

    signed: SignedHead
    where: str
    place: Place | None


def own_keys(folder: DataFolder) -> frozenset[str]:
    """Return the public key that signs the heads of this data folder's log. Raises SetupError."""
    if not folder.audit_key.exists():
        return frozenset()
    return frozenset({SigningKey.load(folder.audit_key).public.hex()})


def check_audit_log(
    folder: Path,
    keys: frozenset[str],
    known: Mapping[str, KnownHead],
    pinned: Iterable[tuple[str, SignedHead]] = (),
) -> AuditReport:
    """Check an audit folder; a server may be writing to it. Raises OSError.

    ``known``: the heads in the database, read before; ``pinned``: those kept elsewhere, and where.
    """
    heads = [
        _Head(one, where, known[one.chain].place if one.chain in known else None) for where, one in pinned
    ]
    heads += [_Head(one.signed, _DATABASE, one.place) for one in known.values()]
    for attempt in range(_TRIES):
        try:
            return _check(folder, keys, heads)
        except FileNotFoundError:  # the server has just removed the oldest file
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


def _check(folder: Path, keys: frozenset[str], heads: Iterable[_Head]) -> AuditReport:
    report = AuditReport()
    files = chain_files(folder) if folder.is_dir() else {}
    here = place_of(folder)
    for chain, paths in files.items():
        check = ChainCheck(chain, keys)
        for head in heads:
            if head.signed.chain == chain and head.place is not None and not head.place.is_same_folder(here):
                check.notes = [f"this is a copy: the chain goes on in {head.place.host}:{head.place.path}"]
            elif head.signed.chain == chain and head.signed.is_signed_by(keys):
                check.pinned.setdefault(head.signed.records, {})[head.signed.digest] = head.where
        for number, path in paths.items():
            check.read(number, path.read_bytes().split(b"\n"))
        check.finish()
        report.chains.append(check)
        report.faults += check.faults
    for head in heads:
        if not head.signed.is_signed_by(keys):
            text = f"the head in {head.where} is not signed with a key that is known here ({head.signed.key})"
            report.faults.append(Fault(file_name(head.signed.chain, 1), 0, head.signed.records, text))
        elif head.signed.chain not in files:
            _note_absent(report, head, here)
    return report


def _note_absent(report: AuditReport, head: _Head, here: Place) -> None:
    """Report a chain of which no file is here: it should be, or another server has it."""
    one = head.signed
    if head.place is None or (head.place.host, head.place.path) == (here.host, here.path):
        text = f"no file of this chain is here, and {head.where} has a head after {one.records} records"
        report.faults.append(Fault(file_name(one.chain, 1), 0, 1, text))
    elif head.where == _DATABASE:
        report.elsewhere.append(KnownHead(one, head.place))
