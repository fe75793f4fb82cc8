"""Second factors, recovery codes, challenges, and which accounts must have a factor (P20)."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Integer()
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the tables; no account has a factor, and none must."""
    op.add_column(
        "accounts", sa.Column("second_factor_required", FLAG, nullable=False, server_default=sa.text("0"))
    )
    op.create_table(
        "second_factors",
        sa.Column("factor", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("last_used", NUMBER, nullable=True),
        # of TOTP its secret, of a security key its public key
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("counter", NUMBER, nullable=False),
        sa.Column("active", FLAG, nullable=False),
        # of one that is being set up
        sa.Column("session", TEXT, nullable=True),
        sa.Column("expires", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_second_factors_account"),
        sa.PrimaryKeyConstraint("factor", name="pk_second_factors"),
        **KEYED,
    )
    op.create_index("ix_second_factors_account", "second_factors", ["account"])
    op.create_table(
        "recovery_codes",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_recovery_codes_account"),
        sa.PrimaryKeyConstraint("account", "digest", name="pk_recovery_codes"),
        **KEYED,
    )
    op.create_table(
        "factor_challenges",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=True),
        sa.Column("expires", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_factor_challenges_account"),
        sa.PrimaryKeyConstraint("digest", name="pk_factor_challenges"),
        **KEYED,
    )
    op.create_index("ix_factor_challenges_account", "factor_challenges", ["account"])
    op.create_index("ix_factor_challenges_expires", "factor_challenges", ["expires"])
