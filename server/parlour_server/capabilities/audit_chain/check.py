"""Checks the audit log: each chain's files, and the heads in the database and elsewhere that must match."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from parlour_server.capabilities.audit_chain.chain import (
    ChainCheck,
    Fault,
    KnownHead,
    Place,
    SignedHead,
    file_name,
)
from parlour_server.capabilities.audit_chain.files import chain_files, place_of
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.signatures import SigningKey

_FOLDER: Final = "audit"
_TRIES: Final = 3
_DATABASE: Final = "the database"


@dataclass(slots=True)
class AuditReport:
    """The findings."""

    chains: list[ChainCheck] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """The faults of the chains, and whole chains that are missing."""
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
    if not folder.signing_key.exists():
        return frozenset()
    return frozenset({SigningKey.load(folder.signing_key).public.hex()})


def audit_folder(folder: DataFolder) -> Path:
    """Return the folder of the audit log's files."""
    return folder.path / _FOLDER


def audit_folders(folder: DataFolder) -> list[Path]:
    """Return the audit folders of a data folder's server, and of more processes of it."""
    return folder.everywhere(_FOLDER)


def check_audit_log(
    folders: Sequence[Path],
    keys: frozenset[str],
    known: Mapping[str, KnownHead],
    pinned: Iterable[tuple[str, SignedHead]] = (),
) -> AuditReport:
    """Check the audit folders of one machine; servers may be writing to them. Raises OSError.

    ``known``: the heads in the database, read before; ``pinned``: those kept elsewhere, and where.
    """
    heads = [
        _Head(head, where, known[head.chain].place if head.chain in known else None) for where, head in pinned
    ]
    heads += [_Head(head.signed, _DATABASE, head.place) for head in known.values()]
    for attempt in range(_TRIES):
        try:
            return _check(folders, keys, heads)
        except FileNotFoundError:  # the server has just removed the oldest file
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


def _check(folders: Sequence[Path], keys: frozenset[str], heads: Sequence[_Head]) -> AuditReport:
    report = AuditReport()
    for folder in folders:
        for chain, paths in (chain_files(folder) if folder.is_dir() else {}).items():
            check = _check_chain(chain, paths, keys, place_of(folder), heads)
            report.chains.append(check)
            report.faults += check.faults
    found = {check.chain for check in report.chains}
    for head in heads:
        if not head.signed.is_signed_by(keys):
            text = f"the head in {head.where} is not signed with a key that is known here ({head.signed.key})"
            report.faults.append(Fault(file_name(head.signed.chain, 1), 0, head.signed.records, text))
        elif head.signed.chain not in found:
            _note_absent(report, head, place_of(folders[0].parent))
    return report


def _check_chain(
    chain: str, paths: Mapping[int, Path], keys: frozenset[str], here: Place, heads: Sequence[_Head]
) -> ChainCheck:
    check = ChainCheck(chain, keys)
    for head in heads:
        if head.signed.chain == chain and head.place is not None and not head.place.is_same_folder(here):
            check.notes = [f"this is a copy: the chain goes on in {head.place.host}:{head.place.path}"]
        elif head.signed.chain == chain and head.signed.is_signed_by(keys):
            check.pinned.setdefault(head.signed.records, {})[head.signed.digest] = head.where
    for number, path in paths.items():
        check.read(number, path.read_bytes().split(b"\n"))
    check.finish()
    return check


def _note_absent(report: AuditReport, head: _Head, here: Place) -> None:
    """Report a chain without a file: it should be in the data folder ``here``, or another server has it."""
    signed, there = head.signed, head.place
    if there is None or _is_within(there, here):
        text = f"no file of this chain is here, and {head.where} has a head after {signed.records} records"
        report.faults.append(Fault(file_name(signed.chain, 1), 0, 1, text))
    elif head.where == _DATABASE:
        report.elsewhere.append(KnownHead(signed, there))


def _is_within(place: Place, data: Place) -> bool:
    """Return whether it is the audit folder of this data folder, or of one more process of its server."""
    path = Path(place.path)
    return place.host == data.host and path.name == _FOLDER and path.is_relative_to(data.path)
