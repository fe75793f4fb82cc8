"""Groups O and L: files, commands and backups on the server's own machine."""

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import LabServer


@attack(
    "Starting on a private key that every user of the machine can read",
    expects="The server refuses to start and says how to mend it.",
    stage=Stage.FOLDER,
)
def key_that_others_can_read(server: LabServer, seen: Evidence) -> bool:
    key = server.data / "server.key"
    key.chmod(0o644)
    seen.sent("chmod 644 server.key; parlour-server run")
    try:
        server.start()
    except RuntimeError:
        seen.received(server.log_text())
        return "other users can access" in server.log_text()
    seen.observed("the server runs")
    server.stop()
    return False
