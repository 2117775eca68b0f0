"""Words sealed under a key of their conversation; the notice a chat began with; rows of the log go after a year.

What a message says (text, name, danger, sources, options) becomes one JSON text here; switchboard/records/sealing.py
seals it, and all other words, at the next start of a switchboard.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REFUSAL = "rows of the log are never changed or removed"
SAID = ("name", "crisis", "sources", "options")
YEAR_MS = 365 * 86_400_000


def upgrade() -> None:
    op.add_column("conversations", sa.Column("data_key", sa.String(120)))
    op.add_column("conversations", sa.Column("consent", sa.String(16)))
    op.add_column("conversations", sa.Column("consent_at", sa.BigInteger()))
    _join_what_messages_say()
    for table, column, length, nullable in (("callbacks", "name", 80, True), ("callbacks", "call_when", 200, False),
                                            ("outcomes", "note", 500, True), ("follow_ups", "what", 300, False)):
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=sa.String(length), type_=sa.Text(), existing_nullable=nullable)
    op.create_table(
        "record_state",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_record_state")),
    )
    op.create_table(
        "consent_texts",
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_consent_texts")),
    )
    _let_old_rows_of_the_log_go()


def _join_what_messages_say() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE messages SET text = json_object('text', text, 'name', name, 'crisis', json(crisis), "
                   "'sources', json(sources), 'options', json(options))")
    else:
        op.execute("UPDATE messages SET text = json_build_object('text', text, 'name', name, 'crisis', crisis, "
                   "'sources', sources, 'options', options)::text")
    for column in SAID:
        op.drop_column("messages", column)


def _let_old_rows_of_the_log_go() -> None:
    """The log still refuses every change; a row may be removed once it is a year old (bin/haven purge)."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_no_delete")
        op.execute("CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
                   f"WHEN OLD.at > CAST(strftime('%s', 'now') AS INTEGER) * 1000 - {YEAR_MS} "
                   f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END")
        return
    op.execute("CREATE OR REPLACE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
               "$$ BEGIN "
               "IF TG_OP = 'DELETE' THEN "
               f"IF OLD.at <= extract(epoch FROM now()) * 1000 - {YEAR_MS} THEN RETURN OLD; END IF; "
               "END IF; "
               f"RAISE EXCEPTION '{REFUSAL}'; END $$")


def downgrade() -> None:
    raise NotImplementedError("Sealed words cannot be put back into the old columns; restore a backup instead.")
