"""Commands for a backup of one's own encrypted history, which only the recovery words open."""

from parlour_client.commands.command import Call, Connect, File, command
from parlour_client.commands.results import BackupRestored, BackupStatus, BackupVerified, BackupWritten


@command("backup", cli="backup status", connect=Connect.IF_POSSIBLE, json=True, examples=("backup status",))
async def status(call: Call) -> BackupStatus:
    """Say when this device last wrote a backup of your encrypted history."""
    return BackupStatus(await call.client.encryption.backup.last())


@command(
    ui="backup export",
    line="backup export",
    cli="backup export",
    connect=Connect.CAUGHT_UP,
    json=True,
    examples=("backup export parlour.backup",),
)
async def export(call: Call, path: File) -> BackupWritten:
    """Write your encrypted history to a file that only your 24 recovery words open.

    It holds what this device has read in encrypted rooms, the keys of files there, the people you verified
    and your settings of these rooms; no key that reads new messages. Keep it apart from the words.
    """
    return BackupWritten(await call.client.encryption.backup.export(path))


@command(
    ui="backup restore",
    line="backup restore",
    cli="backup restore",
    connect=Connect.CAUGHT_UP,
    json=True,
    examples=("backup restore parlour.backup",),
)
async def restore(call: Call, path: File) -> BackupRestored:
    """Add the messages of a backup file that are missing on this device.

    On a new device, use your recovery words first: parlour recovery use. What is here stays as it is. A file
    that was changed, is incomplete, older than a known one or someone else's is refused as a whole.
    """
    return BackupRestored(await call.client.encryption.backup.restore(path))


@command(
    ui="backup verify",
    line="backup verify",
    cli="backup verify",
    connect=Connect.CAUGHT_UP,
    json=True,
    examples=("backup verify parlour.backup",),
)
async def verify(call: Call, path: File) -> BackupVerified:
    """Open a whole backup file and compare it with what is on this device."""
    return BackupVerified(await call.client.encryption.backup.verify(path))
