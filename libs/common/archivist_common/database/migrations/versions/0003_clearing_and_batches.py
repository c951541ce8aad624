"""clearing the list, and names for requests that make a batch

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transcriptions", sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("idempotency_keys", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.alter_column("idempotency_keys", "transcription_id", existing_type=sa.Uuid(), nullable=True)
    op.create_foreign_key(
        op.f("fk_idempotency_keys_batch_id"), "idempotency_keys", "batches", ["batch_id"], ["id"], ondelete="CASCADE"
    )
    op.create_check_constraint(
        op.f("check_one_answer"), "idempotency_keys", "num_nonnulls(transcription_id, batch_id) = 1"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("check_one_answer"), "idempotency_keys", type_="check")
    op.execute("DELETE FROM idempotency_keys WHERE transcription_id IS NULL")
    op.drop_constraint(op.f("fk_idempotency_keys_batch_id"), "idempotency_keys", type_="foreignkey")
    op.alter_column("idempotency_keys", "transcription_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_column("idempotency_keys", "batch_id")
    op.drop_column("transcriptions", "cleared_at")
