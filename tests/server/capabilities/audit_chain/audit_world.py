"""An audit log in a folder, and what someone with an editor does to it."""

import json
from pathlib import Path

from parlour_server.capabilities.audit_chain.chain import KnownHead, SignedHead, chain_record, sign_head
from parlour_server.capabilities.audit_chain.check import AuditReport, check_audit_log
from parlour_server.capabilities.audit_chain.files import AuditFile, chain_files, last_head, place_of
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.signatures import SigningKey, make_signing_key


class AuditWorld:
    """A server's audit log. Every record is made as the server makes it."""

    def __init__(self, path: Path, name: str = "audit") -> None:
        path.mkdir(exist_ok=True)
        make_signing_key(path / "audit.key")
        self.key = SigningKey.load(path / "audit.key")
        self.folder = path / name
        self.known: dict[str, KnownHead] = {}

    def start(self, *, file_bytes: int = 1_000_000, most_files: int = 16) -> AuditFile:
        """Open the log as a server that starts does."""
        return AuditFile(self.folder, self.key, self.known, file_bytes=file_bytes, most_files=most_files)

    def run(self, records: int, **limits: int) -> None:
        """Start, write some records, and stop."""
        file = self.start(**limits)
        record(file, records)
        file.close()

    def publish(self, file: AuditFile) -> SignedHead:
        """Sign the head and put it into the database."""
        file.sign()
        assert file.signed is not None
        self.known[file.chain] = KnownHead(file.signed, file.place)
        return file.signed

    def check(self, *pinned: SignedHead) -> AuditReport:
        """Check everything."""
        keys = frozenset({self.key.public.hex()})
        return check_audit_log([self.folder], keys, self.known, [("the safe", one) for one in pinned])

    def faults(self, *pinned: SignedHead) -> list[tuple[int, int]]:
        """Return line and record of everything that is wrong."""
        return [(fault.line, fault.record) for fault in self.check(*pinned).faults]

    def notes(self) -> list[str]:
        """Return what is remarkable and not wrong."""
        return [note for chain in self.check().chains for note in chain.notes]

    @property
    def chain(self) -> str:
        """The name of the only chain."""
        [chain] = chain_files(self.folder)
        return chain

    @property
    def files(self) -> list[Path]:
        """All files of the only chain."""
        return list(chain_files(self.folder)[self.chain].values())

    @property
    def lines(self) -> list[bytes]:
        """The lines of the only file."""
        [file] = self.files
        return file.read_bytes().splitlines()

    def head(self) -> SignedHead:
        """Return what `audit head` prints."""
        files = chain_files(self.folder)[self.chain]
        return sign_head(self.chain, last_head(self.chain, files), self.key, "now")

    def write(self, lines: list[bytes]) -> None:
        """Replace the lines of the only file."""
        [file] = self.files
        file.write_bytes(b"".join(line + b"\n" for line in lines))

    def forge(self, lines: list[bytes]) -> None:
        """Replace the lines, with all numbers and digests calculated again: a forger without the key."""
        head = last_head(self.chain, {})
        chained = []
        for line in lines:
            fields = json.loads(line)
            plain = json.dumps({k: v for k, v in fields.items() if k not in {"record", "digest"}})
            data, head = chain_record(plain.encode(), head)
            chained.append(data)
        self.write(chained)

    def place(self) -> str:
        """Return how the database knows the folder."""
        return str(place_of(self.folder))


def record(file: AuditFile, records: int) -> None:
    """Write some records, each of another account: what one account repeats is counted."""
    audit = Audit(keepers=[file])
    for number in range(records):
        audit.record(AuditEvent.SESSION_ENDED, user=f"anna{number}", number=number)
