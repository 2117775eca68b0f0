"""Several switchboards on one record: who runs, who has which turn, who told the person on call."""

from alembic import op
import sqlalchemy as sa

revision = '0006'
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('switchboards',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('seen_at', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_switchboards'))
    )
    op.create_table('turns',
    sa.Column('conversation', sa.String(length=32), nullable=False),
    sa.Column('switchboard', sa.String(length=32), nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('conversation', name=op.f('pk_turns'))
    )
    op.create_table('on_call',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('claimed_at', sa.BigInteger(), nullable=False),
    sa.Column('told_at', sa.BigInteger(), nullable=False),
    sa.Column('about', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_on_call'))
    )
    op.execute("INSERT INTO on_call (id, claimed_at, told_at, about) VALUES (1, 0, 0, '[]')")


def downgrade() -> None:
    op.drop_table('on_call')
    op.drop_table('turns')
    op.drop_table('switchboards')
