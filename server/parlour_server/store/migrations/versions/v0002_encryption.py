"""End-to-end encryption: devices, their keys, MLS groups; files; pins; a direct room with oneself."""

import sqlalchemy as sa
from alembic import op

from parlour_server.store.migrations.batches import changed

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Integer()
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the new tables, then change the two that were there."""
    _keys()
    _groups()
    _group_members()
    _waiting()
    _files_and_pins()
    _bind_sessions()
    _mark_rooms()


def _keys() -> None:
    """Make what is known of accounts' keys and devices."""
    op.create_table(
        "account_keys",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_account_keys_account"),
        sa.PrimaryKeyConstraint("account", name="pk_account_keys"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "devices",
        sa.Column("device", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("last_seen", NUMBER, nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("expires", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_devices_account"),
        sa.PrimaryKeyConstraint("device", name="pk_devices"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_devices_account", "devices", ["account"], unique=False)
    op.create_table(
        "key_packages",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("last_resort", FLAG, nullable=False),
        sa.Column("given", FLAG, nullable=False),
        sa.Column("package", sa.LargeBinary(), nullable=True),
        sa.Column("expires", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name="fk_key_packages_device"),
        sa.PrimaryKeyConstraint("number", name="pk_key_packages"),
        sa.UniqueConstraint("device", "digest", name="uq_key_packages_device_digest"),
        sqlite_strict=True,
    )
    op.create_index("ix_key_packages_expires", "key_packages", ["expires"], unique=False)
    op.create_table(
        "key_log",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_key_log"),
        sqlite_strict=True,
    )


def _groups() -> None:
    """Make the MLS groups of rooms."""
    op.create_table(
        "groups",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("room", TEXT, nullable=False),
        sa.Column("epoch", NUMBER, nullable=False),
        sa.Column("contested", FLAG, nullable=False),
        sa.Column("stale_until", NUMBER, nullable=False),
        sa.Column("in_force", FLAG, nullable=False),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_groups_room"),
        sa.PrimaryKeyConstraint("group_id", name="pk_groups"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_groups_room",
        "groups",
        ["room"],
        unique=True,
        sqlite_where=sa.text("in_force"),
        postgresql_where=sa.text("in_force = 1"),
    )
    op.create_table(
        "epochs",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("epoch", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.group_id"], name="fk_epochs_group_id"),
        sa.PrimaryKeyConstraint("group_id", "epoch", name="pk_epochs"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _group_members() -> None:
    """Make the devices in groups, and who contests a group."""
    op.create_table(
        "group_devices",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("leaving", FLAG, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_group_devices_account"),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name="fk_group_devices_device"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.group_id"], name="fk_group_devices_group_id"),
        sa.PrimaryKeyConstraint("group_id", "device", name="pk_group_devices"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_group_devices_device", "group_devices", ["device"], unique=False)
    op.create_index(
        "ix_group_devices_group_id",
        "group_devices",
        ["group_id"],
        unique=False,
        sqlite_where=sa.text("leaving = 1"),
        postgresql_where=sa.text("leaving = 1"),
    )
    op.create_table(
        "contests",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_contests_account"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.group_id"], name="fk_contests_group_id"),
        sa.PrimaryKeyConstraint("group_id", "account", name="pk_contests"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _waiting() -> None:
    """Make what waits for devices."""
    op.create_table(
        "welcomes",
        sa.Column("welcome", NUMBER, nullable=False),
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("tree", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.group_id"], name="fk_welcomes_group_id"),
        sa.PrimaryKeyConstraint("welcome", name="pk_welcomes"),
        sqlite_strict=True,
    )
    op.create_index("ix_welcomes_group_id", "welcomes", ["group_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("welcome", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name="fk_inbox_device"),
        sa.ForeignKeyConstraint(["welcome"], ["welcomes.welcome"], name="fk_inbox_welcome"),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_inbox_device", "inbox", ["device"], unique=False)
    op.create_index("ix_inbox_welcome", "inbox", ["welcome"], unique=False)


def _files_and_pins() -> None:
    """Make what is known of files, and what is pinned."""
    op.create_table(
        "files",
        sa.Column("file", TEXT, nullable=False),
        sa.Column("room", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["owner"], ["accounts.account"], name="fk_files_owner"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_files_room"),
        sa.PrimaryKeyConstraint("file", name="pk_files"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_files_expires", "files", ["expires"], unique=False)
    op.create_index("ix_files_owner_size", "files", ["owner", "size"], unique=False)
    op.create_table(
        "pins",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("target", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["room", "target"], ["events.room", "events.seq"], name="fk_pins_room_target"
        ),
        sa.PrimaryKeyConstraint("room", "target", name="pk_pins"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _bind_sessions() -> None:
    """Let a session speak for a device."""
    with changed("sessions", **KEYED) as batch:
        batch.add_column(sa.Column("device_id", TEXT, nullable=True))
        batch.create_foreign_key("fk_sessions_device_id", "devices", ["device_id"], ["device"])
    op.create_index("ix_sessions_device_id", "sessions", ["device_id"], unique=False)


def _mark_rooms() -> None:
    """Say of each room that it is not encrypted; let both people of a direct room be the same."""
    with changed("rooms", **KEYED) as batch:
        batch.add_column(sa.Column("encrypted", FLAG, nullable=False, server_default="0"))
        batch.drop_constraint("pair", type_="check")
        batch.create_check_constraint("pair", "low <= high")
    with changed("rooms", **KEYED) as batch:
        batch.alter_column("encrypted", server_default=None)
