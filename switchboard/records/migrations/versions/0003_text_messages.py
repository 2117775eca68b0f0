"""Text messages: contacts, what came in, deliveries, quarantine, seals, check-ins; numbers are stored encrypted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("callbacks") as batch:
        batch.alter_column("number", existing_type=sa.String(32), type_=sa.String(300), existing_nullable=False)
    op.create_table(
        "sms_contacts",
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("number", sa.String(300), nullable=False),
        sa.Column("ours", sa.String(64), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("consent_at", sa.BigInteger()),
        sa.Column("consent_text", sa.Text()),
        sa.Column("opted_out_at", sa.BigInteger()),
        sa.Column("opted_out_how", sa.String(40)),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_sms_contacts")),
    )
    op.create_table(
        "sms_inbound",
        sa.Column("sid", sa.String(64), nullable=False),
        sa.Column("conversation", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_sms_inbound_conversation")),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_sms_inbound")),
    )
    op.create_index("ix_sms_inbound_conversation", "sms_inbound", ["conversation"])
    op.create_table(
        "sms_deliveries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), server_default="1", nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("weighty", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("inbound", sa.String(64)),
        sa.Column("sid", sa.String(64)),
        sa.Column("status", sa.String(16)),
        sa.Column("error", sa.Integer()),
        sa.Column("segments", sa.Integer()),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger()),
        sa.Column("accepted_at", sa.BigInteger()),
        sa.Column("alarmed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_sms_deliveries_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_deliveries")),
        sa.UniqueConstraint("conversation", "seq", "part", name=op.f("uq_sms_deliveries_conversation_seq_part")),
    )
    op.create_index("ix_sms_deliveries_due", "sms_deliveries", ["state", "due_at"])
    op.create_index("ix_sms_deliveries_sid", "sms_deliveries", ["sid"])
    op.create_index("ix_sms_deliveries_inbound", "sms_deliveries", ["inbound"])
    op.create_table(
        "sms_quarantine",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(40), nullable=False),
        sa.Column("why", sa.String(40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_quarantine")),
    )
    op.create_table(
        "sms_seals",
        sa.Column("conversation", sa.String(32), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.Column("confirmed_by", sa.Integer()),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_sms_seals_conversation")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["staff.id"], name=op.f("fk_sms_seals_confirmed_by")),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_sms_seals")),
    )
    op.create_table(
        "sms_checkins",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("zone", sa.String(40)),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("offered_by", sa.Integer()),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_sms_checkins_conversation")),
        sa.ForeignKeyConstraint(["offered_by"], ["staff.id"], name=op.f("fk_sms_checkins_offered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_checkins")),
    )
    op.create_index("ix_sms_checkins_due", "sms_checkins", ["state", "due_at"])
    op.create_index("ix_sms_checkins_conversation", "sms_checkins", ["conversation"])
