"""speech that stayed without words, of a chunk and of a transcription

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "transcription_chunks", sa.Column("unheard", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.add_column("transcriptions", sa.Column("unheard", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("transcriptions", "unheard")
    op.drop_column("transcription_chunks", "unheard")
