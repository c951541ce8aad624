"""publications: whose they are, and whether an operator has withdrawn them

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Whose captions were published first; the one who asked where they were nobody's.
_OWNERS = """
    UPDATE publications SET owner_id = coalesce(
        (
            SELECT t.user_id FROM caption_versions v JOIN transcriptions t ON t.id = v.transcription_id
            WHERE v.publication_id = publications.id ORDER BY v.number LIMIT 1
        ),
        user_id
    )
"""


def upgrade() -> None:
    op.add_column("publications", sa.Column("owner_id", sa.Integer(), nullable=True))
    op.create_foreign_key(
        op.f("fk_publications_owner_id"), "publications", "users", ["owner_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index("idx_publications_owner_id", "publications", ["owner_id"], unique=False)
    op.add_column(
        "publications",
        sa.Column("withdrawn_by_operator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.execute(_OWNERS)


def downgrade() -> None:
    op.drop_column("publications", "withdrawn_by_operator")
    op.drop_index("idx_publications_owner_id", table_name="publications")
    op.drop_constraint(op.f("fk_publications_owner_id"), "publications", type_="foreignkey")
    op.drop_column("publications", "owner_id")
