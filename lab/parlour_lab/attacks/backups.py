"""What an operator is given as a backup, or has lost."""

import hashlib
import io
import json
import tarfile

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import LabServer


@attack(
    "A backup in which someone changed one word of the configuration",
    expects="Restoring it is refused, and nothing of it stays in the new folder.",
    stage=Stage.FOLDER,
)
def changed_backup(server: LabServer, seen: Evidence) -> bool:
    file, again = server.folder / "all.tar", server.folder / "again"
    status, said = server.operate("backup", "create", str(file))
    assert status == 0, said
    whole = file.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        offset = tar.getmember("parlour.toml").offset_data
    at = whole.index(b"app.example", offset)
    file.write_bytes(whole[:at] + b"app.exemple" + whole[at + 11 :])
    seen.sent("an allowed origin in the backup's parlour.toml is now https://app.exemple")
    status, said = server.operate("backup", "restore", str(file), data=again)
    seen.received(f"status {status}: {said}")
    left = [path.name for path in again.iterdir()] if again.exists() else []
    seen.observed(f"in the new folder: {', '.join(left) or 'nothing'}")
    return status == 1 and "parlour.toml" not in left


@attack(
    "A folder of backups whose manifest names a file outside of the data folder, with right digests",
    expects="Restoring it is refused, and nothing is written there.",
    stage=Stage.FOLDER,
)
def hostile_manifest(server: LabServer, seen: Evidence) -> bool:
    folder, again, outside = server.folder / "backups", server.folder / "again", server.folder / "outside"
    status, said = server.operate("backup", "create", str(folder))
    assert status == 0, said
    (manifest,) = folder.glob("backups/*/manifest.json")
    (manifest.parent.parent / "outside").write_bytes(b"CANARY")
    found = json.loads(manifest.read_bytes().split(b"\n")[0])
    found["members"]["../outside"] = {"size": 6, "sha256": hashlib.sha256(b"CANARY").hexdigest()}
    data = json.dumps(found).encode()
    manifest.write_bytes(b"%b\n%b\n" % (data, hashlib.sha256(data).hexdigest().encode()))
    seen.sent("a manifest with the file ../outside")
    status, said = server.operate("backup", "restore", str(folder), data=again)
    seen.received(f"status {status}: {said}")
    seen.observed(f"the file outside is {'there' if outside.exists() else 'not there'}")
    return status == 1 and not outside.exists()


@attack(
    "Running `init` again in a folder whose private key was lost",
    expects="It makes no other key: clients would take the server for an impostor, or an impostor for it.",
    stage=Stage.FOLDER,
)
def lost_key(server: LabServer, seen: Evidence) -> bool:
    key = server.data / "server.key"
    key.unlink()
    seen.sent("rm server.key; parlour-server init")
    status, said = server.operate("init")
    seen.received(f"status {status}: {said}")
    seen.observed(f"there is {'a new' if key.exists() else 'no'} server.key")
    return not key.exists()
