"""Invitations to encrypted rooms store the inviter's signed statement."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; invitations from before carry no statement. No one has to leave for being disabled."""
    op.add_column("invitations", sa.Column("statement", sa.LargeBinary(), nullable=True))
    op.execute(
        "UPDATE group_devices SET leaving = 0 WHERE leaving = 1"
        " AND account IN (SELECT account FROM accounts WHERE disabled = 1)"
        " AND EXISTS (SELECT 1 FROM groups g JOIN members m ON m.room = g.room"
        " AND m.account = group_devices.account JOIN devices d ON d.device = group_devices.device"
        " AND d.status = 'active' WHERE g.group_id = group_devices.group_id)"
    )
