"""Practice conversations, drafts, opening hours, sign-in by e-mail; the log refuses every change."""

from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = "0003"
branch_labels = None
depends_on = None

REFUSAL = "rows of the log are never changed or removed"


def upgrade() -> None:
    op.add_column('conversations', sa.Column('practice', sa.Integer(), nullable=True))
    # No batch: it would drop and copy the table of staff, to which half the record refers.
    op.add_column('staff', sa.Column('email', sa.String(length=200), nullable=True))
    op.create_index('ix_staff_email', 'staff', ['email'], unique=True)
    op.create_index('ix_claims_conversation', 'claims', ['conversation'], unique=False)
    op.create_table('drafts',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('question', sa.String(length=400), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('asked', sa.Integer(), nullable=False),
    sa.Column('answer', sa.String(length=40), nullable=True),
    sa.Column('draft', sa.JSON(), nullable=True),
    sa.Column('made_by', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.BigInteger(), nullable=False),
    sa.Column('exported_at', sa.BigInteger(), nullable=True),
    sa.Column('withdrawn_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['made_by'], ['staff.id'], name=op.f('fk_drafts_made_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_drafts'))
    )
    op.create_table('opening_hours',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('time_zone', sa.String(length=64), nullable=False),
    sa.Column('week', sa.JSON(), nullable=False),
    sa.Column('holidays', sa.JSON(), nullable=False),
    sa.Column('set_by', sa.Integer(), nullable=False),
    sa.Column('set_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['set_by'], ['staff.id'], name=op.f('fk_opening_hours_set_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opening_hours'))
    )
    _protect_the_log()


def _protect_the_log() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        for what in ('UPDATE', 'DELETE'):
            op.execute(f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit "
                       f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END")
        return
    op.execute("CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
               f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$")
    op.execute("CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON audit "
               "FOR EACH ROW EXECUTE FUNCTION audit_refuses()")
    op.execute("CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit "
               "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()")


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.execute("DROP TRIGGER audit_no_update")
        op.execute("DROP TRIGGER audit_no_delete")
    else:
        op.execute("DROP TRIGGER audit_is_kept ON audit")
        op.execute("DROP TRIGGER audit_is_not_emptied ON audit")
        op.execute("DROP FUNCTION audit_refuses()")
    op.drop_table('opening_hours')
    op.drop_index('ix_claims_conversation', 'claims')
    op.drop_table('drafts')
    op.drop_index('ix_staff_email', 'staff')
    op.drop_column('staff', 'email')
    op.drop_column('conversations', 'practice')
